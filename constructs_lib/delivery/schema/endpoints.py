"""The specs of endpoints, one a kind."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from .base import BucketName, Duration, InstanceType, Part, RepositoryPath, Size, TopicArn, whole
from .hosting import (
    Capture,
    EndpointCommon,
    MachineLimits,
    Metrics,
    OnInstances,
    Scaling,
    Served,
    VariantSpec,
)
from .model import ContainerSpec, Data, ModelSpec, Network, StepSpec


class ModelOrVariants(OnInstances):
    """One model on instances of a type, or several variants that each have theirs."""

    model: ModelSpec | None = None
    """Either this or `variants`."""
    variants: Annotated[list[VariantSpec], Field(min_length=1, max_length=10)] | None = None
    """Several models that share the traffic by weight."""
    instance_type: InstanceType | None = None
    """Such as `ml.m5.large`; with `model`."""

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.model is None) == (self.variants is None):
            raise PydanticCustomError("one_of", "exactly one of {names}", {"names": "model, variants"})
        if self.model is not None and self.instance_type is None:
            raise PydanticCustomError("needed", "instanceType beside model", {"field": "instanceType"})
        if self.variants is not None and self.instance_type is not None:
            raise PydanticCustomError(
                "together", "no instanceType beside variants: each has its own", {"field": "instanceType"}
            )
        return self


class RealtimeSpec(ModelOrVariants):
    """Spec of a `RealtimeEndpoint`: answers at once, on instances of its own."""


class ServerlessSpec(EndpointCommon):
    """Spec of a `ServerlessEndpoint`: costs nothing while nobody asks."""

    model: ModelSpec
    memory: Size | None = None
    """1, 2, 3, 4, 5 or 6 GiB. Default: 2 GiB."""
    max_concurrency: Annotated[int, Field(ge=1, le=200)] = 20
    provisioned_concurrency: Annotated[int, Field(ge=1)] | None = None
    """So many are kept warm. Default: none."""
    scaling: Scaling | None = None
    """Of the provisioned concurrency."""


class AsyncInputSpec(Part):
    """Where requests lie."""

    bucket: BucketName | None = None
    """Default: a new one."""
    prefix: str = "async-input"


class AsyncOutputSpec(Part):
    """Where answers go."""

    bucket: BucketName | None = None
    """Default: a new one."""
    prefix: str = "async-output"
    failure_prefix: str = "async-failures"
    success_topic: TopicArn | None = None
    error_topic: TopicArn | None = None
    include_response_in_success: bool = False
    include_response_in_error: bool = False


class AsyncSpec(Served, MachineLimits):
    """Spec of an `AsyncEndpoint`: requests that may wait, up to 1 GB and an hour each."""

    model: ModelSpec
    input: AsyncInputSpec | None = None
    output: AsyncOutputSpec | None = None
    max_concurrent_invocations_per_instance: Annotated[int, Field(ge=1, le=1000)] | None = None


class MultiModelSpec(Served, MachineLimits):
    """Spec of a `MultiModelEndpoint`: many models, each loaded when a request names it."""

    container: ContainerSpec
    """The image that serves all of them; without data."""
    code: RepositoryPath | None = None
    """Folder with the `inference.py` that serves all of them."""
    cache: bool = True
    """Whether models stay in memory between requests."""
    models: dict[
        Annotated[str, Field(pattern=whole(r"[A-Za-z0-9!_.'()-]+(/[A-Za-z0-9!_.'()-]+)*"))], Data
    ] = {}
    """The models by name; the name may hold slashes."""
    network: Network | None = None
    network_isolation: bool = False


class PipelineSpec(Served, MachineLimits):
    """Spec of an `InferencePipeline`: containers that answer one after the other."""

    containers: Annotated[list[StepSpec], Field(min_length=2, max_length=15)]
    direct_invocation: bool = False
    """Each request names the one container that answers it."""
    network: Network | None = None
    network_isolation: bool = False


class ManagedScaling(Part):
    """Instances that follow the copies on them."""

    min_count: Annotated[int, Field(ge=0)]
    max_count: Annotated[int, Field(ge=1)]


class ComponentSpec(Part):
    """One model on a shared fleet."""

    model: ModelSpec
    memory: Size
    """At least 128 MiB that a copy needs to be placed."""
    max_memory: Size | None = None
    cpu_cores: Annotated[float, Field(ge=0.25)] | None = None
    accelerators: Annotated[int, Field(ge=1)] | None = None
    copies: Annotated[int, Field(ge=0)] | None = None
    scaling: Scaling | None = None
    """Of the copies, with targets per copy."""
    download_timeout: Duration | None = None
    startup_timeout: Duration | None = None


class ComponentEndpointSpec(EndpointCommon):
    """Spec of a `ComponentEndpoint`: several models on one fleet, each with copies of its own."""

    instance_type: InstanceType
    instance_count: Annotated[int, Field(ge=1)] | None = None
    managed_scaling: ManagedScaling | None = None
    """Default: the count of instances stays."""
    components: Annotated[
        dict[Annotated[str, Field(pattern=whole(r"[a-zA-Z][a-zA-Z0-9-]{0,39}"))], ComponentSpec],
        Field(min_length=1),
    ]
    """What runs on the fleet, by name."""
    routing: Literal["LEAST_OUTSTANDING_REQUESTS", "RANDOM"] | None = None
    volume_size: Size | None = None
    capture: Capture | None = None
    metrics: Metrics | None = None
    network: Network | None = None
    network_isolation: bool = False
