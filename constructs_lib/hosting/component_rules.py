"""The props and the rules of `InferenceComponent`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache

import aws_cdk as cdk
from aws_cdk.interfaces import aws_sagemaker as references

from ..core import instance_types
from ..core.checks import duration, known, number, text, whole_number, within
from ..core.limits import (
    COMPONENT_LEAST_CORES,
    COMPONENT_LEAST_MEBIBYTES,
    COMPONENT_MOST_ACCELERATORS,
    MAX_CAPACITY,
    NAME_ALLOWED,
    NAME_PATTERN,
    ROLLING_PERCENT,
    STARTUP_SECONDS,
)
from ..core.roles import RolePolicies
from ..core.rules import API_REFERENCE, DEVELOPER_GUIDE, Broken, Rules
from ..model.model import Model
from ..model.reference import is_model
from .auto_scaling import AutoScaling, is_moved
from .hosting_rules import FEW_ALARMS, few_alarms
from .rollout import Rollout
from .support import Kind, support_rules
from .waking import may_sleep, wake_up_name_is_free

_LEAST_BATCH_PERCENT, _MOST_BATCH_PERCENT = ROLLING_PERCENT
_ONE_BY_ONE_UP_TO = 100 // _LEAST_BATCH_PERCENT


class Placement(Enum):
    """How copies are placed on instances that have room."""

    SPREAD = "SPREAD"
    """Evenly, so that the loss of an instance costs few."""
    BINPACK = "BINPACK"
    """On as few instances as possible, so that others can be released."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentProps:
    """The props of an `InferenceComponent`, for its rules."""

    instance_type: str
    model: references.IModelRef
    memory: cdk.Size
    max_memory: cdk.Size | None
    cpu_cores: float | None
    accelerators: int | None
    copies: int | None
    scaling: AutoScaling | None
    rollout: Rollout | None
    placement: Placement | None
    cache_artefacts: bool | None
    download_timeout: cdk.Duration | None
    startup_timeout: cdk.Duration | None
    component_name: str | None
    id: str
    name: str
    """As given, else derived."""
    taken: Mapping[str, str]
    """The lower-case names of the endpoint's other components, with their ids."""
    policies_size: int
    """Characters that the policies of the endpoint's role take, with what this model needs."""

    @property
    def initial_copies(self) -> int:
        """As given, else the scaling's minimum, but 1 at least, so that a broken model fails its deployment."""
        if self.copies is not None or self.scaling is None:
            return 1 if self.copies is None else self.copies
        low = self.scaling.min_capacity
        return 1 if low == 0 else low

    @property
    def keeps_a_copy(self) -> bool:
        """Whether it is known that at least one copy is always there."""
        if self.scaling is not None:
            return not may_sleep(self.scaling)
        return known(self.initial_copies) and self.initial_copies > 0

    @property
    def rollout_or_default(self) -> Rollout:
        """As given, else the smallest batches that SageMaker takes."""
        if self.rollout is not None:
            return self.rollout
        most = self.initial_copies if self.scaling is None else self.scaling.max_capacity
        return _small_batches(many=known(most) and most > _ONE_BY_ONE_UP_TO)


@cache
def _small_batches(*, many: bool) -> Rollout:
    """A rollout is a value: one of each serves all components."""
    wait = cdk.Duration.minutes(1)
    if many:
        return Rollout.rolling(batch_percent=_LEAST_BATCH_PERCENT, wait=wait)
    return Rollout.rolling(batch_instances=1, wait=wait)


_all_components = Rules[ComponentProps]()
component_rules = support_rules(Kind.COMPONENT, including=_all_components)

_RESOURCES = API_REFERENCE + "API_InferenceComponentComputeResourceRequirements.html"
_CREATE = API_REFERENCE + "API_CreateInferenceComponent.html"


@_all_components.rule("SM-COMPONENT-004", source=_CREATE)
def component_serves_a_model(props: ComponentProps) -> Iterator[Broken]:
    """A component serves a model, and leaves the network to its endpoint."""
    if not is_model(props.model):
        yield Broken("model", props.model, "a Model", "Model(…) or Model.from_model_name(…)")
    if isinstance(props.model, Model) and props.model.connections is not None:
        yield Broken("model", "a model in a VPC", "a model without one", "ComponentEndpoint(vpc=…)")
    if isinstance(props.model, Model) and props.model.network_isolation:
        yield Broken(
            "model",
            "an isolated model",
            "a model without isolation",
            "ComponentEndpoint(network_isolation=True)",
        )


@_all_components.rule("SM-COMPONENT-005", source=_RESOURCES)
def memory_fits(props: ComponentProps) -> Iterator[Broken]:
    """A copy needs at least 128 MiB, and not more than it may take at most."""
    low, high = _mebibytes(props.memory), _mebibytes(props.max_memory)
    for name, size in (("memory", low), ("max_memory", high)):
        if size is not None and (size < COMPONENT_LEAST_MEBIBYTES or not size.is_integer()):
            yield Broken(name, f"{size:g} MiB", f"a Size of whole MiB, at least {COMPONENT_LEAST_MEBIBYTES}")
    if low is not None and high is not None and low > high:
        yield Broken("memory", f"{low:g} MiB", f"at most max_memory ({high:g} MiB)")


