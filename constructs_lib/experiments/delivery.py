"""From the stream to S3: everything that arrived, as it arrived."""

from __future__ import annotations

import constructs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kinesis as kinesis
from aws_cdk import aws_kinesisfirehose as firehose
from aws_cdk import aws_s3 as s3

from ..core.delivery import allow_delivery, delivered_to
from ..core.place import environment_of
from ..core.roles import Permissions, acknowledge

EVENTS_PREFIX = "events/"
"""Below it the events lie by the hour of arrival: ``yyyy/MM/dd/HH/``."""
FAILED_PREFIX = "failed/"
_Stream = firehose.CfnDeliveryStream


class EventDelivery(constructs.Construct):
    """A Firehose stream, with a role that may do no more than carry events over."""

    def __init__(
        self, scope: constructs.Construct, id: str, *, stream: kinesis.Stream, bucket: s3.IBucket
    ) -> None:
        super().__init__(scope, id)
        role = iam.Role(
            self,
            "Role",
            description="Carries the events of an experiment from its stream to its bucket",
            assumed_by=iam.ServicePrincipal(
                "firehose.amazonaws.com",
                conditions={"StringEquals": {"aws:SourceAccount": environment_of(self).account}},
            ),
        )
        policy = _permissions(role, stream, bucket).attach(self)
        self.cfn_delivery_stream = _Stream(
            self,
            "Resource",
            delivery_stream_type="KinesisStreamAsSource",
            kinesis_stream_source_configuration=_Stream.KinesisStreamSourceConfigurationProperty(
                kinesis_stream_arn=stream.stream_arn, role_arn=role.role_arn
            ),
            extended_s3_destination_configuration=delivered_to(
                bucket, role, arrived=EVENTS_PREFIX, failed=FAILED_PREFIX
            ),
        )
        self.cfn_delivery_stream.node.add_dependency(policy)
        acknowledge(
            self,
            {
                "AwsSolutions::AwsSolutions-KDF1": "Its source is a stream, which is encrypted; with a source, "
                "Firehose takes no encryption of its own.",
            },
        )


def _permissions(role: iam.Role, stream: kinesis.Stream, bucket: s3.IBucket) -> Permissions:
    """As Firehose documents for a stream as the source and S3 as the destination.

    Source: https://docs.aws.amazon.com/firehose/latest/dev/controlling-access.html#using-iam-s3
    """
    permissions = Permissions(role)
    permissions.allow(
        "kinesis:DescribeStream", "kinesis:GetShardIterator", "kinesis:GetRecords", "kinesis:ListShards",
        on=stream.stream_arn,
    )  # fmt: skip
    permissions.allow_key(stream.encryption_key, "kms:Decrypt")
    allow_delivery(permissions, bucket, EVENTS_PREFIX, FAILED_PREFIX, whose="experiment")
    return permissions
