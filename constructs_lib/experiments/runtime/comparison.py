"""Which arm is best, how sure that is, and what another arm might still gain."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping

from .density import Density
from .experiment import Reward

SURE = 0.95
"""The percentile of the value remaining."""
LITTLE = 0.01
"""Of the range of a reward that may be of either sign: a mean nearer to 0 is no measure for a gain."""
NARROW = 4
"""A density this many times narrower than another falls between its nodes."""
_CLOSE = 1e-5
_MOST_STEPS = 60


def probabilities_best(posteriors: Mapping[str, Density]) -> dict[str, float]:
    """That each arm's mean is the greatest: ∫ f(x) · ∏ F(x) of the others."""
    found = {arm: _others_below(posteriors, arm) for arm in posteriors}
    whole = math.fsum(found.values())
    return {arm: probability / whole for arm, probability in found.items()}


def value_remaining(posteriors: Mapping[str, Density], best: str, reward: Reward) -> float:
    """What an arm may have over the best, relative to it, at the 95th percentile (Scott, 2013).

    Let d = max(others) - best. The probability that d ≤ v·|best| is one integral like that of P(best); this
    finds the v for which it is 0.95. With rewards of either sign, |best| is at least a hundredth of their range.
    """
    least = LITTLE * (reward.high - reward.low) if reward.low < 0 < reward.high else 0.0

    def short(gain: float) -> float:
        return SURE - _others_below(posteriors, best, gain, least)

    missing = short(0.0)
    if missing <= 0:
        return 0.0
    low, high, above = 0.0, 0.01, short(0.01)
    for _ in range(_MOST_STEPS):
        if above <= 0:
            break
        low, missing, high = high, above, high * 4
        above = short(high)
    return _root(short, low, missing, high, above)


def _others_below(
    posteriors: Mapping[str, Density], arm: str, gain: float = 0.0, least: float = 0.0
) -> float:
    """The probability that no other arm has more than this one and its `gain`."""
    own = posteriors[arm]
    others = [density for name, density in posteriors.items() if name != arm]
    breaks = [_before_gain(edge, gain, least) for each in others for edge in _abrupt(each, own)]
    nodes, found = own.split(breaks)
    levels = [x + gain * max(abs(x), least) for x in nodes]
    for other in others:
        below = other.below
        found = [mass * below(level) for mass, level in zip(found, levels, strict=True)]
    return math.fsum(found)


def _abrupt(density: Density, seen_by: Density) -> Iterator[float]:
    """Where its distribution function has corners, or is a step in the eyes of a much wider density."""
    edges = density.edges
    yield from edges if density.deviation < seen_by.deviation / NARROW else (edges[0], edges[-1])


def _before_gain(level: float, gain: float, least: float) -> float:
    """The mean that the gain lifts to `level`."""
    if abs(level - gain * least) <= least:
        return level - gain * least
    if level > 0 or gain >= 1:
        return level / (1 + gain)
    return level / (1 - gain)


def _root(falling: Callable[[float], float], low: float, at_low: float, high: float, at_high: float) -> float:
    """Where `falling` is 0 between its positive and its negative value: false position (Illinois)."""
    for _ in range(_MOST_STEPS):
        if at_high > 0 or high - low <= _CLOSE * high:
            break
        middle = high - at_high * (high - low) / (at_high - at_low)
        value = falling(middle)
        if abs(value) < _CLOSE:
            return middle
        if value > 0:
            low, at_low, at_high = middle, value, at_high / 2
        else:
            high, at_high, at_low = middle, value, at_low / 2
    return high
