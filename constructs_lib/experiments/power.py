"""How large an A/B test must be, before it starts.

The usual normal approximation of a two-sided test at a fixed size. For rates the variance is pooled under the
hypothesis that there is no difference, and not under the other, as in R's ``power.prop.test`` and statsmodels'
``power_proportions_2indep``. A test that is watched all the time, by its confidence sequence, needs more for the
same power: take this for the least.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

EVEN = (0.5, 0.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleSize:
    """Of a whole test."""

    units: tuple[int, ...]
    """Of each arm at its share, the control first, so that every challenger has the power that is asked for."""

    @property
    def total(self) -> int:
        """Of all arms."""
        return sum(self.units)

    def days(self, requests_per_day: float) -> float:
        """How long it takes where each request is a unit.

        :raises ValueError: There are no requests.
        """
        if not 0 < requests_per_day < math.inf:
            raise ValueError(f"requests_per_day is {requests_per_day}: more than 0 is allowed")
        return self.total / requests_per_day


def binary_sample_size(
    *,
    baseline: float,
    effect: float,
    shares: Sequence[float] = EVEN,
    alpha: float = 0.05,
    power: float = 0.8,
) -> SampleSize:
    """For a rate, such as a conversion.

    :param baseline: The control's rate, between 0 and 1.
    :param effect: The least difference to be found, absolute: 0.01 for 4 % to 5 %; negative for a fall.
    :param shares: Of the traffic, the control's first, with a sum of 1.
    :param alpha: Of all comparisons with the control together, which it is divided among (Bonferroni).
    :raises ValueError: What is asked has no answer.
    """
    changed = baseline + effect
    if not (0 < baseline < 1 and 0 < changed < 1):
        raise ValueError(f"baseline is {baseline}, with effect {changed}: between 0 and 1 is allowed")
    no_effect, found = _quantiles(shares, alpha, power, effect)

    def control_units(ratio: float) -> float:
        pooled = (baseline + ratio * changed) / (1 + ratio)
        together = math.sqrt(pooled * (1 - pooled) * (1 + 1 / ratio))
        apart = math.sqrt(baseline * (1 - baseline) + changed * (1 - changed) / ratio)
        return float(((no_effect * together + found * apart) / effect) ** 2)

    return _sized(shares, control_units)


def numeric_sample_size(
    *,
    deviation: float,
    effect: float,
    shares: Sequence[float] = EVEN,
    alpha: float = 0.05,
    power: float = 0.8,
) -> SampleSize:
    """For a mean, such as the value of an order: not its size matters, but how much it varies.

    :param deviation: The standard deviation of the rewards, the same in all arms.
    :param effect: The least difference of the means to be found, absolute.
    :param shares: Of the traffic, the control's first, with a sum of 1.
    :param alpha: Of all comparisons with the control together, which it is divided among (Bonferroni).
    :raises ValueError: What is asked has no answer.
    """
    if not 0 < deviation < math.inf:
        raise ValueError(f"deviation is {deviation}: more than 0 is allowed")
    no_effect, found = _quantiles(shares, alpha, power, effect)

    def control_units(ratio: float) -> float:
        return float(((no_effect + found) * deviation / effect) ** 2 * (1 + 1 / ratio))

    return _sized(shares, control_units)


def _quantiles(shares: Sequence[float], alpha: float, power: float, effect: float) -> tuple[float, float]:
    """The normal distribution's, of one comparison's two-sided alpha and of the power."""
    if len(shares) < 2 or min(shares) <= 0 or not math.isclose(math.fsum(shares), 1, abs_tol=1e-6):
        raise ValueError(f"shares are {tuple(shares)}: two or more above 0 with a sum of 1 are allowed")
    if not 0 < alpha < 1:
        raise ValueError(f"alpha is {alpha}: between 0 and 1 is allowed")
    if not alpha < power < 1:
        raise ValueError(f"power is {power}: between alpha ({alpha}) and 1 is allowed")
    if effect == 0 or not math.isfinite(effect):
        raise ValueError(f"effect is {effect}: anything but 0 is allowed")
    normal = NormalDist()
    return normal.inv_cdf(1 - alpha / (len(shares) - 1) / 2), normal.inv_cdf(power)


def _sized(shares: Sequence[float], control_units: Callable[[float], float]) -> SampleSize:
    """Of the challenger that needs most; `control_units` is by the challenger's share over the control's."""
    control, *challengers = shares
    total = max(control_units(share / control) / control for share in challengers)
    return SampleSize(units=tuple(math.ceil(round(total * share, 6)) for share in shares))
