"""The control plane's operations on inference components, by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .component import Component
from .components import Components
from .paging import page
from .store import Tags

Answer = dict[str, Any]


class ComponentControl:
    """What may be asked about inference components."""

    def __init__(self, components: Components, tags: Tags) -> None:
        self._components = components
        self._tags = tags
        self.operations: dict[str, Callable[[dict[str, Any]], Answer]] = {
            "CreateInferenceComponent": self._create,
            "DescribeInferenceComponent": self._describe,
            "ListInferenceComponents": self._list,
            "UpdateInferenceComponent": lambda request: _arn_of(self._components.update(request)),
            "UpdateInferenceComponentRuntimeConfig": self._resize,
            "DeleteInferenceComponent": self._delete,
        }

    def _create(self, request: dict[str, Any]) -> Answer:
        component = self._components.create(request)
        self._tags.add(component.arn, request.get("Tags", []))
        return _arn_of(component)

    def _describe(self, request: dict[str, Any]) -> Answer:
        return self._components.find(request["InferenceComponentName"]).describe()

    def _list(self, request: dict[str, Any]) -> Answer:
        wanted = [each for each in self._components.all() if _is_on(each, request)]
        records, more = page(wanted, request)
        return {"InferenceComponents": [each.summary() for each in records], **more}

    def _resize(self, request: dict[str, Any]) -> Answer:
        count = request["DesiredRuntimeConfig"]["CopyCount"]
        return _arn_of(self._components.resize(request["InferenceComponentName"], count))

    def _delete(self, request: dict[str, Any]) -> Answer:
        self._components.delete(
            request["InferenceComponentName"], lambda component: self._tags.forget(component.arn)
        )
        return {}


def _arn_of(component: Component) -> Answer:
    return {"InferenceComponentArn": component.arn}


def _is_on(component: Component, request: dict[str, Any]) -> bool:
    """Whether it is on the endpoint and the variant that the request filters for."""
    endpoint, variant = component.endpoint.name, component.variant.spec.name
    return request.get("EndpointNameEquals") in (None, endpoint) and request.get("VariantNameEquals") in (
        None,
        variant,
    )
