"""Stretches of time that are looked at at once, and the folders of their files. Times are seconds since 1970."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Window:
    """From `start`, up to and without `end`."""

    start: float
    end: float

    @property
    def folder(self) -> str:
        """Where what is said of it lies: ``yyyy/mm/dd/hhmm``."""
        return f"{moment(self.start):%Y/%m/%d/%H%M}"

    def __contains__(self, at: float) -> bool:
        return self.start <= at < self.end


def window_at(at: float, every: float) -> Window:
    """The window that `at` lies in, of those of `every` seconds that fill the days."""
    start = at // every * every
    return Window(start, start + every)


def windows_due(now: float, every: float, settle: float, looks: int) -> list[Window]:
    """The `looks` newest windows that ended at least `settle` seconds ago, the oldest first."""
    newest = window_at(now - settle - every, every)
    return [Window(newest.start - back * every, newest.end - back * every) for back in reversed(range(looks))]


def hours(start: float, end: float) -> Iterator[str]:
    """The folders ``yyyy/mm/dd/hh`` of the hours from `start` until before `end`."""
    hour = moment(start).replace(minute=0, second=0, microsecond=0)
    while hour.timestamp() < end:
        yield f"{hour:%Y/%m/%d/%H}"
        hour += timedelta(hours=1)


def moment(seconds: float) -> datetime:
    """A time as a date of UTC."""
    return datetime.fromtimestamp(seconds, UTC)


def iso(seconds: float) -> str:
    """``2026-11-28T10:00:00Z``; what is below a second is cut off."""
    return f"{moment(seconds):%Y-%m-%dT%H:%M:%SZ}"


def seconds(text: str) -> float:
    """The time of an ISO text, of UTC where it names no zone; ValueError or TypeError where it is none."""
    at = datetime.fromisoformat(text)
    return (at if at.tzinfo is not None else at.replace(tzinfo=UTC)).timestamp()
