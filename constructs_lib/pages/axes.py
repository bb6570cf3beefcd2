"""Axes: from where to where, and which places on them have a name."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_TIME_STEPS = (
    *(n * _MINUTE for n in (1, 2, 5, 10, 15, 30)),
    *(n * _HOUR for n in (1, 2, 3, 6, 12)),
    *(n * _DAY for n in (1, 2, 4, 7, 14, 28, 56, 91, 182, 364, 728)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """A range of values with its ticks."""

    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]

    def place(self, value: float) -> float:
        """Where a value lies: 0 at the beginning, 1 at the end."""
        return (value - self.low) / (self.high - self.low)


def number_axis(low: float, high: float, *, ticks: int = 5, percent: bool = False) -> Axis:
    """From a round number to a round number, with about so many `ticks`."""
    if not low < high:
        around = abs(low) / 10 or 0.5
        low, high = low - around, high + around
    step = _round_step((high - low) / ticks)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    values = [number * step for number in range(first, last + 1)]
    return Axis(
        low=values[0],
        high=values[-1],
        ticks=tuple((value, tick_text(value, step, percent=percent)) for value in values),
    )


def _round_step(least: float) -> float:
    """The next of 1, 2 and 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least * (1 - 1e-9))


def tick_text(value: float, step: float, *, percent: bool = False) -> str:
    """A value with the decimals that tell it from the next one."""
    if percent:
        value, step = value * 100, step * 100
    if abs(value) < step / 2:
        value = 0.0
    decimals = max(-math.floor(math.log10(step) + 1e-9), 0)
    text = f"{value:.{decimals}f}" if 1e-4 <= step < 1e6 else f"{value:.3g}"
    text = text.replace("-", "−")
    return f"{text} %" if percent else text


def time_axis(low: float, high: float, *, ticks: int = 6) -> Axis:
    """From a time to a time, in UTC; the ticks lie at whole minutes, hours or days."""
    if high - low < _MINUTE:
        low, high = low - _MINUTE / 2, low + _MINUTE / 2
    span = high - low
    step = next((each for each in _TIME_STEPS if span / each <= ticks), _TIME_STEPS[-1])
    first = math.ceil(low / step)
    found: list[tuple[float, str]] = []
    for number in range(first, math.floor(high / step) + 1):
        at = float(number * step)
        found.append((at, _time_text(at, step, first=not found)))
    return Axis(low=low, high=high, ticks=tuple(found))


def _time_text(at: float, step: int, *, first: bool) -> str:
    """The date where it changes, the time elsewhere."""
    moment = datetime.fromtimestamp(at, UTC)
    if step >= _DAY:
        return f"{moment.day} {moment:%b}"
    if at % _DAY == 0:
        return f"{moment.day} {moment:%b}"
    return f"{moment.day} {moment:%b} {moment:%H:%M}" if first else f"{moment:%H:%M}"
