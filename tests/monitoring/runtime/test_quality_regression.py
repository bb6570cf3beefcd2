"""Regression quality, against scikit-learn."""

from __future__ import annotations

import json
import math
import pickle
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from constructs_lib.monitoring.runtime.quality.quality_regression import RegressionQuality


def _counted(pairs: list[tuple[object, object]]) -> RegressionQuality:
    quality = RegressionQuality()
    for place, (label, prediction) in enumerate(pairs):
        quality.add(label, prediction, key=str(place))
    return quality


def _sample(count: int, seed: int = 0, offset: float = 0.0) -> list[tuple[object, object]]:
    draw = random.Random(seed)  # noqa: S311 - test data
    labels = [draw.gauss(offset, 3) for _ in range(count)]
    return [(label, label + draw.expovariate(1) - 0.7) for label in labels]


@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_every_metric_is_scikit_learns(offset: float) -> None:
    sample = _sample(2000, offset=offset)
    labels, said = [pair[0] for pair in sample], [pair[1] for pair in sample]
    assert _counted(sample).values() == pytest.approx(
        {
            "mae": metrics.mean_absolute_error(labels, said),
            "mse": metrics.mean_squared_error(labels, said),
            "rmse": metrics.root_mean_squared_error(labels, said),
            "r2": metrics.r2_score(labels, said),
        },
        rel=1e-9,
    )


def test_numbers_are_read_from_text() -> None:
    assert _counted([("1.5", " 2 "), (1, "1e0"), (3, 3.0)]).values()["mae"] == pytest.approx(0.5 / 3)


@pytest.mark.parametrize(
    ("label", "prediction"),
    [
        (None, 1),
        (1, None),
        ("a", 1),
        (1, ""),
        (math.nan, 1),
        (1, math.inf),
        (1.1e100, 1),
        (1, -1.1e100),
        ([1], 1),
    ],
)
def test_a_bad_row_is_counted_and_not_raised(label: object, prediction: object) -> None:
    quality = _counted([(label, prediction)])
    assert (quality.size, quality.unread) == (0, 1)
    assert quality.values() == quality.statistics() == {}


def test_the_largest_numbers_stay_finite() -> None:
    quality = _counted([(1e100, -1e100), (-1e100, 1e100), (0, 1)] * 10)
    json.dumps(quality.statistics(), allow_nan=False)
    assert quality.values()["mae"] == pytest.approx(4e100 / 3)


def test_equal_labels_have_no_r2() -> None:
    assert set(_counted([(2, 1), (2, 3), (2, 2)]).values()) == {"mae", "mse", "rmse"}


def test_the_deviations_are_those_of_many_windows() -> None:
    windows = [_counted(_sample(400, seed)).measures() for seed in range(200)]
    for name in ("mae", "mse", "rmse", "r2"):
        values = [window[name].value for window in windows]
        centre = sum(values) / len(values)
        actual = math.sqrt(sum((value - centre) ** 2 for value in values) / (len(values) - 1))
        told = math.sqrt(
            sum((window[name].standard_deviation or 0) ** 2 for window in windows) / len(windows)
        )
        assert told == pytest.approx(actual, rel=0.25), name


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)), max_size=60), st.integers(0, 60))
def test_shards_are_the_whole(sample: list[tuple[float, float]], cut: int) -> None:
    whole, first, second = RegressionQuality(), RegressionQuality(), RegressionQuality()
    for place, pair in enumerate(sample):
        for quality in (whole, first if place < cut else second):
            quality.add(*pair, key=str(place))
    first.merge(pickle.loads(pickle.dumps(second)))  # noqa: S301 - our own
    assert first.size == whole.size
    found, expected = first.values(), whole.values()
    assert found.keys() == expected.keys()
    for name in expected.keys() - {"r2"}:
        assert found[name] == pytest.approx(expected[name], rel=1e-9)
