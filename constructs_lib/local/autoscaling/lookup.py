"""How requests name targets."""

from __future__ import annotations

from typing import Any

from constructs_lib.local.autoscaling import state
from constructs_lib.local.autoscaling.errors import ApiError, invalid, not_found
from constructs_lib.local.autoscaling.state import Target, TargetKey


def required(key: TargetKey) -> Target:
    """The target, or AWS's refusal."""
    target = state.find(key)
    if target is None:
        raise not_found(f"No scalable target registered for {spelled(key)}")
    return target


def missing(what: str, key: TargetKey, name: str) -> ApiError:
    """The target has no policy or action of this name."""
    return not_found(f"No {what} found for {spelled(key)}, {what} name: {name}")


def spelled(key: TargetKey) -> str:
    """A target, as AWS names it in messages."""
    return (
        f"service namespace: {key.namespace}, resource ID: {key.resource_id}, "
        f"scalable dimension: {key.dimension}"
    )


def matching(request: dict[str, Any]) -> list[Target]:
    """The targets that a Describe request filters for."""
    require_resource_with_dimension(request)
    return [target for target in state.targets() if matches(target.key, request)]


def matches(key: TargetKey, request: dict[str, Any]) -> bool:
    """Is this one of them?"""
    return all(request.get(name, value) == value for name, value in key.members().items())


def require_resource_with_dimension(request: dict[str, Any], member: str = "ResourceId") -> None:
    """A filter on the dimension needs one on the resource."""
    if "ScalableDimension" in request and member not in request:
        raise invalid("If you specify a scalable dimension, you must also specify a resource ID")
