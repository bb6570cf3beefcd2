"""A user's stack of monitored endpoints, with every option that allows something."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk import aws_stepfunctions as stepfunctions

from constructs_lib import (
    AttributionDrift,
    AutoScaling,
    Baseline,
    BiasDrift,
    CapturedData,
    Container,
    ContainerImage,
    DataCapture,
    DataQuality,
    EndpointAlarms,
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

from .audit import ROOT
from .every_kind import ACCOUNT, KEYS, REGION

TRAINING = ROOT / "examples/breast_cancer/baseline.csv"
PIPELINE = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:pipeline/fraud"
IMAGE = ContainerImage.framework("sklearn", version="1.2-1")
ANSWER = Prediction(
    label="labels",
    probability="scores",
    baseline_label="predicted",
    baseline_probability="probability",
)


class EveryMonitor(cdk.Stack):
    """All monitors in functions and in jobs; data in buckets and with keys of the user's and of ours."""

    def __init__(self, scope: cdk.App, id: str, **kwargs: Any) -> None:
        super().__init__(scope, id, **kwargs)
        self.key = kms.Key.from_key_arn(self, "Key", f"{KEYS}/0a1b2c3d-0000-4000-8000-000000000000")
        self.own_key = kms.Key(self, "OwnKey", enable_key_rotation=True)
        self.own_key.grant(
            iam.ServicePrincipal("cloudwatch.amazonaws.com"), "kms:Decrypt", "kms:GenerateDataKey"
        )
        self.topic = sns.Topic(self, "OnCall", master_key=self.own_key, enforce_ssl=True)
        self.bucket = s3.Bucket.from_bucket_attributes(
            self,
            "Data",
            bucket_name="data",
            encryption_key=kms.Key.from_key_arn(
                self, "DataKey", f"{KEYS}/1a1b2c3d-0000-4000-8000-000000000000"
            ),
        )
        self.retraining = stepfunctions.StateMachine.from_state_machine_arn(
            self, "Retraining", f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:retrain"
        )
        self.model = Model(self, "Model", container=Container(image=IMAGE))
        asset = Baseline.from_asset(str(TRAINING), not_features=["diagnosis", "predicted", "probability"])
        # A stack has at most 500 resources: the alarms of endpoints are in some of them.
        few: dict[str, Any] = {"alarms": EndpointAlarms(), "dashboard": False}
        self._endpoint("Plain", self._monitors(asset), **few)
        self._endpoint(
            "Encrypted",
            self._monitors(Baseline.from_bucket(self.bucket, "training/fraud.csv", version="v1")),
            capture=DataCapture(encryption_key=self.own_key),
            notify=[self.topic],
        )
        self._endpoint(
            "Jobs",
            self._monitors(Baseline.from_bucket(self.bucket, "training/", at_deploy=False)),
            capture=DataCapture(bucket=self.bucket, prefix="seen", encryption_key=self.key),
            compute=MonitorCompute.processing(),
            results=self.bucket,
            endpoint_name="Mixed-Case",
            **few,
        )
        own = ContainerImage.from_uri(f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/monitor:1")
        self._endpoint("OwnJob", [self._data(asset)], compute=MonitorCompute.processing(image=own), **few)
        self._endpoint("Unwatched", [])
        self._variants()
        self._imported()

    def _endpoint(self, id: str, monitors: Sequence[Monitor], **props: Any) -> MonitoredEndpoint:
        return MonitoredEndpoint(
            self,
            id,
            model=self.model,
            instance_type="ml.m5.large",
            encryption_key=self.key,
            monitors=monitors,
            **props,
        )

    def _data(self, baseline: Baseline) -> DataQuality:
        actions = [
            MonitorAction.notify(self.topic),
            MonitorAction.retrain(self.retraining),
            MonitorAction.retrain_pipeline(PIPELINE, parameters={"Reason": "drift"}),
        ]
        return DataQuality(baseline=baseline, actions=actions)

    def _monitors(self, baseline: Baseline) -> list[Monitor]:
        truth = GroundTruth(bucket=self.bucket, prefix="labels", within=cdk.Duration.days(1))
        existing = Baseline.existing(self.bucket, "statistics/1")
        return [
            self._data(baseline),
            DataQuality(name="Existing", baseline=existing),
            ModelQuality(
                problem=ProblemType.BINARY,
                baseline=baseline,
                baseline_truth="diagnosis",
                prediction=ANSWER,
                ground_truth=truth,
            ),
            ModelQuality(
                name="WithoutBaseline",
                problem=ProblemType.BINARY,
                thresholds={"auc": 0.8},
                prediction=ANSWER,
                ground_truth=truth,
            ),
            BiasDrift(
                baseline=baseline,
                baseline_truth="diagnosis",
                facets=[Facet(column="mean radius", above=15)],
                prediction=ANSWER,
                ground_truth=truth,
            ),
            AttributionDrift(baseline=baseline, prediction=ANSWER),
        ]

    def _variants(self) -> None:
        scaling = AutoScaling(min_capacity=2, max_capacity=4, cpu_utilization=70)
        old, new = (
            Variant(name=name, model=self.model, instance_type="ml.m5.large", scaling=scaling)
            for name in ("Old", "New")
        )
        back = DataQuality(
            baseline=Baseline.from_asset(str(TRAINING)),
            variant="New",
            actions=[MonitorAction.shift_traffic(to="Old")],
        )
        MonitoredEndpoint(self, "Variants", variants=[old, new], encryption_key=self.key, monitors=[back])

    def _imported(self) -> None:
        there = RealtimeEndpoint.from_endpoint_name(self, "There", "fraud")
        Monitoring.of(
            there,
            captured=CapturedData(bucket=self.bucket, prefix="captured", encryption_key=self.key),
            monitors=[
                *self._monitors(Baseline.from_bucket(self.bucket, "training/fraud.csv")),
                DataQuality(
                    name="Back",
                    baseline=Baseline.existing(self.bucket, "statistics/1"),
                    actions=[MonitorAction.shift_traffic(to="Old")],
                ),
            ],
            notify=[self.topic],
        )
