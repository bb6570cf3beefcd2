"""Multiclass quality, against scikit-learn."""

from __future__ import annotations

import json
import math
import pickle
import random
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from constructs_lib.monitoring.runtime.quality.quality_multiclass import MulticlassQuality


def _pairs(count: int) -> list[tuple[str, str]]:
    draw = random.Random(count)  # noqa: S311 - test data
    labels = draw.choices(["cat", "dog", "eel", "fox"], weights=[50, 30, 15, 5], k=count)
    return [(label, label if draw.random() < 0.7 else draw.choice(["cat", "dog", "gnu"])) for label in labels]


def _counted(pairs: Sequence[tuple[object, object]], **options: int) -> MulticlassQuality:
    quality = MulticlassQuality(**options)
    for place, (label, prediction) in enumerate(pairs):
        quality.add(label, prediction, key=str(place))
    return quality


def _sklearn(labels: list[str], said: list[str], suffix: str = "") -> dict[str, float]:
    common = {"average": "weighted", "zero_division": 0}
    found = {
        "accuracy": metrics.accuracy_score(labels, said),
        "weighted_precision": metrics.precision_score(labels, said, **common),
        "weighted_recall": metrics.recall_score(labels, said, **common),
        "weighted_f0_5": metrics.fbeta_score(labels, said, beta=0.5, **common),
        "weighted_f1": metrics.f1_score(labels, said, **common),
        "weighted_f2": metrics.fbeta_score(labels, said, beta=2, **common),
    }
    return {f"{name}{suffix}": value for name, value in found.items()}


def test_every_metric_is_scikit_learns() -> None:
    pairs = _pairs(3000)
    labels, said = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    quality = _counted(pairs)
    constant = _sklearn(labels, ["cat"] * 3000, "_best_constant_classifier")
    assert quality.values() == pytest.approx(_sklearn(labels, said) | constant)
    names = sorted({*labels, *said})
    matrix = metrics.confusion_matrix(labels, said, labels=names)
    expected = {a: {b: int(matrix[i][j]) for j, b in enumerate(names)} for i, a in enumerate(names)}
    assert quality.statistics()["confusion_matrix"] == expected


def test_the_example_of_model_monitors_page() -> None:
    """But for its best constant classifier: that page takes the rarer class, here it is the most frequent one."""
    quality = _counted([(0, 0)] * 1180 + [(0, 1)] * 510 + [(1, 0)] * 268 + [(1, 1)] * 138)
    found = quality.values()
    expected = {
        "accuracy": 0.6288167938931297,
        "weighted_recall": 0.6288167938931297,
        "weighted_precision": 0.6983172269629505,
        "weighted_f0_5": 0.6803947317178771,
        "weighted_f1": 0.6571162346664904,
        "weighted_f2": 0.6384024354394601,
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected)
    assert quality.statistics()["confusion_matrix"] == {"0": {"0": 1180, "1": 510}, "1": {"0": 268, "1": 138}}


def test_the_likeliest_class_is_the_prediction() -> None:
    quality, named = MulticlassQuality(), MulticlassQuality(["a", "b", "c"])
    quality.add("2", None, [0.1, "0.2", 0.7])
    named.add("c", None, [0.1, 0.2, 0.7])
    assert quality.values()["accuracy"] == named.values()["accuracy"] == 1
    assert quality.values()["expected_calibration_error"] == pytest.approx(0.3)
    assert "brier_score" not in quality.values()


def test_the_probability_of_the_likeliest_is_enough() -> None:
    quality = MulticlassQuality()
    for place in range(100):
        quality.add("a", "a" if place < 60 else "b", 0.8)
    assert quality.values()["expected_calibration_error"] == pytest.approx(0.2)
    assert quality.statistics()["reliability"][0]["count"] == 100


@pytest.mark.parametrize(
    ("label", "prediction", "probability"),
    [
        (None, "a", None),
        ("a", None, None),
        ("a", None, 0.5),
        ("a", "a", 2),
        ("a", "a", "x"),
        ("a", None, []),
        ("a", None, [0.1, None]),
        ("a", None, [0.1, 7]),
        (["a"], "a", None),
        (math.inf, "a", None),
    ],
)
def test_a_bad_row_is_counted_and_not_raised(label: object, prediction: object, probability: float) -> None:
    quality = MulticlassQuality()
    quality.add(label, prediction, probability)
    assert (quality.size, quality.unread) == (0, 1)
    assert quality.values() == {}
    assert quality.statistics() == {"confusion_matrix": {}}


def test_classes_are_bounded() -> None:
    quality = _counted([("a", "b"), ("c", "a"), ("b", "b"), ("c", "d"), ("d", "d"), ("a", "c")], most=3)
    assert (quality.size, quality.unread) == (4, 2)
    assert set(quality.statistics()["confusion_matrix"]) == {"a", "b", "c"}


def test_the_file_is_valid_json() -> None:
    body = json.loads(json.dumps(_counted(_pairs(300)).statistics(), allow_nan=False))
    assert 0 < body["weighted_f1"]["standard_deviation"] < 0.1


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from(["a", "b", "é", None]), st.floats(0, 1)),
        max_size=50,
    ),
    st.integers(0, 50),
)
def test_shards_are_the_whole(records: list[tuple[str, str, float]], cut: int) -> None:
    whole, first, second = MulticlassQuality(), MulticlassQuality(), MulticlassQuality()
    for place, record in enumerate(records):
        for quality in (whole, first if place < cut else second):
            quality.add(*record, key=str(place))
    first.merge(pickle.loads(pickle.dumps(second)))  # noqa: S301 - our own
    assert (first.size, first.unread) == (whole.size, whole.unread)
    assert first.values() == pytest.approx(whole.values(), rel=1e-12)
    assert first.statistics()["confusion_matrix"] == whole.statistics()["confusion_matrix"]
