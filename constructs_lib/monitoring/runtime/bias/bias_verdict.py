"""Whether the bias of a window is worse than that of the baseline.

Clarify reports a violation when a metric is further from no bias than its baseline is. So half of all windows of a
model that did not change have one: here it also has to be further by more than what is allowed, and by more than
noise.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/clarify-model-monitor-bias-drift-violations.html
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ..quality.noise import Measure, critical
from ..reading.cells import number_of
from ..reading.classes import class_of
from .bias import Bias
from .bias_metrics import DESCRIPTIONS, FAIR, POST_TRAINING, PRE_TRAINING

ALLOWED = 0.05
_SECTIONS = {"pre_training_bias_metrics": PRE_TRAINING, "post_training_bias_metrics": POST_TRAINING}
_NOISE, _ALLOWED = "noise", "allowed_change"  # our own keys in constraints.json
_INTERVAL = re.compile(r"\(([^,]+),[^,]+\]")

_Key = tuple[str, str, str]


def suggest(
    baseline: Bias, *, allowed: float = ALLOWED, by_metric: Mapping[str, float | None] | None = None
) -> dict[str, Any]:
    """The constraints of a baseline: its analysis.json, what is allowed, and how sure each value is.

    Args:
        baseline: The records of the training data.
        allowed: By how much a metric may be further from no bias than there.
        by_metric: The same by the metric's short name; None: the metric is not judged.
    """
    allowances: dict[str, float | None] = {**dict.fromkeys(DESCRIPTIONS, allowed), **(by_metric or {})}
    for name, value in allowances.items():
        if name not in DESCRIPTIONS:
            raise ValueError(f"No bias metric is {name!r}, but: {', '.join(DESCRIPTIONS)}")
        if value is not None and not 0 <= value < math.inf:
            raise ValueError(f"What is allowed of {name} is 0 or more: {value!r}")
    noise = [
        {
            "facet": facet,
            "facet_value": value,
            "metric_name": name,
            "standard_deviation": measure.standard_deviation,
        }
        for (facet, value, name), measure in baseline.measures().items()
        if measure.certain
    ]
    return {**baseline.statistics(), _ALLOWED: allowances, _NOISE: noise}


def judge(constraints: Mapping[str, Any], current: Bias, *, level: float = 0.99) -> dict[str, Any]:
    """The constraint_violations.json of a window.

    A metric violates if its distance from no bias (from 1 for DI, otherwise from 0) has grown by more than what is
    allowed, and by more than t standard deviations beyond that: that of the window by the jackknife and, if known,
    of the baseline together; t is the quantile of `level` for all judged metrics together, two-sided, as a bias of
    either direction counts. Infinite metrics, and those with fewer than `noise.LEAST_SUPPORT` records below a ratio
    on either side, here or in the baseline, are not judged.

    Args:
        constraints: Of `suggest`, or an analysis.json of Clarify.
        current: The window's records.
        level: The probability that a model as biased as the baseline has no violation in a window.
    """
    allowances = constraints.get(_ALLOWED, {})
    measures = current.measures()
    noise = _noise(constraints)
    judged = {
        key: value
        for key, value in _values(constraints).items()
        if key in noise
        and key in measures
        and measures[key].certain
        and allowances.get(key[2], 0.0) is not None
    }
    deviations = critical(1 - (1 - level) / 2, len(judged))
    violations = [
        _violation(key, measures[key], value, allowances.get(key[2], 0.0))
        for key, value in judged.items()
        if _growth(key, measures[key], value) - allowances.get(key[2], 0.0)
        > deviations * math.hypot(measures[key].standard_deviation or 0.0, noise[key])
    ]
    return {"version": "1.0", "violations": violations}


def _growth(key: _Key, measure: Measure, baseline: float) -> float:
    """By how much the metric is further from no bias."""
    fair = FAIR.get(key[2], 0.0)
    return abs(measure.value - fair) - abs(baseline - fair)


def _values(constraints: Mapping[str, Any]) -> dict[_Key, float]:
    """The finite values of an analysis.json."""
    return {
        key: value
        for section, names in _SECTIONS.items()
        for key, value in _section(constraints.get(section, {}))
        if key[2] in names
    }


def _noise(constraints: Mapping[str, Any]) -> dict[_Key, float]:
    """The standard deviations of the baseline: of Clarify's own they are not known, and taken for 0."""
    if _NOISE not in constraints:
        return dict.fromkeys(_values(constraints), 0.0)
    return {
        (entry["facet"], entry["facet_value"], entry["metric_name"]): float(entry["standard_deviation"])
        for entry in constraints[_NOISE]
    }


def _section(section: Mapping[str, Any]) -> Iterator[tuple[_Key, float]]:
    for facet, entries in section.get("facets", {}).items():
        for entry in entries:
            of = _sensitive(str(entry["value_or_threshold"]))
            for metric in entry["metrics"]:
                value = number_of(metric.get("value"))
                if value is not None:
                    yield (facet, of, metric["name"]), value


def _sensitive(text: str) -> str:
    """The value or threshold: Clarify tells a threshold of 40 as the interval up to the maximum, "(40.0, 65.0]"."""
    interval = _INTERVAL.fullmatch(text)
    threshold = number_of(interval[1]) if interval else None
    return text if threshold is None else str(class_of(threshold))


def _violation(key: _Key, measure: Measure, baseline: float, allowed: float) -> dict[str, str]:
    facet, value, name = key
    return {
        "facet": facet,
        "facet_value": value,
        "metric_name": name,
        "constraint_check_type": "bias_drift_check",
        "description": f"Value {measure.value:.4f} +/- {measure.standard_deviation:.4f} does not meet the constraint"
        f" requirement: {baseline:.4f} in the baseline, a change by {allowed:g} is allowed",
    }
