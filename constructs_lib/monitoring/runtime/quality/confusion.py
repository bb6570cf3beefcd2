"""Metrics of a confusion matrix."""

from __future__ import annotations

from collections.abc import Mapping

BETAS = {"f0_5": 0.5, "f1": 1.0, "f2": 2.0}


def f_score(beta: float, true: int, missed: int, wrong: int) -> float | None:
    """The weighted harmonic mean of precision and recall; None where nothing is positive in any way."""
    weight = beta * beta
    whole = (1 + weight) * true + weight * missed + wrong
    return (1 + weight) * true / whole if whole else None


def binary(true: int, wrong: int, missed: int, rejected: int) -> dict[str, float]:
    """Of true positives, false positives, false negatives and true negatives. What divides by zero is left out."""
    positives, negatives = true + missed, rejected + wrong
    found: dict[str, float | None] = {
        "recall": _share(true, positives),
        "precision": _share(true, true + wrong),
        "accuracy": _share(true + rejected, positives + negatives),
        "true_positive_rate": _share(true, positives),
        "true_negative_rate": _share(rejected, negatives),
        "false_positive_rate": _share(wrong, negatives),
        "false_negative_rate": _share(missed, positives),
        **{name: f_score(beta, true, missed, wrong) for name, beta in BETAS.items()},
    }
    return {name: value for name, value in found.items() if value is not None}


def weighted(classes: Mapping[str, tuple[int, int, int]]) -> dict[str, float]:
    """The means over classes, each weighted by its share of the labels, as scikit-learn's ``average="weighted"``.

    Args:
        classes: By name: records with the label, with the prediction, with both.
    """
    records = sum(labelled for labelled, _, _ in classes.values())
    if not records:
        return {}
    sums = dict.fromkeys(("recall", "precision", *BETAS), 0.0)
    right = 0
    for labelled, predicted, both in classes.values():
        right += both
        sums["recall"] += both
        sums["precision"] += labelled * (both / predicted if predicted else 0.0)
        for name, beta in BETAS.items():
            sums[name] += labelled * (f_score(beta, both, labelled - both, predicted - both) or 0.0)
    return {
        "accuracy": right / records,
        **{f"weighted_{name}": value / records for name, value in sums.items()},
    }


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
