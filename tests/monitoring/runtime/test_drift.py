"""The drift of a feature: numbers and categories, every method, and what cannot be compared."""

from __future__ import annotations

import random

import numpy as np
import pytest
from scipy import stats

from constructs_lib.monitoring.runtime.drift.categories import Categories
from constructs_lib.monitoring.runtime.drift.drift import OF_CATEGORIES, OF_NUMBERS, comparable, drift
from constructs_lib.monitoring.runtime.drift.profile import Profile
from tests.monitoring.runtime.tables import feature, profiled

RNG = np.random.default_rng(1)
BEFORE = RNG.normal(10, 2, 1500)
NOW = RNG.normal(11, 2, 600)


def test_every_method_for_numbers_has_its_distance_and_one_p() -> None:
    before, now = feature(BEFORE.tolist()), feature(NOW.tolist())
    found = {method: drift(before, now, method) for method in OF_NUMBERS}
    expected = stats.ks_2samp(BEFORE, NOW)
    assert found["ks"].distance == pytest.approx(expected.statistic)
    assert found["wasserstein"].distance == pytest.approx(
        stats.wasserstein_distance(BEFORE, NOW) / BEFORE.std(), rel=1e-9
    )
    assert len({each.p_value for each in found.values()}) == 1
    assert all(
        set(each.distances) == {"kolmogorov_smirnov", "psi", "jensen_shannon", "wasserstein"}
        for each in found.values()
    )
    assert found["psi"].distance == found["ks"].distances["psi"]


def test_psi_of_numbers_is_over_the_deciles_of_the_baseline() -> None:
    edges = np.quantile(BEFORE, np.arange(1, 10) / 10, method="inverted_cdf")
    bins = [np.bincount(np.searchsorted(edges, each, side="left"), minlength=10) for each in (BEFORE, NOW)]
    p, q = (each / each.sum() for each in bins)
    found = drift(feature(BEFORE.tolist()), feature(NOW.tolist()), "psi").distance
    assert found == pytest.approx(((q - p) * np.log(q / p)).sum(), rel=0.01)  # one record is added to each


def test_every_method_for_categories_has_its_distance_and_one_p() -> None:
    before = feature(["a"] * 500 + ["b"] * 300 + ["c"] * 200)
    now = feature(["a"] * 100 + ["b"] * 60 + ["c"] * 20 + ["d"] * 20)
    found = {method: drift(before, now, method) for method in OF_CATEGORIES}
    table = [[500, 300, 200, 0], [100, 60, 20, 20]]
    expected = stats.chi2_contingency([[500, 300, 200], [100, 60, 40]], correction=False).pvalue
    pooled = stats.chi2_contingency(table, correction=False)
    assert pooled.expected_freq.min() < 5
    assert found["l_infinity"].distance == pytest.approx(0.1)
    assert all(each.p_value == found["psi"].p_value for each in found.values())
    assert found["psi"].p_value == pytest.approx(expected)
    assert set(found["psi"].distances) == {"psi", "jensen_shannon", "l_infinity", "chi_square"}


def test_values_beyond_those_told_apart_are_one_category() -> None:
    before, now = feature(["a"] * 50), feature(["a"] * 50)
    now.categories = Categories(1)
    now.categories.add(["a"] * 25 + ["b"] * 25)
    assert drift(before, now, "l_infinity").distance == 0.5


def test_of_a_million_values_the_distances_are_nearly_exact() -> None:
    rng = np.random.default_rng(2)
    before, now = rng.normal(0, 1, 500_000), rng.normal(0.3, 1, 100_000)
    found = drift(feature(before.tolist(), rows=4000), feature(now.tolist(), rows=4000), "ks")
    assert found.distance == pytest.approx(stats.ks_2samp(before, now).statistic, abs=0.002)
    assert found.distances["wasserstein"] == pytest.approx(
        stats.wasserstein_distance(before, now) / before.std(), abs=0.002
    )


def test_order_and_shards_do_not_matter() -> None:
    """Beyond what rounding and, of many values, the sketch's error makes."""
    rng, shuffler = np.random.default_rng(3), random.Random(3)  # noqa: S311 - no secret
    cells, now = rng.normal(0, 1, 30_000).tolist(), feature(rng.normal(0.2, 1.1, 5000).tolist())
    first = drift(feature(cells), now, "ks").distances
    shuffler.shuffle(cells)
    shards = profiled({"x": cells[:11_000]})
    shards.merge(profiled({"x": cells[11_000:]}))
    other = drift(shards.features["x"], now, "ks").distances
    for name, distance in first.items():
        assert other[name] == pytest.approx(distance, abs=0.003), name


def test_a_baseline_that_does_not_vary_still_has_distances() -> None:
    found = drift(feature([5] * 100), feature([7] * 100), "psi")
    assert found.distance > 1
    assert found.distances["kolmogorov_smirnov"] == 1.0
    assert found.distances["wasserstein"] == 2.0  # in the feature's unit
    same = drift(feature([5] * 100), feature([5] * 30), "psi")
    assert set(same.distances.values()) == {0.0}
    assert same.p_value == 1.0


def test_a_share_that_shifts_between_two_values_is_a_drift() -> None:
    found = drift(feature([0] * 50 + [1] * 950), feature([0] * 300 + [1] * 700), "psi")
    assert found.distance > 0.4
    assert found.distances["kolmogorov_smirnov"] == pytest.approx(0.25)


def test_a_method_is_for_a_type() -> None:
    numbers, words = feature([1, 2]), feature(["a", "b"])
    with pytest.raises(ValueError, match="for Integral is 'l_infinity', allowed are ks, psi"):
        drift(numbers, numbers, "l_infinity")
    with pytest.raises(ValueError, match="for String is 'ks', allowed are psi"):
        drift(words, words, "ks")


def test_what_has_no_values_cannot_be_compared() -> None:
    numbers, words, nothing = feature([1, 2]), feature(["a", "b"]), feature([None])
    ids = feature([f"u{number}" for number in range(200)])
    assert comparable(numbers, numbers)
    assert comparable(words, words)
    assert comparable(words, ids)
    for before, now in (
        (numbers, words),
        (numbers, nothing),
        (nothing, numbers),
        (ids, ids),
        (words, nothing),
    ):
        assert not comparable(before, now)
    with pytest.raises(ValueError, match="no numbers"):
        drift(numbers, nothing, "ks")
    with pytest.raises(ValueError, match="no categories"):
        drift(words, nothing, "psi")
    with pytest.raises(ValueError, match="declare the type String"):
        drift(words, feature(["1"], "Integral"), "psi")


def test_a_declared_type_decides() -> None:
    before = Profile({"x": "String"})
    codes = feature([1, 2, 3] * 50, "String")
    assert drift(codes, feature(["1", "2", "3"] * 20, "String"), "l_infinity").distance == 0
    assert before.size == 0
