"""CreateInferenceComponent and its relatives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..emulator import Scope
from ..serving.fleet import Fleet
from .capacity import Capacity
from .component import Component
from .component_rollout import rolling_plan
from .component_spec import ComponentSpec
from .component_variant import ComponentVariant, hosting_variant
from .copies import Copies
from .endpoint import Endpoint
from .endpoint_configs import EndpointConfigs
from .endpoints import Endpoints
from .errors import RefusedError
from .models import Models
from .store import Shelf, own_copy

FleetFactory = Callable[[Scope, str, str, ComponentSpec], Fleet]
"""Makes the fleet of a component from its scope, its name, its variant's and its specification."""


class Components(Shelf[Component]):
    """The inference components of all accounts."""

    def __init__(
        self, models: Models, configs: EndpointConfigs, endpoints: Endpoints, new_fleet: FleetFactory,
        capacity: Capacity,
    ) -> None:  # fmt: skip
        super().__init__("inference component", "inference-component")
        self._models = models
        self._configs = configs
        self._endpoints = endpoints
        self._new_fleet = new_fleet
        self._capacity = capacity

    def create(self, request: dict[str, Any]) -> Component:
        """Start a component; it is Creating when this returns."""
        count = request.get("RuntimeConfig", {}).get("CopyCount", 1)
        if count < 1:
            # Reported from AWS in these words, though the API's model allows 0.
            raise RefusedError("Inference components copy count an integer larger than 0")
        return self.start(request, count)

    def start(self, request: dict[str, Any], count: int) -> Component:
        """Start a component with so many copies, 0 too: one that comes back may have had none."""
        name = request["InferenceComponentName"]
        self.require_free(name)
        endpoint = self._endpoints.find(request["EndpointName"])
        _require_open(endpoint)
        variant = _variant(endpoint, request.get("VariantName"))
        component = Component(
            name=name, arn=self.arn(name), request=own_copy(request), scope=Scope.current(), endpoint=endpoint,
            live=self._copies(name, endpoint, variant, request), desired=count, capacity=self._capacity,
        )  # fmt: skip
        component.begin_create()
        self.add(component)
        return component

    def resize(self, name: str, count: int) -> Component:
        """Start to change the number of copies; the component is Updating when this returns."""
        component = self._changeable(name)
        component.begin_resize(count)
        return component

    def update(self, request: dict[str, Any]) -> Component:
        """Start to replace a component's specification, its number of copies, or both."""
        component = self._changeable(request["InferenceComponentName"])
        count = request.get("RuntimeConfig", {}).get("CopyCount", component.desired)
        if not request.get("Specification") and not request.get("Specifications"):
            component.begin_resize(count)
            return component
        config = request.get("DeploymentConfig")
        new = self._copies(component.name, component.endpoint, component.variant, request)
        component.begin_update(new, rolling_plan(config, count), config)
        return component

    def delete(self, name: str, forget: Callable[[Component], None]) -> None:
        """Start to delete a component."""
        component = self.find(name)
        component.require_idle("delete")

        def finish() -> None:
            with component.scope.active():
                self.remove(name)
                forget(component)

        component.begin_delete(finish)

    def on(self, endpoint_name: str) -> list[Component]:
        """The components of an endpoint of the scope."""
        return [component for component in self.all() if component.endpoint.name == endpoint_name]

    def require_none_on(self, endpoint_name: str) -> None:
        """RefusedError when the endpoint has components; inferred, AWS's wording is not known."""
        names = ", ".join(component.name for component in self.on(endpoint_name))
        if names:
            raise RefusedError(
                f'Cannot delete endpoint "{self._endpoints.find(endpoint_name).arn}" while it has inference '
                f"components: {names}."
            )

    def require_idle_on(self, endpoint_name: str) -> None:
        """RefusedError when a component of the endpoint is being changed."""
        for component in self.on(endpoint_name):
            component.require_idle("update the endpoint of")

    def _changeable(self, name: str) -> Component:
        component = self.find(name)
        component.require_idle("update")
        if component.status == "Failed":
            raise RefusedError(f'Cannot update inference component "{component.arn}" with status "Failed".')
        return component

    def _copies(
        self, name: str, endpoint: Endpoint, variant: ComponentVariant, request: dict[str, Any]
    ) -> Copies:
        role = self._configs.find(endpoint.live.config_name).request["ExecutionRoleArn"]
        spec = ComponentSpec.of(request, self._models, role)
        fleet = self._new_fleet(Scope.current(), name, variant.spec.name, spec)
        return Copies(spec, fleet, lambda: _variant(endpoint, None).fleet)


def _require_open(endpoint: Endpoint) -> None:
    """RefusedError when the endpoint takes no new component. One that is Creating does: it is waited for."""
    if endpoint.status == "Failed":
        raise RefusedError(f'Cannot create an inference component on failed endpoint "{endpoint.arn}".')
    if endpoint.status != "Creating":
        endpoint.require_idle()


def _variant(endpoint: Endpoint, name: str | None) -> ComponentVariant:
    """The endpoint's variant for components, which may be left out of the request: there is one."""
    variant = hosting_variant(endpoint.live)
    if variant is None:
        raise RefusedError(
            "Inference Components are not supported in this Endpoint. Please make sure this endpoint can "
            "deploy inference components."
        )
    if name is not None and name != variant.spec.name:
        raise RefusedError(f'Variant(s) "{name}" not found for endpoint "{endpoint.arn}".')
    return variant
