"""A user's stack of batch transforms, with every option that allows something."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_rds as rds
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_sns as sns

from constructs_lib import (
    BatchArrival,
    BatchCapture,
    BatchInput,
    BatchTransform,
    Column,
    Container,
    ContainerImage,
    DataProcessing,
    Model,
    PredictionSink,
    ProcessingStep,
    SplitType,
)
from constructs_lib.model.model import ModelBase

from .audit import ROOT
from .every_kind import ACCOUNT, KEYS, REGION, a_role

SCRIPT = str(ROOT / "examples/digits/code/inference.py")
SECRET = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:batch"
COLUMNS = (Column.key("customer"), Column.feature("age"), Column.prediction("churn"))


class EveryBatch(cdk.Stack):
    """Buckets, tables and topics with keys of their own, roles of the user's and imported ones, all sinks and steps."""

    def __init__(self, scope: cdk.App, id: str, **kwargs: Any) -> None:
        super().__init__(scope, id, **kwargs)
        self.key = kms.Key.from_key_arn(self, "Key", f"{KEYS}/0a1b2c3d-0000-4000-8000-000000000000")
        self.own_key = kms.Key(self, "OwnKey", enable_key_rotation=True)
        self.own_key.grant(
            iam.ServicePrincipal("cloudwatch.amazonaws.com"), "kms:Decrypt", "kms:GenerateDataKey"
        )
        self.topic = sns.Topic(self, "OnCall", master_key=self.own_key, enforce_ssl=True)
        self.image = ContainerImage.framework("sklearn", version="1.2-1")
        self.data = s3.Bucket.from_bucket_attributes(
            self,
            "Data",
            bucket_name="data",
            encryption_key=kms.Key.from_key_arn(
                self, "DataKey", f"{KEYS}/1a1b2c3d-0000-4000-8000-000000000000"
            ),
        )
        self.plain = Model(self, "Plain", container=Container(image=self.image))
        self.caller = a_role(self, "Caller", "lambda.amazonaws.com")
        self._least()
        self._everything()
        self._models()

    def _batch(self, id: str, model: ModelBase, **props: Any) -> BatchTransform:
        given = {"input": BatchInput.from_prefix(self.data, "in/{yyyy}-{mm}-{dd}/"), **props}
        return BatchTransform(self, id, model=model, instance_type="ml.m5.large", **given)

    def _least(self) -> None:
        self._batch("Plainest", self.plain)
        self._batch(
            "Manifest",
            self.plain,
            input=BatchInput.from_manifest(self.data, "in/all.manifest", split=SplitType.NONE),
            output_bucket=self.data,
            output_prefix="scored",
            encryption_key=self.key,
            dashboard=False,
        )

    def _everything(self) -> None:
        batch = self._batch(
            "Everything",
            self.plain,
            processing=DataProcessing(input_filter="$[1:]", join=True),
            columns=COLUMNS,
            sink=self._sinks(),
            schedule=scheduler.ScheduleExpression.rate(cdk.Duration.days(1)),
            arrival=BatchArrival.success_marker(),
            preprocess=ProcessingStep(image=self.image, script=SCRIPT),
            postprocess=ProcessingStep(
                image=ContainerImage.from_uri(f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/after:1"),
                role=a_role(self, "Step", "sagemaker.amazonaws.com"),
            ),
            encryption_key=self.own_key,
            volume_encryption_key=self.key,
            tags={"team": "fraud"},
            notify=[self.topic],
        )
        for grant in (batch.grants.start, batch.grants.request, batch.grants.redrive, batch.grants.read):
            grant(self.caller)

    def _sinks(self) -> Sequence[PredictionSink]:
        key = dynamodb.Attribute(name="customer", type=dynamodb.AttributeType.STRING)
        table = dynamodb.Table(
            self,
            "Table",
            partition_key=key,
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            encryption=dynamodb.TableEncryption.CUSTOMER_MANAGED,
            encryption_key=self.own_key,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
        )
        for pack in ("NIST.800.53.R5", "HIPAA.Security"):
            finding = cdk.Acknowledgment(id=f"{pack}::{pack}-DynamoDBInBackupPlan", reason="The user's own.")
            cdk.Validations.of(table).acknowledge(finding)
        cluster = rds.DatabaseCluster.from_database_cluster_attributes(
            self, "Cluster", cluster_identifier="fraud"
        )
        whole, named = (
            secretsmanager.Secret.from_secret_complete_arn(self, "Whole", f"{SECRET}-AbCdEf"),
            secretsmanager.Secret.from_secret_name_v2(self, "Named", "batch"),
        )
        return [
            PredictionSink.dynamodb(table),
            PredictionSink.dynamodb(dynamodb.Table.from_table_name(self, "There", "there")),
            PredictionSink.table(),
            PredictionSink.table(database_name="lake", bucket=self.data, prefix="tables"),
            PredictionSink.rds(cluster, database="fraud", table="scores", secret=whole),
            PredictionSink.rds(cluster, database="fraud", table="copies", secret=named),
            BatchCapture(),
            BatchCapture(bucket=self.data),
        ]

    def _models(self) -> None:
        container = Container(image=self.image)
        fixed = iam.Role.from_role_arn(self, "Immutable", f"arn:aws:iam::{ACCOUNT}:role/fixed", mutable=False)
        own = a_role(self, "OwnRole", "sagemaker.amazonaws.com")
        self._batch("OfOwnRole", Model(self, "WithOwnRole", container=container, role=own))
        self._batch("OfFixed", Model.from_model_name(self, "Fixed", "fixed", role=fixed))
        arrival = BatchArrival.manifest()
        there = self._batch(
            "OfImported",
            Model.from_model_name(self, "There2", "fraud"),
            arrival=arrival,
            preprocess=ProcessingStep(image=self.image, role=fixed),
        )
        self._batch(
            "OfOwnBucket", self.plain, input=BatchInput.from_prefix(self._bucket(), "in/"), arrival=arrival
        )
        there.grants.transform(a_role(self, "Elsewhere", "sagemaker.amazonaws.com"))

    def _bucket(self) -> s3.IBucket:
        """The user's, who answers for its logs and copies."""
        bucket = s3.Bucket(
            self,
            "Input",
            encryption=s3.BucketEncryption.KMS,
            encryption_key=self.own_key,
            enforce_ssl=True,
            versioned=True,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
        )
        findings = ["AwsSolutions::AwsSolutions-S1"]
        for pack in ("NIST.800.53.R5", "HIPAA.Security"):
            findings += [f"{pack}::{pack}-S3Bucket{each}Enabled" for each in ("Logging", "Replication")]
        for each in findings:
            cdk.Validations.of(bucket).acknowledge(cdk.Acknowledgment(id=each, reason="The user's own."))
        return bucket
