"""A reference stack of every kind of endpoint beside the real-time one."""

from __future__ import annotations

from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns

from constructs_lib import (
    AsyncEndpoint,
    AsyncOutput,
    AutoScaling,
    ComponentEndpoint,
    Container,
    ContainerImage,
    DataCapture,
    InferencePipeline,
    ManagedInstanceScaling,
    ManagedShadowTest,
    Model,
    ModelData,
    MultiModelEndpoint,
    RealtimeEndpoint,
    Rollout,
    ServerlessEndpoint,
    ShadowTest,
    Variant,
)

IMAGE = ContainerImage.from_uri("111122223333.dkr.ecr.eu-west-1.amazonaws.com/fraud:1")


class EveryKind(cdk.Stack):
    """Each kind with each part that makes a resource, in its own buckets and in given ones."""

    def __init__(self, scope: cdk.App, id: str, *, model: Path, code: Path) -> None:
        super().__init__(scope, id)
        self.key = kms.Key(self, "Key")
        self.artefacts = s3.Bucket.from_bucket_name(self, "Artefacts", "artefacts")
        self.vpc = ec2.Vpc(self, "Vpc", nat_gateways=0, max_azs=2, restrict_default_security_group=False)
        self.model = Model(self, "Model", container=Container(image=IMAGE))
        self._serverless()
        self._asynchronous()
        self._multi_model(model, code)
        self._pipelines()
        self._components()
        self._shadows()

    def _serverless(self) -> None:
        ServerlessEndpoint(
            self,
            "Serverless",
            model=self.model,
            scaling=AutoScaling(min_capacity=1, max_capacity=5, provisioned_concurrency_utilization=0.7),
        )

    def _asynchronous(self) -> None:
        topic = sns.Topic(self, "Answered", master_key=self.key)
        AsyncEndpoint(
            self,
            "Async",
            model=self.model,
            instance_type="ml.m5.large",
            scaling=AutoScaling(min_capacity=0, max_capacity=3, backlog_per_instance=5),
            output=AsyncOutput(success_topic=topic, error_topic=topic),
            encryption_key=self.key,
        )
        AsyncEndpoint(
            self,
            "AsyncIntoGiven",
            model=self.model,
            instance_type="ml.m5.large",
            output=AsyncOutput(bucket=self.artefacts),
        )

    def _multi_model(self, model: Path, code: Path) -> None:
        shared = MultiModelEndpoint(
            self,
            "MultiModel",
            container=Container(image=IMAGE),
            code=str(code),
            instance_type="ml.m5.large",
            scaling=AutoScaling(min_capacity=2, max_capacity=4, invocations_per_instance=600),
            vpc=self.vpc,
            rollout=Rollout.rolling(batch_percent=50, wait=cdk.Duration.minutes(5)),
        )
        shared.add_model("team-a/churn", ModelData.from_asset(str(model)))
        shared.add_model("team-a/fraud", ModelData.from_bucket(self.artefacts, "fraud/1.0.0/model.tar.gz"))
        given = MultiModelEndpoint(
            self,
            "MultiModelOfGiven",
            container=Container(image=IMAGE),
            models=ModelData.from_prefix(self.artefacts, "models/"),
            instance_type="ml.m5.large",
        )
        given.add_model("churn", ModelData.from_asset(str(model)), pinned=False)

    def _pipelines(self) -> None:
        InferencePipeline(
            self,
            "Pipeline",
            containers=[Container(image=IMAGE, hostname=name) for name in ("pre", "predict")],
            direct_invocation=True,
            instance_type="ml.m5.large",
            scaling=AutoScaling(min_capacity=2, max_capacity=4, invocations_per_instance=600),
            capture=DataCapture(),
            vpc=self.vpc,
        )

    def _components(self) -> None:
        fleet = ComponentEndpoint(
            self,
            "Components",
            instance_type="ml.m5.2xlarge",
            managed_scaling=ManagedInstanceScaling(min_count=0, max_count=3),
            vpc=self.vpc,
            capture=DataCapture(),
            encryption_key=self.key,
        )
        for name, least in (("Asleep", 0), ("Awake", 1)):
            fleet.add_component(
                name,
                model=self.model,
                memory=cdk.Size.gibibytes(2),
                scaling=AutoScaling(
                    min_capacity=least,
                    max_capacity=4,
                    invocations_per_copy=600,
                    concurrent_requests_per_copy=5,
                ),
            )

    def _shadows(self) -> None:
        old, new = (
            Variant(name=name, model=self.model, instance_type="ml.m5.large") for name in ("Old", "New")
        )
        ShadowTest(self, "Shadow", production=old, challenger=new)
        endpoint = RealtimeEndpoint(self, "Shadowed", model=self.model, instance_type="ml.m5.large")
        ManagedShadowTest(self, "Managed", endpoint=endpoint, challenger=new, capture=DataCapture())
