"""The size of an A/B test, against statsmodels."""

from __future__ import annotations

import math
from typing import Any

import pytest
from statsmodels.stats.power import NormalIndPower
from statsmodels.stats.proportion import power_proportions_2indep

from constructs_lib.experiments.power import binary_sample_size, numeric_sample_size


@pytest.mark.parametrize("challenger", [0.5, 0.2, 0.9])
@pytest.mark.parametrize(("baseline", "effect"), [(0.04, 0.01), (0.04, -0.01), (0.5, 0.02), (0.9, 0.05)])
def test_a_rate_has_the_power_that_statsmodels_says(
    baseline: float, effect: float, challenger: float
) -> None:
    found = binary_sample_size(
        baseline=baseline, effect=effect, shares=(1 - challenger, challenger), power=0.9
    )
    control, other = found.units
    assert other / control == pytest.approx(challenger / (1 - challenger), rel=0.01)

    def power(fewer: int) -> float:
        """Its first sample is the one with the effect."""
        ratio = (control - fewer) / (other - fewer)
        return float(power_proportions_2indep(effect, baseline, other - fewer, ratio).power)

    assert power(0) >= 0.9 > power(max(2, math.ceil(0.005 * min(control, other))))


def test_the_published_example_is_reproduced() -> None:
    """Scott (2013): 4 % against 5 % with a power of 95 %: 22,330 observations, which R rounds down."""
    found = binary_sample_size(baseline=0.04, effect=0.01, power=0.95)
    assert found.units == (11_166, 11_166)
    assert found.days(100) == pytest.approx(223.3, abs=0.1)


@pytest.mark.parametrize("challenger", [0.5, 0.2, 0.9])
@pytest.mark.parametrize("alpha", [0.05, 0.001])
def test_a_mean_needs_what_statsmodels_says(challenger: float, alpha: float) -> None:
    shares = (1 - challenger, challenger)
    found = numeric_sample_size(deviation=12.0, effect=-0.5, shares=shares, alpha=alpha)
    control = NormalIndPower().solve_power(0.5 / 12.0, None, alpha, 0.8, challenger / (1 - challenger))
    assert found.units[0] == pytest.approx(control, abs=1.01)


def test_more_arms_divide_alpha_and_the_smallest_challenger_decides() -> None:
    three = binary_sample_size(baseline=0.1, effect=0.02, shares=(0.5, 0.3, 0.2))
    alone = binary_sample_size(baseline=0.1, effect=0.02, shares=(0.5 / 0.7, 0.2 / 0.7), alpha=0.025)
    assert three.units[2] == alone.units[1]
    assert three.units[0] == alone.units[0]
    assert three.units[1] > three.units[2]
    assert three.total == sum(three.units)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"baseline": 0.0}, "baseline"),
        ({"baseline": 0.995}, "baseline"),
        ({"effect": 0.0}, "effect"),
        ({"effect": math.nan}, "baseline"),
        ({"alpha": 0.0}, "alpha"),
        ({"power": 1.0}, "power"),
        ({"power": 0.04}, "power"),
        ({"shares": (1.0,)}, "shares"),
        ({"shares": (0.5, 0.4)}, "shares"),
        ({"shares": (1.0, 0.0)}, "shares"),
    ],
)
def test_what_has_no_answer_is_refused(given: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        binary_sample_size(**{"baseline": 0.04, "effect": 0.01, **given})


def test_a_spread_and_requests_are_more_than_none() -> None:
    with pytest.raises(ValueError, match="deviation"):
        numeric_sample_size(deviation=0.0, effect=1.0)
    with pytest.raises(ValueError, match="requests_per_day"):
        numeric_sample_size(deviation=1.0, effect=1.0).days(0)
