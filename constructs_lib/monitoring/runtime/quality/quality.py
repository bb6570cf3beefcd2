"""Whether a model is as good as it was: constraints from a baseline, and violations of them.

The formats are those of Model Monitor, so that the baseline of either engine serves the other. Its analyzer reports
a violation as soon as a metric is on the wrong side of its threshold; a model that did not change is there in half
of all windows. Here a metric also has to be worse by more than noise: see `judge`.

Sources: https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-model-quality-metrics.html and
model-monitor-model-quality-baseline.html.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal, Protocol

from .noise import Measure, critical

Kind = Literal["binary_classification", "multiclass_classification", "regression"]

_LESS, _GREATER = "LessThanThreshold", "GreaterThanThreshold"
_SHARES = ("accuracy", "recall", "precision", "f0_5", "f1", "f2")
_RATES = dict.fromkeys(("true_positive_rate", "true_negative_rate"), _LESS) | dict.fromkeys(
    ("false_positive_rate", "false_negative_rate"), _GREATER
)
_WORSE: dict[Kind, dict[str, str]] = {
    "binary_classification": (
        dict.fromkeys((*_SHARES, "auc", "au_prc"), _LESS)
        | _RATES
        | dict.fromkeys(("expected_calibration_error", "brier_score"), _GREATER)
    ),
    "multiclass_classification": (
        {"accuracy": _LESS}
        | {f"weighted_{name}": _LESS for name in _SHARES[1:]}
        | {"expected_calibration_error": _GREATER}
    ),
    "regression": {"mae": _GREATER, "mse": _GREATER, "rmse": _GREATER, "r2": _LESS},
}
_COUNTED = {*_SHARES, *_RATES, *(f"weighted_{name}" for name in _SHARES)}
_NOISE = "noise"  # our own key in constraints.json


class Quality(Protocol):
    """What counts the records of a window."""

    kind: Kind
    size: int

    def measures(self) -> dict[str, Measure]:
        """Each metric by name."""

    def statistics(self) -> dict[str, Any]:
        """The body of the metrics in Model Monitor's file."""


def statistics_file(quality: Quality, *, start: str, end: str, evaluated: str) -> dict[str, Any]:
    """The whole statistics.json of a window; times as ``2026-11-28T10:00:00Z``."""
    dataset = {
        "item_count": quality.size,
        "start_time": start,
        "end_time": end,
        "evaluation_time": evaluated,
    }
    return {"version": 0.0, "dataset": dataset, f"{quality.kind}_metrics": quality.statistics()}


def values_of(quality: Quality) -> dict[str, float]:
    """The metrics as plain numbers, by name, as for CloudWatch."""
    return {name: measure.value for name, measure in quality.measures().items()}


def described(measures: Mapping[str, Measure]) -> dict[str, Any]:
    """The metrics as in the file. A standard deviation that is not known is the text NaN there."""
    return {
        name: {
            "value": measure.value,
            "standard_deviation": measure.standard_deviation if measure.certain else "NaN",
        }
        for name, measure in measures.items()
    }


def suggest(kind: Kind, metrics: Mapping[str, Any], *, tolerance: float = 0.0) -> dict[str, Any]:
    """The constraints.json of a baseline: each metric at least as good as there.

    Args:
        kind: What is predicted.
        metrics: By name, as in statistics.json of this engine or of Model Monitor, or plain numbers. The standard
            deviations are kept under a key of our own: the baseline has noise too. A metric whose deviation is not
            known stands on too few records to be a threshold, and has no constraint. Plain numbers have no noise.
        tolerance: The share of the baseline's value by which a metric may be worse, such as 0.05.
    """
    if not 0 <= tolerance < math.inf:
        raise ValueError(f"The tolerance is a share, such as 0.05: {tolerance!r}")
    limits: dict[str, Any] = {}
    noise: dict[str, float] = {}
    for name, operator in _WORSE[kind].items():
        value, deviation = _read(metrics.get(name))
        if value is None or deviation is None:
            continue
        allowed = abs(value) * tolerance
        threshold = value - allowed if operator == _LESS else value + allowed
        limits[name] = {"threshold": threshold, "comparison_operator": operator}
        noise[name] = deviation
    return {"version": 0.0, f"{kind}_constraints": limits, _NOISE: noise}


