"""How far a feature has drifted from its baseline, by several measures, and how likely that is by chance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .categories import Categories
from .distances import (
    chi_square,
    counted,
    deciles,
    floored,
    gaps,
    jensen_shannon,
    kolmogorov_smirnov_p,
    l_infinity,
    psi,
    shares,
    smoothed,
    sturges,
)
from .feature import Feature
from .numbers import Numbers

Binning = Literal["deciles", "sturges"]
BINNINGS: tuple[Binning, ...] = ("deciles", "sturges")
OF_NUMBERS = {"ks": 0.1, "psi": 0.2, "jensen_shannon": 0.1, "wasserstein": 0.1}
"""The methods for numbers, each with the distance from which on it is called a drift."""
OF_CATEGORIES = {"psi": 0.2, "jensen_shannon": 0.1, "l_infinity": 0.1, "chi_square": 0.1}
"""Of the χ² test the distance is Cramér's V."""
_DISTANCES = {"ks": "kolmogorov_smirnov"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """Of one feature."""

    method: str
    distance: float
    """By that method."""
    p_value: float
    """Of Kolmogorov–Smirnov for numbers and of χ² for categories, whatever the method."""
    distances: dict[str, float]
    """By every method; Wasserstein's in standard deviations of the baseline."""


def drift(baseline: Feature, current: Feature, method: str, *, binning: Binning = "deciles") -> Drift:
    """Compare two features; of what type they are, the baseline says.

    Args:
        method: "ks", "psi", "jensen_shannon", "wasserstein" for numbers; "psi", "jensen_shannon", "l_infinity",
            "chi_square" for categories.
        binning: of numbers, for PSI and Jensen–Shannon. "deciles" of the baseline, with empty ones `smoothed`
            for PSI; or Evidently's, "sturges": of equal width over both, empty ones taken for 0.0001.

    Raises:
        ValueError: the method is not for this type, or either side has no values of it.
    """
    numeric = baseline.type != "String"
    allowed = OF_NUMBERS if numeric else OF_CATEGORIES
    if method not in allowed:
        raise ValueError(f"the method for {baseline.type} is {method!r}, allowed are {', '.join(allowed)}")
    if numeric:
        distances, p_value = _of_numbers(baseline.numbers, current.numbers, binning)
    else:
        if baseline.categories is None or current.categories is None:
            raise ValueError("categories were not counted: declare the type String in either profile")
        distances, p_value = _of_categories(baseline.categories, current.categories)
    distance = distances[_DISTANCES.get(method, method)]
    return Drift(method=method, distance=distance, p_value=p_value, distances=distances)


def _of_numbers(baseline: Numbers, current: Numbers, binning: Binning) -> tuple[dict[str, float], float]:
    if not baseline.count or not current.count:
        raise ValueError("no numbers, no distance")
    before, now = baseline.sketch.weighted(), current.sketch.weighted()
    between = gaps(before, now)
    if binning == "deciles":
        edges = deciles(before)
        bins = [counted(each, edges, closed="right") for each in (before, now)]
        filled = list(smoothed(*bins))
    else:
        low, high = min(before[0][0], now[0][0]), max(before[0][-1], now[0][-1])
        edges = sturges(low, high, baseline.count + current.count)
        bins = [counted(each, edges, closed="left") for each in (before, now)]
        filled = [floored(each) for each in bins]
    distances = {
        "kolmogorov_smirnov": between.greatest,
        "psi": psi(*filled),
        "jensen_shannon": jensen_shannon(*map(shares, bins)),
        # A baseline that does not vary has no scale of its own: then it is in the feature's unit.
        "wasserstein": between.area / (baseline.deviation or 1.0),
    }
    return distances, kolmogorov_smirnov_p(between.greatest, baseline.count, current.count)


def _of_categories(baseline: Categories, current: Categories) -> tuple[dict[str, float], float]:
    if not baseline.total or not current.total:
        raise ValueError("no categories, no distance")
    names = sorted({*baseline.counts, *current.counts})
    before = [*(baseline.counts.get(name, 0) for name in names), baseline.other]
    now = [*(current.counts.get(name, 0) for name in names), current.other]
    if not baseline.other and not current.other:
        before.pop()
        now.pop()
    tested = chi_square(before, now)
    shares_before, shares_now = shares(before), shares(now)
    distances = {
        "psi": psi(*smoothed(before, now)),
        "jensen_shannon": jensen_shannon(shares_before, shares_now),
        "l_infinity": l_infinity(shares_before, shares_now),
        "chi_square": tested.cramers_v,
    }
    return distances, tested.p_value


def comparable(baseline: Feature, current: Feature) -> bool:
    """Whether there is a distance: values of the baseline's type on either side, and no free text."""
    if baseline.type == "String":
        return not baseline.free_text and all(
            each.categories is not None and each.categories.total > 0 for each in (baseline, current)
        )
    return min(baseline.numbers.count, current.numbers.count) > 0
