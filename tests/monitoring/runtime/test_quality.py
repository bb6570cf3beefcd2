"""Constraints and violations of model quality: formats, false alarms, found changes."""

from __future__ import annotations

import json
import random
from functools import cache

import pytest
from scipy import stats

from constructs_lib.monitoring.runtime.quality.noise import Measure
from constructs_lib.monitoring.runtime.quality.quality import (
    Kind,
    judge,
    overridden,
    statistics_file,
    suggest,
    values_of,
)
from constructs_lib.monitoring.runtime.quality.quality_binary import BinaryQuality
from constructs_lib.monitoring.runtime.quality.quality_multiclass import MulticlassQuality
from constructs_lib.monitoring.runtime.quality.quality_regression import RegressionQuality

BINARY: Kind = "binary_classification"


def _window(seed: object, count: int = 500, *, noise: float = 0.0) -> BinaryQuality:
    """A calibrated model; with noise, some of what comes true has nothing to do with its probability any more."""
    draw = random.Random(f"window {seed}")  # noqa: S311 - test data
    quality = BinaryQuality()
    for place in range(count):
        chance = draw.betavariate(1, 1.5)
        label = draw.random() < (0.5 if draw.random() < noise else chance)
        quality.add(label, chance >= 0.5, chance, key=f"{seed}-{place}")
    return quality


@cache
def _baseline() -> str:
    return json.dumps(suggest(BINARY, _window("baseline", 5000).statistics()), allow_nan=False)


def test_a_model_that_did_not_change_rarely_alarms() -> None:
    constraints = json.loads(_baseline())
    assert len(constraints["binary_classification_constraints"]) == 14
    alarms = sum(bool(judge(constraints, _window(seed))) for seed in range(200))
    # Of 200 windows at a level of 99 %, that many are exceeded once in ten thousand times.
    assert alarms <= stats.binom.ppf(1 - 1e-4, 200, 0.01)


def test_a_degraded_model_is_found() -> None:
    violations = judge(json.loads(_baseline()), _window("worse", 2000, noise=0.3))
    found = {violation["metric_name"]: violation for violation in violations}
    assert found.keys() >= {"accuracy", "auc", "f1", "brier_score", "expected_calibration_error"}
    assert found["auc"]["constraint_check_type"] == "LessThanThreshold"
    assert found["brier_score"]["constraint_check_type"] == "GreaterThanThreshold"
    assert found["auc"].keys() == {"constraint_check_type", "description", "metric_name"}
    assert found["auc"]["description"].startswith("Metric auc with 0.")


def test_a_model_that_became_better_is_none() -> None:
    constraints = suggest(BINARY, _window("baseline", 3000, noise=0.5).statistics())
    assert judge(constraints, _window(1, 3000)) == []


def test_a_stricter_level_takes_more() -> None:
    window = _window("worse", 600, noise=0.2)
    constraints = json.loads(_baseline())
    counts = [len(judge(constraints, window, level=level)) for level in (0.9, 0.99, 1 - 1e-9)]
    assert counts[0] > counts[1] > counts[2] == 0


def test_the_constraints_are_model_monitors() -> None:
    constraints = suggest(
        BINARY, {"recall": {"value": 0.9, "standard_deviation": 0.01}, "mystery": 1, "auc": 0.8}
    )
    assert constraints == {
        "version": 0.0,
        "binary_classification_constraints": {
            "recall": {"threshold": 0.9, "comparison_operator": "LessThanThreshold"},
            "auc": {"threshold": 0.8, "comparison_operator": "LessThanThreshold"},
        },
        "noise": {"recall": 0.01, "auc": 0.0},
    }
    regression = suggest("regression", {"rmse": 2.0, "r2": -0.5}, tolerance=0.1)["regression_constraints"]
    assert regression["rmse"] == {"threshold": 2.2, "comparison_operator": "GreaterThanThreshold"}
    assert regression["r2"] == {"threshold": -0.55, "comparison_operator": "LessThanThreshold"}
    assert list(
        suggest("multiclass_classification", {"weighted_f1": 1})["multiclass_classification_constraints"]
    )


@pytest.mark.parametrize("unknown", ["NaN", None, float("nan"), "0.1"])
def test_a_baseline_of_too_few_records_is_no_threshold(unknown: object) -> None:
    suggested = suggest(BINARY, {"auc": {"value": 0.9, "standard_deviation": unknown}, "recall": unknown})
    assert suggested["binary_classification_constraints"] == {}
    few = suggest(BINARY, _window("few", 30).statistics())["binary_classification_constraints"]
    assert "accuracy" in few
    assert "recall" not in few


@pytest.mark.parametrize("tolerance", [-0.1, float("nan"), float("inf")])
def test_a_tolerance_is_a_share(tolerance: float) -> None:
    with pytest.raises(ValueError, match="tolerance"):
        suggest(BINARY, {}, tolerance=tolerance)


def test_model_monitors_own_constraints_serve() -> None:
    own = {
        "version": 0.0,
        "binary_classification_constraints": {
            "accuracy": {"threshold": 0.99, "comparison_operator": "LessThanThreshold"},
            "false_positive_rate": {"threshold": 0.9, "comparison_operator": "GreaterThanThreshold"},
            "unknown_metric": {"threshold": 0.9, "comparison_operator": "GreaterThanThreshold"},
        },
    }
    assert [violation["metric_name"] for violation in judge(own, _window(1))] == ["accuracy"]


