"""Binary quality, against scikit-learn."""

from __future__ import annotations

import json
import math
import pickle
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from constructs_lib.monitoring.runtime.quality.quality_binary import BinaryQuality

Record = tuple[object, object, float]


def _records(count: int, seed: int = 0) -> list[Record]:
    draw = random.Random(f"window {seed}")  # noqa: S311 - test data
    found = []
    for _ in range(count):
        chance = draw.betavariate(1, 1.5)
        found.append((int(draw.random() < chance), int(chance >= 0.5), chance))
    return found


def _counted(records: list[Record], quality: BinaryQuality | None = None) -> BinaryQuality:
    quality = quality or BinaryQuality()
    for place, (label, prediction, probability) in enumerate(records):
        quality.add(label, prediction, probability, key=f"id-{place}")
    return quality


def test_every_metric_is_scikit_learns() -> None:
    records = _records(2000)
    labels, said, scores = ([record[part] for record in records] for part in range(3))
    true_negative, wrong, missed, true = (int(x) for x in metrics.confusion_matrix(labels, said).ravel())
    found = _counted(records).values()
    expected = {
        "accuracy": metrics.accuracy_score(labels, said),
        "precision": metrics.precision_score(labels, said),
        "recall": metrics.recall_score(labels, said),
        "true_positive_rate": true / (true + missed),
        "true_negative_rate": true_negative / (true_negative + wrong),
        "false_positive_rate": wrong / (true_negative + wrong),
        "false_negative_rate": missed / (true + missed),
        "f0_5": metrics.fbeta_score(labels, said, beta=0.5),
        "f1": metrics.f1_score(labels, said),
        "f2": metrics.fbeta_score(labels, said, beta=2),
        "auc": metrics.roc_auc_score(labels, scores),
        "au_prc": metrics.average_precision_score(labels, scores),
        "brier_score": metrics.brier_score_loss(labels, scores),
    }
    for beta, name in ((0.5, "f0_5"), (1, "f1"), (2, "f2")):
        expected[f"{name}_best_constant_classifier"] = metrics.fbeta_score(labels, [1] * 2000, beta=beta)
    expected["precision_best_constant_classifier"] = metrics.precision_score(labels, [1] * 2000)
    expected["accuracy_best_constant_classifier"] = metrics.accuracy_score(labels, [1] * 2000)
    expected["recall_best_constant_classifier"] = 1.0
    assert found.pop("expected_calibration_error") < 0.03
    assert found == pytest.approx(expected, rel=1e-12)


def test_the_example_of_model_monitors_page() -> None:
    """https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-model-quality-metrics.html."""
    quality = BinaryQuality(1)
    for label, prediction in ((0, 0), (0, 1), (0, 1), (1, 1)):
        quality.add(label, prediction)
    body = quality.statistics()
    assert body.pop("confusion_matrix") == {"0": {"0": 1, "1": 2}, "1": {"0": 0, "1": 1}}
    assert {name: metric["value"] for name, metric in body.items()} == pytest.approx(
        {
            "recall": 1.0,
            "precision": 0.3333333333333333,
            "accuracy": 0.5,
            "recall_best_constant_classifier": 1.0,
            "precision_best_constant_classifier": 0.25,
            "accuracy_best_constant_classifier": 0.25,
            "true_positive_rate": 1.0,
            "true_negative_rate": 0.33333333333333337,
            "false_positive_rate": 0.6666666666666666,
            "false_negative_rate": 0.0,
            "f0_5": 0.3846153846153846,
            "f1": 0.5,
            "f2": 0.7142857142857143,
            "f0_5_best_constant_classifier": 0.29411764705882354,
            "f1_best_constant_classifier": 0.4,
            "f2_best_constant_classifier": 0.625,
        }
    )
    assert body["recall"]["standard_deviation"] == "NaN"


@pytest.mark.parametrize(
    ("positive", "spelling", "other"),
    [(1, "1", "0"), (True, "1.0", 0.0), ("1", True, False), ("1.0", 1, "0"), ("yes", " yes ", "no")],
)
def test_a_label_has_many_spellings(positive: object, spelling: object, other: object) -> None:
    quality = BinaryQuality(positive)  # type: ignore[arg-type]  # one cell after the other
    quality.add(spelling, spelling)
    quality.add(other, spelling)
    assert quality.values()["precision"] == 0.5
    assert quality.values()["true_positive_rate"] == 1.0
    assert quality.unread == 0


@pytest.mark.parametrize(
    ("label", "prediction", "probability"),
    [
        (None, 1, 0.5),
        ("", 1, 0.5),
        (math.nan, 1, 0.5),
        (1, None, None),
        (1, "", 0.5),
        (1, 1, "abc"),
        (1, 1, 1.5),
        (1, 1, -0.1),
        (1, 1, math.nan),
        ([1], 1, 0.5),
        (1, {"a": 1}, 0.5),
        (1, None, math.inf),
    ],
)
def test_a_bad_row_is_counted_and_not_raised(label: object, prediction: object, probability: float) -> None:
    quality = BinaryQuality()
    quality.add(label, prediction, probability)
    assert (quality.size, quality.unread) == (0, 1)
    assert quality.values() == {}


