"""What a scalable target scales: a variant's instances, its provisioned concurrency, a component's copies.

Reached through the SageMaker handler of the same process, as an SDK would call it (AWS JSON), so that
SageMaker's own rules hold for the loop as well.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from constructs_lib.local.autoscaling import neighbours
from constructs_lib.local.autoscaling.errors import ApiError
from constructs_lib.local.autoscaling.state import TargetKey

INSTANCES = "sagemaker:variant:DesiredInstanceCount"
CONCURRENCY = "sagemaker:variant:DesiredProvisionedConcurrency"
COPIES = "sagemaker:inference-component:DesiredCopyCount"

_VARIANT = re.compile(r"endpoint/(?P<endpoint>[^/]+)/variant/(?P<variant>[^/]+)")
_COMPONENT = re.compile(r"inference-component/(?P<component>[^/]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """The present state of what is scaled."""

    status: str
    current: int
    desired: int
    asynchronous: bool = False
    serverless: bool = False

    @property
    def in_service(self) -> bool:
        """May it be changed now?"""
        return self.status == "InService"


class MissingError(Exception):
    """The endpoint, variant or inference component does not exist."""


def resource_pattern(dimension: str) -> re.Pattern[str]:
    """What the resource ids of a dimension look like."""
    return _COMPONENT if dimension == COPIES else _VARIANT


def names(key: TargetKey) -> dict[str, str]:
    """The names in the resource id: ``endpoint`` and ``variant``, or ``component``."""
    match = resource_pattern(key.dimension).fullmatch(key.resource_id)
    return match.groupdict() if match else {}


def describe(key: TargetKey) -> Fleet:
    """Look at what the target scales. Raises :class:`MissingError`."""
    if key.dimension == COPIES:
        return _component(names(key)["component"])
    return _variant(key.dimension, **names(key))


def instance_type(key: TargetKey) -> str | None:
    """The instance type of a variant; ``None`` if its configuration has been deleted, which is allowed."""
    given = names(key)
    endpoint = _look_up("DescribeEndpoint", {"EndpointName": given["endpoint"]})
    try:
        config = _look_up("DescribeEndpointConfig", {"EndpointConfigName": endpoint["EndpointConfigName"]})
    except MissingError:
        return None
    return (_named(_variants(config), given["variant"]) or {}).get("InstanceType")


def set_capacity(key: TargetKey, capacity: int) -> None:
    """Ask SageMaker for this capacity. Raises :class:`ApiError` with SageMaker's words if it refuses."""
    given = names(key)
    if key.dimension == COPIES:
        runtime = {"CopyCount": capacity}
        component = {"InferenceComponentName": given["component"], "DesiredRuntimeConfig": runtime}
        _call("UpdateInferenceComponentRuntimeConfig", component)
        return
    wanted: dict[str, Any] = {"VariantName": given["variant"]}
    if key.dimension == CONCURRENCY:
        wanted["ServerlessUpdateConfig"] = {"ProvisionedConcurrency": capacity}
    else:
        wanted["DesiredInstanceCount"] = capacity
    request = {"EndpointName": given["endpoint"], "DesiredWeightsAndCapacities": [wanted]}
    _call("UpdateEndpointWeightsAndCapacities", request)


def _variant(dimension: str, endpoint: str, variant: str) -> Fleet:
    described = _look_up("DescribeEndpoint", {"EndpointName": endpoint})
    found = _named(_variants(described), variant)
    if found is None:
        raise MissingError(f"Could not find variant {variant} of endpoint {endpoint}")
    current, desired = _capacities(dimension, found)
    return Fleet(
        status=described["EndpointStatus"],
        current=current,
        desired=desired,
        asynchronous="AsyncInferenceConfig" in described,
        serverless=bool(found.get("CurrentServerlessConfig")),
    )


def _variants(described: dict[str, Any]) -> list[dict[str, Any]]:
    return [*described.get("ProductionVariants", ()), *described.get("ShadowProductionVariants", ())]


def _named(variants: list[dict[str, Any]], name: str) -> dict[str, Any] | None:
    return next((variant for variant in variants if variant["VariantName"] == name), None)


def _capacities(dimension: str, variant: dict[str, Any]) -> tuple[int, int]:
    """The current capacity of a variant, and the one it is on its way to."""
    if dimension == INSTANCES:
        current = int(variant.get("CurrentInstanceCount", 0))
        return current, int(variant.get("DesiredInstanceCount", current))
    now = variant.get("CurrentServerlessConfig") or {}
    wanted = variant.get("DesiredServerlessConfig") or now
    current = int(now.get("ProvisionedConcurrency", 0))
    return current, int(wanted.get("ProvisionedConcurrency", current))


def _component(name: str) -> Fleet:
    described = _look_up("DescribeInferenceComponent", {"InferenceComponentName": name})
    runtime = described.get("RuntimeConfig") or {}
    current = int(runtime.get("CurrentCopyCount", 0))
    desired = int(runtime.get("DesiredCopyCount", current))
    return Fleet(status=described["InferenceComponentStatus"], current=current, desired=desired)


def _look_up(operation: str, request: dict[str, Any]) -> dict[str, Any]:
    try:
        return _call(operation, request)
    except ApiError as error:
        if error.code == "ValidationException" and "Could not find" in error.message:
            raise MissingError(error.message) from error
        raise


def _call(operation: str, request: dict[str, Any]) -> dict[str, Any]:
    status, answer = neighbours.call_sagemaker(operation, request)
    if status >= 400:
        raise _refusal(operation, answer)
    return answer


def _refusal(operation: str, answer: dict[str, Any]) -> ApiError:
    code = str(answer.get("__type", "InternalFailure")).rpartition("#")[2]
    message = answer.get("message") or answer.get("Message") or f"{operation} failed"
    return ApiError(code, str(message))
