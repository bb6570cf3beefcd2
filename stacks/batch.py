"""A whole data set, scored every night and whenever a part of it has arrived; on machines that are gone afterwards."""

from __future__ import annotations

import aws_cdk as cdk
import constructs
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_sns as sns

from constructs_lib import (
    BatchArrival,
    BatchInput,
    BatchStrategy,
    BatchTransform,
    Column,
    ColumnType,
    Container,
    ContainerImage,
    DataProcessing,
    Model,
    ModelData,
    PredictionSink,
)

_PACKS = ("NIST.800.53.R5", "HIPAA.Security")
_OF_BUCKETS = [
    "AwsSolutions::AwsSolutions-S1",
    *(f"{pack}::{pack}-S3Bucket{rule}Enabled" for pack in _PACKS for rule in ("Logging", "Replication")),
]
_FEW_READERS = (
    "Written by who knows the patients, read by one transform; CloudTrail data events serve better than access logs. "
    "Replication is the account's decision."
)
_BACKUP = "Every prediction can be made again from the input; point-in-time recovery is on."


class BatchStack(cdk.Stack):
    """One scikit-learn model; predictions go to a DynamoDB table and to a table for Athena.

    :param model: folder with the trained artefact.
    :param code: folder with its ``inference.py``.
    """

    def __init__(
        self,
        scope: constructs.Construct,
        id: str,
        *,
        model: str,
        code: str,
        instance_type: str = "ml.m5.large",
        env: cdk.Environment | None = None,
        synthesizer: cdk.IStackSynthesizer | None = None,
    ) -> None:
        """Make the stack."""
        super().__init__(scope, id, env=env, synthesizer=synthesizer)
        key = kms.Key(self, "Key", description="Patients, predictions and failures", enable_key_rotation=True)
        patients = self._patients(key)
        predictions = self._predictions(key)
        served = Model(
            self,
            "Model",
            container=Container(
                image=ContainerImage.framework("sklearn", version="1.2-1"),
                data=ModelData.from_asset(model, code=code),
            ),
        )
        self.batch = BatchTransform(
            self,
            "Patients",
            model=served,
            instance_type=instance_type,
            input=BatchInput.from_prefix(patients, "patients/"),
            strategy=BatchStrategy.MULTI_RECORD,
            accept="text/csv",
            # The model is asked without the id; id and answer are kept.
            processing=DataProcessing(input_filter="$[1:]", join=True, output_filter="$[0,-2,-1]"),
            columns=[
                Column.key("patient"),
                Column.prediction("label", ColumnType.STRING),
                Column.prediction("probability"),
            ],
            sink=[PredictionSink.dynamodb(predictions), PredictionSink.table()],
            schedule=scheduler.ScheduleExpression.cron(
                hour="2", minute="0", time_zone=cdk.TimeZone.EUROPE_BERLIN
            ),
            arrival=BatchArrival.success_marker(),
            encryption_key=key,
            notify=[self._topic(key)],
        )
        cdk.CfnOutput(self, "Input", value=f"s3://{patients.bucket_name}/patients/")
        cdk.CfnOutput(self, "Output", value=self.batch.output.uri)
        cdk.CfnOutput(self, "Predictions", value=predictions.table_name)
        cdk.CfnOutput(self, "Start", value=self.batch.start_function.function_name)
        cdk.CfnOutput(self, "StateMachine", value=self.batch.state_machine.state_machine_arn)
        cdk.CfnOutput(self, "DeadLetters", value=self.batch.requests.dead_letters.queue_url)

    def _topic(self, key: kms.Key) -> sns.Topic:
        topic = sns.Topic(self, "OnCall", master_key=key, enforce_ssl=True)
        # Without both, CloudWatch could not publish, and would say so nowhere: a topic whose policy asks for TLS has
        # none that lets the account's alarms in, and what is encrypted takes the key.
        alarms = iam.ServicePrincipal(
            "cloudwatch.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": self.account}}
        )
        topic.grant_publish(alarms)
        key.grant(iam.ServicePrincipal("cloudwatch.amazonaws.com"), "kms:Decrypt", "kms:GenerateDataKey")
        return topic

    def _patients(self, key: kms.Key) -> s3.Bucket:
        bucket = s3.Bucket(
            self,
            "PatientsBucket",
            encryption=s3.BucketEncryption.KMS,
            encryption_key=key,
            bucket_key_enabled=True,
            enforce_ssl=True,
            versioned=True,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )
        cdk.Validations.of(bucket).acknowledge(
            *(cdk.Acknowledgment(id=id, reason=_FEW_READERS) for id in _OF_BUCKETS)
        )
        return bucket

    def _predictions(self, key: kms.Key) -> dynamodb.Table:
        table = dynamodb.Table(
            self,
            "Table",
            partition_key=dynamodb.Attribute(name="patient", type=dynamodb.AttributeType.STRING),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            encryption=dynamodb.TableEncryption.CUSTOMER_MANAGED,
            encryption_key=key,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )
        cdk.Validations.of(table).acknowledge(
            *(
                cdk.Acknowledgment(id=f"{pack}::{pack}-DynamoDBInBackupPlan", reason=_BACKUP)
                for pack in _PACKS
            )
        )
        return table
