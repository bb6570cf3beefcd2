"""InferenceComponent: one model on a shared fleet, with copies and a share of each instance."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import aws_cdk as cdk
import constructs
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sagemaker as sagemaker
from aws_cdk.interfaces import aws_sagemaker as references

from ..core.naming import physical_name
from ..core.place import construct_path, note_place
from ..core.roles import Permissions
from ..core.rules import enforce_together
from ..model.model import Model
from ..model.reference import model_name
from .auto_scaling import AutoScaling
from .component_metrics import ComponentMetric
from .component_rules import ComponentProps, Placement, component_rules
from .grants import ComponentGrants
from .metrics import EndpointMetric
from .rollback_alarms import RollbackAlarms, Watched
from .rollout import Rollout
from .scaling import CapacityScaling, Scalable
from .variant import startup_seconds
from .waking import may_sleep, wake_up

if TYPE_CHECKING:
    from .component_endpoint import ComponentEndpoint

_Component = sagemaker.CfnInferenceComponent
_WAKE_SECONDS = 30


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
            policies_size=_size_with(endpoint, model),
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
        if isinstance(props.model, Model):
            # The endpoint's role fetches the model's image and data.
            needed += self.endpoint.role_policies.attach(self, props.model.permissions)
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


def _size_with(endpoint: ComponentEndpoint, model: object) -> int:
    wanted = model.permissions if isinstance(model, Model) else Permissions(endpoint.role_policies.role)
    return endpoint.role_policies.size_with(wanted)


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
