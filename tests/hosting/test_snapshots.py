"""Whole examples, to be read: the least endpoint, one with everything, and one of each other kind.

Accept a change on purpose with ``python -m pytest tests/hosting/test_snapshots.py --snapshot-update``, and
read the diff.
"""

from __future__ import annotations

import json
import re
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.json import JSONSnapshotExtension

from constructs_lib import (
    AsyncEndpoint,
    AsyncOutput,
    AutoScaling,
    Container,
    ContainerImage,
    DataCapture,
    InferencePipeline,
    MetricsPublishing,
    Model,
    ModelData,
    MultiModelEndpoint,
    RealtimeEndpoint,
    Rollout,
    RoutingStrategy,
    ServerlessEndpoint,
    Variant,
)
from tests.support.synth import IMAGE_URI, a_bucket, a_model, some_data, synthesized

SHOWN = (
    "AWS::SageMaker::Model",
    "AWS::SageMaker::EndpointConfig",
    "AWS::SageMaker::Endpoint",
    "Custom::HostedModel",
)
SCALING = (
    "AWS::ApplicationAutoScaling::ScalableTarget",
    "AWS::ApplicationAutoScaling::ScalingPolicy",
    "AWS::CloudWatch::Alarm",
)


def shown(stack: cdk.Stack, *more: str) -> dict[str, Any]:
    """Model, configuration and endpoint, and resources of `more` types, with asset hashes normalised."""
    types = (*SHOWN, *more)
    kept = {id: each for id, each in synthesized(stack)["Resources"].items() if each["Type"] in types}
    return dict(json.loads(re.sub(r"[0-9a-f]{64}", "<asset>", json.dumps(kept))))


def matches(snapshot: SnapshotAssertion, stack: cdk.Stack, *more: str) -> bool:
    return snapshot.use_extension(JSONSnapshotExtension) == shown(stack, *more)


def test_the_least(stack: cdk.Stack, snapshot: SnapshotAssertion) -> None:
    RealtimeEndpoint(stack, "Endpoint", model=a_model(stack), instance_type="ml.m5.large")
    assert matches(snapshot, stack)


def test_everything(stack: cdk.Stack, snapshot: SnapshotAssertion) -> None:
    model = Model(
        stack,
        "Model",
        container=Container(
            image=ContainerImage.from_uri("111122223333.dkr.ecr.eu-west-1.amazonaws.com/fraud:1"),
            data=some_data(stack),
            environment={"THRESHOLD": "0.5"},
            hostname="predict",
        ),
        network_isolation=True,
    )
    RealtimeEndpoint(
        stack,
        "Endpoint",
        variants=[
            Variant(
                name="Champion",
                model=model,
                instance_type="ml.m5.large",
                weight=9,
                scaling=AutoScaling(min_capacity=2, max_capacity=8, invocations_per_instance=600),
                volume_size=cdk.Size.gibibytes(30),
                routing=RoutingStrategy.LEAST_OUTSTANDING_REQUESTS,
            ),
            Variant(name="Challenger", model=model, instance_type="ml.c5.large", weight=0),
        ],
        rollout=Rollout.canary(
            size_percent=10, wait=cdk.Duration.minutes(10), maximum_execution=cdk.Duration.hours(1)
        ),
        capture=DataCapture(bucket=a_bucket(stack), sampling_percent=20),
        encryption_key=kms.Key(stack, "Key"),
        metrics=MetricsPublishing(every=cdk.Duration.seconds(10)),
    )
    assert matches(snapshot, stack)


def test_serverless(stack: cdk.Stack, snapshot: SnapshotAssertion) -> None:
    ServerlessEndpoint(
        stack,
        "Endpoint",
        model=a_model(stack),
        memory=cdk.Size.gibibytes(4),
        max_concurrency=50,
        scaling=AutoScaling(min_capacity=2, max_capacity=10, provisioned_concurrency_utilization=0.7),
        check_deployments=False,
    )
    assert matches(snapshot, stack, *SCALING)


def test_asynchronous(stack: cdk.Stack, snapshot: SnapshotAssertion) -> None:
    key = kms.Key(stack, "Key")
    AsyncEndpoint(
        stack,
        "Endpoint",
        model=a_model(stack),
        instance_type="ml.m5.large",
        scaling=AutoScaling(min_capacity=0, max_capacity=3),
        output=AsyncOutput(
            encryption_key=key,
            success_topic=sns.Topic(stack, "Answered", master_key=key),
            error_topic=sns.Topic(stack, "Failed", master_key=key),
        ),
        max_concurrent_invocations_per_instance=4,
        check_deployments=False,
    )
    assert matches(snapshot, stack, *SCALING, "AWS::S3::Bucket", "AWS::IAM::Policy")


def test_many_models(stack: cdk.Stack, snapshot: SnapshotAssertion) -> None:
    endpoint = MultiModelEndpoint(
        stack,
        "Endpoint",
        container=Container(image=ContainerImage.from_uri(IMAGE_URI)),
        instance_type="ml.m5.xlarge",
        models=ModelData.from_prefix(a_bucket(stack), "models/"),
        cache=False,
    )
    endpoint.add_model("team-a/churn", some_data(stack))
    assert matches(snapshot, stack)


def test_a_pipeline(stack: cdk.Stack, snapshot: SnapshotAssertion) -> None:
    image = ContainerImage.from_uri(IMAGE_URI)
    InferencePipeline(
        stack,
        "Endpoint",
        containers=[
            Container(image=image, data=some_data(stack), hostname="scale"),
            Container(image=image, hostname="classify"),
        ],
        instance_type="ml.m5.large",
        direct_invocation=True,
        capture=DataCapture(bucket=a_bucket(stack), sampling_percent=20),
    )
    assert matches(snapshot, stack)
