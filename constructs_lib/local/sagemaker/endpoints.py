"""CreateEndpoint, UpdateEndpoint and their relatives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..emulator import Scope
from ..serving.container import ContainerSpec
from ..serving.fleet import Fleet
from ..serving.on_demand import OnDemandFleet
from . import hooks
from .async_config import AsyncSettings
from .capacity import Capacity
from .capture import CaptureSettings
from .component_variant import component_variant, hand_over, hosting_variant
from .deployment import plan_of
from .endpoint import Desired, Endpoint
from .endpoint_configs import EndpointConfigs, VariantSpec
from .errors import NotEmulatedError, RefusedError
from .generation import DeployedVariant, Generation
from .inference_options import check_desired_capacity, check_update, refuse_guardrails
from .models import Models
from .store import Shelf, own_copy

FleetFactory = Callable[[Scope, str, VariantSpec, list[ContainerSpec]], Fleet | OnDemandFleet]


class Endpoints(Shelf[Endpoint]):
    """The endpoints of all accounts."""

    def __init__(
        self, models: Models, configs: EndpointConfigs, new_fleet: FleetFactory, capacity: Capacity,
        on_change: Callable[[Endpoint], None],
    ) -> None:  # fmt: skip
        super().__init__("endpoint", "endpoint")
        self._models = models
        self._configs = configs
        self._new_fleet = new_fleet
        self._capacity = capacity
        self._on_change = on_change

    def create(self, request: dict[str, Any], kept: Mapping[str, Desired] | None = None) -> Endpoint:
        """Start an endpoint; it is Creating when this returns. `kept` overrides the configuration."""
        name = request["EndpointName"]
        self.require_free(name)
        live = self._generation(name, request["EndpointConfigName"], kept or {})
        config = request.get("DeploymentConfig")
        refuse_guardrails(live, config)
        plan_of(config, live.instance_count)
        endpoint = Endpoint(
            name=name, arn=self.arn(name), request=own_copy(request), scope=Scope.current(), live=live,
            capacity=self._capacity, on_change=self._on_change, deployment_config=config,
        )  # fmt: skip
        endpoint.begin_create()
        self.add(endpoint)
        self._on_change(endpoint)
        return endpoint

    def update(self, request: dict[str, Any]) -> Endpoint:
        """Start to replace an endpoint's configuration; it is Updating when this returns."""
        endpoint = self.find(request["EndpointName"])
        endpoint.require_idle()
        kept = _kept_properties(endpoint, request)
        new = self._generation(endpoint.name, request["EndpointConfigName"], kept)
        check_update(endpoint.live, new)
        _require_no_scaled_change(endpoint, new)
        hand_over(endpoint.live, new)
        config = request.get("DeploymentConfig")
        if request.get("RetainDeploymentConfig"):
            config = endpoint.deployment_config
        if config:
            refuse_guardrails(new, config)
            _require_guardable(endpoint, new, config)
        # An asynchronous endpoint may have no instance at the moment.
        endpoint.begin_update(new, plan_of(config, max(1, new.instance_count)), config)
        return endpoint

    def rebalance(self, request: dict[str, Any]) -> Endpoint:
        """Start to change weights, or the count of a variant."""
        endpoint = self.find(request["EndpointName"])
        endpoint.require_idle()
        if hosting_variant(endpoint.live) is not None:
            raise NotEmulatedError("Another weight or instance count of an endpoint for inference components")
        desired = {
            wanted["VariantName"]: _desired(wanted) for wanted in request["DesiredWeightsAndCapacities"]
        }
        _check_desired(endpoint, desired)
        check_desired_capacity(endpoint.live, request)
        endpoint.begin_rebalance(desired)
        return endpoint

    def delete(self, name: str, forget: Callable[[Endpoint], None]) -> None:
        """Start to delete an endpoint."""
        endpoint = self.find(name)
        endpoint.require_idle()
        for variant in endpoint.live.variants:
            hooks.deregister_scalable_target(hooks.variant_resource_id(name, variant))

        def finish() -> None:
            self.remove(name)
            forget(endpoint)

        endpoint.begin_delete(finish)

    def _generation(self, endpoint_name: str, config_name: str, kept: Mapping[str, Desired]) -> Generation:
        """The fleets of a configuration, not started yet."""
        config = self._configs.find(config_name).request
        variants = self._configs.variants(config_name)
        role = config.get("ExecutionRoleArn") or self._models.find(variants[0].model_name).request.get(
            "ExecutionRoleArn"
        )
        return Generation(
            config_name=config_name,
            variants={
                spec.name: self._variant(endpoint_name, spec, kept.get(spec.name, Desired()))
                for spec in variants
            },
            capture=CaptureSettings.of(config.get("DataCaptureConfig"), role),
            asynchronous=AsyncSettings.of(config.get("AsyncInferenceConfig"), role),
        )

    def _variant(self, endpoint_name: str, spec: VariantSpec, kept: Desired) -> DeployedVariant:
        weight = spec.weight if kept.weight is None else kept.weight
        if spec.hosting is not None:
            return component_variant(spec, spec.hosting, weight)
        containers = self._models.containers(spec.model_name)
        return DeployedVariant(
            spec=spec,
            fleet=self._new_fleet(Scope.current(), endpoint_name, spec, containers),
            containers=containers,
            direct=self._models.is_direct(spec.model_name),
            weight=weight,
            desired_weight=weight,
            desired_count=spec.instance_count if kept.count is None else kept.count,
            desired_serverless=spec.serverless,
        )


