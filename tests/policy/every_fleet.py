"""A user's stack of fleets, with every option that allows something."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns

from constructs_lib import (
    ContainerImage,
    EdgeDevices,
    EdgeFleet,
    EdgeRollout,
    EdgeTelemetry,
    HeldOutSet,
    ModelData,
    ModelOptimisation,
    NeoCompilation,
    NeoFramework,
    NeoTarget,
)

from .audit import ROOT
from .every_kind import KEYS, a_role

MODEL = str(ROOT / "examples/breast_cancer/edge")


class EveryFleet(cdk.Stack):
    """Buckets, tables and topics with keys of their own, and imported ones; an optimisation that rolls out."""

    def __init__(self, scope: cdk.App, id: str, **kwargs: Any) -> None:
        super().__init__(scope, id, **kwargs)
        self.key = kms.Key.from_key_arn(self, "Key", f"{KEYS}/0a1b2c3d-0000-4000-8000-000000000000")
        own_key = kms.Key(self, "OwnKey", enable_key_rotation=True)
        own_key.grant(iam.ServicePrincipal("cloudwatch.amazonaws.com"), "kms:Decrypt", "kms:GenerateDataKey")
        self.topic = sns.Topic(self, "OnCall", master_key=own_key, enforce_ssl=True)
        self.caller = a_role(self, "Caller", "lambda.amazonaws.com")
        self.models = s3.Bucket.from_bucket_attributes(
            self, "Data", bucket_name="data", encryption_key=self.key
        )
        EdgeFleet(
            self,
            "Least",
            model=ModelData.from_asset(MODEL),
            devices=EdgeDevices.listed("cam-1"),
            dashboard=False,
        )
        self._most()

    def _most(self) -> None:
        known = dynamodb.Table.from_table_attributes(
            self, "Known", table_name="known", encryption_key=self.key
        )
        fleet = EdgeFleet(
            self,
            "Most",
            model=ModelData.from_bucket(self.models, "1.0.0/model.tar.gz"),
            devices=EdgeDevices.registered(known),
            rollout=EdgeRollout(
                alarms=[
                    cloudwatch.Alarm.from_alarm_name(self, "Theirs", "theirs"),
                ]
            ),
            telemetry=EdgeTelemetry(bucket=self.models, key=self.key, latency_p99=cdk.Duration.millis(100)),
            artefact_bucket=self.models,
            components={"aws.greengrass.LogManager": "2.3.7"},
            notify=[self.topic],
        )
        for grant in (fleet.grants.roll_out, fleet.grants.bring_models, fleet.grants.read_results):
            grant(self.caller)
        image = ContainerImage.framework("sklearn", version="1.4-2-py312")
        optimised = ModelOptimisation(
            self,
            "Optimised",
            model=ModelData.from_bucket(self.models, "1.0.0/model.tar.gz"),
            held_out=HeldOutSet.from_bucket(self.models, "1.0.0/held-out.csv"),
            image=image,
            rollout=fleet,
            volume_encryption_key=self.key,
            notify=[self.topic],
        )
        compiled = NeoCompilation(
            self,
            "Compiled",
            model=ModelData.from_bucket(self.models, "1.0.0/model.tar.gz"),
            framework=NeoFramework.XGBOOST,
            target=NeoTarget.platform(os="LINUX", arch="ARM64"),
            notify=[self.topic],
        )
        for made in (optimised, compiled):
            made.grants.start(self.caller)
            made.grants.read(self.caller)
