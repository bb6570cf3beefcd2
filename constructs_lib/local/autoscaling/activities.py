"""Scaling activities: what was done, why, and what came of it, in AWS's words."""

from __future__ import annotations

from typing import Any

from constructs_lib.local.autoscaling import fleet, lookup, state
from constructs_lib.local.autoscaling.decide import Bounds, Decision
from constructs_lib.local.autoscaling.paging import page
from constructs_lib.local.autoscaling.state import Activity, TargetKey

_NOUNS = {
    fleet.INSTANCES: "desired instance count",
    fleet.CONCURRENCY: "desired provisioned concurrency",
    fleet.COPIES: "desired copy count",
}


def describe(request: dict[str, Any]) -> dict[str, Any]:
    """DescribeScalingActivities. Those that did not scale are shown only on demand."""
    lookup.require_resource_with_dimension(request)
    with_not_scaled = request.get("IncludeNotScaledActivities", False)
    found = [
        _view(key, activity)
        for key, activity in state.activities()
        if lookup.matches(key, request) and (with_not_scaled or activity.not_scaled is None)
    ]
    return page("ScalingActivities", found, request)


def starting(key: TargetKey, capacity: int, cause: str) -> Activity:
    """A change of capacity that is about to be made."""
    description = f"Setting {_NOUNS[key.dimension]} to {capacity}."
    return Activity(description=description, cause=cause, status="InProgress")


def succeed(key: TargetKey, activity: Activity, capacity: int) -> None:
    """The change has been made."""
    noun = _NOUNS[key.dimension]
    activity.status = "Successful"
    activity.message = f"Successfully set {noun} to {capacity}. Change successfully fulfilled by sagemaker."
    activity.ended = state.now()


def fail(key: TargetKey, activity: Activity, capacity: int, reason: str) -> None:
    """The change was refused or did not come about."""
    activity.status = "Failed"
    activity.message = f"Failed to set {_NOUNS[key.dimension]} to {capacity}. Reason: {reason}"
    activity.ended = state.now()


def not_scaled(decision: Decision, bounds: Bounds, cause: str) -> Activity:
    """A policy wanted more, or less, than the bounds allow."""
    if decision.vote.capacity > decision.capacity:
        reason = {"Code": "AlreadyAtMaxCapacity", "MaxCapacity": bounds.maximum}
    else:
        reason = {"Code": "AlreadyAtMinCapacity", "MinCapacity": bounds.minimum}
    return Activity(
        description="Attempting to scale due to alarm triggered",
        cause=cause,
        status="Failed",
        not_scaled={**reason, "CurrentCapacity": decision.capacity},
        ended=state.now(),
    )


def bounds_set(name: str, given: dict[str, int], problem: str | None) -> Activity:
    """A scheduled action ran."""
    parts = [
        f"{word} capacity to {given[member]}"
        for word, member in (("min", "MinCapacity"), ("max", "MaxCapacity"))
        if member in given
    ]
    wanted = " and ".join(parts)
    return Activity(
        description=f"Setting {wanted}",
        cause=f"scheduled action name {name} was triggered",
        status="Failed" if problem else "Successful",
        message=f"Failed to set {wanted}. Reason: {problem}" if problem else f"Successfully set {wanted}",
        ended=state.now(),
    )


def record_once(key: TargetKey, activity: Activity) -> None:
    """Record what repeats at every evaluation only when it is new."""
    last = state.latest(key)
    if last is None or _gist(last) != _gist(activity):
        state.record(key, activity)


def _gist(activity: Activity) -> tuple[object, ...]:
    return (activity.description, activity.cause, activity.status, activity.message, activity.not_scaled)


def _view(key: TargetKey, activity: Activity) -> dict[str, Any]:
    optional = {
        "EndTime": activity.ended,
        "StatusMessage": activity.message,
        "NotScaledReasons": [activity.not_scaled] if activity.not_scaled else None,
    }
    return {
        **key.members(),
        "ActivityId": activity.id,
        "Description": activity.description,
        "Cause": activity.cause,
        "StartTime": activity.started,
        "StatusCode": activity.status,
        **{name: value for name, value in optional.items() if value is not None},
    }
