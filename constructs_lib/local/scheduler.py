"""EventBridge Scheduler, as AWS has it: time zones, context attributes, the schedule's own role.

ministack has the API. It knows no time zones, drops them from templates, replaces no context attributes, and asks
nobody's rights. Rates are scaled like those of EventBridge's rules (:mod:`constructs_lib.local.schedules`); times of
day are not. Flexible windows, retries and dead-letter queues are not emulated: what cannot be delivered is lost, with a
line in the log.

Sources: https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html,
https://docs.aws.amazon.com/scheduler/latest/UserGuide/setting-up.html
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from . import emulator, emulator_scheduler, emulator_targets, schedule_times, schedules
from .autoscaling.schedule import Schedule, ScheduleError
from .emulator import Provisioned, ResourceType
from .emulator_scheduler import Key, Record
from .registry import checked_properties, create_only_properties
from .settings import settings

_TYPE = "AWS::Scheduler::Schedule"
_SERVICE = "scheduler.amazonaws.com"
_ACTIONS = {
    "sqs": "sqs:SendMessage",
    "lambda": "lambda:InvokeFunction",
    "states": "states:StartExecution",
    "sns": "sns:Publish",
}
_log = logging.getLogger("scheduler")
_looked: dict[Key, tuple[float, float]] = {}
"""When a schedule was last changed, and until when it was looked at."""
_started = time.time()

Properties = dict[str, Any]


def install() -> None:
    """Mend the scheduler, and the CloudFormation type."""
    emulator_scheduler.tick_by(_tick, every=schedules.look_seconds())
    emulator_scheduler.check_requests(_complaint)
    emulator.add_resource_type(
        ResourceType(
            name=_TYPE,
            create=_create,
            update=_update,
            delete=_delete,
            replaced_by=create_only_properties(_TYPE),
            name_property="Name",
            tagged=False,
        )
    )


def _create(logical_id: str, properties: Properties, stack_name: str) -> Provisioned:
    given = checked_properties(_TYPE, properties)
    name = given.get("Name") or emulator.generated_name(stack_name, logical_id, max_length=64)
    return name, {"Arn": emulator.on_loop(lambda: emulator_scheduler.put(name, given, anew=True))}


def _update(name: str, _old: Properties, new: Properties, _stack_name: str) -> Provisioned:
    given = checked_properties(_TYPE, new)
    return name, {"Arn": emulator.on_loop(lambda: emulator_scheduler.put(name, given, anew=False))}


def _delete(name: str, properties: Properties) -> None:
    emulator.on_loop(emulator_scheduler.delete, name, properties.get("GroupName", "default"))


def _complaint(request: Mapping[str, Any]) -> str | None:
    try:
        _schedule(request, 0)
    except ScheduleError as error:
        return f"Invalid Schedule Expression or ScheduleExpressionTimezone: {error}"
    role = str((request.get("Target") or {}).get("RoleArn"))
    if emulator.iam_is_enforced() and not emulator.role_trusts(role, _SERVICE):
        return "The execution role you provide must allow AWS EventBridge Scheduler to assume the role."
    return None


def _schedule(record: Mapping[str, Any], created: float) -> Schedule:
    start = emulator_scheduler.moment(record.get("StartDate"))
    return schedule_times.parsed(
        str(record.get("ScheduleExpression")),
        str(record.get("ScheduleExpressionTimezone") or "UTC"),
        anchor=_utc(created if start is None else start),
        scale=min(settings().schedule_scale, 1),
    )


def _tick() -> None:
    """Fire what has become due since the last look. Of several moments that were missed only the last counts."""
    now = time.time()
    for key, record in emulator_scheduler.everywhere():
        after = _looked_until(key, record)
        _looked[key] = (record["LastModificationDate"], now)
        try:
            with emulator_scheduler.scope_of(key).active():
                _look_at(key, record, after, now)
        except Exception:
            _log.exception("schedule %s failed", record["Arn"])


def _looked_until(key: Key, record: Record) -> float:
    changed, until = _looked.get(key, (None, 0.0))
    if changed == record["LastModificationDate"]:
        return until
    is_new = record["LastModificationDate"] == record["CreationDate"]
    # A rate is due when it is created.
    since = record["CreationDate"] - 0.001 if is_new else record["LastModificationDate"]
    return float(max(since, _started))


def _look_at(key: Key, record: Record, after: float, until: float) -> None:
    if record["State"] != "ENABLED":
        return
    start, end = (emulator_scheduler.moment(record.get(name)) for name in ("StartDate", "EndDate"))
    ends = until if end is None else min(until, end)
    due = schedule_times.last_due(_schedule(record, record["CreationDate"]), _utc(after), _utc(ends))
    if due is not None and (start is None or due.timestamp() >= start):
        _fire(record, due)
    is_over = ends < until or (str(record["ScheduleExpression"]).startswith("at(") and due is not None)
    if is_over and record.get("ActionAfterCompletion") == "DELETE":
        emulator_scheduler.forget(key)


def _fire(record: Record, due: datetime) -> None:
    target = record["Target"]
    arn, role = str(target["Arn"]), str(target["RoleArn"])
    action = _ACTIONS.get(arn.split(":")[2])
    if action is None:
        _log.warning("the target %s of %s is not emulated", arn, record["Arn"])
    elif emulator.iam_is_enforced() and not emulator.role_allows(role, action, arn):
        _log.warning("%s is not authorized to perform: %s on resource: %s", role, action, arn)
    else:
        emulator_targets.deliver(target, _payload(record, due))


def _payload(record: Record, due: datetime) -> str:
    """The target's input with its context attributes replaced."""
    payload = str(record["Target"].get("Input") or "{}")
    attributes = {
        "schedule-arn": record["Arn"],
        "scheduled-time": due.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "execution-id": emulator_scheduler.new_id(),
        "attempt-number": "1",
    }
    for name, value in attributes.items():
        payload = payload.replace(f"<aws.scheduler.{name}>", value)
    return payload


def _utc(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
