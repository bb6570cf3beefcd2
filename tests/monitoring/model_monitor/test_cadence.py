"""The schedules and offsets that Model Monitor takes, written and read back."""

from __future__ import annotations

import pytest

from constructs_lib.monitoring.model_monitor.cadence import (
    HOURLY,
    daily,
    every,
    offset,
    offset_seconds,
    period_seconds,
)


@pytest.mark.parametrize(
    ("schedule", "seconds"),
    [(HOURLY, 3600), (daily(0), 86_400), (every(6), 21_600), (every(24, starting=5), 86_400), ("NOW", None)],
)
def test_periods(schedule: str, seconds: int | None) -> None:
    assert period_seconds(schedule) == seconds


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        ("-PT2H", 7200),
        ("PT0H", 0),
        ("-P8D", 691_200),
        ("-PT90M", 5400),
        ("PT", None),
        ("P", None),
        ("-P1W", None),
        ("-PT1H30M", None),
        ("", None),
        ("-PT99999H", None),
    ],
)
def test_offsets(given: str, seconds: int | None) -> None:
    assert offset_seconds(given) == seconds


@pytest.mark.parametrize("seconds", [0, 60, 3600, 5400, 86_400, 30 * 86_400])
def test_an_offset_is_read_back(seconds: int) -> None:
    assert offset_seconds(offset(seconds)) == seconds
    assert len(offset(seconds)) <= 15