def _kept_properties(endpoint: Endpoint, request: dict[str, Any]) -> dict[str, Desired]:
    """What RetainAllVariantProperties keeps, by the name of the variant."""
    if not request.get("RetainAllVariantProperties"):
        return {}
    dropped = {
        excluded["VariantPropertyType"] for excluded in request.get("ExcludeRetainedVariantProperties", [])
    }
    return {
        name: Desired(
            None if "DesiredWeight" in dropped else variant.desired_weight,
            None if "DesiredInstanceCount" in dropped or variant.spec.serverless else variant.desired_count,
        )
        for name, variant in endpoint.live.variants.items()
    }


def _require_no_scaled_change(endpoint: Endpoint, new: Generation) -> None:
    """AWS refuses to remove a scaled variant, or to change its instance type."""
    offending = [
        name
        for name, variant in endpoint.live.variants.items()
        if not _keeps_type(variant, new)
        and hooks.scalable_targets(hooks.variant_resource_id(endpoint.name, name))
    ]
    if offending:
        ids = ", ".join(hooks.variant_resource_id(endpoint.name, name) for name in offending)
        raise RefusedError(
            f'The variant(s) "[{ids}]" must be deregistered as scalable target with AWS Application Auto Scaling '
            "before they can be removed or have their instance type updated."
        )


def _require_guardable(endpoint: Endpoint, new: Generation, config: Mapping[str, Any]) -> None:
    """What AWS's deployment guardrails exclude; the wording of the refusals is not AWS's.

    Inferred: a shadow variant may come and go, and is a second variant for a rolling deployment.

    https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-exclusions.html
    """
    if config.get("RollingUpdatePolicy") and len(new.variants) > 1:
        raise RefusedError("RollingUpdatePolicy is not supported for endpoints with several variants.")
    before, after = endpoint.live.production.keys(), new.production.keys()
    if before != after:
        raise RefusedError(
            "A DeploymentConfig requires the same variant names in the old and the new endpoint configuration: "
            f'endpoint "{endpoint.arn}" has [{", ".join(before)}], '
            f'endpoint configuration "{new.config_name}" has [{", ".join(after)}].'
        )


def _keeps_type(variant: DeployedVariant, new: Generation) -> bool:
    successor = new.variants.get(variant.spec.name)
    return successor is not None and successor.spec.instance_type == variant.spec.instance_type


def _desired(wanted: Mapping[str, Any]) -> Desired:
    serverless = wanted.get("ServerlessUpdateConfig", {})
    return Desired(
        wanted.get("DesiredWeight"),
        serverless.get("ProvisionedConcurrency", wanted.get("DesiredInstanceCount")),
        serverless.get("MaxConcurrency"),
    )


def _check_desired(endpoint: Endpoint, desired: Mapping[str, Desired]) -> None:
    unknown = sorted(desired.keys() - endpoint.live.variants.keys())
    if unknown:
        raise RefusedError(f'Variant(s) "{", ".join(unknown)}" not found for endpoint "{endpoint.arn}".')
    if sum(wanted.count is not None for wanted in desired.values()) > 1:
        raise RefusedError("The capacity of only one variant can be updated at a time.")
    weights = {name: variant.weight for name, variant in endpoint.live.production.items()}
    weights |= {
        name: wanted.weight
        for name, wanted in desired.items()
        if name in weights and wanted.weight is not None
    }
    if not any(weights.values()):
        raise RefusedError("At least one production variant must have a weight greater than 0.")
