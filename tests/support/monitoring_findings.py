"""What monitors write, for scikit-learn's breast cancer data: the files of a window and of its baseline.

Three of its 30 features drift. All figures are exact and made here, by the plainest formulas and by scikit-learn, so
that the report is tested against something that is not the engine.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats
from sklearn import datasets, linear_model, metrics

START = datetime(2026, 11, 28, 10, tzinfo=UTC)
DRIFTED = ("mean radius", "worst area", "scanner")
BASELINE = "baseline/0123456789abcdef"

_DATA = datasets.load_breast_cancer()
NAMES = [str(name) for name in _DATA.feature_names]


def columns(*, window: bool = False, drifted: bool = False) -> dict[str, list[Any]]:
    """The data by feature: the even records, or the odd ones of the window, changed in three features to drift."""
    rows = _DATA.data[1::2] if window else _DATA.data[::2]
    found: dict[str, list[Any]] = {name: [float(x) for x in rows[:, n]] for n, name in enumerate(NAMES)}
    if drifted:
        found["mean radius"] = [value * 1.4 for value in found["mean radius"]]
        found["worst area"] = [value + 400 for value in found["worst area"]]
        found["mean texture"][::20] = [None] * len(found["mean texture"][::20])
    kinds = ["A", "B", "C", "Z2"] if drifted else ["A", "A", "B", "C"]
    found["scanner"] = [kinds[n % 4] for n in range(len(rows))]
    found["visits"] = [n * n % 7 for n in range(len(rows))]
    return found


# --- data quality ---------------------------------------------------------------------------------------


def statistics(table: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    """statistics.json."""
    size = len(next(iter(table.values())))
    return {
        "version": 0.0,
        "dataset": {"item_count": size},
        "features": [_described(name, values) for name, values in table.items()],
    }


def _described(name: str, values: Sequence[Any]) -> dict[str, Any]:
    present = [value for value in values if value is not None]
    common = {"num_present": len(present), "num_missing": len(values) - len(present)}
    if isinstance(present[0], str):
        counts = [{"value": value, "count": many} for value, many in Counter(present).items()]
        described = {"common": common, "distinct_count": len(counts)}
        return {
            "name": name,
            "inferred_type": "String",
            "string_statistics": {**described, "distribution": {"categorical": {"buckets": counts}}},
        }
    counted, edges = np.histogram(present, bins=10)
    buckets = [
        {"lower_bound": float(low), "upper_bound": float(high), "count": float(many)}
        for low, high, many in zip(edges, edges[1:], counted, strict=False)
    ]
    sketch = {"parameters": {"c": 0.64, "k": 2048.0}, "data": [sorted(present)]}
    return {
        "name": name,
        "inferred_type": "Integral" if isinstance(present[0], int) else "Fractional",
        "numerical_statistics": {
            "common": common,
            "mean": float(np.mean(present)),
            "sum": float(np.sum(present)),
            "std_dev": float(np.std(present)),
            "min": min(present),
            "max": max(present),
            "distribution": {"kll": {"buckets": buckets, "sketch": sketch}},
        },
    }


def constraints() -> dict[str, Any]:
    """constraints.json, as much of it as the report reads."""
    kinds = dict.fromkeys(NAMES, "Fractional") | {"scanner": "String", "visits": "Integral"}
    rules = {
        "perform_comparison": "Enabled",
        "comparison_threshold": 0.1,
        "comparison_method": "Robust",
        "categorical_comparison_threshold": 0.1,
        "categorical_drift_method": "LInfinity",
    }
    return {
        "version": 0.0,
        "features": [
            {"name": name, "inferred_type": kind, "completeness": 1.0} for name, kind in kinds.items()
        ],
        "monitoring_config": {
            "evaluate_constraints": "Enabled",
            "distribution_constraints": rules,
            "drift": {
                "numeric": {"method": "ks", "threshold": 0.1},
                "categorical": {"method": "psi", "threshold": 0.2},
                "alpha": 0.01,
            },
        },
    }


def _judged(before: Sequence[Any], now: Sequence[Any], judged: int) -> dict[str, Any]:
    then, these = ([value for value in values if value is not None] for values in (before, now))
    told: dict[str, Any] = {"missing": 1 - len(these) / len(now), "out_of_range": 0.0, "new_categories": []}
    if isinstance(then[0], str):
        p, q = Counter(then), Counter(these)
        shares = [((p[c] + 0.5) / len(then), (q[c] + 0.5) / len(these)) for c in {*p, *q}]
        distance = sum((b - a) * math.log(b / a) for a, b in shares)
        table = [[p[c] for c in sorted({*p, *q})], [q[c] for c in sorted({*p, *q})]]
        chance = float(stats.chi2_contingency(table).pvalue)
        threshold, method, kind = 0.2, "psi", "String"
        told["new_categories"] = sorted(set(q) - set(p))
    else:
        found = stats.ks_2samp(then, these)
        distance, chance = float(found.statistic), float(found.pvalue)
        threshold, method = 0.1, "ks"
        kind = "Integral" if isinstance(then[0], int) else "Fractional"
        told["out_of_range"] = sum(not min(then) <= value <= max(then) for value in these) / len(these)
    told |= {"type": kind, "method": method, "distance": distance, "p_value": chance, "threshold": threshold}
    return told | {
        "drifted": distance > threshold and chance < 0.01 / judged,
        "distances": {method: distance},
    }


def data_quality(*, drifted: bool = True, rename: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The files of a window and of its baseline, by their path below the monitor's prefix."""
    before, now = columns(), columns(window=True, drifted=drifted)
    names = {name: (rename or {}).get(name, name) for name in before}
    before, now = ({names[name]: values for name, values in each.items()} for each in (before, now))
    judged = {name: _judged(before[name], now[name], len(before)) for name in before}
    beyond = [name for name, each in judged.items() if each["drifted"]]
    failed = [
        {
            "feature_name": name,
            "constraint_check_type": "baseline_drift_check",
            "description": f"Baseline drift distance: {judged[name]['distance']:.4f} exceeds threshold: "
            f"{judged[name]['threshold']}",
        }
        for name in beyond
    ]
    if drifted:
        failed.append(
            {
                "feature_name": names["mean texture"],
                "constraint_check_type": "completeness_check",
                "description": "5.3 % of the values are missing; at most 0 % may be",
            }
        )
    return files(
        "data_quality",
        statistics(now),
        statistics(before),
        constraints(),
        failed,
        records=len(now[names["visits"]]),
        features=judged,
    )


