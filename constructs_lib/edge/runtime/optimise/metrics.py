"""How good predictions are, and how much worse others are: pure functions of arrays."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import BadModel

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Predictions:
    """What a model says of records."""

    values: Array
    """A class or a number a record."""
    scores: Array | None = None
    """For each record one score a class."""

    def __post_init__(self) -> None:
        """Check.

        :raises BadModel: a number is none.
        """
        for array in (self.values, self.scores):
            if array is not None and array.dtype.kind == "f" and not np.isfinite(array).all():
                raise BadModel("of some records it predicts NaN or infinity")


def accuracy(truth: Array, predictions: Predictions) -> float:
    """The share of records whose class is right."""
    return float(np.mean(truth == predictions.values))


def macro_f1(truth: Array, predictions: Predictions) -> float:
    """The mean of all classes' F1, each class counting the same; 0 for a class of which nothing is right."""
    scores = []
    for each in np.union1d(truth, predictions.values):
        is_true, is_told = truth == each, predictions.values == each
        hits = int(np.sum(is_true & is_told))
        scores.append(2 * hits / (int(is_true.sum()) + int(is_told.sum())))
    return float(np.mean(scores))


def top_k(truth_index: Array, predictions: Predictions, k: int) -> float:
    """The share of records whose class is among the `k` with the highest scores; equal scores in order of classes."""
    if predictions.scores is None:
        raise AssertionError("top_k was asked of a model without scores")
    best = np.argsort(-predictions.scores, axis=1, kind="stable")[:, :k]
    return float(np.mean((best == truth_index[:, None]).any(axis=1)))


def rmse(truth: Array, predictions: Predictions) -> float:
    """The root of the mean squared error, in the labels' unit."""
    return float(np.sqrt(np.mean((truth - predictions.values.astype(np.float64)) ** 2)))


def agreement(one: Predictions, other: Predictions, *, classifies: bool, scale: float) -> float:
    """The share of records of which both say the same: the same class, or numbers within 1 % of `scale`."""
    if classifies:
        return float(np.mean(one.values == other.values))
    return float(np.mean(np.abs(one.values - other.values) <= 0.01 * scale))


def drop(name: str, before: float, after: float, *, scale: float) -> float:
    """How much worse `after` is: points of a share, or for the error its growth over the labels' deviation `scale`.

    Not over the error before, of which a model that is nearly perfect has next to nothing.
    """
    return (after - before) / scale if name == "rmse" else before - after


def standard_error(truth: Array, before: Predictions, after: Predictions) -> float:
    """Of the drop of accuracy: from the records that only one of both has right (McNemar)."""
    lost = int(np.sum((before.values == truth) & (after.values != truth)))
    won = int(np.sum((before.values != truth) & (after.values == truth)))
    count = len(truth)
    return math.sqrt(lost + won - (lost - won) ** 2 / count) / count
