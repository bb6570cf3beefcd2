"""Reference stacks: what their resources are called must not change from release to release.

``python -m tests.support.reference <folder>`` synthesizes them into a folder.
"""

from __future__ import annotations

import sys
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_applicationautoscaling as appscaling
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3

from constructs_lib import (
    AutoScaling,
    CanaryAnalysis,
    Container,
    DataCapture,
    MetricCheck,
    MetricTarget,
    Model,
    ModelData,
    RealtimeEndpoint,
    Rollout,
    ScalingStep,
    ScheduledScaling,
    StepScaling,
    Variant,
)
from stacks.api import ApiStack
from stacks.asynchronous import AsyncStack
from stacks.batch import BatchStack
from stacks.components import ComponentsStack
from stacks.edge import EdgeStack
from stacks.experiment import ExperimentStack
from stacks.monitored import MonitoredStack
from stacks.multi_model import MultiModelStack
from stacks.pipeline import PipelineStack
from stacks.realtime import RealtimeStack
from stacks.serverless import ServerlessStack
from stacks.shadow import ShadowStack

from .reference_apis import EveryApi, EveryDirectApi
from .reference_batches import EveryBatch
from .reference_fleets import EveryFleet
from .reference_kinds import IMAGE, EveryKind
from .reference_monitors import EveryMonitor


def build(folder: Path) -> cdk.App:
    """The app, to be synthesized into `folder`."""
    model, code = folder / "model", folder / "code"
    steps = [folder / "steps" / name for name in ("scale", "classify", "label")]
    baseline = folder / "baseline" / "train.csv"
    files = [model / "model.json", code / "inference.py"]
    files += [step / file for step in steps for file in ("model/model.json", "code/inference.py")]
    files.append(baseline)
    for index, file in enumerate(files):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f'{{"file": {index}}}', encoding="utf-8")
    app = cdk.App(outdir=str(folder / "cdk.out"), builtin_cloud_formation_validation=False)
    RealtimeStack(app, "Realtime", model=str(model), code=str(code))
    ServerlessStack(app, "Serverless", model=str(model), code=str(code))
    AsyncStack(app, "Async", model=str(model), code=str(code))
    MultiModelStack(app, "MultiModel", models=str(folder / "steps"), code=str(code))
    PipelineStack(app, "Pipeline", steps=str(folder / "steps"))
    ComponentsStack(app, "Components", models={"Scale": str(steps[0]), "Label": str(steps[2])})
    ShadowStack(app, "Shadow", production=str(model), challenger=str(steps[0] / "model"), code=str(code))
    MonitoredStack(
        app,
        "Monitored",
        model=str(model),
        code=str(code),
        baseline=str(baseline),
        labels_within=cdk.Duration.days(1),
    )
    Everything(app, "Everything")
    EveryKind(app, "EveryKind", model=model, code=code)
    EveryMonitor(app, "EveryMonitor", baseline=baseline)
    BatchStack(app, "Batch", model=str(model), code=str(code))
    ExperimentStack(
        app,
        "Experiment",
        models={"few": str(steps[0] / "model"), "many": str(model)},
        code=str(code),
        window=cdk.Duration.days(1),
        period=cdk.Duration.hours(1),
        least=cdk.Duration.days(14),
    )
    EveryBatch(app, "EveryBatch", script=code / "inference.py")
    EdgeStack(app, "Edge", model=str(model))
    EveryFleet(app, "EveryFleet", model=model)
    ApiStack(app, "Api", model=str(model), code=str(code), columns=30)
    EveryApi(app, "EveryApi")
    EveryDirectApi(app, "EveryDirectApi")
    return app


class Everything(cdk.Stack):
    """Each construct, twice where two may meet, with each part that makes a resource."""

    def __init__(self, scope: cdk.App, id: str) -> None:
        super().__init__(scope, id)
        models = [self._pipeline(), self._in_vpc()]
        RealtimeEndpoint(
            self,
            "Variants",
            variants=[
                Variant(name=name, model=model, instance_type="ml.m5.large", scaling=self._scaling())
                for name, model in zip("AB", models, strict=True)
            ],
            rollout=Rollout.linear(step_percent=50, wait=cdk.Duration.minutes(5)),
            capture=DataCapture(),
            encryption_key=kms.Key(self, "Key"),
        )
        RealtimeEndpoint(
            self,
            "Rolling",
            model=models[0],
            instance_type="ml.m5.large",
            rollout=Rollout.rolling(batch_percent=50, wait=cdk.Duration.minutes(5)),
        )
        accuracy = cloudwatch.Metric(namespace="Fraud", metric_name="Accuracy")
        RealtimeEndpoint(
            self,
            "Analysed",
            model=models[0],
            instance_type="ml.m5.large",
            rollout=Rollout.canary(
                size_percent=10,
                wait=cdk.Duration.minutes(10),
                analysis=CanaryAnalysis(checks=[MetricCheck(name="accuracy", metric=accuracy, at_least=0.9)]),
            ),
        )

    def _pipeline(self) -> Model:
        bucket = s3.Bucket.from_bucket_name(self, "Artefacts", "artefacts")
        return Model(
            self,
            "Pipeline",
            containers=[
                Container(image=IMAGE, data=ModelData.from_bucket(bucket, f"{name}/1.0.0/m.tar.gz"))
                for name in ("pre", "predict")
            ],
        )

    def _in_vpc(self) -> Model:
        vpc = ec2.Vpc(self, "Vpc", nat_gateways=0, max_azs=2, restrict_default_security_group=False)
        return Model(self, "InVpc", container=Container(image=IMAGE), vpc=vpc)

    def _scaling(self) -> AutoScaling:
        depth = cloudwatch.Metric(namespace="Fraud", metric_name="Depth")
        return AutoScaling(
            min_capacity=2,
            max_capacity=8,
            invocations_per_instance=600,
            concurrent_requests_per_model=5,
            cpu_utilization=70,
            metrics=[MetricTarget(name="Depth", metric=depth, target=5)],
            steps=[
                StepScaling(name="Out", metric=depth, threshold=9, steps=[ScalingStep(change=1, lower=0)])
            ],
            schedules=[
                ScheduledScaling(
                    name="Night",
                    schedule=appscaling.Schedule.expression("cron(0 22 * * ? *)"),
                    min_capacity=2,
                )
            ],
        )


if __name__ == "__main__":
    build(Path(sys.argv[1])).synth()