# --- model quality --------------------------------------------------------------------------------------


def model_quality(problem: str = "binary_classification", *, worse: bool = True) -> dict[str, Any]:
    """Of a logistic regression on noisy data, or of a straight line."""
    if problem == "regression":
        before, now, limits = _regression(worse)
    elif problem == "multiclass_classification":
        before, now, limits = _multiclass(worse)
    else:
        before, now, limits = _binary(worse)
    failed = [
        {
            "constraint_check_type": limit["comparison_operator"],
            "description": f"Metric {name} with {now[name]['value']:.4f} was {limit['comparison_operator']} "
            f"'{limit['threshold']}'",
            "metric_name": name,
        }
        for name, limit in limits.items()
        if worse
    ]
    values = {name: each["value"] for name, each in now.items() if isinstance(each, dict) and "value" in each}
    return files(
        "model_quality",
        {"version": 0.0, "dataset": {"item_count": 284}, f"{problem}_metrics": now},
        {"version": 0.0, "dataset": {"item_count": 285}, f"{problem}_metrics": before},
        {"version": 0.0, f"{problem}_constraints": limits},
        failed,
        records=284,
        values=values,
    )


def _scores() -> tuple[Any, Any, Any]:
    model = linear_model.LogisticRegression(max_iter=5000).fit(_DATA.data[::2, :2], _DATA.target[::2])
    return model, _DATA.data, _DATA.target


def _binary(worse: bool) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    model, data, labels = _scores()
    before = binary_metrics(labels[::2], model.predict_proba(data[::2, :2])[:, 1])
    mixed = data[1::2, :2] * (1.12 if worse else 1.0)
    now = binary_metrics(labels[1::2], model.predict_proba(mixed)[:, 1])
    limits = {
        name: {"threshold": 0.9, "comparison_operator": "LessThanThreshold"}
        for name in ("recall", "accuracy")
    }
    return before, now, limits


def binary_metrics(labels: Any, scores: Any) -> dict[str, Any]:
    """The analyzer's body for binary classification."""
    said = (scores >= 0.5).astype(int)
    matrix = metrics.confusion_matrix(labels, said)
    fpr, tpr, _ = metrics.roc_curve(labels, scores)
    precisions, recalls, _ = metrics.precision_recall_curve(labels, scores)
    values = {
        "accuracy": metrics.accuracy_score(labels, said),
        "precision": metrics.precision_score(labels, said),
        "recall": metrics.recall_score(labels, said),
        "f1": metrics.f1_score(labels, said),
        "auc": metrics.roc_auc_score(labels, scores),
        "au_prc": metrics.average_precision_score(labels, scores),
    }
    deciles = [(n / 10, (scores >= n / 10) & (scores < (n + 1) / 10 + (n == 9))) for n in range(10)]
    return {
        **{
            name: {
                "value": float(value),
                "standard_deviation": math.sqrt(max(value * (1 - value), 0) / len(labels)),
            }
            for name, value in values.items()
        },
        "recall_best_constant_classifier": {"value": 1.0, "standard_deviation": "NaN"},
        "confusion_matrix": {str(a): {str(b): int(matrix[a][b]) for b in (0, 1)} for a in (0, 1)},
        "receiver_operating_characteristic_curve": {
            "false_positive_rates": fpr.tolist(),
            "true_positive_rates": tpr.tolist(),
        },
        "precision_recall_curve": {"precisions": precisions.tolist(), "recalls": recalls.tolist()},
        "reliability": [
            {
                "mean_probability": float(scores[chosen].mean()),
                "share": float(labels[chosen].mean()),
                "count": int(chosen.sum()),
            }
            for _, chosen in deciles
            if chosen.any()
        ],
    }


