"""When does a scheduled action run? ``at(…)``, ``rate(…)`` and ``cron(…)``, without AWS.

Source: "Schedule recurring scaling actions using cron expressions" in the Application Auto Scaling User
Guide. As elsewhere on AWS, day-of-week 1 is Sunday and exactly one of day-of-month and day-of-week is ``?``.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Protocol

#: A clock that stood still (a suspended laptop) must not make us walk through a year of minutes.
_LONGEST_CATCH_UP = timedelta(days=1)
_MINUTE = timedelta(minutes=1)
_UNITS = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1), "day": timedelta(days=1)}
_MONTHS = {name.upper(): number for number, name in enumerate(calendar.month_abbr) if name}
_WEEKDAYS = {"SUN": 1, "MON": 2, "TUE": 3, "WED": 4, "THU": 5, "FRI": 6, "SAT": 7}


class ScheduleError(ValueError):
    """The expression is not a schedule."""


class Schedule(Protocol):
    """Something that is due at certain moments."""

    def due(self, after: datetime, until: datetime) -> bool:
        """Does it fall due in the half-open interval ``(after, until]``?"""
        ...


@dataclass(frozen=True, slots=True)
class At:
    """Once."""

    moment: datetime

    def due(self, after: datetime, until: datetime) -> bool:
        """Is the moment in the interval?"""
        return after < self.moment <= until


@dataclass(frozen=True, slots=True)
class Rate:
    """At a regular interval, counted from an anchor."""

    every: timedelta
    anchor: datetime

    def due(self, after: datetime, until: datetime) -> bool:
        """Is there a multiple of the interval in it? The anchor itself is not one."""
        return until > self.anchor and self._count(until) > max(self._count(after), 0)

    def _count(self, moment: datetime) -> int:
        return (moment - self.anchor) // self.every


@dataclass(frozen=True, slots=True)
class Cron:
    """On every minute that matches six fields."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: Callable[[date], bool]
    months: frozenset[int]
    years: frozenset[int]
    zone: tzinfo

    def due(self, after: datetime, until: datetime) -> bool:
        """Does the start of one of the minutes in the interval match?"""
        moment = max(after, until - _LONGEST_CATCH_UP).replace(second=0, microsecond=0) + _MINUTE
        while moment <= until:
            if self.matches(moment.astimezone(self.zone)):
                return True
            moment += _MINUTE
        return False

    def matches(self, local: datetime) -> bool:
        """Is it due in this minute of its time zone?"""
        return (
            local.minute in self.minutes
            and local.hour in self.hours
            and local.month in self.months
            and local.year in self.years
            and self.days(local.date())
        )


def parse(expression: str, *, zone: tzinfo = UTC, anchor: datetime) -> Schedule:
    """The schedule of an expression. ``anchor``: what a rate is counted from."""
    match = re.fullmatch(r"(at|rate|cron)\((.*)\)", expression.strip())
    if match is None:
        raise ScheduleError(expression)
    kind, body = match.groups()
    if kind == "at":
        return At(_moment(body, zone))
    if kind == "rate":
        return Rate(_interval(body), anchor)
    return _cron(body, zone)


def _moment(body: str, zone: tzinfo) -> datetime:
    try:
        return datetime.strptime(body, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=zone)
    except ValueError as error:
        raise ScheduleError(body) from error


def _interval(body: str) -> timedelta:
    """``1 minute`` but ``2 minutes``, as AWS insists."""
    match = re.fullmatch(r"([1-9]\d*) (minute|hour|day)(s?)", body.strip())
    if match is None or (match[1] == "1") == bool(match[3]):
        raise ScheduleError(body)
    return int(match[1]) * _UNITS[match[2]]


def _cron(body: str, zone: tzinfo) -> Cron:
    fields = body.upper().split()
    if len(fields) != 6:
        raise ScheduleError(body)
    minutes, hours, day_of_month, months, day_of_week, years = fields
    if (day_of_month == "?") == (day_of_week == "?"):
        raise ScheduleError(body)
    days = _days_of_month(day_of_month) if day_of_week == "?" else _days_of_week(day_of_week)
    return Cron(
        minutes=_numbers(minutes, 0, 59),
        hours=_numbers(hours, 0, 23),
        days=days,
        months=_numbers(months, 1, 12, _MONTHS),
        years=_numbers(years, 1970, 2199),
        zone=zone,
    )


def _numbers(field: str, low: int, high: int, names: dict[str, int] | None = None) -> frozenset[int]:
    """The numbers that a field like ``1,5-9,0/15`` allows."""
    return frozenset(number for part in field.split(",") for number in _part(part, low, high, names or {}))


def _part(part: str, low: int, high: int, names: dict[str, int]) -> range:
    match = re.fullmatch(r"(\*|\w+)(?:-(\w+))?(?:/(\d+))?", part)
    if match is None:
        raise ScheduleError(part)
    start, end, increment = match.groups()
    first = low if start == "*" else _number(start, names)
    last = _number(end, names) if end else high if start == "*" or increment else first
    stride = int(increment) if increment else 1
    if not low <= first <= last <= high or stride < 1:
        raise ScheduleError(part)
    return range(first, last + 1, stride)


def _number(text: str, names: dict[str, int]) -> int:
    if text in names:
        return names[text]
    if not text.isdecimal():
        raise ScheduleError(text)
    return int(text)


def _days_of_month(field: str) -> Callable[[date], bool]:
    if field == "L":
        return lambda day: day.day == _last_day(day)
    nearest = re.fullmatch(r"(\d+)W", field)
    if nearest:
        wanted = int(nearest[1])
        return lambda day: day == _nearest_weekday(day, wanted)
    allowed = _numbers(field, 1, 31)
    return lambda day: day.day in allowed


def _days_of_week(field: str) -> Callable[[date], bool]:
    nth = re.fullmatch(r"(\w+)#([1-5])", field)
    if nth:
        weekday, week = _number(nth[1], _WEEKDAYS), int(nth[2])
        return lambda day: _weekday(day) == weekday and (day.day - 1) // 7 + 1 == week
    if field == "L":
        return lambda day: _weekday(day) == 7
    last = re.fullmatch(r"(\w+)L", field)
    if last:
        weekday = _number(last[1], _WEEKDAYS)
        return lambda day: _weekday(day) == weekday and day.day > _last_day(day) - 7
    allowed = _numbers(field, 1, 7, _WEEKDAYS)
    return lambda day: _weekday(day) in allowed


def _weekday(day: date) -> int:
    """Sunday is 1."""
    return day.isoweekday() % 7 + 1


def _last_day(day: date) -> int:
    return calendar.monthrange(day.year, day.month)[1]


def _nearest_weekday(day: date, wanted: int) -> date | None:
    """The weekday nearest to that day of the month, never in another month."""
    last = _last_day(day)
    if not 1 <= wanted <= last:
        return None
    exact = day.replace(day=wanted)
    if exact.isoweekday() == 6:
        return exact + timedelta(days=2 if wanted == 1 else -1)
    if exact.isoweekday() == 7:
        return exact + timedelta(days=-2 if wanted == last else 1)
    return exact
