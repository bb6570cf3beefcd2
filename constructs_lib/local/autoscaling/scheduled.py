"""Scheduled actions: put, delete, describe; and when one is due."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, tzinfo
from typing import Any

from dateutil import tz  # type: ignore[import-untyped]

from constructs_lib.local.autoscaling import lookup, schedule, state
from constructs_lib.local.autoscaling.errors import invalid
from constructs_lib.local.autoscaling.paging import page
from constructs_lib.local.autoscaling.state import ScheduledAction, Target, TargetKey
from constructs_lib.local.emulator import Scope

_MEMBERS = ("Schedule", "Timezone", "StartTime", "EndTime", "ScalableTargetAction")


def put(request: dict[str, Any]) -> dict[str, Any]:
    """PutScheduledAction: create the action, or change what is given of it."""
    target = lookup.required(TargetKey.of(request))
    name = request["ScheduledActionName"]
    existing = target.scheduled.get(name)
    members = dict(existing.members) if existing else {}
    members.update({member: request[member] for member in _MEMBERS if member in request})
    _check(members)
    arn = existing.arn if existing else _arn(target.key, name)
    created = existing.created if existing else state.now()
    with state.LOCK:
        target.scheduled[name] = ScheduledAction(name=name, arn=arn, members=members, created=created)
    return {}


def delete(request: dict[str, Any]) -> dict[str, Any]:
    """DeleteScheduledAction."""
    target = lookup.required(TargetKey.of(request))
    with state.LOCK:
        removed = target.scheduled.pop(request["ScheduledActionName"], None)
    if removed is None:
        raise lookup.missing("scheduled action", target.key, request["ScheduledActionName"])
    return {}


def describe(request: dict[str, Any]) -> dict[str, Any]:
    """DescribeScheduledActions."""
    wanted = request.get("ScheduledActionNames")
    found = [
        _view(target, action)
        for target in lookup.matching(request)
        for action in target.scheduled.values()
        if wanted is None or action.name in wanted
    ]
    return page("ScheduledActions", found, request)


def is_due(action: ScheduledAction, after: float, until: float) -> bool:
    """Does the action run in ``(after, until]``? Both are real seconds since the epoch."""
    start = action.members.get("StartTime", after)
    end = action.members.get("EndTime", until)
    if not start <= until <= end:
        return False
    anchor = datetime.fromtimestamp(action.members.get("StartTime", action.created), UTC)
    when = _schedule(action.members, anchor)
    return when.due(datetime.fromtimestamp(after, UTC), datetime.fromtimestamp(until, UTC))


def _check(members: dict[str, Any]) -> None:
    if "Schedule" not in members or not members.get("ScalableTargetAction"):
        raise invalid("A new scheduled action needs a schedule and a scalable target action")
    wanted = members["ScalableTargetAction"]
    if wanted.get("MinCapacity", 0) > wanted.get("MaxCapacity", float("inf")):
        raise invalid("Maximum capacity cannot be less than minimum capacity")
    if members.get("StartTime", 0) >= members.get("EndTime", float("inf")):
        raise invalid("The start time must be before the end time")
    _schedule(members, datetime.now(UTC))


def _schedule(members: dict[str, Any], anchor: datetime) -> schedule.Schedule:
    try:
        return schedule.parse(members["Schedule"], zone=_zone(members.get("Timezone")), anchor=anchor)
    except schedule.ScheduleError as error:
        raise invalid(f"Invalid schedule expression: {members['Schedule']}") from error


def _zone(name: str | None) -> tzinfo:
    # dateutil carries the time zones that a small machine does not have.
    zone = UTC if name is None else tz.gettz(name)
    if zone is None or name == "":
        raise invalid(f"Invalid time zone: {name}")
    return zone


def _arn(key: TargetKey, name: str) -> str:
    resource = f"resource/{key.namespace}/{key.resource_id}:scheduledActionName/{name}"
    return Scope.current().arn("autoscaling", f"scheduledAction:{uuid.uuid4()}:{resource}")


def _view(target: Target, action: ScheduledAction) -> dict[str, Any]:
    return {
        **target.key.members(),
        "ScheduledActionName": action.name,
        "ScheduledActionARN": action.arn,
        "CreationTime": action.created,
        **action.members,
    }