def _multiclass(worse: bool) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    wine = datasets.load_wine()
    model = linear_model.LogisticRegression(max_iter=10000).fit(wine.data[::2, :2], wine.target[::2])

    def measured(data: Any, labels: Any) -> dict[str, Any]:
        said = model.predict(data)
        matrix = metrics.confusion_matrix(labels, said)
        values = {
            "accuracy": metrics.accuracy_score(labels, said),
            "weighted_recall": metrics.recall_score(labels, said, average="weighted"),
            "weighted_f1": metrics.f1_score(labels, said, average="weighted"),
        }
        return {
            **{name: {"value": float(value), "standard_deviation": 0.03} for name, value in values.items()},
            "confusion_matrix": {str(a): {str(b): int(matrix[a][b]) for b in range(3)} for a in range(3)},
        }

    moved = wine.data[1::2, :2] + ((0.5, 0) if worse else (0, 0))
    limits = {"weighted_f1": {"threshold": 0.75, "comparison_operator": "LessThanThreshold"}}
    return measured(wine.data[::2, :2], wine.target[::2]), measured(moved, wine.target[1::2]), limits


def _regression(worse: bool) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    data = datasets.load_diabetes()
    model = linear_model.LinearRegression().fit(data.data[::2], data.target[::2])

    def measured(given: Any, labels: Any) -> dict[str, Any]:
        said = model.predict(given)
        mse = metrics.mean_squared_error(labels, said)
        values = {
            "mae": metrics.mean_absolute_error(labels, said),
            "mse": mse,
            "rmse": mse**0.5,
            "r2": metrics.r2_score(labels, said),
        }
        return {
            name: {"value": float(value), "standard_deviation": abs(float(value)) * 0.04}
            for name, value in values.items()
        }

    limits = {
        "mae": {"threshold": 50.0, "comparison_operator": "GreaterThanThreshold"},
        "r2": {"threshold": 0.4, "comparison_operator": "LessThanThreshold"},
    }
    return (
        measured(data.data[::2], data.target[::2]),
        measured(data.data[1::2] * (1.6 if worse else 1), data.target[1::2]),
        limits,
    )


# --- bias and attribution -------------------------------------------------------------------------------

_METRICS = {
    "CI": "Class Imbalance (CI)",
    "DPL": "Difference in Positive Proportions in Labels (DPL)",
    "JS": "Jensen-Shannon Divergence (JS)",
    "DPPL": "Difference in Positive Proportions in Predicted Labels (DPPL)",
    "DI": "Disparate Impact (DI)",
    "AD": "Accuracy Difference (AD)",
}


def bias(*, worse: bool = True) -> dict[str, Any]:
    """Two groups; one of them has come off badly."""
    calm = {"CI": 0.12, "DPL": 0.03, "JS": 0.004, "DPPL": 0.04, "DI": 0.95, "AD": -0.01}
    now = calm | ({"DPPL": 0.31, "DI": 0.52, "AD": 0.14} if worse else {"DPPL": 0.045})
    other = calm | {"DI": 3.4, "DPL": None}
    failed = [
        {
            "facet": "sex",
            "facet_value": "female",
            "metric_name": name,
            "constraint_check_type": "bias_drift_check",
            "description": f"Value {now[name]} does not meet the constraint requirement",
        }
        for name in ("DPPL", "DI")
        if worse
    ]
    return files(
        "bias", _bias(now, other), _bias(calm, other), {}, failed, records=284, values={"DPPL": now["DPPL"]}
    )


