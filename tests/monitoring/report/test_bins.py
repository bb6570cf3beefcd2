"""Bins that two distributions share: against numpy's, and against what nature and analyzers come up with."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_breast_cancer

from constructs_lib.monitoring.report.bins import common_bins
from constructs_lib.monitoring.report.findings import Numbers

DATA = load_breast_cancer().data


def points(values: list[float], weight: float = 1.0) -> Numbers:
    return Numbers(points=tuple((value, weight) for value in sorted(values)))


@pytest.mark.parametrize("column", range(DATA.shape[1]))
def test_points_are_counted_as_numpy_counts_them(column: int) -> None:
    before, now = DATA[::2, column], DATA[1::2, column]
    bins = common_bins(points(before.tolist()), points(now.tolist()))

    assert bins is not None
    for shares, values in ((bins.before, before), (bins.now, now)):
        within = np.clip(values, bins.edges[0], bins.edges[-1])
        counted, _ = np.histogram(within, bins=np.asarray(bins.edges))
        assert shares == pytest.approx((counted / len(values)).tolist())


def test_weights_count() -> None:
    heavy = Numbers(points=((0.0, 8.0), (5.0, 1.0), (10.0, 1.0)))
    bins = common_bins(heavy, None)

    assert bins is not None
    assert bins.before[0] == pytest.approx(0.8)
    assert bins.now == ()


def test_buckets_are_spread_evenly() -> None:
    bins = common_bins(Numbers(buckets=((0.0, 1.0, 30.0), (1.0, 4.0, 90.0))), points([0.0, 4.0]))

    assert bins is not None
    assert (bins.edges[0], bins.edges[-1]) == (0.0, 4.0)
    assert bins.before == pytest.approx([1 / len(bins.before)] * len(bins.before))


def test_one_value_gone_astray_does_not_hide_the_others() -> None:
    many = [float(n % 100) for n in range(1000)]
    bins = common_bins(points(many), points([*many, 1e9]))

    assert bins is not None
    assert bins.edges[-1] < 120
    assert bins.outside == pytest.approx(1 / 1001)
    assert sum(bins.now) == pytest.approx(1)


def test_a_shift_is_wholly_in_the_picture() -> None:
    bins = common_bins(points([float(n) for n in range(100)]), points([float(n) for n in range(1000, 1100)]))

    assert bins is not None
    assert bins.outside == 0
    assert (bins.edges[0], bins.edges[-1]) == (0.0, 1099.0)


def test_whole_numbers_have_bins_of_their_own() -> None:
    bins = common_bins(points([0.0, 1.0, 1.0, 4.0]), points([2.0]), whole=True)

    assert bins is not None
    assert bins.edges == (-0.5, 0.5, 1.5, 2.5, 3.5, 4.5)
    assert bins.before == pytest.approx((0.25, 0.5, 0.0, 0.0, 0.25))


@pytest.mark.parametrize("value", [0.0, 5.0, -3e300, 1e-320])
def test_a_single_value_has_room_around_it(value: float) -> None:
    bins = common_bins(points([value]), points([value]))

    assert bins is not None
    assert bins.edges[0] < bins.edges[-1]
    assert sum(bins.now) == pytest.approx(1)


def test_nothing_has_no_bins() -> None:
    assert common_bins(None, None) is None
    assert common_bins(Numbers(), Numbers()) is None
    assert common_bins(Numbers(points=((1.0, 0.0),)), None) is None


finite = st.floats(allow_nan=False, allow_infinity=False)


@given(st.lists(finite, max_size=40), st.lists(finite, min_size=1, max_size=40), st.booleans())
def test_shares_add_up_whatever_the_values(before: list[float], now: list[float], whole: bool) -> None:
    bins = common_bins(points(before), points(now, 4.0), whole=whole)

    assert bins is not None
    assert list(bins.edges) == sorted(set(bins.edges))
    assert len(bins.now) == len(bins.edges) - 1
    assert sum(bins.now) == pytest.approx(1)
    assert sum(bins.before) == pytest.approx(1 if before else 0)
    assert all(0 <= share <= 1 for share in (*bins.before, *bins.now))
