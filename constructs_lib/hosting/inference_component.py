"""InferenceComponent: one model on a shared fleet, with copies and a share of each instance."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import TYPE_CHECKING

import aws_cdk as cdk
import constructs
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sagemaker as sagemaker
from aws_cdk.interfaces import aws_sagemaker as references

from ..core import instance_types
from ..core.checks import duration, known, number, text, whole_number
from ..core.naming import NAME_ALLOWED, NAME_PATTERN, physical_name
from ..core.place import construct_path, note_place
from ..core.rules import API_REFERENCE, DEVELOPER_GUIDE, Broken, Rules, enforce_together
from ..model.model import Model
from .auto_scaling import MAX_CAPACITY, AutoScaling, is_moved
from .component_metrics import ComponentMetric
from .grants import ComponentGrants
from .hosting_rules import FEW_ALARMS, few_alarms
from .metrics import EndpointMetric
from .rollback_alarms import RollbackAlarms, Watched
from .rollout import Rollout
from .scaling import CapacityScaling, Scalable
from .support import Kind, support_rules
from .variant import is_model, model_name, startup_seconds
from .waking import may_sleep, wake_up, wake_up_name_is_free

if TYPE_CHECKING:
    from .component_endpoint import ComponentEndpoint

_Component = sagemaker.CfnInferenceComponent
_WAKE_SECONDS = 30
_LEAST_BATCH_PERCENT, _MOST_BATCH_PERCENT = 5, 50
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


class InferenceComponent(constructs.Construct):
    """A model on a `ComponentEndpoint`; made by `ComponentEndpoint.add_component`."""

    def __init__(
        self,
        scope: constructs.Construct,
        id: str,
        *,
        endpoint: ComponentEndpoint,
        model: references.IModelRef,
        memory: cdk.Size,
        max_memory: cdk.Size | None,
        cpu_cores: float | None,
        accelerators: int | None,
        copies: int | None,
        scaling: AutoScaling | None,
        rollout: Rollout | None,
        placement: Placement | None,
        cache_artefacts: bool | None,
        download_timeout: cdk.Duration | None,
        startup_timeout: cdk.Duration | None,
        component_name: str | None,
    ) -> None:
        """Make the component; the parameters are those of `ComponentEndpoint.add_component`."""
        derived = physical_name(scope, suffix=id.replace("/", "--"))  # as the CDK writes ids into paths
        props = ComponentProps(
            instance_type=endpoint.instance_type,
            model=model,
            memory=memory,
            max_memory=max_memory,
            cpu_cores=cpu_cores,
            accelerators=accelerators,
            copies=copies,
            scaling=scaling,
            rollout=rollout,
            placement=placement,
            cache_artefacts=cache_artefacts,
            download_timeout=download_timeout,
            startup_timeout=startup_timeout,
            component_name=component_name,
            id=id,
            name=derived if component_name is None else component_name,
            taken={each.component_name.lower(): other for other, each in endpoint.components.items()},
        )
        enforce_together(component_rules.violations(props), path=lambda: construct_path(scope, id))
        super().__init__(scope, id)
        note_place(self, scope, id)
        self.endpoint = endpoint
        """The endpoint whose fleet it shares."""
        self.component_name: str = props.name
        """What requests name it by, known at synth."""
        self.grants = ComponentGrants(endpoint)
        """Who may use it: ``component.grants.invoke(function)``."""
        self.keeps_a_copy = props.keeps_a_copy
        """Whether at least one copy is always there, so that the fleet cannot go."""
        self.rollback_alarms = RollbackAlarms(
            self,
            "RollbackAlarms",
            watched=Watched(subject=f"inference component {self.component_name}", sources=self._sources),
            rollback=props.rollout_or_default.rollback,
        )
        """Alarms that roll a new version back."""
        self.cfn_inference_component = self._component(props)
        self.scaling: CapacityScaling | None = self._scaling(props.scaling)
        """Auto scaling of the copies, if they scale."""

    @property
    def inference_component_arn(self) -> str:
        """The ARN, made from the name."""
        return self.endpoint.stack.format_arn(
            service="sagemaker", resource="inference-component", resource_name=self.component_name
        )

    def metric(
        self, metric: ComponentMetric, *, statistic: str | None = None, period: cdk.Duration | None = None
    ) -> cloudwatch.Metric:
        """A metric of this component alone.

        :param statistic: default: what suits the metric, for example ``Sum`` or ``p99``.
        :param period: default: 1 minute.
        """
        return cloudwatch.Metric(
            namespace=metric.namespace,
            metric_name=metric.metric_name,
            dimensions_map=self._dimensions,
            statistic=statistic or metric.statistic,
            period=period or cdk.Duration.minutes(1),
        )

    @property
    def _dimensions(self) -> Mapping[str, str]:
        return {"InferenceComponentName": self.component_name}

    def _sources(self, _metric: EndpointMetric) -> Sequence[Mapping[str, str]]:
        return [self._dimensions]

    def _component(self, props: ComponentProps) -> _Component:
        component = _Component(
            self,
            "Resource",
            # CloudFormation would choose a name, and tell it to nobody: scaling and metrics need it.
            inference_component_name=self.component_name,
            endpoint_name=self.endpoint.endpoint_name,
            variant_name=self.endpoint.variant_names[0],
            runtime_config=_Component.InferenceComponentRuntimeConfigProperty(
                copy_count=props.initial_copies
            ),
            specification=_specification(props),
            deployment_config=props.rollout_or_default.bind_component(self.rollback_alarms.names),
        )
        needed: list[constructs.IDependable] = [self.endpoint.cfn_endpoint]
        if isinstance(props.model, Model) and self.endpoint.role is not None:
            needed.append(props.model.let_serve(self, self.endpoint.role))
        component.node.add_dependency(*needed)
        return component

    def _scaling(self, scaling: AutoScaling | None) -> CapacityScaling | None:
        if scaling is None:
            return None
        if may_sleep(scaling):
            # Nothing is measured per copy where there is no copy: what tells is a request that found none.
            unserved = self.metric(
                ComponentMetric.NO_CAPACITY_INVOCATION_FAILURES, period=cdk.Duration.seconds(_WAKE_SECONDS)
            )
            scaling = dataclasses.replace(scaling, steps=[*scaling.steps, wake_up(unserved)])
        made = CapacityScaling(
            self, "Scaling", scalable=Scalable.copies(self.component_name), scaling=scaling
        )
        made.node.add_dependency(self.cfn_inference_component)
        return made


@cache
def _small_batches(*, many: bool) -> Rollout:
    """A rollout is a value: one of each serves all components."""
    wait = cdk.Duration.minutes(1)
    if many:
        return Rollout.rolling(batch_percent=_LEAST_BATCH_PERCENT, wait=wait)
    return Rollout.rolling(batch_instances=1, wait=wait)


def _specification(props: ComponentProps) -> _Component.InferenceComponentSpecificationProperty:
    placement, cache = props.placement, props.cache_artefacts
    return _Component.InferenceComponentSpecificationProperty(
        model_name=model_name(props.model),
        compute_resource_requirements=_Component.InferenceComponentComputeResourceRequirementsProperty(
            min_memory_required_in_mb=props.memory.to_mebibytes(),
            max_memory_required_in_mb=props.max_memory.to_mebibytes()
            if props.max_memory is not None
            else None,
            number_of_cpu_cores_required=props.cpu_cores,
            number_of_accelerator_devices_required=props.accelerators,
        ),
        startup_parameters=_Component.InferenceComponentStartupParametersProperty(
            model_data_download_timeout_in_seconds=startup_seconds(props.download_timeout),
            container_startup_health_check_timeout_in_seconds=startup_seconds(props.startup_timeout),
        ),
        scheduling_config=_Component.InferenceComponentSchedulingConfigProperty(
            placement_strategy=placement.value,
            # Zones come before the strategy; permissive, so that a full zone stops no deployment.
            availability_zone_balance=_Component.InferenceComponentAvailabilityZoneBalanceProperty(
                enforcement_mode="PERMISSIVE"
            ),
        )
        if placement is not None
        else None,
        data_cache_config=_Component.InferenceComponentDataCacheConfigProperty(enable_caching=cache)
        if cache is not None
        else None,
    )


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
        if size is not None and (size < 128 or not size.is_integer()):
            yield Broken(name, f"{size:g} MiB", "a Size of whole MiB, at least 128")
    if low is not None and high is not None and low > high:
        yield Broken("memory", f"{low:g} MiB", f"at most max_memory ({high:g} MiB)")


def _mebibytes(size: object) -> float | None:
    if not isinstance(size, cdk.Size) or not known(size):
        return None
    return float(size.to_kibibytes(rounding=cdk.SizeRoundingBehavior.NONE) / 1024)


@_all_components.rule("SM-COMPONENT-006", source=_RESOURCES)
def compute_fits(props: ComponentProps) -> Iterator[Broken]:
    """A copy needs at least 0.25 CPU cores, and accelerators only where its instances have some."""
    yield from number("cpu_cores", props.cpu_cores, 0.25)
    yield from whole_number("accelerators", props.accelerators, 1, 64)
    type = props.instance_type
    # Of types newer than this release nothing is known.
    if props.accelerators is None or type not in instance_types.hosting_types():
        return
    if not instance_types.has_accelerators(type):
        yield Broken("accelerators", props.accelerators, f"none: {type} has no GPU and no Neuron chip")


@_all_components.rule("SM-COMPONENT-007", source=API_REFERENCE + "API_InferenceComponentRuntimeConfig.html")
def copies_within_bounds(props: ComponentProps) -> Iterator[Broken]:
    """Copies are a whole number, at first within the scaling's bounds."""
    yield from whole_number("copies", props.copies, 0, MAX_CAPACITY)
    scaling, given = props.scaling, props.copies
    if not isinstance(scaling, AutoScaling) or not isinstance(given, int):
        return
    low, high = scaling.min_capacity, scaling.max_capacity
    if known(low, high) and not low <= given <= high:
        yield Broken("copies", given, f"{low}–{high}, the scaling's bounds", "leave it out for the minimum")


@_all_components.rule(
    "SM-COMPONENT-008", source=API_REFERENCE + "API_InferenceComponentStartupParameters.html"
)
def component_timeouts_fit(props: ComponentProps) -> Iterator[Broken]:
    """Download and start-up of a copy may take 1–60 minutes."""
    yield from duration("download_timeout", props.download_timeout, 60, 3600)
    yield from duration("startup_timeout", props.startup_timeout, 60, 3600)


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
