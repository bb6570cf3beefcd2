"""A user's stack of every kind of endpoint beside the real-time one, with every option that allows something."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns

from constructs_lib import (
    AsyncEndpoint,
    AsyncInput,
    AsyncOutput,
    AutoScaling,
    ComponentEndpoint,
    Container,
    ContainerImage,
    DataCapture,
    InferencePipeline,
    ManagedInstanceScaling,
    Model,
    ModelData,
    MultiModelEndpoint,
    ServerlessEndpoint,
)
from constructs_lib.model.model import ModelBase

from .audit import ROOT

ACCOUNT, REGION = "111122223333", "eu-central-1"
KEYS = f"arn:aws:kms:{REGION}:{ACCOUNT}:key"
MODELS, CODE = ROOT / "examples/digits/models", ROOT / "examples/digits/code"


class EveryKind(cdk.Stack):
    """Buckets and topics with keys of their own, a VPC, roles of the user's and imported ones."""

    def __init__(self, scope: cdk.App, id: str, **kwargs: Any) -> None:
        super().__init__(scope, id, **kwargs)
        self.key = kms.Key.from_key_arn(self, "Key", f"{KEYS}/0a1b2c3d-0000-4000-8000-000000000000")
        self.bucket = s3.Bucket.from_bucket_attributes(
            self,
            "Artefacts",
            bucket_name="artefacts",
            encryption_key=kms.Key.from_key_arn(
                self, "ArtefactsKey", f"{KEYS}/1a1b2c3d-0000-4000-8000-000000000000"
            ),
        )
        self.vpc = ec2.Vpc.from_vpc_attributes(
            self,
            "Network",
            vpc_id="vpc-0a1b2c3d",
            availability_zones=[f"{REGION}a", f"{REGION}b"],
            private_subnet_ids=["subnet-0a1b2c3d", "subnet-1a2b3c4d"],
        )
        self.image = ContainerImage.framework("sklearn", version="1.2-1")
        self.archive = ModelData.from_bucket(self.bucket, "fraud/1.0.0/model.tar.gz")
        self.caller = a_role(self, "Caller", "lambda.amazonaws.com")
        self.models = self._models()
        self._serverless()
        self._asynchronous()
        self._multi_model()
        self._pipelines()
        self._components()

    def _models(self) -> Sequence[ModelBase]:
        container = Container(image=self.image, data=self.archive)
        own = a_role(self, "OwnRole", "sagemaker.amazonaws.com")
        imported = of_the_user(
            iam.Role.from_role_arn(self, "ImportedRole", f"arn:aws:iam::{ACCOUNT}:role/fraud")
        )
        return [
            Model(self, "Plain", container=container),
            Model(self, "WithOwnRole", container=container, role=own),
            Model(self, "WithImportedRole", container=container, role=imported),
            Model.from_model_name(self, "Imported", "fraud"),
            Model.from_model_name(
                self,
                "ImportedWithRole",
                "fraud",
                role=iam.Role.from_role_arn(
                    self, "Immutable", f"arn:aws:iam::{ACCOUNT}:role/fixed", mutable=False
                ),
            ),
        ]

    def _serverless(self) -> None:
        scaling = AutoScaling(min_capacity=1, max_capacity=5, provisioned_concurrency_utilization=0.7)
        for index, model in enumerate(self.models):
            endpoint = ServerlessEndpoint(self, f"Serverless{index}", model=model, scaling=scaling)
            endpoint.grants.invoke(self.caller)

    def _asynchronous(self) -> None:
        answered = sns.Topic(self, "Answered", master_key=self.key, enforce_ssl=True)
        failed = sns.Topic.from_topic_arn(self, "Failed", f"arn:aws:sns:{REGION}:{ACCOUNT}:failed")
        outputs = [
            AsyncOutput(success_topic=answered, error_topic=failed, include_response_in_error=True),
            AsyncOutput(encryption_key=self.key),
            AsyncOutput(bucket=self.bucket, prefix="out", encryption_key=self.key),
            AsyncOutput(bucket=self.bucket, prefix="elsewhere"),
        ]
        in_vpc = Model(self, "InVpc", container=Container(image=self.image), vpc=self.vpc)
        pairs = [
            *((self.models[0], output) for output in outputs),
            *zip([*self.models[1:], in_vpc], cycle(outputs), strict=False),
        ]
        for index, (model, output) in enumerate(pairs):
            endpoint = AsyncEndpoint(
                self,
                f"Async{index}",
                model=model,
                instance_type="ml.m5.large",
                scaling=AutoScaling(min_capacity=0, max_capacity=3),
                input=AsyncInput(bucket=self.bucket) if index % 2 else None,
                output=output,
                capture=DataCapture(),
                encryption_key=self.key,
            )
            for grant in (
                endpoint.grants.invoke,
                endpoint.grants.invoke_async,
                endpoint.grants.write_input,
                endpoint.grants.read_results,
            ):
                grant(self.caller)

    def _multi_model(self) -> None:
        options: dict[str, dict[str, Any]] = {
            "Own": {},
            "Coded": {"code": str(CODE), "cache": False, "vpc": self.vpc, "network_isolation": True},
            "Given": {"models": ModelData.from_prefix(self.bucket, "models/"), "role": self.models[1].role},
            "OfImported": {"role": self.models[2].role},
        }
        for name, given in options.items():
            endpoint = MultiModelEndpoint(
                self,
                f"MultiModel{name}",
                container=Container(image=self.image),
                instance_type="ml.m5.large",
                scaling=AutoScaling(min_capacity=2, max_capacity=4, cpu_utilization=70),
                capture=DataCapture(bucket=self.bucket),
                encryption_key=self.key,
                **given,
            )
            endpoint.add_model("team-a/churn", self.archive)
            endpoint.add_model("team-b/fold", ModelData.from_asset(str(MODELS / "fold-0")), pinned=False)
            endpoint.grants.invoke(self.caller)
            endpoint.grants.invoke(self.caller, target_model="team-a/*")

    def _pipelines(self) -> None:
        containers = [
            Container(image=self.image, data=self.archive, hostname=name) for name in ("pre", "predict")
        ]
        roles = {"New": None, "Own": self.models[1].role, "Imported": self.models[2].role}
        for name, role in roles.items():
            endpoint = InferencePipeline(
                self,
                f"Pipeline{name}",
                containers=containers,
                direct_invocation=True,
                instance_type="ml.m5.large",
                role=role,
                vpc=self.vpc,
                capture=DataCapture(encryption_key=self.key),
                encryption_key=self.key,
            )
            endpoint.grants.invoke(self.caller, target_container="predict")

    def _components(self) -> None:
        options: dict[str, dict[str, Any]] = {
            "Fixed": {"instance_count": 2},
            "Managed": {
                "managed_scaling": ManagedInstanceScaling(min_count=0, max_count=3),
                "vpc": self.vpc,
                "network_isolation": True,
            },
            "WithOwnRole": {"role": self.models[1].role},
            "WithImportedRole": {"role": self.models[2].role},
        }
        for name, given in options.items():
            fleet = ComponentEndpoint(
                self,
                f"Components{name}",
                instance_type="ml.m5.2xlarge",
                capture=DataCapture(),
                encryption_key=self.key,
                **given,
            )
            for model in self.models if name == "Fixed" else (self.models[0], self.models[3]):
                component = fleet.add_component(
                    model.node.id,
                    model=model,
                    memory=cdk.Size.gibibytes(1),
                    scaling=AutoScaling(min_capacity=0, max_capacity=4, invocations_per_copy=600),
                )
                component.grants.invoke(self.caller)
                component.grants.invoke_with_response_stream(self.caller)


def a_role(scope: cdk.Stack, id: str, service: str) -> iam.IRole:
    """A new one, of the user's."""
    return of_the_user(iam.Role(scope, id, assumed_by=iam.ServicePrincipal(service)))


def of_the_user(role: iam.IRole) -> iam.IRole:
    """A role of the user's, who answers for its having inline policies."""
    cdk.Validations.of(role).acknowledge(
        *(
            cdk.Acknowledgment(
                id=f"{pack}::{pack}-IAMNoInlinePolicy", reason="The user's own role, not ours."
            )
            for pack in ("NIST.800.53.R5", "HIPAA.Security")
        )
    )
    return role
