"""Confidence sequences: intervals that hold at all looks together, so that one may look at any time.

Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, "Time-uniform central limit theory and asymptotic confidence
sequences" (Annals of Statistics, 2024), theorem 2.2, which is Robbins' normal mixture with the variance estimated::

    mean ± σ·√( 2(nρ² + 1) / (n²ρ²) · log( √(nρ² + 1) / α ) )

ρ only says for which n the interval is narrowest (their equation 17). Like the central limit theorem it holds
from some units on: the analysis asks for a minimum of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from .counts import Totals
from .experiment import Reward
from .posterior import spread

NARROWEST_AT = 5000
"""Units."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequence:
    """The difference of two means, and the bounds of its confidence sequence now."""

    difference: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """Of the rewards of one arm."""

    count: float
    mean: float
    variance: float


def moments(reward: Reward, totals: Totals) -> Moments | None:
    """None while there are too few for a variance."""
    if reward.kind == "numeric":
        if totals.rewards <= 1:
            return None
        return Moments(
            count=totals.rewards,
            mean=totals.total / totals.rewards,
            variance=spread(totals) / (totals.rewards - 1),
        )
    if totals.exposures <= 0:
        return None
    # Laplace's estimate: all 0, or all 1, does not prove that the next is.
    chance = (totals.total + 1) / (totals.exposures + 2)
    return Moments(
        count=totals.exposures, mean=totals.total / totals.exposures, variance=chance * (1 - chance)
    )


def difference(arm: Moments, control: Moments, *, alpha: float, adaptive: bool) -> Sequence:
    """The arm's mean less the control's.

    With constant shares both means make one sequence, of as many steps as there are units. If the shares follow
    the rewards that is no martingale any more; but each arm's own rewards still are a sequence, in the order in
    which they came, whenever it was chosen to have another. So each gets half of alpha and the widths add up.
    """
    gap = arm.mean - control.mean
    if adaptive:
        width = sum(radius(each.variance / each.count, each.count, alpha / 2) for each in (arm, control))
    else:
        of_gap = arm.variance / arm.count + control.variance / control.count
        width = radius(of_gap, arm.count + control.count, alpha)
    return Sequence(difference=gap, low=gap - width, high=gap + width)


def radius(variance_of_mean: float, count: float, alpha: float) -> float:
    """Half the width at `count` units, where ``variance_of_mean`` is σ²/n."""
    known = count * _rho_squared(alpha) + 1
    return math.sqrt(variance_of_mean * 2 * known / (known - 1) * math.log(math.sqrt(known) / alpha))


def _rho_squared(alpha: float) -> float:
    surprise = -2 * math.log(alpha)
    return (surprise + math.log(surprise + 1)) / NARROWEST_AT
