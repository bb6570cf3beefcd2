"""When a schedule is due, in its own time zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from constructs_lib.local.autoscaling.schedule import ScheduleError
from constructs_lib.local.schedule_times import last_due, parsed

ANCHOR = datetime(2026, 1, 1, tzinfo=UTC)
NIGHTLY = "cron(30 2 * * ? *)"
BERLIN = "Europe/Berlin"


def times(expression: str, zone: str, first: datetime, last: datetime) -> list[str]:
    """All moments at which the schedule is due, looked for every minute."""
    schedule, step = parsed(expression, zone, anchor=ANCHOR), timedelta(minutes=1)
    found, moment = [], first
    while moment < last:
        due = last_due(schedule, moment, moment + step)
        if due is not None:
            found.append(due.astimezone(UTC).strftime("%d %H:%M"))
        moment += step
    return found


@pytest.mark.parametrize(
    ("expression", "zone", "expected"),
    [
        ("cron(0 4 * * ? *)", BERLIN, ["23 02:00", "24 02:00", "25 03:00", "26 03:00"]),
        (NIGHTLY, BERLIN, ["23 00:30", "24 00:30", "25 00:30", "26 01:30"]),
        (NIGHTLY, "UTC", ["23 02:30", "24 02:30", "25 02:30", "26 02:30"]),
    ],
)
def test_when_clocks_go_back_a_time_that_comes_twice_counts_once(
    expression: str, zone: str, expected: list[str]
) -> None:
    first = datetime(2026, 10, 22, 23, tzinfo=UTC)
    assert times(expression, zone, first, first + timedelta(days=4)) == expected


def test_when_clocks_go_forward_a_time_that_does_not_exist_is_skipped() -> None:
    first = datetime(2026, 3, 27, 23, tzinfo=UTC)
    last = first + timedelta(days=3)
    assert times(NIGHTLY, BERLIN, first, last) == ["28 01:30", "30 00:30"]
    assert times("cron(0 4 * * ? *)", BERLIN, first, last) == ["28 03:00", "29 02:00", "30 02:00"]


def test_a_weekday_is_one_of_the_zone_not_of_utc() -> None:
    first = datetime(2026, 11, 28, tzinfo=UTC)
    mondays = times("cron(15 0 ? * MON *)", "Asia/Tokyo", first, first + timedelta(days=7))
    assert mondays == ["29 15:15"]


def test_a_moment_is_one_of_the_zone() -> None:
    schedule = parsed("at(2026-07-01T02:00:00)", BERLIN, anchor=ANCHOR)
    due = datetime(2026, 7, 1, 0, 0, tzinfo=UTC)
    second = timedelta(seconds=1)
    assert last_due(schedule, due - second, due) == due
    assert last_due(schedule, due, due + second) is None


def test_a_rate_is_due_at_once_and_then_at_its_interval() -> None:
    schedule = parsed("rate(5 minutes)", "UTC", anchor=ANCHOR)
    minute = timedelta(minutes=1)
    due = [last_due(schedule, ANCHOR + n * minute, ANCHOR + (n + 1) * minute) for n in range(-2, 11)]
    found = [each for each in due if each is not None]
    assert found == [ANCHOR, ANCHOR + 5 * minute, ANCHOR + 10 * minute]


def test_a_rate_can_be_scaled() -> None:
    schedule = parsed("rate(1 hour)", "UTC", anchor=ANCHOR, scale=0.001)
    until = ANCHOR + timedelta(seconds=8)
    assert last_due(schedule, ANCHOR, until) == ANCHOR + timedelta(seconds=7.2)


def test_of_moments_that_were_missed_the_last_one_counts() -> None:
    until = datetime(2026, 5, 5, 12, 0, 30, tzinfo=UTC)
    schedule = parsed("cron(0/10 * * * ? *)", "UTC", anchor=ANCHOR)
    assert last_due(schedule, until - timedelta(hours=3), until) == until.replace(second=0)


@pytest.mark.parametrize(
    ("expression", "zone"),
    [("cron(0 4 * * *)", "UTC"), ("every day", "UTC"), (NIGHTLY, "Europe/Nowhere"), (NIGHTLY, "../UTC")],
)
def test_what_is_no_schedule_is_refused(expression: str, zone: str) -> None:
    with pytest.raises(ScheduleError):
        parsed(expression, zone, anchor=ANCHOR)
