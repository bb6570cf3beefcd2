"""Tails of distributions, against scipy."""

from __future__ import annotations

import pytest
from scipy import special, stats

from constructs_lib.core.runtime.tails import (
    binomial_tail,
    chi_squared_tail,
    hypergeometric_tail,
    kolmogorov_tail,
)


@pytest.mark.parametrize("freedom", [1, 2, 3, 9])
@pytest.mark.parametrize("statistic", [0.0, 1e-9, 0.3, 1.0, 2.9, 3.1, 10.83, 30.0, 500.0, 1e6])
def test_the_tail_of_chi_squared_is_scipys(statistic: float, freedom: int) -> None:
    expected = stats.chi2.sf(statistic, freedom)
    assert chi_squared_tail(statistic, freedom) == pytest.approx(expected, rel=1e-10, abs=1e-300)


@pytest.mark.parametrize("x", [-1.0, 0.0, 1e-9, 0.04, 0.2, 0.5, 0.99, 1.0, 1.01, 1.36, 2.5, 6.0, 30.0])
def test_the_tail_of_kolmogorov_is_scipys(x: float) -> None:
    expected = 1.0 if x <= 0 else special.kolmogorov(x)
    assert kolmogorov_tail(x) == pytest.approx(expected, rel=1e-11, abs=1e-300)


@pytest.mark.parametrize("chance", [0.0, 1e-6, 0.01, 0.5, 0.97, 1.0])
@pytest.mark.parametrize(
    ("least", "trials"), [(0, 0), (0, 10), (1, 10), (5, 10), (10, 10), (11, 10), (600, 100_000)]
)
def test_the_tail_of_the_binomial_is_scipys(least: int, trials: int, chance: float) -> None:
    expected = stats.binom.sf(least - 1, trials, chance)
    assert binomial_tail(least, trials, chance) == pytest.approx(expected, rel=1e-7, abs=1e-13)


@pytest.mark.parametrize(
    ("least", "drawn", "marked", "population"),
    [
        (0, 5, 3, 10), (1, 5, 3, 10), (3, 5, 3, 10), (4, 5, 3, 10), (2, 8, 4, 10), (3, 8, 4, 10),
        (1, 500, 1, 800), (1, 500, 1, 1_000_500), (40, 500, 60, 2_500), (3, 500, 60, 2_500), (500, 500, 500, 2_500),
        (12_000, 1_000_000, 22_000, 2_000_000),
    ],
)  # fmt: skip
def test_the_tail_of_the_hypergeometric_is_fishers(
    least: int, drawn: int, marked: int, population: int
) -> None:
    expected = stats.hypergeom.sf(least - 1, population, marked, drawn)
    assert hypergeometric_tail(least, drawn, marked, population) == pytest.approx(
        expected, rel=1e-6, abs=1e-13
    )


def test_one_record_without_a_value_is_fishers_exact_test() -> None:
    expected = stats.fisher_exact([[1, 499], [0, 1_000_000]], alternative="greater").pvalue
    assert hypergeometric_tail(1, 500, 1, 1_000_500) == pytest.approx(expected, rel=1e-9)
