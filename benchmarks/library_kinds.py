"""One endpoint of each further kind, made with this library, as a user gets it by default, scaled."""

from __future__ import annotations

from functools import cache

import aws_cdk as cdk
from aws_cdk import aws_s3 as s3

from constructs_lib import (
    AsyncEndpoint,
    AutoScaling,
    ComponentEndpoint,
    Container,
    ContainerImage,
    InferencePipeline,
    ManagedInstanceScaling,
    Model,
    ModelData,
    MultiModelEndpoint,
    ServerlessEndpoint,
)

from .library import IMAGE

ARTEFACTS = "artefacts"
"""Name of the bucket with the archives of models."""
INSTANCE_TYPE = "ml.m5.large"
ADDED_MODELS = 5
CONTAINERS = 3
COMPONENTS = 2


def serverless_endpoint(stack: cdk.Stack, index: int) -> None:
    """A serverless endpoint whose provisioned concurrency scales."""
    ServerlessEndpoint(
        stack,
        f"Endpoint{index}",
        model=_model(stack, f"Model{index}"),
        scaling=AutoScaling(min_capacity=1, max_capacity=4, provisioned_concurrency_utilization=0.7),
    )


def async_endpoint(stack: cdk.Stack, index: int) -> None:
    """An asynchronous endpoint with a bucket of its own, which sleeps while nothing waits."""
    AsyncEndpoint(
        stack,
        f"Endpoint{index}",
        model=_model(stack, f"Model{index}"),
        instance_type=INSTANCE_TYPE,
        scaling=AutoScaling(min_capacity=0, max_capacity=4),
    )


def multi_model_endpoint(stack: cdk.Stack, index: int) -> None:
    """A multi-model endpoint with a bucket of its own, and models placed in it."""
    endpoint = MultiModelEndpoint(
        stack,
        f"Endpoint{index}",
        container=_container(),
        instance_type=INSTANCE_TYPE,
        scaling=AutoScaling(min_capacity=2, max_capacity=4, invocations_per_instance=600),
    )
    for number in range(ADDED_MODELS):
        archive = ModelData.from_bucket(_artefacts(stack), f"fraud/{number}.0.0.tar.gz")
        endpoint.add_model(f"fraud{number}", archive)


def inference_pipeline(stack: cdk.Stack, index: int) -> None:
    """Containers that answer one after the other."""
    InferencePipeline(
        stack,
        f"Endpoint{index}",
        containers=[_container() for _ in range(CONTAINERS)],
        instance_type=INSTANCE_TYPE,
        scaling=AutoScaling(min_capacity=2, max_capacity=4, invocations_per_instance=600),
    )


def component_endpoint(stack: cdk.Stack, index: int) -> None:
    """A fleet with inference components, which may all go to sleep."""
    endpoint = ComponentEndpoint(
        stack,
        f"Endpoint{index}",
        instance_type=INSTANCE_TYPE,
        managed_scaling=ManagedInstanceScaling(min_count=0, max_count=4),
    )
    for number in range(COMPONENTS):
        endpoint.add_component(
            f"Component{number}",
            model=_model(stack, f"Model{index}-{number}"),
            memory=cdk.Size.gibibytes(2),
            cpu_cores=1,
            scaling=AutoScaling(min_capacity=0, max_capacity=4, invocations_per_copy=600),
        )


def _container() -> Container:
    return Container(image=ContainerImage.from_uri(IMAGE))


def _model(stack: cdk.Stack, id: str) -> Model:
    return Model(stack, id, container=_container())


@cache
def _artefacts(stack: cdk.Stack) -> s3.IBucket:
    return s3.Bucket.from_bucket_name(stack, "Artefacts", ARTEFACTS)
