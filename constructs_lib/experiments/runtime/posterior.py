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
from .density import Density
from .experiment import Reward

CREDIBLE = 0.95
_MAX_UNSURE = 1e6
"""Standard deviations, in ranges of the reward, from which on the posterior is as good as uniform."""


def posterior(reward: Reward, totals: Totals) -> Density:
    """Of the mean; of minus the mean where the reward is to be small."""
    return _beta(reward, totals) if reward.kind == "binary" else _student(reward, totals)


def credible(reward: Reward, density: Density) -> tuple[float, float]:
    """The bounds of 95 % of the posterior, as the reward is measured."""
    low, high = density.quantile((1 - CREDIBLE) / 2), density.quantile((1 + CREDIBLE) / 2)
    return (-high, -low) if reward.minimize else (low, high)


def mean(reward: Reward, density: Density) -> float:
    """The mean of the posterior, as the reward is measured."""
    return -density.mean() if reward.minimize else density.mean()


def _beta(reward: Reward, totals: Totals) -> Density:
    successes = min(max(totals.total, 0.0), totals.exposures)
    failures = totals.exposures - successes
    size = totals.exposures + 2
    yes, no = (successes + 1) / size, (failures + 1) / size

    def log_density(x: float) -> float:
        # Relative to the mean: with 1e9 units the plain logarithms would leave nothing of the difference.
        return _times_log(successes, (x - yes) / yes) + _times_log(failures, (yes - x) / no)

    return _tabulated(log_density, yes, math.sqrt(yes * no / (size + 1)), 0.0, 1.0, mirrored=reward.minimize)


def _times_log(count: float, change: float) -> float:
    """``count·log(1 + change)``, where none of nothing is nothing."""
    if count == 0:
        return 0.0
    return -math.inf if change <= -1 else count * math.log1p(change)


def _student(reward: Reward, totals: Totals) -> Density:
    count, width = totals.rewards, reward.high - reward.low
    if count == 0:
        middle = (reward.low + reward.high) / 2
        return _tabulated(lambda _: 0.0, middle, width / 2, reward.low, reward.high, mirrored=reward.minimize)
    freedom = max(count, 1.0)
    observed = min(max(totals.total / count, reward.low), reward.high)
    squared = (spread(totals) + width * width / 12) / freedom / count
    scale = min(math.sqrt(squared), _MAX_UNSURE * width)

    def log_density(x: float) -> float:
        z = (x - observed) / scale
        return -(freedom + 1) / 2 * math.log1p(z * z / freedom)

    return _tabulated(log_density, observed, scale, reward.low, reward.high, mirrored=reward.minimize)


def spread(totals: Totals) -> float:
    """The sum of the squared distances of the rewards from their mean."""
    return max(totals.squares - totals.total * totals.total / totals.rewards, 0.0) if totals.rewards else 0.0


def _tabulated(
    log_density: Callable[[float], float],
    centre: float,
    scale: float,
    low: float,
    high: float,
    *,
    mirrored: bool,
) -> Density:
    if mirrored:
        return Density(lambda x: log_density(-x), centre=-centre, scale=scale, low=-high, high=-low)
    return Density(log_density, centre=centre, scale=scale, low=low, high=high)