def _bias(female: Mapping[str, Any], young: Mapping[str, Any]) -> dict[str, Any]:
    def section(names: Sequence[str]) -> dict[str, Any]:
        return {
            "label": "approved",
            "label_value_or_threshold": "1",
            "facets": {
                facet: [
                    {
                        "value_or_threshold": value,
                        "metrics": [
                            {"name": name, "description": _METRICS[name], "value": values[name]}
                            for name in names
                        ],
                    }
                ]
                for facet, value, values in (("age", "(0, 25]", young), ("sex", "female", female))
            },
        }

    return {
        "version": "1.0",
        "pre_training_bias_metrics": section(("CI", "DPL", "JS")),
        "post_training_bias_metrics": section(("DPPL", "DI", "AD")),
    }


def attribution(*, worse: bool = True) -> dict[str, Any]:
    """The importances of all features fall off; in the window the last are first."""
    before = {name: 0.8**n for n, name in enumerate(NAMES)}
    now = {name: 0.8 ** (29 - n if worse else n) for n, name in enumerate(NAMES)}
    score = _ndcg(before, now)
    failed = [
        {
            "label": "label0",
            "metric_name": "shap",
            "constraint_check_type": "feature_attribution_drift_check",
            "description": f"Feature attribution drift {score} exceeds threshold 0.9",
        }
    ]
    return files(
        "attribution",
        _shap(now),
        _shap(before),
        {},
        failed if worse else [],
        records=284,
        values={"ndcg": score},
    )


def _ndcg(before: Mapping[str, float], now: Mapping[str, float]) -> float:
    order = sorted(now, key=lambda name: -now[name])
    best = sorted(before.values(), reverse=True)
    gain, most = (
        sum(value / math.log2(n + 2) for n, value in enumerate(values))
        for values in ([before[name] for name in order], best)
    )
    return gain / most


def _shap(values: Mapping[str, float]) -> dict[str, Any]:
    return {
        "version": "1.0",
        "explanations": {
            "kernel_shap": {"label0": {"global_shap_values": dict(values), "expected_value": 0.4}}
        },
    }


# --- files ----------------------------------------------------------------------------------------------


def files(
    kind: str,
    now: dict[str, Any],
    before: dict[str, Any],
    limits: dict[str, Any],
    failed: list[dict[str, Any]],
    *,
    records: int,
    at: datetime = START,
    **more: Any,
) -> dict[str, Any]:
    """All files of a monitor with one window."""
    window = f"{at:%Y/%m/%d/%H%M}"
    written = {
        f"{window}/statistics.json": now,
        f"{window}/constraint_violations.json": {"violations": failed},
        f"{window}/result.json": result(kind, at, records=records, violations=len(failed), **more),
        f"{BASELINE}/statistics.json": before,
    }
    return {**written, f"{BASELINE}/constraints.json": limits} if limits else written


def result(kind: str, at: datetime = START, **more: Any) -> dict[str, Any]:
    """result.json."""
    told = {
        "monitor": kind.title().replace("_", ""),
        "kind": kind,
        "endpoint": "fraud",
        "engine": "owned",
        "window": {
            "start": f"{at:%Y-%m-%dT%H:%M:%SZ}",
            "end": f"{at + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}",
        },
        "baseline": f"s3://bucket/monitoring/fraud/{kind}/{BASELINE}/",
        "status": "violated" if more.get("violations") else "passed",
        "unread": 0,
        "text": "",
    }
    return told | more


def past(kind: str, hours: int, **more: Any) -> dict[str, Any]:
    """Results of earlier windows, one an hour: quiet ones, until `mean radius` goes away in the last day."""
    found: dict[str, Any] = {}
    for before in range(1, hours + 1):
        at = START - timedelta(hours=before)
        away = max(0.0, (24 - before) / 24)
        features = {
            name: {
                "distance": 0.04 + 0.01 * math.sin(before * (n + 1)) + (away * 0.4 if n == 0 else 0),
                "threshold": 0.1,
                "drifted": n == 0 and away * 0.4 > 0.07,
            }
            for n, name in enumerate(NAMES)
        }
        values = {name: value - 0.02 * away for name, value in more.get("values", {}).items()}
        status = "no_data" if before % 17 == 0 else "violated" if away > 0.2 else "passed"
        told: dict[str, Any] = {"status": status, "records": 120, "violations": int(status == "violated")}
        if status != "no_data":
            told |= {"features": features} if kind == "data_quality" else {"values": values}
        found[f"{at:%Y/%m/%d/%H%M}/result.json"] = result(kind, at, **told)
    return found


def write(folder: Path, written: Mapping[str, Any]) -> Path:
    """Write the files below a monitor's prefix; returns the folder of the window."""
    for name, content in written.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(content), encoding="utf-8")
    return folder / f"{START:%Y/%m/%d/%H%M}"


def quiet(kind: str, status: str, **more: Any) -> dict[str, Any]:
    """A window of which there is nothing but the result."""
    return {f"{START:%Y/%m/%d/%H%M}/result.json": result(kind, status=status, **more)}
