"""The plan of an A/B test: how long it must run to find what it looks for."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..core.checks import known, number
from ..core.rules import Broken, Rules
from .known_now import KNOWN_NOW, fields_known_now
from .power import SampleSize, binary_sample_size, numeric_sample_size

_LARGEST_EFFECT = 1e12
_LEAST_EFFECT = 1e-12
_FEWEST_REQUESTS = 1e-6
"""Of less than these, sizes and days are beyond the numbers that they are computed with."""
_COHEN = "https://doi.org/10.4324/9780203771587"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a test is to find: make one with `Plan.rate(…)` or `Plan.mean(…)`.

    From it, synthesis computes how many answers and how many days the test needs: the outputs
    ``PlannedUnits`` and ``PlannedDays``, and `ABTest.plan`.
    """

    effect: float
    requests_per_day: float
    power: float = 0.8
    baseline: float | None = None
    deviation: float | None = None

    def __post_init__(self) -> None:
        """Check."""
        plan_rules.enforce(self, path="Plan")

    @staticmethod
    def rate(*, baseline: float, effect: float, requests_per_day: float, power: float = 0.8) -> Plan:
        """For a binary reward.

        :param baseline: the control's rate as it is now, between 0 and 1.
        :param effect: the least difference that matters, absolute, at least 1e-12: 0.01 tells 4 % from 5 %.
        :param requests_per_day: of all variants together, at least 1e-6.
        :param power: the probability to find that difference where it exists. Default: 0.8.
        :raises ConstraintError: SM-PLAN-001, SM-PLAN-002.
        """
        return Plan(effect=effect, requests_per_day=requests_per_day, power=power, baseline=baseline)

    @staticmethod
    def mean(*, deviation: float, effect: float, requests_per_day: float, power: float = 0.8) -> Plan:
        """For a numeric reward.

        :param deviation: the standard deviation of the rewards.
        :param effect: the least difference of the means that matters, absolute, 1e-12 – 1e12.
        :param requests_per_day: of all variants together, at least 1e-6; those that get a reward.
        :param power: the probability to find that difference where it exists. Default: 0.8.
        :raises ConstraintError: SM-PLAN-001, SM-PLAN-002.
        """
        return Plan(effect=effect, requests_per_day=requests_per_day, power=power, deviation=deviation)

    def sized(self, shares: Sequence[float], alpha: float) -> Planned:
        """What it comes to with these shares of the traffic, the control's first."""
        if self.baseline is not None:
            size = binary_sample_size(
                baseline=self.baseline, effect=self.effect, shares=shares, alpha=alpha, power=self.power
            )
        else:
            size = numeric_sample_size(
                deviation=self.deviation or 0.0,
                effect=self.effect,
                shares=shares,
                alpha=alpha,
                power=self.power,
            )
        return Planned(size=size, days=math.ceil(size.days(self.requests_per_day)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """How large a test must be."""

    size: SampleSize
    """Answers of each variant whose rewards are known."""
    days: int
    """Until there are so many, rounded up; the reward's window comes on top."""


plan_rules = Rules[Plan]()
plan_rules.add(KNOWN_NOW, fields_known_now)


@plan_rules.rule("SM-PLAN-001", source=_COHEN)
def plan_looks_for_something(plan: Plan) -> Iterator[Broken]:
    """A plan has an effect of at least 1e-12, at least 1e-6 requests a day, and a power of 0.5–0.999."""
    broken = list(number("effect", plan.effect, -_LARGEST_EFFECT, _LARGEST_EFFECT))
    yield from broken
    if not broken and known(plan.effect) and abs(plan.effect) < _LEAST_EFFECT:
        yield Broken("effect", plan.effect, f"anything but 0, by {_LEAST_EFFECT:g} or more")
    yield from number("requests_per_day", plan.requests_per_day, _FEWEST_REQUESTS)
    yield from number("power", plan.power, 0.5, 0.999)


@plan_rules.rule("SM-PLAN-002", source=_COHEN)
def plan_is_about_a_rate_or_a_mean(plan: Plan) -> Iterator[Broken]:
    """A plan is about a rate between 0 and 1, before and after the effect, or about a mean that varies."""
    if (plan.baseline is None) == (plan.deviation is None):
        given = f"baseline={plan.baseline}, deviation={plan.deviation}"
        yield Broken("baseline, deviation", given, "one of them", "Plan.rate(…) or Plan.mean(…)")
    yield from number("deviation", plan.deviation, 0, above=True)
    broken = list(number("baseline", plan.baseline, 0, 1, above=True))
    yield from broken
    # An effect that is no number is reported by the other rule.
    broken += number("effect", plan.effect, -_LARGEST_EFFECT, _LARGEST_EFFECT)
    if not broken and known(plan.baseline, plan.effect) and plan.baseline is not None:
        if plan.baseline == 1:
            yield Broken("baseline", plan.baseline, "less than 1")
        elif not 0 < plan.baseline + plan.effect < 1:
            allowed = f"a rate between 0 and 1 after it too: now {plan.baseline + plan.effect:g}"
            yield Broken("effect", plan.effect, allowed)
