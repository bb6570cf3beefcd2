"""Which arm a unit gets, by its hash."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from constructs_lib.experiments.runtime.assignment import pick, place

UNITS = [f"user-{number}" for number in range(20_000)]


def test_a_unit_stands_where_it_has_always_stood() -> None:
    """Another place would be another arm for users who have one: this never changes."""
    assert place("pricing", "user-1") == 0.369615431349848
    assert place("pricing", "") == 0.8062609569222757
    assert place("pricing", "ünï✓\ud800") == 0.2967495423275346


def test_units_are_spread_evenly() -> None:
    places = [place("pricing", unit) for unit in UNITS]
    assert stats.kstest(places, "uniform").pvalue > 0.01
    assert 0.0 <= min(places) < max(places) < 1.0


def test_two_experiments_have_nothing_to_do_with_each_other() -> None:
    def arms(salt: str) -> list[str]:
        return [pick({"a": 0.5, "b": 0.5}, place(salt, unit)) for unit in UNITS]

    both = Counter(zip(arms("one"), arms("other"), strict=True))
    table = [[both[x, y] for y in "ab"] for x in "ab"]
    assert stats.chi2_contingency(table).pvalue > 0.01


def test_arms_get_their_shares() -> None:
    weights = {"a": 0.7, "b": 0.2, "c": 0.1}
    got = Counter(pick(weights, place("x", unit)) for unit in UNITS)
    expected = [weights[arm] * len(UNITS) for arm in weights]
    assert stats.chisquare([got[arm] for arm in weights], expected).pvalue > 0.01


def test_when_weights_move_only_units_of_arms_that_shrink_do() -> None:
    before, after = {"a": 0.5, "b": 0.5}, {"a": 0.6, "b": 0.4}
    moved = {(pick(before, at), pick(after, at)) for at in (place("x", unit) for unit in UNITS)}
    assert moved == {("a", "a"), ("b", "b"), ("b", "a")}


@given(
    st.dictionaries(st.text("abc", min_size=1), st.floats(0, 1e6), min_size=1),
    st.floats(0, 1, exclude_max=True),
)
def test_an_arm_without_a_weight_gets_nothing(weights: dict[str, float], at: float) -> None:
    if any(weights.values()):
        assert weights[pick(weights, at)] > 0
    else:
        with pytest.raises(ValueError, match="no arm has a weight"):
            pick(weights, at)


def test_the_last_range_ends_where_the_places_do() -> None:
    assert pick(dict.fromkeys("abcdefghij", 0.1), 1 - 2**-53) == "j"
    assert pick({"a": 1.0, "b": 0.0}, 1 - 2**-53) == "a"
