"""A reference stack of batch transforms: the least, and one with every part that makes a resource."""

from __future__ import annotations

from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
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
    Model,
    PredictionSink,
    ProcessingStep,
)

from .reference_kinds import IMAGE


class EveryBatch(cdk.Stack):
    """Each part, and two sinks of each kind."""

    def __init__(self, scope: cdk.App, id: str, *, script: Path) -> None:
        super().__init__(scope, id)
        self.data = s3.Bucket.from_bucket_name(self, "Data", "data")
        self.model = Model(self, "Model", container=Container(image=IMAGE))
        source = BatchInput.from_prefix(self.data, "in/{yyyy}-{mm}-{dd}/")
        BatchTransform(self, "Least", model=self.model, input=source, instance_type="ml.m5.large")
        step = ProcessingStep(image=IMAGE, script=str(script))
        BatchTransform(
            self,
            "Most",
            model=self.model,
            input=source,
            instance_type="ml.m5.large",
            columns=[Column.key("customer"), Column.feature("age"), Column.prediction("churn")],
            sink=self._sinks(),
            schedule=scheduler.ScheduleExpression.rate(cdk.Duration.days(1)),
            arrival=BatchArrival.success_marker(),
            preprocess=step,
            postprocess=step,
            notify=[sns.Topic(self, "OnCall")],
        )

    def _sinks(self) -> list[PredictionSink]:
        tables = [dynamodb.Table.from_table_name(self, f"Table{n}", f"table-{n}") for n in range(2)]
        cluster = rds.DatabaseCluster.from_database_cluster_attributes(
            self, "Cluster", cluster_identifier="fraud"
        )
        secret = secretsmanager.Secret.from_secret_name_v2(self, "Secret", "fraud")
        return [
            *(PredictionSink.dynamodb(each) for each in tables),
            *(
                PredictionSink.rds(cluster, database="fraud", table=table, secret=secret)
                for table in ("scores", "copies")
            ),
            PredictionSink.table(),
            PredictionSink.table(database_name="lake", prefix="lake"),
            BatchCapture(),
            BatchCapture(prefix="seen"),
        ]
