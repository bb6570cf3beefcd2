"""When scheduled actions run."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta

import pytest
from dateutil import tz
from hypothesis import given
from hypothesis import strategies as st

from constructs_lib.local.autoscaling.schedule import ScheduleError, parse

ANCHOR = datetime(2026, 1, 1, tzinfo=UTC)


def due(expression: str, moment: str, *, zone: str = "UTC") -> bool:
    """Is it due in the minute that ends now?"""
    until = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    found = tz.gettz(zone)
    assert found is not None
    return parse(expression, zone=found, anchor=ANCHOR).due(until - timedelta(seconds=59), until)


@pytest.mark.parametrize(
    ("expression", "moment", "expected"),
    [
        ("at(2026-03-01T10:00:00)", "2026-03-01T10:00:30", True),
        ("at(2026-03-01T10:00:00)", "2026-03-01T10:02:00", False),
        ("cron(0 10 * * ? *)", "2026-03-01T10:00:00", True),
        ("cron(0 10 * * ? *)", "2026-03-01T10:01:00", False),
        ("cron(0/15 * * * ? *)", "2026-03-01T10:45:00", True),
        ("cron(0/15 * * * ? *)", "2026-03-01T10:46:00", False),
        ("cron(5,10-12 * * * ? *)", "2026-03-01T10:11:00", True),
        ("cron(0 8 ? * MON-FRI *)", "2026-03-02T08:00:00", True),  # a Monday
        ("cron(0 8 ? * MON-FRI *)", "2026-03-01T08:00:00", False),  # a Sunday
        ("cron(0 8 ? * 1 *)", "2026-03-01T08:00:00", True),  # 1 is Sunday
        ("cron(0 8 L * ? *)", "2026-02-28T08:00:00", True),
        ("cron(0 8 L * ? *)", "2026-02-27T08:00:00", False),
        ("cron(0 8 1W * ? *)", "2026-08-03T08:00:00", True),  # 1 August is a Saturday
        ("cron(0 8 31W * ? *)", "2026-05-29T08:00:00", True),  # 31 May is a Sunday
        ("cron(0 8 ? * MON#2 *)", "2026-03-09T08:00:00", True),
        ("cron(0 8 ? * MON#2 *)", "2026-03-02T08:00:00", False),
        ("cron(0 8 ? * FRIL *)", "2026-03-27T08:00:00", True),
        ("cron(0 8 ? * FRIL *)", "2026-03-20T08:00:00", False),
        ("cron(0 8 1 JAN,JUL ? 2026)", "2026-07-01T08:00:00", True),
        ("cron(0 8 1 JAN,JUL ? 2027)", "2026-07-01T08:00:00", False),
        ("rate(5 minutes)", "2026-01-01T00:10:00", True),
        ("rate(5 minutes)", "2026-01-01T00:12:00", False),
        ("rate(1 hour)", "2026-01-01T00:00:00", False),  # not at the anchor itself
        ("rate(1 hour)", "2026-01-01T01:00:00", True),
    ],
)
def test_due(expression: str, moment: str, expected: bool) -> None:
    assert due(expression, moment) is expected


def test_summer_time_follows_the_zone() -> None:
    morning = "cron(0 8 * * ? *)"
    assert due(morning, "2026-01-15T07:00:00", zone="Europe/Berlin")
    assert due(morning, "2026-07-15T06:00:00", zone="Europe/Berlin")
    assert not due(morning, "2026-07-15T07:00:00", zone="Europe/Berlin")
    assert due("at(2026-07-15T08:00:00)", "2026-07-15T06:00:00", zone="Europe/Berlin")


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "cron(0 10 * * *)",  # five fields
        "cron(0 10 * * * *)",  # no ?
        "cron(0 10 ? * ? *)",
        "cron(60 10 * * ? *)",
        "cron(5-1 10 * * ? *)",
        "cron(0/0 10 * * ? *)",
        "cron(0 10 ? * XYZ *)",
        "cron(0 10 ? * MON#6 *)",
        "rate(1 minutes)",
        "rate(2 minute)",
        "rate(0 minutes)",
        "rate(1 week)",
        "at(tomorrow)",
        "at(2026-13-01T00:00:00)",
        "every day",
    ],
)
def test_nonsense_is_refused(expression: str) -> None:
    with pytest.raises(ScheduleError):
        parse(expression, anchor=ANCHOR)


@given(st.text())
def test_any_text_is_a_schedule_or_refused(text: str) -> None:
    for expression in (text, f"cron({text})", f"rate({text})", f"at({text})"):
        with contextlib.suppress(ScheduleError):
            parse(expression, anchor=ANCHOR).due(ANCHOR, ANCHOR + timedelta(minutes=1))


@given(
    start=st.datetimes(min_value=datetime(2026, 1, 1), max_value=datetime(2027, 1, 1)),
    cut=st.integers(0, 3600),
)
def test_no_run_is_lost_or_doubled_between_rounds(start: datetime, cut: int) -> None:
    after = start.replace(tzinfo=UTC)
    middle, until = after + timedelta(seconds=cut), after + timedelta(hours=1)
    for expression in ("cron(30 * * * ? *)", "rate(1 hour)"):
        schedule = parse(expression, anchor=ANCHOR)
        assert [schedule.due(after, middle), schedule.due(middle, until)].count(True) == 1


def test_after_a_long_sleep_only_a_day_is_caught_up() -> None:
    schedule = parse("cron(0 8 1 1 ? *)", anchor=ANCHOR)
    assert not schedule.due(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 12, 31, tzinfo=UTC))
