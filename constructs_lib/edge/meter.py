"""From the devices to CloudWatch: what they count, which devices there are, and which have fallen silent."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
import constructs
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iot as iot
from aws_cdk import aws_lambda_event_sources as sources
from aws_cdk import aws_sqs as sqs

from ..core.place import environment_of
from ..core.roles import Permissions, acknowledge, both_packs
from .delivery import SQL_VERSION, rule_name, rule_role
from .functions import EdgeFunction
from .names import CANARY, FLEET, FleetNames
from .telemetry import EdgeTelemetry

METER_SECONDS = 60
_BATCH = 100
_WINDOW = cdk.Duration.seconds(20)
_VISIBLE_AFTER = cdk.Duration.seconds(6 * METER_SECONDS + 20)
"""Six times as long as the function may take, and the window, as Lambda asks for."""
_TRIES = 5
CENSUS_EVERY = cdk.Duration.minutes(5)
_BACKUP = "What it holds is told anew by each device within minutes; point-in-time recovery is on."


def _selected_from(topics: str) -> str:
    """What the rule takes: the message as it was sent, whose it is by its topic, and when it came.

    Encoded, so that what a device says of the first cannot be taken for what AWS IoT does, and that what is no JSON is
    counted like all else that is no summary.

    Source: https://docs.aws.amazon.com/iot/latest/developerguide/iot-sql-functions.html
    """
    told = "topic(3) AS thing, timestamp() AS received, encode(*, 'base64') AS told"
    return f"SELECT {told} FROM '{topics}'"  # noqa: S608 - AWS IoT's own SQL


class FleetMeter(constructs.Construct):
    """A queue of summaries, the function that counts them, the table of devices, and the census."""

    def __init__(
        self, scope: constructs.Construct, id: str, *, names: FleetNames, telemetry: EdgeTelemetry
    ) -> None:
        """Count what a fleet tells."""
        super().__init__(scope, id)
        self._names, self._telemetry = names, telemetry
        self.devices = self._table()
        """An item a device: its ``thing`` and ``group``, when it was ``heard_at`` last, and its ``version``."""
        self.dead_letters = self._queue("DeadLetters", None)
        """Summaries that could not be counted, for lack of rights or of CloudWatch. Moved back, they are."""
        self.summaries = self._queue("Summaries", self.dead_letters)
        """What the topic rule puts in."""
        self.cfn_rule = self._rule()
        """The topic rule."""
        self.meter = self._meter()
        """Counts summaries."""
        self.census = self._census()
        """Counts devices, every five minutes."""

    def _table(self) -> dynamodb.Table:
        key = self._telemetry.key
        table = dynamodb.Table(
            self,
            "Devices",
            partition_key=dynamodb.Attribute(name="thing", type=dynamodb.AttributeType.STRING),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            encryption=(
                dynamodb.TableEncryption.AWS_MANAGED
                if key is None
                else dynamodb.TableEncryption.CUSTOMER_MANAGED
            ),
            encryption_key=key,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        acknowledge(table, dict.fromkeys(both_packs("DynamoDBInBackupPlan"), _BACKUP))
        return table

    def _queue(self, id: str, dead_letters: sqs.Queue | None) -> sqs.Queue:
        return sqs.Queue(
            self,
            id,
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            visibility_timeout=_VISIBLE_AFTER,
            retention_period=cdk.Duration.days(14 if dead_letters is None else 4),
            dead_letter_queue=(
                None
                if dead_letters is None
                else sqs.DeadLetterQueue(queue=dead_letters, max_receive_count=_TRIES)
            ),
        )

    def _rule(self) -> iot.CfnTopicRule:
        role = rule_role(self, "RuleRole", self._names.fleet, "summaries")
        permissions = Permissions(role)
        permissions.allow("sqs:SendMessage", on=self.summaries.queue_arn)
        permissions.allow("sqs:SendMessage", on=self.dead_letters.queue_arn)
        policy = permissions.attach(self, "RulePolicy")

        def to(queue: sqs.Queue) -> iot.CfnTopicRule.ActionProperty:
            return iot.CfnTopicRule.ActionProperty(
                sqs=iot.CfnTopicRule.SqsActionProperty(
                    queue_url=queue.queue_url, role_arn=role.role_arn, use_base64=False
                )
            )

        rule = iot.CfnTopicRule(
            self,
            "Rule",
            rule_name=rule_name(self._names.fleet, "summaries"),
            topic_rule_payload=iot.CfnTopicRule.TopicRulePayloadProperty(
                description=f"Summaries of devices of fleet {self._names.fleet}",
                aws_iot_sql_version=SQL_VERSION,
                sql=_selected_from(self._names.topic("summary", "+")),
                actions=[to(self.summaries)],
                error_action=to(self.dead_letters),
            ),
        )
        rule.node.add_dependency(policy)
        return rule

    def _meter(self) -> EdgeFunction:
        made = EdgeFunction(
            self,
            "Meter",
            module="meter",
            description=f"Counts what devices of fleet {self._names.fleet} tell",
            timeout=cdk.Duration.seconds(METER_SECONDS),
            memory_mb=512,
        )
        made.tell("EDGE", self._settings())
        made.permissions.allow("dynamodb:BatchGetItem", "dynamodb:UpdateItem", on=self.devices.table_arn)
        made.permissions.allow_key(self._telemetry.key, "kms:Decrypt")
        made.attach()
        made.function.add_event_source(
            sources.SqsEventSource(
                self.summaries,
                batch_size=_BATCH,
                max_batching_window=_WINDOW,
            )
        )
        return made

    def _census(self) -> EdgeFunction:
        made = EdgeFunction(
            self,
            "Census",
            module="census",
            description=f"Counts devices of fleet {self._names.fleet}, and those that are silent",
            timeout=cdk.Duration.minutes(4),
            memory_mb=512,
        )
        made.tell("EDGE", self._settings())
        made.permissions.allow("dynamodb:Scan", "dynamodb:DeleteItem", on=self.devices.table_arn)
        made.permissions.allow_key(self._telemetry.key, "kms:Decrypt")
        for group in (self._names.canary_group, self._names.fleet_group):
            arn = environment_of(self).arn("iot", f"thinggroup/{group}")
            made.permissions.allow("iot:ListThingsInThingGroup", on=arn)
        made.attach()
        events.Rule(
            self,
            "Every",
            description=f"The census of fleet {self._names.fleet}",
            schedule=events.Schedule.rate(CENSUS_EVERY),
            targets=[targets.LambdaFunction(made.function, retry_attempts=2)],
        )
        return made

    def _settings(self) -> dict[str, Any]:
        return {
            "fleet": self._names.fleet,
            "table": self.devices.table_name,
            "groups": {CANARY: self._names.canary_group, FLEET: self._names.fleet_group},
            "silent_seconds": self._telemetry.silent_seconds,
        }
