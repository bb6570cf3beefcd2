"""What is believed of an arm's mean reward, given what was counted of it.

Binary rewards: the Beta posterior of a uniform prior. Numeric rewards: Student's t for the mean of normal rewards
of unknown variance, kept between the bounds of the reward. Its prior is uniform in the mean, so that nothing is
drawn towards the middle of a wide range, and for the variance it is one imagined reward with the variance of a
uniform one: few rewards that happen to be equal make nobody sure, and many outweigh it. By the central limit
theorem this also serves rewards that are not normal.

Where less is better everything is mirrored at 0: in here, more is always better.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from .counts import Totals
from .density import Density, Shape
from .experiment import Reward

CREDIBLE = 0.95
FORGOTTEN = 1e-6
"""Of a reward: what a discount has left so little of is no reward at all."""


def posterior(reward: Reward, totals: Totals) -> Density:
    """Of the mean; of minus the mean where the reward is to be small."""
    shape = _beta(totals) if reward.kind == "binary" else _student(reward, totals)
    return Density(shape.mirrored() if reward.minimize else shape)


def credible(reward: Reward, density: Density) -> tuple[float, float]:
    """The bounds of 95 % of the posterior, as the reward is measured."""
    low, high = density.quantile((1 - CREDIBLE) / 2), density.quantile((1 + CREDIBLE) / 2)
    return (-high, -low) if reward.minimize else (low, high)


def mean(reward: Reward, density: Density) -> float:
    """The mean of the posterior, as the reward is measured."""
    return -density.mean if reward.minimize else density.mean


def _beta(totals: Totals) -> Shape:
    """In the log-odds, where it has no edges: z is their distance from those of the mean.

    All is relative to the mean: at 1e9 units, the difference of two plain logarithms would have no digit left.
    """
    ones = min(max(totals.total, 0.0), totals.exposures)
    a, b = ones + 1, totals.exposures - ones + 1
    yes, no = a / (a + b), b / (a + b)
    odds, width = math.log(a / b), 1 / math.sqrt((a + b) * yes * no)

    def log_density(z: float) -> float:
        up = z * width
        return -a * math.log1p(no * math.expm1(-up)) - b * math.log1p(yes * math.expm1(up))

    def from_x(x: float) -> float:
        if x <= 0:
            return -math.inf
        return (math.log(x / (1 - x)) - odds) / width if x < 1 else math.inf

    return Shape(log_density=log_density, to_x=lambda z: 1 / (1 + math.exp(-odds - z * width)), from_x=from_x)


def _student(reward: Reward, totals: Totals) -> Shape:
    count, reach = totals.rewards, reward.high - reward.low
    if count < FORGOTTEN:
        return _placed(lambda _: 0.0, (reward.low + reward.high) / 2, reach / 2, reward)
    freedom = max(count, 1.0)
    observed = min(max(totals.total / count, reward.low), reward.high)
    width = math.sqrt((spread(totals) + reach * reach / 12) / freedom / count)
    return _placed(lambda z: -(freedom + 1) / 2 * math.log1p(z * z / freedom), observed, width, reward)


def _placed(log_density: Callable[[float], float], centre: float, width: float, reward: Reward) -> Shape:
    return Shape(
        log_density=log_density,
        to_x=lambda z: centre + z * width,
        from_x=lambda x: (x - centre) / width,
        low=(reward.low - centre) / width,
        high=(reward.high - centre) / width,
    )


def spread(totals: Totals) -> float:
    """The sum of the squared distances of the rewards from their mean."""
    return max(totals.squares - totals.total * totals.total / totals.rewards, 0.0) if totals.rewards else 0.0
