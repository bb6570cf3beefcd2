"""When is a schedule of EventBridge Scheduler due? Without AWS.

A time that does not exist in its zone, when clocks go forward, is skipped; one that comes twice, when they go
back, counts once. A rate is due at once, then at its interval.

Source: https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from .autoscaling.schedule import At, Cron, Rate, Schedule, ScheduleError, parse

_MINUTE = timedelta(minutes=1)
_LONGEST_CATCH_UP = timedelta(days=1)
"""A clock that stood still must not make us walk through a year of minutes."""


def parsed(expression: str, zone: str, *, anchor: datetime, scale: float = 1) -> Schedule:
    """The schedule of an expression in a time zone; ScheduleError when there is no such thing.

    `anchor`: where a rate begins. `scale`: how much of its interval a rate lasts.
    """
    try:
        found = parse(expression, zone=ZoneInfo(zone), anchor=anchor)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ScheduleError(f"{expression} in {zone}") from error
    return replace(found, every=found.every * scale) if isinstance(found, Rate) else found


def last_due(schedule: Schedule, after: datetime, until: datetime) -> datetime | None:
    """The last moment in the half-open interval `(after, until]` at which the schedule is due."""
    if isinstance(schedule, At):
        return schedule.moment if after < schedule.moment <= until else None
    if isinstance(schedule, Rate):
        moment = schedule.anchor + (until - schedule.anchor) // schedule.every * schedule.every
        return moment if moment > after and moment >= schedule.anchor else None
    if not isinstance(schedule, Cron):
        raise TypeError(schedule)
    return _last_match(schedule, max(after, until - _LONGEST_CATCH_UP), until)


def _last_match(cron: Cron, after: datetime, until: datetime) -> datetime | None:
    moment = until.replace(second=0, microsecond=0)
    while moment > after:
        local = moment.astimezone(cron.zone)
        if local.fold == 0 and cron.matches(local):
            return moment
        moment -= _MINUTE
    return None
