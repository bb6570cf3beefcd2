"""Scalable targets: register, deregister, describe, tag."""

from __future__ import annotations

import uuid
from typing import Any

from constructs_lib.local.autoscaling import fleet, policies, state
from constructs_lib.local.autoscaling.decide import Bounds, Suspension
from constructs_lib.local.autoscaling.errors import ApiError, invalid
from constructs_lib.local.autoscaling.fleet import Fleet
from constructs_lib.local.autoscaling.lookup import require_resource_with_dimension, required
from constructs_lib.local.autoscaling.paging import page
from constructs_lib.local.autoscaling.state import Target, TargetKey
from constructs_lib.local.emulator import Scope

_NAMESPACE = "sagemaker"
_DIMENSIONS = frozenset({fleet.INSTANCES, fleet.CONCURRENCY, fleet.COPIES})
_SERVICE_LINKED_ROLE = (
    "arn:aws:iam::{account}:role/aws-service-role/sagemaker.application-autoscaling.amazonaws.com/"
    "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
)
_MOST_TAGS = 50


def register(request: dict[str, Any]) -> dict[str, Any]:
    """RegisterScalableTarget: create the target, or change what is given of it."""
    key = TargetKey.of(request)
    _require_supported(key)
    existing = state.find(key)
    bounds = _bounds(existing, request)
    _require_scalable(key, bounds)
    target = existing or _new_target(key, bounds)
    with state.LOCK:
        target.bounds = bounds
        target.enforce = True
        if "SuspendedState" in request:
            target.suspension = _suspension(request["SuspendedState"])
        target.tags.update(request.get("Tags", {}))
        if existing is None:
            state.add(target)
    return {"ScalableTargetARN": target.arn}


def deregister(request: dict[str, Any]) -> dict[str, Any]:
    """DeregisterScalableTarget: forget the target, its policies with their alarms, its scheduled actions."""
    forget(required(TargetKey.of(request)))
    return {}


def forget(target: Target) -> None:
    """Deregister a target."""
    if state.remove(target.key) is None:
        return
    for policy in list(target.policies.values()):
        policies.forget(target, policy)


def forget_resource(resource_id: str) -> None:
    """Deregister whatever is scaled of a resource (``endpoint/E/variant/V``) that is being deleted."""
    for target in state.targets():
        if target.key.resource_id == resource_id:
            forget(target)


def describe(request: dict[str, Any]) -> dict[str, Any]:
    """DescribeScalableTargets."""
    require_resource_with_dimension(request, "ResourceIds")
    wanted = request.get("ResourceIds")
    found = [
        _view(target)
        for target in state.targets()
        if target.key.namespace == request["ServiceNamespace"]
        and (wanted is None or target.key.resource_id in wanted)
        and request.get("ScalableDimension", target.key.dimension) == target.key.dimension
    ]
    return page("ScalableTargets", found, request)


# --- tags ---------------------------------------------------------------------------------------


def tag(request: dict[str, Any]) -> dict[str, Any]:
    """TagResource."""
    target = _by_arn(request["ResourceARN"])
    tags = {**target.tags, **request["Tags"]}
    if len(tags) > _MOST_TAGS:
        raise ApiError("TooManyTagsException", f"A resource can have at most {_MOST_TAGS} tags")
    target.tags = tags
    return {}


def untag(request: dict[str, Any]) -> dict[str, Any]:
    """UntagResource."""
    target = _by_arn(request["ResourceARN"])
    target.tags = {key: value for key, value in target.tags.items() if key not in request["TagKeys"]}
    return {}


def list_tags(request: dict[str, Any]) -> dict[str, Any]:
    """ListTagsForResource."""
    return {"Tags": _by_arn(request["ResourceARN"]).tags}


def _by_arn(arn: str) -> Target:
    found = next((target for target in state.targets() if target.arn == arn), None)
    if found is None:
        raise ApiError("ResourceNotFoundException", f"The specified resource doesn't exist: {arn}")
    return found


# --- rules --------------------------------------------------------------------------------------


def _require_supported(key: TargetKey) -> None:
    known = key.namespace == _NAMESPACE and key.dimension in _DIMENSIONS
    if not known or not fleet.names(key):
        raise invalid("Unsupported service namespace, resource type or scalable dimension")


def _bounds(existing: Target | None, request: dict[str, Any]) -> Bounds:
    """The capacities asked for; what a known target's request leaves out stays."""
    minimum = request.get("MinCapacity", existing and existing.bounds.minimum)
    maximum = request.get("MaxCapacity", existing and existing.bounds.maximum)
    if minimum is None or maximum is None:
        raise invalid("Minimum and maximum capacity are required when registering a new scalable target")
    if minimum < 0:
        raise invalid("Minimum capacity cannot be less than 0")
    if maximum < minimum:
        raise invalid("Maximum capacity cannot be less than minimum capacity")
    return Bounds(minimum=minimum, maximum=maximum)


def _require_scalable(key: TargetKey, bounds: Bounds) -> None:
    """SageMaker has it, and it can be scaled in this dimension and this far."""
    try:
        found = fleet.describe(key)
    except fleet.MissingError as error:
        raise invalid(str(error)) from error
    if key.dimension == fleet.INSTANCES:
        _require_scalable_instances(found, bounds, fleet.instance_type(key) or "")
    if key.dimension == fleet.CONCURRENCY:
        _require_scalable_concurrency(key, found, bounds)


def _require_scalable_instances(found: Fleet, bounds: Bounds, instance_type: str) -> None:
    if found.serverless:
        raise invalid("A serverless variant has no instances to scale")
    if instance_type.startswith("ml.t2."):
        raise invalid(f"Burstable instances cannot be scaled automatically: {instance_type}")
    if bounds.minimum == 0 and not found.asynchronous:
        raise invalid("Minimum capacity cannot be less than 1 for a variant of a real-time endpoint")


def _require_scalable_concurrency(key: TargetKey, found: Fleet, bounds: Bounds) -> None:
    if not found.serverless:
        raise invalid(f"{key.resource_id} is not serverless: it has no provisioned concurrency to scale")
    # SageMaker takes 1 and more: without provisioned concurrency there is nothing to scale.
    if bounds.minimum == 0:
        raise invalid("Minimum capacity cannot be less than 1 for provisioned concurrency")


# --- records ------------------------------------------------------------------------------------


def _new_target(key: TargetKey, bounds: Bounds) -> Target:
    scope = Scope.current()
    # A role that the caller names is not used by AWS either: SageMaker has a service-linked one.
    role = _SERVICE_LINKED_ROLE.format(account=scope.account_id)
    arn = scope.arn("application-autoscaling", f"scalable-target/{uuid.uuid4().hex}")
    return Target(key=key, arn=arn, role_arn=role, bounds=bounds)


def _suspension(given: dict[str, bool]) -> Suspension:
    """A switch that is left out is off."""
    return Suspension(
        scale_in=given.get("DynamicScalingInSuspended", False),
        scale_out=given.get("DynamicScalingOutSuspended", False),
        scheduled=given.get("ScheduledScalingSuspended", False),
    )


def _view(target: Target) -> dict[str, Any]:
    return {
        **target.key.members(),
        "ScalableTargetARN": target.arn,
        "MinCapacity": target.bounds.minimum,
        "MaxCapacity": target.bounds.maximum,
        "RoleARN": target.role_arn,
        "CreationTime": target.created,
        "SuspendedState": {
            "DynamicScalingInSuspended": target.suspension.scale_in,
            "DynamicScalingOutSuspended": target.suspension.scale_out,
            "ScheduledScalingSuspended": target.suspension.scheduled,
        },
    }
