"""What a canary analysis decides: pure functions, from numbers to a verdict.

Everything is computed anew from the series since the bake began. So it may run twice, late, or never in
between, and a number that CloudWatch brings late counts in its place.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum


class Measurement(Enum):
    """What one check says of one interval."""

    SUCCESSFUL = "successful"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"
    NO_DATA = "no data"


class Verdict(Enum):
    """What the analysis says of a bake."""

    RUNNING = "Running"
    SUCCESS = "Success"
    FAILURE = "Failure"
    INCONCLUSIVE = "Inconclusive"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """What the values of a check must keep to: one of `at_most` and `at_least`."""

    at_most: float | None = None
    at_least: float | None = None
    margin: float = 0.0
    """Beyond the bound by no more than this is inconclusive."""
    minimum_samples: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How many consecutive measurements make a verdict."""

    failure: int
    success: int
    inconclusive: int | None = None


def whole_intervals(since: float, now: float, interval: int) -> list[float]:
    """Starts of the intervals that began after `since` and are over `now`.

    On the grid of CloudWatch, whose periods begin at multiples of their length: one that began before
    `since` mixes in what was before.
    """
    first = math.ceil(since / interval)
    return [float(number * interval) for number in range(first, math.floor(now / interval))]


def measure(bound: Bound, value: float | None, samples: float | None) -> Measurement:
    """Judge the value of one interval; `samples` is None where nobody counts them."""
    too_few = samples is not None and samples < bound.minimum_samples
    if value is None or not math.isfinite(value) or too_few:
        return Measurement.NO_DATA
    beyond = _beyond(bound, value)
    if beyond <= 0:
        return Measurement.SUCCESSFUL
    return Measurement.FAILED if beyond > bound.margin else Measurement.INCONCLUSIVE


def _beyond(bound: Bound, value: float) -> float:
    """By how much the value breaks its bound."""
    if bound.at_most is not None:
        return value - bound.at_most
    return (bound.at_least or 0.0) - value


def judge(rows: Iterable[Sequence[Measurement]], limits: Limits, *, due: bool) -> Verdict:
    """The verdict on a bake: `rows` are its intervals, oldest first, each with one measurement a check.

    A failure stands whenever it comes, since traffic may still go back. Of success and inconclusiveness the
    first stands; without either the bake is inconclusive once the verdict is `due`.
    """
    runs: dict[int, tuple[Measurement, int]] = {}
    decided = Verdict.RUNNING
    for row in rows:
        for check, measurement in enumerate(row):
            if measurement is not Measurement.NO_DATA:
                kind, length = runs.get(check, (measurement, 0))
                runs[check] = (measurement, length + 1 if kind is measurement else 1)
        if _any_run(runs, Measurement.FAILED, limits.failure):
            return Verdict.FAILURE
        if decided is Verdict.RUNNING:
            decided = _decided(runs, len(row), limits)
    return Verdict.INCONCLUSIVE if decided is Verdict.RUNNING and due else decided


_Runs = dict[int, tuple[Measurement, int]]


def _decided(runs: _Runs, checks: int, limits: Limits) -> Verdict:
    long_enough = [
        check
        for check, (kind, length) in runs.items()
        if kind is Measurement.SUCCESSFUL and length >= limits.success
    ]
    if len(long_enough) == checks:
        return Verdict.SUCCESS
    if limits.inconclusive is not None and _any_run(runs, Measurement.INCONCLUSIVE, limits.inconclusive):
        return Verdict.INCONCLUSIVE
    return Verdict.RUNNING


def _any_run(runs: _Runs, of: Measurement, limit: int) -> bool:
    return any(kind is of and length >= limit for kind, length in runs.values())
