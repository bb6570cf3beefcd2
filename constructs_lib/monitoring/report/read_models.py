"""What the monitors of quality, bias and attribution have measured."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from .findings import Attribution, Facet, Metric, Quality, Violation
from .told import items, mapping, number, text

Given = Mapping[str, Any]

NDCG_THRESHOLD = 0.9
"""Clarify's: an order of features less like the baseline's than this has drifted."""
_PROBLEMS = {
    "binary_classification": "binary classification",
    "multiclass_classification": "multiclass classification",
    "regression": "regression",
}
_SCORE = re.compile(r"drift\s+([\d.eE+-]+)\s+exceeds\s+threshold\s+([\d.eE+-]+)")


# --- quality --------------------------------------------------------------------------------------------


def quality_of(
    statistics: Given, before: Given, constraints: Given, violations: tuple[Violation, ...]
) -> Quality | None:
    """The metrics of a model; None: there are none."""
    for problem, words in _PROBLEMS.items():
        measured = mapping(statistics.get(f"{problem}_metrics"))
        if measured:
            then = mapping(before.get(f"{problem}_metrics"))
            limits = mapping(constraints.get(f"{problem}_constraints"))
            violated = {each.subject for each in violations}
            return Quality(
                problem=words,
                metrics=tuple(_metrics(measured, then, limits, violated)),
                matrix=_matrix(measured.get("confusion_matrix")),
                curves=_curves(measured),
                curves_before=_curves(then),
                reliability=tuple(_reliability(measured)),
            )
    return None


def _metrics(measured: Given, then: Given, limits: Given, violated: set[str]) -> Iterator[Metric]:
    for name, given in measured.items():
        told = mapping(given)
        if "value" not in told:
            continue
        limit = mapping(limits.get(name))
        yield Metric(
            name=name,
            value=number(told["value"]),
            deviation=number(told.get("standard_deviation")),
            before=number(mapping(then.get(name)).get("value")),
            threshold=number(limit.get("threshold")),
            rises=text(limit.get("comparison_operator")) == "GreaterThanThreshold",
            violated=name in violated,
        )


def _matrix(given: object) -> dict[str, dict[str, float]]:
    return {
        label: {predicted: many for predicted, many in _pairs(row).items() if many is not None and many >= 0}
        for label, row in mapping(given).items()
        if isinstance(row, dict)
    }


def _pairs(given: object) -> dict[str, float | None]:
    return {text(key): number(value) for key, value in mapping(given).items()}


def _curves(measured: Given) -> dict[str, tuple[tuple[float, float], ...]]:
    roc = mapping(measured.get("receiver_operating_characteristic_curve"))
    pr = mapping(measured.get("precision_recall_curve"))
    found = {
        "roc": _points(roc.get("false_positive_rates"), roc.get("true_positive_rates")),
        "pr": _points(pr.get("recalls"), pr.get("precisions")),
    }
    return {name: points for name, points in found.items() if len(points) > 1}


def _points(x: object, y: object) -> tuple[tuple[float, float], ...]:
    pairs = zip(map(number, items(x)), map(number, items(y)), strict=False)
    return tuple((a, b) for a, b in pairs if a is not None and b is not None and 0 <= a <= 1 and 0 <= b <= 1)


def _reliability(measured: Given) -> Iterator[tuple[float, float, float]]:
    for each in map(mapping, items(measured.get("reliability"))):
        probability, observed, many = (
            number(each.get(key)) for key in ("mean_probability", "share", "count")
        )
        if probability is None or observed is None or not many:
            continue
        if 0 <= probability <= 1 and 0 <= observed <= 1:
            yield probability, observed, many


# --- bias -----------------------------------------------------------------------------------------------


def facets_of(statistics: Given, before: Given, violations: tuple[Violation, ...]) -> tuple[Facet, ...]:
    """The groups of people that were compared, those with violations first."""
    now, then = _measured(statistics), _measured(before)
    violated = {each.subject for each in violations}
    found = []
    for (facet, value), metrics in now.items():
        old = then.get((facet, value), {})
        found.append(
            Facet(
                name=facet,
                value=value,
                metrics=tuple(
                    Metric(
                        name=name,
                        value=number(told.get("value")),
                        before=number(old.get(name, {}).get("value")),
                        violated=bias_subject(facet, value, name) in violated,
                    )
                    for name, told in metrics.items()
                ),
                described={name: text(told.get("description")) for name, told in metrics.items()},
            )
        )
    return tuple(sorted(found, key=lambda each: -sum(metric.violated for metric in each.metrics)))


def bias_subject(facet: str, value: str, metric: str) -> str:
    """How a violation names what it is about."""
    return f"{metric} of {facet} = {value}"


def _measured(statistics: Given) -> dict[tuple[str, str], dict[str, Given]]:
    found: dict[tuple[str, str], dict[str, Given]] = {}
    for section in ("pre_training_bias_metrics", "post_training_bias_metrics"):
        for facet, groups in mapping(mapping(statistics.get(section)).get("facets")).items():
            for group in map(mapping, items(groups)):
                metrics = found.setdefault((facet, text(group.get("value_or_threshold"))), {})
                metrics.update(
                    {text(each.get("name")): each for each in map(mapping, items(group.get("metrics")))}
                )
    return found


# --- attribution ----------------------------------------------------------------------------------------


def attributions_of(
    statistics: Given, before: Given, values: Mapping[str, float], violations: tuple[Violation, ...]
) -> tuple[Attribution, ...]:
    """How much the features matter, label by label."""
    now, then = _importances(statistics), _importances(before)
    said = {each.subject: _SCORE.search(each.text) for each in violations}
    found = []
    for label, importances in now.items():
        told = said.get(label)
        score = _score(label, values, alone=len(now) == 1)
        found.append(
            Attribution(
                label=label,
                before=then.get(label, {}),
                now=importances,
                score=number(told[1]) if score is None and told is not None else score,
                threshold=(None if told is None else number(told[2])) or NDCG_THRESHOLD,
                violated=label in said,
            )
        )
    return tuple(found)


def _score(label: str, values: Mapping[str, float], *, alone: bool) -> float | None:
    """The nDCG of a label among the values of the result."""
    for name, value in values.items():
        if name == f"ndcg.{label}" or (alone and name == "ndcg"):
            return value
    return None


def _importances(statistics: Given) -> dict[str, dict[str, float]]:
    labels = mapping(mapping(statistics.get("explanations")).get("kernel_shap"))
    found = {}
    for label, given in labels.items():
        pairs = _pairs(mapping(given).get("global_shap_values"))
        found[label] = {feature: value for feature, value in pairs.items() if value is not None}
    return {label: values for label, values in found.items() if values}
