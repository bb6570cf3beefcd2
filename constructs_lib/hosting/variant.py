"""Variants: one model on one kind of instance, taking a share of an endpoint's traffic."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sagemaker as sagemaker
from aws_cdk.interfaces import aws_sagemaker as references

from ..core import instance_types
from ..core.checks import duration, kind, number, size, text, whole_number, within
from ..core.limits import AMI_PATTERN, MAX_CAPACITY, NAME_ALLOWED, NAME_PATTERN, STARTUP_SECONDS, VOLUME_GIB
from ..core.rules import API_REFERENCE, DEVELOPER_GUIDE, Broken, Rules
from ..core.tokens import is_token
from ..model.model import ModelBase
from ..model.reference import is_model, model_name
from .auto_scaling import AutoScaling
from .scaling import Scalable

DEFAULT_VARIANT_NAME = "AllTraffic"
DEFAULT_INSTANCE_COUNT = 2
DEFAULT_STARTUP_SECONDS = 600


class RoutingStrategy(Enum):
    """How requests find an instance of the variant."""

    LEAST_OUTSTANDING_REQUESTS = "LEAST_OUTSTANDING_REQUESTS"
    """To the one with the fewest requests in flight: better tails when latencies differ."""
    RANDOM = "RANDOM"


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One model on one kind of instance.

    Source: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ProductionVariant.html

    :raises ConstraintError: SM-VARIANT-001 … SM-VARIANT-008.
    """

    name: str
    """Unique within the endpoint, and kept between versions: capacity and weight are carried over by name."""
    model: references.IModelRef
    instance_type: str
    """For example ``ml.m5.large``."""
    instance_count: int | None = None
    """Instances at first. Default: the scaling's minimum, else 2."""
    weight: float = 1.0
    """Share of the traffic, relative to the sum of all weights. 0 is no traffic, and stays 0."""
    scaling: AutoScaling | None = None
    volume_size: cdk.Size | None = None
    """1–512 GiB. Default: what the instance type brings."""
    download_timeout: cdk.Duration | None = None
    """1–60 minutes to fetch the model data. Default: 10 minutes."""
    startup_timeout: cdk.Duration | None = None
    """1–60 minutes until the container answers its health check. Default: 10 minutes, so that a broken
    container fails the deployment early."""
    routing: RoutingStrategy | None = None
    """Default: SageMaker's own, random."""
    inference_ami_version: str | None = None
    """For example ``al2-ami-sagemaker-inference-gpu-2``, where the container needs a certain driver."""
    ssm_access: bool = False
    """Let operators open a session on the instances. Off unless you debug."""

    def __post_init__(self) -> None:
        """Check."""
        variant_rules.enforce(self, path=f"Variant {self.name!r}")

    @property
    def initial_instance_count(self) -> int:
        """Instances at first, with the defaults applied."""
        return default_count(self.instance_count, self.scaling)

    @property
    def smallest_count(self) -> int:
        """The fewest instances it may come down to."""
        return self.scaling.min_capacity if self.scaling is not None else self.initial_instance_count

    @property
    def role(self) -> iam.IRole | None:
        """The role of its model; none where that is imported without one."""
        return self.model.role if isinstance(self.model, ModelBase) else None

    def scalable(self, endpoint_name: str) -> Scalable:
        """Its number of instances."""
        return Scalable.instances(endpoint_name, self.name)

    def bind(self) -> sagemaker.CfnEndpointConfig.ProductionVariantProperty:
        """The variant as the endpoint configuration carries it."""
        routing = self.routing
        return sagemaker.CfnEndpointConfig.ProductionVariantProperty(
            variant_name=self.name,
            model_name=model_name(self.model),
            instance_type=self.instance_type,
            initial_instance_count=self.initial_instance_count,
            initial_variant_weight=self.weight,
            volume_size_in_gb=None if self.volume_size is None else self.volume_size.to_gibibytes(),
            model_data_download_timeout_in_seconds=startup_seconds(self.download_timeout),
            container_startup_health_check_timeout_in_seconds=startup_seconds(self.startup_timeout),
            routing_config=None
            if routing is None
            else sagemaker.CfnEndpointConfig.RoutingConfigProperty(routing_strategy=routing.value),
            inference_ami_version=self.inference_ami_version,
            enable_ssm_access=self.ssm_access or None,
        )


def default_count(instance_count: int | None, scaling: AutoScaling | None) -> int:
    """Instances at first: as given, else the scaling's minimum, else 2. An endpoint never starts with none."""
    if instance_count is not None:
        return instance_count
    if not isinstance(scaling, AutoScaling):
        return DEFAULT_INSTANCE_COUNT
    return 1 if scaling.min_capacity == 0 else scaling.min_capacity


