"""A reference stack of every monitor, in functions and in jobs, with every action."""

from __future__ import annotations

from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk import aws_stepfunctions as stepfunctions

from constructs_lib import (
    AttributionDrift,
    Baseline,
    BiasDrift,
    CapturedData,
    Container,
    DataQuality,
    Facet,
    GroundTruth,
    Model,
    ModelQuality,
    MonitorAction,
    MonitorCompute,
    MonitoredEndpoint,
    Monitoring,
    Prediction,
    ProblemType,
    RealtimeEndpoint,
    Variant,
)
from constructs_lib.monitoring.monitors import Monitor

from .reference_kinds import IMAGE

_ANSWER = Prediction(label="labels", probability="scores", baseline_label="predicted")
_PIPELINE = "arn:aws:sagemaker:eu-west-1:111122223333:pipeline/fraud"
_MACHINE = "arn:aws:states:eu-west-1:111122223333:stateMachine:retrain"


class EveryMonitor(cdk.Stack):
    """Each monitor with each part that makes a resource, of an endpoint made here and of an imported one."""

    def __init__(self, scope: cdk.App, id: str, *, baseline: Path) -> None:
        super().__init__(scope, id)
        self.data = s3.Bucket.from_bucket_name(self, "Data", "data")
        self.topic = sns.Topic(self, "OnCall")
        self.machine = stepfunctions.StateMachine.from_state_machine_arn(self, "Retraining", _MACHINE)
        model = Model(self, "Model", container=Container(image=IMAGE))
        MonitoredEndpoint(
            self,
            "InFunctions",
            variants=[
                Variant(name=name, model=model, instance_type="ml.m5.large") for name in ("Old", "New")
            ],
            monitors=self._monitors(Baseline.from_asset(str(baseline))),
            notify=[self.topic],
        )
        Monitoring.of(
            RealtimeEndpoint.from_endpoint_name(self, "There", "fraud"),
            captured=CapturedData(bucket=self.data),
            compute=MonitorCompute.processing(image=IMAGE),
            monitors=self._monitors(Baseline.from_bucket(self.data, "training.csv")),
        )

    def _monitors(self, baseline: Baseline) -> list[Monitor]:
        return [
            DataQuality(
                baseline=baseline,
                actions=[
                    MonitorAction.notify(self.topic),
                    MonitorAction.retrain(self.machine),
                    MonitorAction.retrain_pipeline(_PIPELINE),
                    MonitorAction.shift_traffic(to="Old"),
                ],
            ),
            DataQuality(name="Existing", baseline=Baseline.existing(self.data, "statistics")),
            ModelQuality(
                problem=ProblemType.BINARY,
                baseline=baseline,
                baseline_truth="label",
                prediction=_ANSWER,
                ground_truth=GroundTruth(bucket=self.data, prefix="labels", within=cdk.Duration.days(1)),
            ),
            BiasDrift(
                baseline=baseline,
                baseline_truth="label",
                facets=[Facet(column="age", above=60)],
                prediction=_ANSWER,
            ),
            AttributionDrift(baseline=baseline, prediction=_ANSWER),
        ]
