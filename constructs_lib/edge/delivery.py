"""From the devices to S3: the results that they send, and those that could not be taken."""

from __future__ import annotations

import aws_cdk as cdk
import constructs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_iot as iot
from aws_cdk import aws_kinesisfirehose as firehose
from aws_cdk import aws_s3 as s3

from ..core.buckets import attributes_of, data_bucket
from ..core.delivery import allow_delivery, delivered_to
from ..core.place import environment_of
from ..core.roles import Permissions
from ..core.s3_prefix import S3Prefix
from .names import FleetNames
from .telemetry import EdgeTelemetry

RESULTS, FAILED, UNDELIVERED = "inference", "failed", "undelivered"
SQL_VERSION = "2016-03-23"
_ERRORS = "AWS IoT names the objects; the prefix has nothing else."


def rule_name(fleet: str, what: str) -> str:
    """Rules have no hyphens in their names."""
    return f"{fleet.replace('-', '_')}_{what}"


def _selected_from(topics: str) -> str:
    """What the rule takes: the whole message, whose it is by its topic, and when it came."""
    return f"SELECT *, topic(3) AS thing, timestamp() AS received FROM '{topics}'"  # noqa: S608 - AWS IoT's own SQL


def rule_role(scope: constructs.Construct, id: str, fleet: str, what: str) -> iam.Role:
    """What a topic rule of a fleet acts by."""
    return iam.Role(
        scope,
        id,
        description=f"Carries the {what} of fleet {fleet} from the topic rule",
        assumed_by=iam.ServicePrincipal(
            "iot.amazonaws.com",
            conditions={"StringEquals": {"aws:SourceAccount": environment_of(scope).account}},
        ),
    )


class ResultDelivery(constructs.Construct):
    """A topic rule, and the Firehose stream that it feeds; what the rule cannot hand over lies beside the results.

    Source: https://docs.aws.amazon.com/iot/latest/developerguide/kinesis-firehose-rule-action.html
    """

    def __init__(
        self, scope: constructs.Construct, id: str, *, names: FleetNames, telemetry: EdgeTelemetry
    ) -> None:
        """Carry the results of a fleet over."""
        super().__init__(scope, id)
        self._names = names
        self.bucket = telemetry.bucket or self._own_bucket(telemetry)
        """Where they lie."""
        self.results = S3Prefix(bucket=self.bucket, prefix=RESULTS)
        """``inference/yyyy/MM/dd/HH/``: gzip, a message a line."""
        self.cfn_delivery_stream = self._stream()
        """The Firehose stream."""
        self.cfn_rule = self._rule()
        """The topic rule."""

    def _own_bucket(self, telemetry: EdgeTelemetry) -> s3.Bucket:
        bucket = data_bucket(
            self, "Results", what=f"Results from devices of fleet {self._names.fleet}", key=telemetry.key
        )
        bucket.add_lifecycle_rule(expiration=cdk.Duration.days(telemetry.retention_days))
        return bucket

    def _stream(self) -> firehose.CfnDeliveryStream:
        role = iam.Role(
            self,
            "DeliveryRole",
            description=f"Carries the results of fleet {self._names.fleet} to S3",
            assumed_by=iam.ServicePrincipal(
                "firehose.amazonaws.com",
                conditions={"StringEquals": {"aws:SourceAccount": environment_of(self).account}},
            ),
        )
        permissions = Permissions(role)
        allow_delivery(permissions, self.bucket, f"{RESULTS}/", f"{FAILED}/", whose="fleet")
        policy = permissions.attach(self, "DeliveryPolicy")
        stream = firehose.CfnDeliveryStream(
            self,
            "Stream",
            delivery_stream_type="DirectPut",
            delivery_stream_encryption_configuration_input=(
                firehose.CfnDeliveryStream.DeliveryStreamEncryptionConfigurationInputProperty(
                    key_type="AWS_OWNED_CMK"
                )
            ),
            extended_s3_destination_configuration=delivered_to(
                self.bucket, role, arrived=f"{RESULTS}/", failed=f"{FAILED}/"
            ),
        )
        stream.node.add_dependency(policy)
        return stream

    def _rule(self) -> iot.CfnTopicRule:
        role = rule_role(self, "RuleRole", self._names.fleet, "results")
        permissions = Permissions(role)
        permissions.allow("firehose:PutRecord", on=self.cfn_delivery_stream.attr_arn)
        where = attributes_of(self.bucket)
        permissions.allow("s3:PutObject", on=f"{where.arn}/{UNDELIVERED}/*", wildcard=_ERRORS)
        permissions.allow_key(where.key, "kms:GenerateDataKey")
        policy = permissions.attach(self, "RulePolicy")
        rule = iot.CfnTopicRule(
            self,
            "Rule",
            rule_name=rule_name(self._names.fleet, "results"),
            topic_rule_payload=iot.CfnTopicRule.TopicRulePayloadProperty(
                description=f"Results of devices of fleet {self._names.fleet}",
                aws_iot_sql_version=SQL_VERSION,
                sql=_selected_from(self._names.topic("inference", "+")),
                actions=[
                    iot.CfnTopicRule.ActionProperty(
                        # No separator: the stream ends each record with one.
                        firehose=iot.CfnTopicRule.FirehoseActionProperty(
                            delivery_stream_name=self.cfn_delivery_stream.ref, role_arn=role.role_arn
                        )
                    )
                ],
                error_action=iot.CfnTopicRule.ActionProperty(
                    s3=iot.CfnTopicRule.S3ActionProperty(
                        bucket_name=where.name,
                        key=f"{UNDELIVERED}/${{parse_time('yyyy/MM/dd/HH', timestamp())}}/${{newuuid()}}",
                        role_arn=role.role_arn,
                    )
                ),
            ),
        )
        rule.node.add_dependency(policy)
        return rule
