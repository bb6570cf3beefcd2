"""Distances and tests of distributions, against scipy on real data."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial import distance
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine

from constructs_lib.monitoring.runtime.drift.distances import (
    chi_square,
    counted,
    deciles,
    floored,
    gaps,
    goodness_of_fit,
    jensen_shannon,
    kolmogorov_smirnov_p,
    l_infinity,
    psi,
    shares,
    smoothed,
    sturges,
)
from constructs_lib.monitoring.runtime.drift.sketch import Sample, Sketch

COUNTS = st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500)), min_size=1, max_size=12).filter(
    lambda pairs: sum(a for a, _ in pairs) > 0 and sum(b for _, b in pairs) > 0
)
VALUES = st.lists(st.floats(-100, 100) | st.integers(-3, 3).map(float), min_size=1, max_size=60)


def sample(values: np.ndarray | list[float]) -> Sample:
    sketch = Sketch()
    sketch.add(list(map(float, values)))
    return sketch.weighted()


def columns() -> list[tuple[str, np.ndarray, np.ndarray]]:
    """Every column of three data sets, in two parts: as they come, so that some differ."""
    found = []
    for load in (load_breast_cancer, load_wine, load_diabetes):
        data = load()
        cut = len(data.data) // 3
        found += [
            (name, data.data[:cut, at], data.data[cut:, at]) for at, name in enumerate(data.feature_names)
        ]
    rng = np.random.default_rng(1)
    income = rng.lognormal(1, 0.5, 20_640).round(4)
    return [*found, ("income", income[:700], 1.1 * income[700:2000])]


@pytest.mark.parametrize(("name", "before", "now"), columns())
def test_kolmogorov_smirnov_and_wasserstein_are_scipys(
    name: str, before: np.ndarray, now: np.ndarray
) -> None:
    between = gaps(sample(before), sample(now))
    expected = stats.ks_2samp(before, now, method="asymp")
    assert between.greatest == pytest.approx(expected.statistic, rel=1e-12)
    assert between.area == pytest.approx(stats.wasserstein_distance(before, now), rel=1e-9)
    p_value = kolmogorov_smirnov_p(between.greatest, len(before), len(now))
    if expected.pvalue > 1e-4:
        assert p_value == pytest.approx(expected.pvalue, rel=0.1)
    else:
        assert expected.pvalue <= p_value < max(1e-3, expected.pvalue)


@pytest.mark.parametrize(("size", "right_to"), [(100, 0.3), (1000, 0.05), (100_000, 0.001)])
@pytest.mark.parametrize("p_value", [0.9, 0.3, 0.01, 1e-3, 1e-5])
def test_p_of_kolmogorov_smirnov_is_scipys_and_in_the_tail_no_less(
    size: int, right_to: float, p_value: float
) -> None:
    d = stats.kstwo.isf(p_value, size / 2)
    found = kolmogorov_smirnov_p(d, size, size)
    expected = stats.kstwo.sf(d, round(size / 2))
    assert found == pytest.approx(expected, rel=right_to)
    if p_value < 0.1:
        assert found >= expected


@pytest.mark.parametrize(
    ("first", "second", "least"), [(5, 5, 0.5), (50, 50, 0.8), (20, 500, 0.95), (30, 2000, 0.95)]
)
@pytest.mark.parametrize("shift", [0.0, 0.3, 0.5, 0.8])
def test_p_of_small_samples_is_near_the_exact_one(
    first: int, second: int, least: float, shift: float
) -> None:
    rng = np.random.default_rng(1)
    exact = stats.ks_2samp(rng.normal(0, 1, first), rng.normal(shift, 1, second), method="exact")
    assert least <= kolmogorov_smirnov_p(exact.statistic, first, second) / exact.pvalue < 1.5


def test_p_at_the_ends() -> None:
    assert kolmogorov_smirnov_p(0.0, 5, 5) == 1.0
    assert kolmogorov_smirnov_p(1.0, 10**6, 10**6) == 0.0


def test_weights_of_a_sketch_count_as_so_many_values() -> None:
    weighted, plain = ([1.0, 2.0, 4.0], [3, 1, 2]), sample([1, 1, 1, 2, 4, 4])
    other = sample([2, 3, 3, 9])
    assert gaps(weighted, other) == gaps(plain, other)


@given(VALUES, VALUES)
def test_gaps_are_symmetric_and_nothing_is_apart_from_itself(first: list[float], second: list[float]) -> None:
    one, other = sample(first), sample(second)
    assert gaps(one, other) == gaps(other, one)
    assert 0 <= gaps(one, other).greatest <= 1
    assert gaps(one, one).greatest == gaps(one, one).area == 0


@given(COUNTS)
def test_jensen_shannon_is_scipys(pairs: list[tuple[int, int]]) -> None:
    first, second = shares([a for a, _ in pairs]), shares([b for _, b in pairs])
    expected = distance.jensenshannon(first, second, base=2)
    assert jensen_shannon(first, second) ** 2 == pytest.approx(expected**2, abs=1e-12)
    assert jensen_shannon(first, second) == jensen_shannon(second, first) <= 1


def test_jensen_shannon_of_what_has_nothing_in_common_is_1() -> None:
    assert jensen_shannon([1, 0], [0, 1]) == 1.0
    assert jensen_shannon([], []) == 0.0


@given(COUNTS)
def test_psi_is_symmetric_and_not_negative(pairs: list[tuple[int, int]]) -> None:
    first, second = smoothed([a for a, _ in pairs], [b for _, b in pairs])
    assert psi(first, second) == pytest.approx(psi(second, first), abs=1e-12)
    assert psi(first, second) >= 0
    assert math.isfinite(psi(first, second))
    assert psi(first, first) == 0


@given(COUNTS)
def test_smoothed_shares_add_up_and_order_does_not_matter(pairs: list[tuple[int, int]]) -> None:
    first, second = smoothed([a for a, _ in pairs], [b for _, b in pairs])
    assert sum(first) == pytest.approx(1)
    assert sum(second) == pytest.approx(1)
    turned = smoothed([a for a, _ in reversed(pairs)], [b for _, b in reversed(pairs)])
    assert psi(*turned) == pytest.approx(psi(first, second), abs=1e-12)


def test_psi_by_hand() -> None:
    assert psi([0.5, 0.5], [0.9, 0.1]) == pytest.approx(0.4 * math.log(1.8) - 0.4 * math.log(0.2))
    assert psi([1.0, 0.0], [0.5, 0.5]) == math.inf
    assert psi([0.0, 1.0], [0.0, 1.0]) == 0.0
    assert smoothed([3, 0, 0], [1, 2, 0]) == (
        [(3 + 4 / 6) / 4, (2 / 6) / 4, 0],
        [(1 + 4 / 6) / 4, (2 + 2 / 6) / 4, 0],
    )


def test_many_rare_categories_are_no_drift_by_themselves() -> None:
    """Pseudo-counts of one size would make 0.6 of this."""
    first, second = smoothed([*[1] * 300, 1_000_000], [*[0] * 300, 50])
    assert psi(first, second) < 0.01


@given(COUNTS)
def test_l_infinity_is_the_greatest_difference(pairs: list[tuple[int, int]]) -> None:
    first, second = shares([a for a, _ in pairs]), shares([b for _, b in pairs])
    assert l_infinity(first, second) == np.abs(np.array(first) - np.array(second)).max()


@given(st.lists(st.tuples(st.integers(20, 900), st.integers(20, 900)), min_size=2, max_size=10))
def test_chi_square_is_scipys(pairs: list[tuple[int, int]]) -> None:
    first, second = [a for a, _ in pairs], [b for _, b in pairs]
    found = chi_square(first, second)
    expected = stats.chi2_contingency([first, second], correction=False)
    if expected.expected_freq.min() >= 5:
        assert found.statistic == pytest.approx(expected.statistic, rel=1e-9, abs=1e-9)
        assert found.freedom == expected.dof
        assert found.p_value == pytest.approx(expected.pvalue, rel=1e-7, abs=1e-12)
        cramer = stats.contingency.association(np.array([first, second]), method="cramer")
        assert found.cramers_v == pytest.approx(cramer, abs=1e-9)


def test_cells_with_little_expected_are_put_together() -> None:
    """Of the smaller row 5 are expected where either column has 10."""
    found = chi_square([100, 80, 9, 3, 1], [100, 80, 8, 4, 0])
    expected = stats.chi2_contingency([[100, 80, 9, 4], [100, 80, 8, 4]], correction=False)
    assert expected.expected_freq.min() < 5
    pooled = stats.chi2_contingency([[100, 80, 13], [100, 80, 12]], correction=False)
    assert (found.statistic, found.freedom) == (pytest.approx(pooled.statistic), 2)


@given(COUNTS)
def test_pooled_cells_are_large_enough_or_there_is_no_test(pairs: list[tuple[int, int]]) -> None:
    found = chi_square([a for a, _ in pairs], [b for _, b in pairs])
    assert 0 <= found.p_value <= 1
    assert 0 <= found.cramers_v <= 1
    total, smaller = sum(a + b for a, b in pairs), min(sum(a for a, _ in pairs), sum(b for _, b in pairs))
    assert found.freedom <= max(0, smaller // 5)
    assert total


@pytest.mark.parametrize(
    ("first", "second"), [([], []), ([5], [7]), ([2, 1], [1, 2]), ([0, 0], [3, 9]), ([0], [0])]
)
def test_where_there_is_nothing_to_test_p_is_1(first: list[int], second: list[int]) -> None:
    assert chi_square(first, second).p_value == 1.0


def test_goodness_of_fit_is_scipys() -> None:
    assert goodness_of_fit([12, 30, 58], [20, 30, 50]) == pytest.approx(
        stats.chisquare([12, 30, 58], [20, 30, 50]).pvalue
    )
    assert goodness_of_fit([1, 99], [0, 100]) == 0.0


@given(VALUES, VALUES)
def test_values_are_counted_as_numpy_does(values: list[float], other: list[float]) -> None:
    low, high = min(values + other), max(values + other)
    edges = np.histogram_bin_edges(np.array(values + other), bins="sturges")
    if high - low > 1e-6:
        inner = sturges(low, high, len(values) + len(other))
        assert inner == pytest.approx(edges[1:-1].tolist(), abs=0)
        assert counted(sample(values), inner, closed="left") == np.histogram(values, edges)[0].tolist()


def test_one_value_has_one_bin() -> None:
    assert sturges(3.0, 3.0, 10) == []
    assert counted(sample([3.0] * 10), [], closed="left") == [10]


def test_edges_belong_to_the_side_that_is_closed() -> None:
    values = sample([0, 1, 1, 2, 3])
    assert counted(values, [1, 2], closed="right") == [3, 1, 1]
    assert counted(values, [1, 2], closed="left") == [1, 2, 2]


def test_deciles_hold_a_tenth_each() -> None:
    values = sample(np.arange(1000))
    assert counted(values, deciles(values), closed="right") == [100] * 10


def occupied(values: list[float]) -> list[int]:
    """Of the deciles' bins those with anything in them."""
    return [count for count in counted(sample(values), deciles(sample(values)), closed="right") if count]


def test_a_frequent_value_has_a_bin_of_its_own() -> None:
    assert occupied([0.0] * 900 + list(range(1, 101))) == [900, 100]
    assert occupied([100.0] * 950 + list(range(50))) == [50, 950]
    assert occupied([0.0] * 50 + [1.0] * 950) == [50, 950]
    assert occupied([0.0] * 40 + [1.0] * 920 + [2.0] * 40) == [40, 920, 40]
    constant = deciles(sample([7.0] * 100))
    assert counted(sample([6, 7, 8]), constant, closed="right") == [1, 1, 1]


def test_empty_bins_are_filled_as_evidently_does() -> None:
    assert floored([5, 0, 5]) == [0.5, 0.0001, 0.5]
    assert floored([0, 1, 99_999]) == [1e-5 / 1e6, 1e-5, 0.99999]
