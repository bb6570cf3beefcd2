"""The experiment manager: what counts the rewards and moves the traffic while an experiment runs.

Applications put exposures and rewards into a stream. One function counts them in a table, exactly once;
Firehose keeps them all in S3, where another recounts them. A third looks at the counts, on a schedule and when a
guardrail's alarm goes off, and changes the weights of the endpoint. None of them stands in the path of a
request.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import aws_cdk as cdk
import constructs
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kinesis as kinesis
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_event_sources as sources
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs

from ..core.buckets import attributes_of, data_bucket
from ..core.place import path_of
from ..core.roles import acknowledge, acknowledge_wildcard, both_packs, wildcard_actions
from ..hosting.endpoint import EndpointBase
from .delivery import EVENTS_PREFIX, EventDelivery
from .functions import runtime_function

_BATCH = 1000
_RETRIES_SECONDS = 6 * 3600
_KEY_ACTIONS = (
    "kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:ReEncryptTo",
)  # fmt: skip


class ExperimentManager(constructs.Construct):
    """Stream, table, archive and functions of one experiment."""

    def __init__(
        self,
        scope: constructs.Construct,
        id: str,
        *,
        endpoint: EndpointBase,
        description: str,
        look_every: cdk.Duration,
        encryption_key: kms.IKey | None,
        removal_policy: cdk.RemovalPolicy,
    ) -> None:
        super().__init__(scope, id)
        self.encryption_key = encryption_key
        self.table = self._table(removal_policy)
        """Counts and state."""
        self.stream = self._stream()
        """Where applications put exposures and rewards."""
        self.bucket: s3.Bucket = data_bucket(
            self, "Events", what=f"Exposures and rewards of {path_of(scope)}", key=encryption_key
        )
        """Everything that arrived, for the recount and for analyses of your own."""
        self.delivery = EventDelivery(self, "Delivery", stream=self.stream, bucket=self.bucket)
        self.failed_batches = self._failed_batches()
        """Where a batch goes that could not be counted for six hours. The events are in the bucket as well."""
        environment = {"EXPERIMENT": description, "LEDGER_TABLE": self.table.table_name}
        self.client_environment: Mapping[str, str] = {**environment, "EVENT_STREAM": self.stream.stream_name}
        """What the client for applications reads from its environment."""
        self.ingest = self._ingest(environment)
        """Counts what comes through the stream."""
        self.controller = self._controller(environment, endpoint, look_every)
        """Looks at the counts and moves the traffic."""
        archive = {"EVENT_BUCKET": self.bucket.bucket_name, "EVENT_PREFIX": EVENTS_PREFIX}
        self.recount = self._recount({**environment, **archive})
        """Counts again from S3 and mends the table."""

    def look_when(self, alarms: Sequence[cloudwatch.CfnAlarm | cloudwatch.IAlarm]) -> None:
        """Look at once when one of the guardrails' `alarms` goes off, and let the controller read them."""
        arns = [each.attr_arn if isinstance(each, cloudwatch.CfnAlarm) else each.alarm_arn for each in alarms]
        if not arns:
            return
        self.controller.add_to_role_policy(
            iam.PolicyStatement(actions=["cloudwatch:DescribeAlarms"], resources=arns)
        )
        events.Rule(
            self,
            "GuardrailTripped",
            description="Takes the traffic from variants that trip a guardrail",
            event_pattern=events.EventPattern(
                source=["aws.cloudwatch"],
                detail_type=["CloudWatch Alarm State Change"],
                resources=arns,
                detail={"state": {"value": ["ALARM"]}},
            ),
            targets=[targets.LambdaFunction(self.controller)],
        )

    def _table(self, removal_policy: cdk.RemovalPolicy) -> dynamodb.Table:
        table = dynamodb.Table(
            self,
            "Table",
            partition_key=dynamodb.Attribute(name="pk", type=dynamodb.AttributeType.STRING),
            sort_key=dynamodb.Attribute(name="sk", type=dynamodb.AttributeType.STRING),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            time_to_live_attribute="expires",
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            encryption=dynamodb.TableEncryption.AWS_MANAGED
            if self.encryption_key is None
            else dynamodb.TableEncryption.CUSTOMER_MANAGED,
            encryption_key=self.encryption_key,
            removal_policy=removal_policy,
        )
        acknowledge(
            table,
            dict.fromkeys(
                both_packs("DynamoDBInBackupPlan", "DynamoDBAutoScalingEnabled"),
                "On demand, with point-in-time recovery; the events in S3 can be counted again.",
            ),
        )
        return table

    def _stream(self) -> kinesis.Stream:
        stream = kinesis.Stream(
            self,
            "Stream",
            stream_mode=kinesis.StreamMode.ON_DEMAND,
            retention_period=cdk.Duration.hours(24),
            encryption=kinesis.StreamEncryption.MANAGED
            if self.encryption_key is None
            else kinesis.StreamEncryption.KMS,
            encryption_key=self.encryption_key,
        )
        if self.encryption_key is not None:
            reason = (
                "The key is the caller's choice: one key, and one policy, for all that the experiment holds."
            )
            acknowledge(stream, {"AwsSolutions::AwsSolutions-KDS3": reason})
        return stream

    def _failed_batches(self) -> sqs.Queue:
        queue = sqs.Queue(
            self,
            "FailedBatches",
            encryption=sqs.QueueEncryption.SQS_MANAGED
            if self.encryption_key is None
            else sqs.QueueEncryption.KMS,
            encryption_master_key=self.encryption_key,
            enforce_ssl=True,
            retention_period=cdk.Duration.days(14),
        )
        acknowledge(
            queue,
            {
                "AwsSolutions::AwsSolutions-SQS3": "It is itself the queue of what failed: a person looks into it."
            },
        )
        return queue

    def _ingest(self, environment: Mapping[str, str]) -> lambda_.Function:
        function = runtime_function(
            self,
            "Ingest",
            module="ingest",
            description="Counts exposures and rewards of an experiment",
            environment=environment,
            timeout=cdk.Duration.minutes(2),
            memory_mb=512,
        )
        self._let_use_table(function, "dynamodb:BatchGetItem")
        function.add_event_source(
            sources.KinesisEventSource(
                self.stream,
                # From the beginning: what came before the function was there counts as well.
                starting_position=lambda_.StartingPosition.TRIM_HORIZON,
                batch_size=_BATCH,
                max_batching_window=cdk.Duration.seconds(2),
                report_batch_item_failures=True,
                bisect_batch_on_error=True,
                max_record_age=cdk.Duration.seconds(_RETRIES_SECONDS),
                on_failure=sources.SqsDlq(self.failed_batches),
            )
        )
        if self.encryption_key is not None:
            reason = "The CDK's own grant for a queue with a key, bound to that key."
            found = wildcard_actions("kms:GenerateDataKey*", "kms:ReEncrypt*")
            acknowledge(self, dict.fromkeys(found, reason))
        return function

    def _let_use_table(self, function: lambda_.Function, reading: str) -> None:
        """Let it read and write single items, and many by `reading`."""
        self.table.grant(function, "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", reading)
        if self.encryption_key is not None:
            # What DynamoDB does with the key, it does in the caller's name:
            # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html
            self.encryption_key.grant(function, *_KEY_ACTIONS)

    def _let_read_events(self, function: lambda_.Function) -> None:
        function.add_to_role_policy(
            iam.PolicyStatement(
                actions=["s3:ListBucket"],
                resources=[self.bucket.bucket_arn],
                conditions={"StringLike": {"s3:prefix": [f"{EVENTS_PREFIX}*"]}},
            )
        )
        events = f"{self.bucket.bucket_arn}/{EVENTS_PREFIX}*"
        function.add_to_role_policy(iam.PolicyStatement(actions=["s3:GetObject"], resources=[events]))
        acknowledge_wildcard(self, events, "Firehose names the objects; the prefix is this experiment's own.")
        key = attributes_of(self.bucket).key
        if key is not None:
            key.grant(function, "kms:Decrypt")

    def _controller(
        self, environment: Mapping[str, str], endpoint: EndpointBase, look_every: cdk.Duration
    ) -> lambda_.Function:
        function = runtime_function(
            self,
            "Controller",
            module="controller",
            description="Looks at the rewards of an experiment and moves its traffic",
            environment=environment,
            timeout=cdk.Duration.minutes(2),
            memory_mb=1024,
            puts_metrics=True,
        )
        self._let_use_table(function, "dynamodb:Query")
        endpoint.grants.shift_traffic(function)
        self._call("Look", function, look_every, "Lets the controller of an experiment look at the rewards")
        return function

    def _recount(self, environment: Mapping[str, str]) -> lambda_.Function:
        function = runtime_function(
            self,
            "Recount",
            module="recount",
            description="Counts the events of an experiment again, from S3",
            environment=environment,
            timeout=cdk.Duration.minutes(15),
            memory_mb=2048,
        )
        self._let_read_events(function)
        self._let_use_table(function, "dynamodb:Query")
        hourly = cdk.Duration.hours(1)
        self._call("RecountHourly", function, hourly, "Counts the closed periods of an experiment again")
        return function

    def _call(self, id: str, function: lambda_.Function, every: cdk.Duration, description: str) -> None:
        """Call `function` on a schedule."""
        events.Rule(
            self,
            id,
            description=description,
            schedule=events.Schedule.rate(every),
            targets=[targets.LambdaFunction(function)],
        )