def overridden(
    kind: Kind, constraints: Mapping[str, Any], thresholds: Mapping[str, float | None]
) -> dict[str, Any]:
    """The constraints with thresholds of one's own, which have no noise; None: the metric is not judged."""
    limits, noise = dict(constraints.get(f"{kind}_constraints", {})), dict(constraints.get(_NOISE, {}))
    for name, threshold in thresholds.items():
        operator = _WORSE[kind].get(name)
        if operator is None:
            raise ValueError(f"No metric of {kind} to judge is {name!r}, but: {', '.join(_WORSE[kind])}")
        noise.pop(name, None)
        limits.pop(name, None)
        if threshold is not None:
            limits[name] = {"threshold": threshold, "comparison_operator": operator}
    return {**constraints, f"{kind}_constraints": limits, _NOISE: noise}


def judge(constraints: Mapping[str, Any], quality: Quality, *, level: float = 0.99) -> list[dict[str, str]]:
    """The violations, as in constraint_violations.json.

    A metric violates its constraint if it is worse than the threshold by more than noise: by more than t standard
    deviations, where the standard deviation is that of the window and, if known, of the baseline together, and t
    the one-sided quantile of `level` for all judged metrics together (`noise.critical`). What a metric is worse by
    chance on average (`Measure.chance`) is taken off before. Metrics of fewer than `noise.LEAST_SUPPORT` records
    are not judged.

    Args:
        constraints: Of `suggest`, or of Model Monitor.
        quality: The window's records.
        level: The probability that a model as good as the baseline has no violation in a window.
    """
    limits = constraints.get(f"{quality.kind}_constraints", {})
    noise = constraints.get(_NOISE, {})
    measures = quality.measures()
    judged = {name: limit for name, limit in limits.items() if name in measures and measures[name].certain}
    deviations = critical(level, len(judged))
    return [
        _violation(name, measures[name], limit)
        for name, limit in judged.items()
        if _excess(measures[name], limit) > deviations * _spread(name, measures[name], limit, noise)
    ]


def _excess(measure: Measure, limit: Mapping[str, Any]) -> float:
    """By how much the metric is worse than allowed."""
    threshold = float(limit["threshold"])
    worse = threshold - measure.value if limit["comparison_operator"] == _LESS else measure.value - threshold
    return worse - measure.chance


def _spread(name: str, measure: Measure, limit: Mapping[str, Any], noise: Mapping[str, float]) -> float:
    """The standard deviation of the metric's distance from its threshold.

    A share cannot be surer than a count of as many records at its threshold: where all of a few records are wrong,
    the jackknife sees no noise at all.
    """
    own = measure.standard_deviation or 0.0
    threshold = float(limit["threshold"])
    if name in _COUNTED and 0 < threshold < 1:
        own = max(own, math.sqrt(threshold * (1 - threshold) / measure.support))
    return math.hypot(own, noise.get(name, 0.0))


def _violation(name: str, measure: Measure, limit: Mapping[str, Any]) -> dict[str, str]:
    operator = limit["comparison_operator"]
    return {
        "constraint_check_type": operator,
        "description": f"Metric {name} with {measure.value:.4f} +/- {measure.standard_deviation:.4f}"
        f" was {operator} '{limit['threshold']:.4f}'",
        "metric_name": name,
    }


def _read(metric: Any) -> tuple[float | None, float | None]:
    """A metric's value and standard deviation, of a number or of the file's object."""
    if isinstance(metric, Mapping):
        return _finite(metric.get("value")), _finite(metric.get("standard_deviation"))
    return _finite(metric), 0.0


def _finite(given: Any) -> float | None:
    return float(given) if isinstance(given, int | float) and math.isfinite(given) else None
