"""When is an alarm in ALARM? CloudWatch's rule over datapoints, without AWS.

Scaling policies act on alarms: the two that target tracking makes for itself, and the user's own that name
a step policy among their actions. ministack's own evaluation looks neither at dimensions nor at missing data,
so the loop asks this module instead.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

#: One value per period, the oldest first; ``None`` where the metric has no data.
Window = Sequence["Datapoint | None"]

_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanThreshold": operator.gt,
    "GreaterThanOrEqualToThreshold": operator.ge,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}

#: CloudWatch looks a little further back than the evaluated periods when some of them have no data.
SPARE_PERIODS = 2


class State(StrEnum):
    """What CloudWatch calls ``StateValue``."""

    OK = "OK"
    ALARM = "ALARM"
    INSUFFICIENT_DATA = "INSUFFICIENT_DATA"


class Datapoint(NamedTuple):
    """A metric's value over one period, which began at ``start`` (in seconds)."""

    start: float
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmRule:
    """The part of an alarm that decides: ``datapoints`` out of ``periods`` must breach."""

    comparison: str
    threshold: float
    period: int
    periods: int
    datapoints: int
    missing: str = "missing"

    @property
    def reach(self) -> int:
        """How many periods to look back over."""
        return self.periods + SPARE_PERIODS

    def breaches(self, value: float) -> bool:
        """Is this value on the wrong side of the threshold?"""
        compare = _COMPARISONS.get(self.comparison)
        return compare is not None and compare(value, self.threshold)


def evaluate(rule: AlarmRule, window: Window) -> State:
    """The alarm's state after ``window``, whose last entry is the newest complete period."""
    if rule.missing in ("breaching", "notBreaching"):
        return _with_missing_filled(rule, window)
    return _with_missing_skipped(rule, window)


def newest(window: Window) -> Datapoint | None:
    """The most recent datapoint there is."""
    return next((point for point in reversed(window) if point is not None), None)


def _with_missing_filled(rule: AlarmRule, window: Window) -> State:
    """Missing periods count as breaching or as good, whichever the alarm says."""
    filler = rule.missing == "breaching"
    padded = [None] * (rule.periods - len(window)) + list(window)
    breaching = [filler if point is None else rule.breaches(point.value) for point in padded[-rule.periods :]]
    return State.ALARM if sum(breaching) >= rule.datapoints else State.OK


def _with_missing_skipped(rule: AlarmRule, window: Window) -> State:
    """Missing periods are passed over; older datapoints stand in for them.

    CloudWatch does not raise an alarm prematurely: the oldest breaching datapoint must be as many periods old
    as the alarm needs datapoints.
    """
    ages = range(len(window), 0, -1)
    known = [(age, point.value) for age, point in zip(ages, window, strict=True) if point is not None]
    known = known[-rule.periods :]
    if not known:
        return State.INSUFFICIENT_DATA
    breaching = [age for age, value in known if rule.breaches(value)]
    enough = len(breaching) >= min(rule.datapoints, len(known))
    return State.ALARM if breaching and enough and max(breaching) >= rule.datapoints else State.OK