def is_known_count(count: object) -> bool:
    """Whether a number of instances is one, and known at synthesis."""
    return isinstance(count, int) and not is_token(count)


def startup_seconds(value: cdk.Duration | None) -> int | float:
    """Seconds to fetch the data or to become healthy, with the default applied."""
    return DEFAULT_STARTUP_SECONDS if value is None else value.to_seconds()


PENDING_MODEL: Any = type(
    "PendingModel", (), {name: None for name in dir(references.IModelRef) if not name.startswith("_")}
)()
"""Stands for the model that an endpoint makes once its props are checked: offers what a model offers."""

variant_rules = Rules[Variant]()

_SOURCE = API_REFERENCE + "API_ProductionVariant.html"


@variant_rules.rule("SM-VARIANT-001", source=_SOURCE)
def variant_name(variant: Variant) -> Iterator[Broken]:
    """A variant's name has 1–63 letters, digits and hyphens."""
    yield from kind("name", variant.name, str, optional=False)
    if isinstance(variant.name, str):
        yield from text("name", variant.name, NAME_PATTERN, NAME_ALLOWED)


@variant_rules.rule("SM-VARIANT-002", source=_SOURCE)
def variant_serves_a_model(variant: Variant) -> Iterator[Broken]:
    """A variant serves a model."""
    if not is_model(variant.model):
        yield Broken("model", variant.model, "a Model", "Model(…) or Model.from_model_name(…)")


@variant_rules.rule("SM-VARIANT-003", source=_SOURCE)
def instance_type_is_one(variant: Variant) -> Iterator[Broken]:
    """An instance type is spelled ml.family.size."""
    yield from kind("instance_type", variant.instance_type, str, optional=False)
    if isinstance(variant.instance_type, str):
        yield from text(
            "instance_type",
            variant.instance_type,
            instance_types.PATTERN,
            "ml.<family>.<size>, such as ml.m5.large",
        )


@variant_rules.rule("SM-VARIANT-004", source=_SOURCE)
def numbers_fit(variant: Variant) -> Iterator[Broken]:
    """Instance count at least 1 and weight at least 0; a volume of 1–512 GiB."""
    yield from whole_number("instance_count", variant.instance_count, 1, MAX_CAPACITY)
    if variant.weight is None:
        yield Broken("weight", None, "a number of at least 0")
    yield from number("weight", variant.weight, 0)
    yield from size("volume_size", variant.volume_size, *VOLUME_GIB)


@variant_rules.rule("SM-VARIANT-005", source=_SOURCE)
def timeouts_fit(variant: Variant) -> Iterator[Broken]:
    """Download and start-up may take 1–60 minutes."""
    yield from duration("download_timeout", variant.download_timeout, *STARTUP_SECONDS)
    yield from duration("startup_timeout", variant.startup_timeout, *STARTUP_SECONDS)


@variant_rules.rule("SM-VARIANT-006", source=_SOURCE)
def variant_parts_have_their_types(variant: Variant) -> Iterator[Broken]:
    """Scaling, routing and switches have their types."""
    yield from kind(
        "scaling", variant.scaling, AutoScaling, fix="AutoScaling(min_capacity=…, max_capacity=…, …)"
    )
    yield from kind("routing", variant.routing, RoutingStrategy)
    ami = variant.inference_ami_version
    yield from text(
        "inference_ami_version", ami, AMI_PATTERN, "a name such as al2-ami-sagemaker-inference-gpu-2"
    )
    yield from kind("ssm_access", variant.ssm_access, bool, optional=False)


@variant_rules.rule("SM-VARIANT-007", source=DEVELOPER_GUIDE + "endpoint-auto-scaling-prerequisites.html")
def burstable_does_not_scale(variant: Variant) -> Iterator[Broken]:
    """A burstable instance type (ml.t2.*) cannot scale."""
    given = variant.instance_type
    if variant.scaling is None or not isinstance(given, str) or is_token(given):
        return
    if instance_types.PATTERN.fullmatch(given) and instance_types.is_burstable(given):
        yield Broken(
            "instance_type", given, "a type that is not burstable, since it scales", "ml.m5.large, for one"
        )


@variant_rules.rule("SM-VARIANT-008", source=DEVELOPER_GUIDE + "endpoint-auto-scaling.html")
def initial_count_within_bounds(variant: Variant) -> Iterator[Broken]:
    """The instances at first lie within the scaling's bounds."""
    scaling, count = variant.scaling, variant.instance_count
    if not isinstance(scaling, AutoScaling):
        return
    low, high, fix = scaling.min_capacity, scaling.max_capacity, "leave it out for the minimum"
    yield from within("instance_count", count, low, high, "the scaling's bounds", fix)
