"""A reference stack of fleets: the least, and one with every part that makes a resource."""

from __future__ import annotations

from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns

from constructs_lib import (
    EdgeDevices,
    EdgeFleet,
    EdgeTelemetry,
    HeldOutSet,
    ModelData,
    ModelOptimisation,
    NeoCompilation,
    NeoFramework,
    NeoTarget,
)

from .reference_kinds import IMAGE


class EveryFleet(cdk.Stack):
    """Each part; of those that have one, with a bucket of its own."""

    def __init__(self, scope: cdk.App, id: str, *, model: Path) -> None:
        super().__init__(scope, id)
        data = s3.Bucket.from_bucket_name(self, "Data", "data")
        archive = ModelData.from_bucket(data, "1.0.0/model.tar.gz")
        EdgeFleet(
            self, "Least", model=ModelData.from_asset(str(model)), devices=EdgeDevices.matching("cam-[0-9]+")
        )
        fleet = EdgeFleet(
            self,
            "Most",
            model=archive,
            devices=EdgeDevices.listed("cam-1"),
            telemetry=EdgeTelemetry(bucket=data, latency_p99=cdk.Duration.millis(100)),
            artefact_bucket=data,
            notify=[sns.Topic(self, "OnCall")],
        )
        ModelOptimisation(
            self,
            "Optimised",
            model=archive,
            held_out=HeldOutSet.from_bucket(data, "1.0.0/held-out.csv"),
            image=IMAGE,
            rollout=fleet,
        )
        NeoCompilation(
            self,
            "Compiled",
            model=archive,
            framework=NeoFramework.XGBOOST,
            target=NeoTarget.platform(os="LINUX", arch="ARM64"),
        )