def test_thresholds_of_ones_own() -> None:
    constraints = json.loads(_baseline())
    mine = overridden(BINARY, constraints, {"auc": 0.999, "recall": None, "f1": 0.0})
    assert constraints == json.loads(_baseline())
    assert [violation["metric_name"] for violation in judge(mine, _window(1))] == ["auc"]
    assert "recall" not in mine["binary_classification_constraints"]
    assert not {"auc", "recall", "f1"} & mine["noise"].keys()
    with pytest.raises(ValueError, match="rmse"):
        overridden(BINARY, constraints, {"rmse": 1})


@pytest.mark.parametrize(("records", "found"), [(19, False), (20, True)])
def test_too_few_records_are_not_judged(records: int, found: bool) -> None:
    quality = BinaryQuality()
    for _ in range(records):
        quality.add(1, 0)
    assert bool(judge(suggest(BINARY, {"recall": 0.95}), quality)) is found


def test_a_few_that_are_all_wrong_are_no_certainty() -> None:
    quality = BinaryQuality()
    for place in range(25):
        quality.add(1, 1 if place else 0)
    exact = suggest(BINARY, {"recall": 0.999})
    assert judge(exact, quality) == []


class _Told:
    """A window with one metric."""

    kind: Kind = BINARY
    size = 1000

    def __init__(self, name: str, measure: Measure) -> None:
        self._found = {name: measure}

    def measures(self) -> dict[str, Measure]:
        return self._found

    def statistics(self) -> dict[str, object]:
        return dict(self._found)


@pytest.mark.parametrize(
    ("own", "baseline", "chance"),
    [(0.01, 0.0, 0.0), (0.0, 0.01, 0.0), (0.006, 0.008, 0.0), (0.01, 0.0, 0.05)],
)
def test_just_within_noise_and_just_beyond(own: float, baseline: float, chance: float) -> None:
    constraints = suggest(BINARY, {"brier_score": {"value": 0.2, "standard_deviation": baseline}})
    limit = 0.2 + chance + stats.t.isf(0.01, 19) * 0.01
    for value, found in ((limit - 1e-4, False), (limit + 1e-4, True)):
        measure = Measure(value=value, standard_deviation=own, support=20, chance=chance)
        assert bool(judge(constraints, _Told("brier_score", measure))) is found


def test_a_share_is_no_surer_than_a_count() -> None:
    constraints = suggest(BINARY, {"recall": 0.9})
    limit = 0.9 - stats.t.isf(0.01, 19) * (0.9 * 0.1 / 25) ** 0.5
    for value, found in ((limit + 1e-3, False), (limit - 1e-3, True)):
        window = _Told("recall", Measure(value=value, standard_deviation=0.0, support=25))
        assert bool(judge(constraints, window)) is found


def test_nothing_violates_nothing() -> None:
    assert judge(json.loads(_baseline()), BinaryQuality()) == []
    assert judge({}, _window(1)) == []


def _regression(seed: object, scale: float = 1.0, count: int = 600) -> RegressionQuality:
    draw = random.Random(f"regression {seed}")  # noqa: S311 - test data
    quality = RegressionQuality()
    for place in range(count):
        label = draw.gauss(0, 3)
        quality.add(label, label + scale * draw.expovariate(1), key=f"{seed}-{place}")
    return quality


def _multiclass(seed: object, right: float = 0.8, count: int = 600) -> MulticlassQuality:
    draw = random.Random(f"classes {seed}")  # noqa: S311 - test data
    quality = MulticlassQuality()
    for place in range(count):
        label = draw.choice("abc")
        said = label if draw.random() < right else draw.choice("abc")
        quality.add(label, said, 0.8 + 0.2 / 3, key=f"{seed}-{place}")
    return quality


def test_regression_alarms_on_change_only() -> None:
    constraints = suggest("regression", _regression("baseline", count=4000).statistics())
    assert sum(bool(judge(constraints, _regression(seed))) for seed in range(100)) <= 5
    found = {violation["metric_name"] for violation in judge(constraints, _regression("worse", 1.3))}
    assert found >= {"mae", "rmse", "mse"}


def test_several_classes_alarm_on_change_only() -> None:
    constraints = suggest("multiclass_classification", _multiclass("baseline", count=4000).statistics())
    assert sum(bool(judge(constraints, _multiclass(seed))) for seed in range(100)) <= 5
    found = {violation["metric_name"] for violation in judge(constraints, _multiclass("worse", 0.6))}
    assert found >= {"accuracy", "weighted_f1", "expected_calibration_error"}


def test_the_file_of_a_window() -> None:
    window = _window(1, 100)
    times = {
        "start": "2026-11-28T10:00:00Z",
        "end": "2026-11-28T11:00:00Z",
        "evaluated": "2026-11-28T11:20:00Z",
    }
    told = json.loads(json.dumps(statistics_file(window, **times), allow_nan=False))
    assert told["dataset"] == {
        "item_count": 100,
        "start_time": "2026-11-28T10:00:00Z",
        "end_time": "2026-11-28T11:00:00Z",
        "evaluation_time": "2026-11-28T11:20:00Z",
    }
    metrics = told["binary_classification_metrics"]
    assert {name: metrics[name]["value"] for name in values_of(window)} == values_of(window)