def _mebibytes(size: object) -> float | None:
    if not isinstance(size, cdk.Size) or not known(size):
        return None
    return float(size.to_kibibytes(rounding=cdk.SizeRoundingBehavior.NONE) / 1024)


@_all_components.rule("SM-COMPONENT-006", source=_RESOURCES)
def compute_fits(props: ComponentProps) -> Iterator[Broken]:
    """A copy needs at least 0.25 CPU cores, and accelerators only where its instances have some."""
    yield from number("cpu_cores", props.cpu_cores, COMPONENT_LEAST_CORES)
    yield from whole_number("accelerators", props.accelerators, 1, COMPONENT_MOST_ACCELERATORS)
    type = props.instance_type
    # Of types newer than this release nothing is known.
    if props.accelerators is None or type not in instance_types.hosting_types():
        return
    if not instance_types.has_accelerators(type):
        yield Broken("accelerators", props.accelerators, f"none: {type} has no GPU and no Neuron chip")


@_all_components.rule("SM-COMPONENT-007", source=API_REFERENCE + "API_InferenceComponentRuntimeConfig.html")
def copies_within_bounds(props: ComponentProps) -> Iterator[Broken]:
    """A component starts with at least 1 copy, within the scaling's bounds."""
    # SageMaker makes no component without a copy, though one may come down to none.
    yield from whole_number("copies", props.copies, 1, MAX_CAPACITY)
    scaling, given = props.scaling, props.copies
    if not isinstance(scaling, AutoScaling):
        return
    low, high, fix = scaling.min_capacity, scaling.max_capacity, "leave it out: the minimum, or 1"
    yield from within("copies", given, low, high, "the scaling's bounds", fix)


@_all_components.rule(
    "SM-COMPONENT-008", source=API_REFERENCE + "API_InferenceComponentStartupParameters.html"
)
def component_timeouts_fit(props: ComponentProps) -> Iterator[Broken]:
    """Download and start-up of a copy may take 1–60 minutes."""
    yield from duration("download_timeout", props.download_timeout, *STARTUP_SECONDS)
    yield from duration("startup_timeout", props.startup_timeout, *STARTUP_SECONDS)


@_all_components.rule("SM-COMPONENT-009", source=_CREATE)
def component_name_is_one(props: ComponentProps) -> Iterator[Broken]:
    """A component's name has 1–63 letters, digits and hyphens."""
    yield from text("component_name", props.component_name, NAME_PATTERN, NAME_ALLOWED)


@_all_components.rule(
    "SM-COMPONENT-010", source=DEVELOPER_GUIDE + "endpoint-auto-scaling-zero-instances.html"
)
def sleeping_copies_have_a_target(props: ComponentProps) -> Iterator[Broken]:
    """Copies that may go to zero have a target that lets them, and leave the waking up to the library."""
    scaling = props.scaling
    if isinstance(scaling, AutoScaling) and may_sleep(scaling) and not is_moved(scaling):
        yield Broken(
            "scaling.invocations_per_copy", None, "a target, a step or a schedule", "invocations_per_copy=600"
        )
    yield from wake_up_name_is_free(scaling)


@_all_components.rule("SM-COMPONENT-013", source=_CREATE)
def component_name_is_its_own(props: ComponentProps) -> Iterator[Broken]:
    """Components of one endpoint have names that differ in more than their case."""
    # Derived names are in lower case; ARNs are too, whatever the case of the name they are made from.
    other = props.taken.get(props.name.lower()) if known(props.name) else None
    if other is None:
        return
    given = ("id", props.id) if props.component_name is None else ("component_name", props.component_name)
    yield Broken(*given, f"one of its own: component {other!r} is named {props.name.lower()}")


@_all_components.rule(
    "SM-COMPONENT-014", source=API_REFERENCE + "API_InferenceComponentRollingUpdatePolicy.html"
)
def batch_fits_the_copies(props: ComponentProps) -> Iterator[Broken]:
    """A batch counted in copies is 5–50 % of those at first, or the only one."""
    rollout, copies = props.rollout, props.initial_copies
    if not isinstance(rollout, Rollout) or not isinstance(rollout.instances, int) or not rollout.in_place:
        return
    if not known(copies) or copies < 1:
        return
    least = math.ceil(copies * _LEAST_BATCH_PERCENT / 100)
    most = max(1, copies * _MOST_BATCH_PERCENT // 100)
    if not least <= rollout.instances <= most:
        yield Broken(
            "rollout.batch_instances",
            rollout.instances,
            f"{least}–{most} of the {copies} copies at first",
            "batch_percent=…, which holds for any number of copies",
        )


_all_components.add(FEW_ALARMS, lambda props: few_alarms(props.rollout))


@_all_components.rule(
    "SM-COMPONENT-015", source="https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"
)
def policies_fit_the_role(props: ComponentProps) -> Iterator[Broken]:
    """What all models of an endpoint need fits the 10,240 characters of its role's inline policies."""
    if props.policies_size > RolePolicies.LIMIT:
        yield Broken(
            "model",
            f"about {props.policies_size} characters of policies",
            f"at most {RolePolicies.LIMIT} for all components",
            "another ComponentEndpoint; images and buckets that models share cost once",
        )
