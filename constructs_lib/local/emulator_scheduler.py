"""The private names of ministack's EventBridge Scheduler; emulator.py's companion."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ministack.core import responses
from ministack.services import scheduler

from .emulator import Scope

Record = dict[str, Any]
Key = tuple[str, str, str]


def tick_by(tick: Callable[[], None], *, every: float) -> None:
    """Look for what is due by `tick`, so often in seconds: ministack's own knows no time zones."""
    scheduler._tick_schedules = tick
    scheduler._SCHEDULE_TICK_INTERVAL = every


def everywhere() -> Iterator[tuple[Key, Record]]:
    """The schedules of all accounts and regions, by account, region and name."""
    yield from list(scheduler._schedules._data.items())


def scope_of(key: Key) -> Scope:
    """Where a schedule is."""
    return Scope(*key[:2])


def forget(key: Key) -> None:
    """Delete a schedule that has completed."""
    scheduler._schedules._data.pop(key, None)


def moment(value: Any) -> float | None:
    """A date of a schedule, in seconds since 1970."""
    found: float | None = scheduler._to_epoch(value)
    return found


def check_requests(complaint: Callable[[Mapping[str, Any]], str | None]) -> None:
    """Let `complaint` (request) say why a schedule is neither created nor changed."""
    for name in ("_create_schedule", "_update_schedule"):
        setattr(scheduler, name, _checked(getattr(scheduler, name), complaint))


def _checked(plain: Callable[..., Any], complaint: Callable[[Mapping[str, Any]], str | None]) -> Any:
    def put(name: str, body: Mapping[str, Any]) -> Any:
        why = complaint(body)
        return plain(name, body) if why is None else scheduler._error(400, "ValidationException", why)

    return put


def put(name: str, body: Mapping[str, Any], *, anew: bool) -> str:
    """CreateSchedule or UpdateSchedule: the ARN; ValueError with the message when it is refused."""
    request = scheduler._create_schedule if anew else scheduler._update_schedule
    status, _headers, answer = request(name, body)
    told = json.loads(answer)
    if status >= 300:
        raise ValueError(told["Message"])
    return str(told["ScheduleArn"])


def delete(name: str, group: str) -> None:
    """DeleteSchedule; one that is gone is not missed."""
    scheduler._delete_schedule(name, {"groupName": group})


def new_id() -> str:
    """An id that nothing else has."""
    return str(responses.new_uuid())
