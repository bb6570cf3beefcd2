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
from aws_cdk import aws_kinesisfirehose as firehose
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_event_sources as sources
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs

from ..core.buckets import data_bucket
from ..core.roles import acknowledge, both_packs
from ..hosting.endpoint import EndpointBase
from .functions import runtime_function

EVENTS_PREFIX = "events/"
"""Where Firehose puts what arrived, below it by the hour of arrival: ``yyyy/MM/dd/HH/``."""
_BATCH = 500
_RETRIES_SECONDS = 6 * 3600


class ExperimentManager(constructs.Construct):
    """Stream, table, archive and functions of one experiment."""

    def __init__(
        self,
        scope: constructs.Construct,
        id: str,
        *,
        endpoint: EndpointBase,
        description: str,
        counter_shards: int,
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
            self, "Events", what=f"Exposures and rewards of {scope.node.path}", key=encryption_key
        )
        """Everything that arrived, for the recount and for analyses of your own."""
        self.delivery = self._delivery()
        self.failed_batches = self._failed_batches()
        """Where a batch goes that could not be counted for six hours. The events are in the bucket as well."""
        environment = {
            "EXPERIMENT": description,
            "TABLE": self.table.table_name,
            "STREAM": self.stream.stream_name,
            "BUCKET": self.bucket.bucket_name,
            "EVENTS_PREFIX": EVENTS_PREFIX,
            "COUNTER_SHARDS": str(counter_shards),
        }
        self.ingest = self._ingest(environment)
        """Counts what comes through the stream."""
        self.controller = self._controller(environment, endpoint, look_every)
        """Looks at the counts and moves the traffic."""
        self.recount = self._recount(environment)
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
        return kinesis.Stream(
            self,
            "Stream",
            stream_mode=kinesis.StreamMode.ON_DEMAND,
            retention_period=cdk.Duration.hours(24),
            encryption=kinesis.StreamEncryption.MANAGED
            if self.encryption_key is None
            else kinesis.StreamEncryption.KMS,
            encryption_key=self.encryption_key,
        )

    def _delivery(self) -> firehose.DeliveryStream:
        delivery = firehose.DeliveryStream(
            self,
            "Delivery",
            source=firehose.KinesisStreamSource(self.stream),
            destination=firehose.S3Bucket(
                self.bucket,
                data_output_prefix=EVENTS_PREFIX + "!{timestamp:yyyy/MM/dd/HH}/",
                error_output_prefix="failed/!{firehose:error-output-type}/!{timestamp:yyyy/MM/dd/HH}/",
                buffering_interval=cdk.Duration.seconds(60),
                buffering_size=cdk.Size.mebibytes(64),
                compression=firehose.Compression.GZIP,
                file_extension=".jsonl.gz",
                # One event a line, whether its sender ended it with one or not.
                processors=[firehose.AppendDelimiterToRecordProcessor()],
            ),
        )
        acknowledge(
            delivery,
            {
                "AwsSolutions::AwsSolutions-KDF1": "Its source is a stream, which is encrypted; with a source, "
                "Firehose takes no encryption of its own.",
            },
        )
        return delivery

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
        acknowledge(queue, {"AwsSolutions::AwsSolutions-SQS3": "It is itself the queue of what failed."})
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
        self.table.grant(
            function, "dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"
        )
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
        return function

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
        )
        self.table.grant(
            function, "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem"
        )
        endpoint.grants.shift_traffic(function)
        events.Rule(
            self,
            "Look",
            description="Lets the controller of an experiment look at the rewards",
            schedule=events.Schedule.rate(look_every),
            targets=[targets.LambdaFunction(function)],
        )
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
        self.bucket.grant_read(function, f"{EVENTS_PREFIX}*")
        self.table.grant(
            function, "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem"
        )
        events.Rule(
            self,
            "RecountHourly",
            description="Counts the closed periods of an experiment again",
            schedule=events.Schedule.rate(cdk.Duration.hours(1)),
            targets=[targets.LambdaFunction(function)],
        )
        return function