def test_without_a_prediction_the_threshold_decides() -> None:
    quality = BinaryQuality(threshold=0.7)
    quality.add(1, None, "0.7")
    quality.add(1, None, 0.6999)
    assert quality.values()["recall"] == 0.5


def test_a_third_label_is_unread_where_the_two_are_named() -> None:
    named, one_for_all = BinaryQuality("good", negative="bad"), BinaryQuality("good")
    for label in ("good", "bad", "ugly"):
        named.add(label, "good")
        one_for_all.add(label, "good")
    assert (named.size, named.unread) == (2, 1)
    assert (one_for_all.size, one_for_all.unread) == (3, 0)
    assert set(named.statistics()["confusion_matrix"]) == {"good", "bad"}
    assert set(one_for_all.statistics()["confusion_matrix"]) == {"good", "not good"}


@pytest.mark.parametrize("positive", [None, "", math.nan])
def test_the_positive_label_has_a_name(positive: object) -> None:
    with pytest.raises(ValueError, match="positive"):
        BinaryQuality(positive)  # type: ignore[arg-type]  # that is the test


def test_the_two_labels_differ() -> None:
    with pytest.raises(ValueError, match="different"):
        BinaryQuality(1, negative="1.0")


def test_what_divides_by_zero_is_left_out() -> None:
    quality = BinaryQuality()
    for _ in range(100):
        quality.add(0, 0, 0.1)
    found = quality.values()
    assert not found.keys() & {"recall", "precision", "f1", "auc", "au_prc", "false_negative_rate"}
    assert found["accuracy"] == found["true_negative_rate"] == 1
    json.dumps(quality.statistics(), allow_nan=False)


def test_without_probabilities_there_is_nothing_of_them() -> None:
    quality = BinaryQuality()
    for place in range(100):
        quality.add(place % 2, place % 3 == 0)
    assert not quality.values().keys() & {"auc", "au_prc", "brier_score", "expected_calibration_error"}
    assert "reliability" not in quality.statistics()


def test_the_deviations_are_those_of_many_windows() -> None:
    windows = [_counted(_records(500, seed)).measures() for seed in range(120)]
    for name in ("accuracy", "recall", "precision", "f1", "auc", "au_prc", "brier_score"):
        values = [window[name].value for window in windows]
        centre = sum(values) / len(values)
        actual = math.sqrt(sum((value - centre) ** 2 for value in values) / (len(values) - 1))
        told = math.sqrt(
            sum((window[name].standard_deviation or 0) ** 2 for window in windows) / len(windows)
        )
        assert told == pytest.approx(actual, rel=0.2), name


def test_the_file_is_valid_json_and_bounded() -> None:
    body = _counted(_records(20_000)).statistics()
    assert len(json.dumps(body, allow_nan=False)) < 20_000
    assert body["auc_error"] < 0.001
    assert list(body["receiver_operating_characteristic_curve"]) == [
        "false_positive_rates",
        "true_positive_rates",
    ]
    assert list(body["precision_recall_curve"]) == ["precisions", "recalls"]


def test_memory_does_not_grow_with_the_records() -> None:
    few, many = (len(pickle.dumps(_counted(_records(count)))) for count in (20_000, 60_000))
    assert many < few * 1.5


_RECORD = st.tuples(
    st.sampled_from([0, 1, "1", "0", True, "x", None]),
    st.sampled_from([0, 1, 1.0, "0", None, "x"]),
    st.one_of(st.none(), st.floats(0, 1), st.sampled_from([0.1, 0.5, "0.25", "bad"])),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(_RECORD, max_size=60), st.integers(0, 60))
def test_shards_are_the_whole(records: list[Record], cut: int) -> None:
    whole, first, second = BinaryQuality(), BinaryQuality(), BinaryQuality()
    for place, record in enumerate(records):
        for quality in (whole, first if place < cut else second):
            quality.add(*record, key=str(place))
    second = pickle.loads(pickle.dumps(second))  # noqa: S301 - our own
    first.merge(second)
    assert (first.size, first.unread) == (whole.size, whole.unread)
    assert first.statistics()["confusion_matrix"] == whole.statistics()["confusion_matrix"]
    assert first.values() == pytest.approx(whole.values(), rel=1e-12)
    expected = {name: measure.standard_deviation for name, measure in whole.measures().items()}
    found = {name: measure.standard_deviation for name, measure in first.measures().items()}
    assert {name for name in found if found[name] is None} == {
        name for name in expected if expected[name] is None
    }
    for name, deviation in expected.items():
        if deviation is not None:
            assert found[name] == pytest.approx(deviation, abs=1e-9)


def test_only_the_same_labels_merge() -> None:
    with pytest.raises(ValueError, match="same labels"):
        BinaryQuality(1).merge(BinaryQuality(0))
