"""Axes have round numbers, and times that people would choose."""

from __future__ import annotations

import pytest

from constructs_lib.pages.axes import number_axis, time_axis

BEGAN = 1_800_000_000.0
DAY = 86400.0


def test_numbers_are_round() -> None:
    axis = number_axis(0.0483, 0.0622, percent=True)

    assert [text for _, text in axis.ticks] == ["4.5 %", "5.0 %", "5.5 %", "6.0 %", "6.5 %"]
    assert (axis.low, axis.high) == pytest.approx((0.045, 0.065))


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0, 1, ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        (-3, 3, ["−4", "−2", "0", "2", "4"]),
        (5, 5, ["4.4", "4.6", "4.8", "5.0", "5.2", "5.4", "5.6"]),
        (0, 0, ["−0.6", "−0.4", "−0.2", "0.0", "0.2", "0.4", "0.6"]),
        (0, 3e9, ["0", "1e+09", "2e+09", "3e+09"]),
    ],
)
def test_ticks(low: float, high: float, ticks: list[str]) -> None:
    assert [text for _, text in number_axis(low, high).ticks] == ticks


@pytest.mark.parametrize(
    ("seconds", "ticks"),
    [
        (0, ["15 Jan 08:00"]),
        (600, ["15 Jan 08:00", "08:02", "08:04", "08:06", "08:08", "08:10"]),
        (20 * 3600, ["15 Jan 12:00", "18:00", "16 Jan"]),
        (5 * DAY, ["16 Jan", "17 Jan", "18 Jan", "19 Jan", "20 Jan"]),
        (9000 * DAY, None),
    ],
)
def test_times(seconds: float, ticks: list[str] | None) -> None:
    axis = time_axis(BEGAN, BEGAN + seconds)

    assert axis.low < axis.high
    if ticks is not None:
        assert [text for _, text in axis.ticks][: len(ticks)] == ticks
