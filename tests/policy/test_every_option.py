"""What the constructs make passes the packs too, whatever options a user's own stack takes."""

from __future__ import annotations

from pathlib import Path

import aws_cdk as cdk
import pytest
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3

from constructs_lib import (
    AutoScaling,
    CanaryAnalysis,
    Container,
    ContainerImage,
    DataCapture,
    MetricCheck,
    Model,
    ModelData,
    RealtimeEndpoint,
    Rollout,
    ScalingStep,
    StepScaling,
    Variant,
)

from . import privilege
from .audit import Audit, audited, strict_context
from .every_api import EveryApi
from .every_batch import EveryBatch
from .every_direct_api import EveryDirectApi
from .every_fleet import EveryFleet
from .every_kind import ACCOUNT, REGION, EveryKind
from .every_monitor import EveryMonitor
from .every_shadow import EveryShadow

KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/0a1b2c3d-0000-4000-8000-000000000000"


class EveryOption(cdk.Stack):
    """Every way to bring a model, and every option that makes a resource or a statement."""

    def __init__(self, scope: cdk.App, id: str, **kwargs: object) -> None:
        super().__init__(scope, id, **kwargs)
        # Whether volumes get a key is the user's choice, and the packs rightly ask for one.
        self.key = kms.Key.from_key_arn(self, "Key", KEY)
        bucket = s3.Bucket.from_bucket_name(self, "Artefacts", "artefacts")
        repository = ecr.Repository.from_repository_name(self, "Repository", "fraud")
        token = cdk.Fn.import_value("ImageUri")
        own = ContainerImage.from_repository(repository, tag_or_digest="1.0")
        framework = ContainerImage.framework("pytorch", version="2.6", processor="gpu")
        self.models = [
            Model(self, "Framework", container=Container(image=framework)),
            Model(
                self, "Own", container=self._container(own, ModelData.from_bucket(bucket, "v1.0.0/m.tar.gz"))
            ),
            Model(
                self, "Prefix", container=self._container(own, ModelData.from_prefix(bucket, "llm/1.0.0/"))
            ),
            Model(self, "Token", container=Container(image=ContainerImage.from_uri(token))),
            Model(self, "Pipeline", containers=[Container(image=own), Container(image=framework)]),
            Model(self, "Vpc", container=Container(image=own), vpc=self._vpc(), network_isolation=True),
        ]
        self._endpoint("Default", self.models[0])
        self._endpoint("Captured", self.models[1], capture=DataCapture())
        self._endpoint("CapturedInto", self.models[2], capture=DataCapture(bucket=bucket, prefix="captured"))
        self._endpoint("CapturedEncrypted", self.models[3], capture=DataCapture(encryption_key=self.key))
        self._endpoint("Unchecked", self.models[5], check_deployments=False, rollout=Rollout.all_at_once())
        self._endpoint("Analysed", self.models[1], rollout=self._analysed())
        endpoint = self._scaled()
        grantee = iam.Role(self, "Caller", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        for grant in (
            endpoint.grants.invoke,
            endpoint.grants.invoke_with_response_stream,
            endpoint.grants.read,
            endpoint.grants.shift_traffic,
        ):
            grant(grantee)
        cdk.Validations.of(grantee).acknowledge(
            *(
                cdk.Acknowledgment(
                    id=f"{pack}::{pack}-IAMNoInlinePolicy", reason="The user's own role, not ours."
                )
                for pack in ("NIST.800.53.R5", "HIPAA.Security")
            )
        )

    def _container(self, image: ContainerImage, data: ModelData) -> Container:
        return Container(image=image, data=data)

    def _vpc(self) -> ec2.IVpc:
        return ec2.Vpc.from_vpc_attributes(
            self,
            "Network",
            vpc_id="vpc-0a1b2c3d",
            availability_zones=[f"{REGION}a", f"{REGION}b"],
            private_subnet_ids=["subnet-0a1b2c3d", "subnet-1a2b3c4d"],
        )

    def _endpoint(self, id: str, model: Model, **options: object) -> RealtimeEndpoint:
        return RealtimeEndpoint(
            self, id, model=model, instance_type="ml.m5.large", encryption_key=self.key, **options
        )

    def _analysed(self) -> Rollout:
        accuracy = cloudwatch.Metric(namespace="Team", metric_name="Accuracy")
        check = MetricCheck(name="accuracy", metric=accuracy, at_least=0.9, minimum_samples=50)
        return Rollout.canary(
            size_percent=10, wait=cdk.Duration.minutes(10), analysis=CanaryAnalysis(checks=[check])
        )

    def _scaled(self) -> RealtimeEndpoint:
        queue = cloudwatch.Metric(namespace="Team", metric_name="Depth", dimensions_map={"Queue": "fraud"})
        steps = StepScaling(name="Out", metric=queue, threshold=10, steps=[ScalingStep(change=1, lower=0)])
        scaling = AutoScaling(min_capacity=2, max_capacity=4, cpu_utilization=70, steps=[steps])
        return RealtimeEndpoint(
            self,
            "Scaled",
            variants=[
                Variant(name="A", model=self.models[3], instance_type="ml.m5.large", scaling=scaling),
                Variant(name="B", model=self.models[4], instance_type="ml.g5.xlarge", weight=0),
            ],
            endpoint_name="Mixed-Case",
            encryption_key=self.key,
        )


@pytest.fixture(params=[None, cdk.Environment(account=ACCOUNT, region=REGION)], ids=["anywhere", REGION])
def audit(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Audit:
    monkeypatch.setenv("CDK_CONTEXT_JSON", strict_context())
    app = cdk.App(outdir=str(tmp_path / "cdk.out"))
    EveryOption(app, "EveryOption", env=request.param)
    EveryKind(app, "EveryKind", env=request.param)
    EveryShadow(app, "EveryShadow", env=request.param)
    EveryMonitor(app, "EveryMonitor", env=request.param)
    EveryBatch(app, "EveryBatch", env=request.param)
    EveryFleet(app, "EveryFleet", env=request.param)
    EveryApi(app, "EveryApi", env=request.param)
    EveryDirectApi(app, "EveryDirectApi", env=request.param)
    return audited(app)


def test_nothing_is_unacknowledged(audit: Audit) -> None:
    assert audit.findings == []


def test_nothing_is_allowed_beyond_need(audit: Audit) -> None:
    assert {name: privilege.problems(each) for name, each in audit.templates.items()} == {
        "EveryOption": [],
        "EveryKind": [],
        "EveryShadow": [],
        "EveryMonitor": [],
        "EveryBatch": [],
        "EveryFleet": [],
        "EveryApi": [],
        "EveryDirectApi": [],
    }
