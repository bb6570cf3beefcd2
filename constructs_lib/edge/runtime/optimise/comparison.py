"""The model before and after, measured on the held-out set: pure functions, and the decision."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import AccuracyDrop, BadModel, ConversionMismatch, LabelMismatch
from .held_out import numbers
from .metrics import Predictions, accuracy, agreement, drop, macro_f1, rmse, standard_error, top_k
from .options import Options

Array = npt.NDArray[Any]
LEAST_ALIKE = 0.99
"""The share of records that a conversion has to keep: trees compare 32-bit numbers where scikit-learn's may have 64."""
_CLOSE = 1e-3
_MOST_NAMED = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What is right, as the model would say it."""

    values: Array
    index: Array | None
    """Which of the scores is the right class's, where that is known."""
    scale: float
    """Of numbers: their standard deviation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The figures."""

    metric: str
    rows: int
    before: float
    after: float
    drop: float
    max_drop: float
    agreement: float
    standard_error: float | None
    """Of the drop, where it is one of accuracy."""

    @property
    def resolution(self) -> float:
        """What one record weighs in a share: a limit below it is broken by a single one."""
        return 1 / self.rows

    @property
    def refusal(self) -> str | None:
        """Why the model after may not take the place of the one before."""
        # A little more than the limit: 0.03 - 0.02 is more than 0.01 to a computer.
        if self.drop <= self.max_drop + 1e-9:
            return None
        told = (
            f"{self.metric} went from {self.before:.6g} to {self.after:.6g} on {self.rows} held-out records: "
            f"{self.drop:.4g} worse, and {self.max_drop:g} is the limit"
        )
        if self.standard_error is not None and self.drop - 2 * self.standard_error <= self.max_drop:
            told += f" (±{2 * self.standard_error:.2g}: more records would tell better)"
        return told

    def require_within_limit(self) -> None:
        """Raise AccuracyDrop where there is a refusal."""
        if self.refusal is not None:
            raise AccuracyDrop(self.refusal)


# --- what is right -------------------------------------------------------------------------------------------


def truth_of(labels: Array, source: Predictions, classes: Array | None, options: Options) -> Truth:
    """The labels as the model's own classes, or as numbers.

    :raises LabelMismatch: they are none of the model's.
    """
    if not options.classifies:
        values = numbers(labels)
        return Truth(values=values, index=None, scale=float(np.std(values)))
    values = _as(labels, source.values)
    if classes is not None:
        _require_known(values, classes)
    elif not np.isin(values, source.values).any():
        raise LabelMismatch(f"labels are {_some(values)}, and the model says {_some(source.values)}")
    index = _index(values, classes, source) if options.metric == "top_k" else None
    return Truth(values=values, index=index, scale=1.0)


def _as(labels: Array, like: Array) -> Array:
    """Labels of the kind that the model's classes are of."""
    if like.dtype.kind not in "iu":
        return labels.astype(np.str_)
    told = f"labels are {_some(labels)}, and the model's classes are whole numbers"
    try:
        found = labels.astype(np.float64)
    except ValueError as error:
        raise LabelMismatch(told) from error
    if not np.array_equal(np.floor(found), found):
        raise LabelMismatch(told)
    return found.astype(np.int64)


def _require_known(values: Array, classes: Array) -> None:
    unknown = np.setdiff1d(values, classes)
    if len(unknown):
        raise LabelMismatch(f"labels {_some(unknown)} are none of the model's classes, {_some(classes)}")


def _index(values: Array, classes: Array | None, source: Predictions) -> Array:
    """Which score is whose: by the classes of the estimator, or as ONNX models from elsewhere have it, by number."""
    if source.scores is None:
        raise BadModel("top_k compares scores, and the model gives none")
    width = source.scores.shape[1]
    if classes is not None:
        order = np.argsort(classes)
        return order[np.searchsorted(classes, values, sorter=order)]
    if values.dtype.kind not in "iu" or values.min() < 0 or values.max() >= width:
        raise LabelMismatch(
            f"labels are {_some(values)}, and not the numbers 0 to {width - 1} of the model's scores"
        )
    return values


def _some(values: Array) -> str:
    unique = [str(each) for each in np.unique(values)]
    told = ", ".join(unique[:_MOST_NAMED])
    return f"{told}…" if len(unique) > _MOST_NAMED else told


# --- before and after ----------------------------------------------------------------------------------------


def measure(truth: Truth, told: Predictions, options: Options) -> float:
    """The metric that was asked for."""
    if options.metric == "top_k":
        if truth.index is None or told.scores is None:
            raise BadModel("top_k compares scores, and the model gives none")
        return top_k(truth.index, told, options.k)
    if options.metric == "rmse":
        return rmse(truth.values, told)
    return (accuracy if options.metric == "accuracy" else macro_f1)(truth.values, told)


def compared(truth: Truth, before: Predictions, after: Predictions, options: Options) -> Comparison:
    """Both on the same records.

    :raises LabelMismatch: of which the model before has none right.
    """
    at_first, at_last = measure(truth, before, options), measure(truth, after, options)
    if options.classifies and at_first == 0:
        raise LabelMismatch(
            "of the held-out set the model has no record right: its labels are of something else"
        )
    return Comparison(
        metric=f"top_{options.k}" if options.metric == "top_k" else options.metric,
        rows=len(truth.values),
        before=at_first,
        after=at_last,
        drop=drop(options.metric, at_first, at_last, scale=truth.scale),
        max_drop=options.max_drop,
        agreement=agreement(before, after, classifies=options.classifies, scale=truth.scale),
        standard_error=standard_error(truth.values, before, after) if options.metric == "accuracy" else None,
    )


def require_alike(source: Predictions, converted: Predictions, truth: Truth) -> float:
    """The share of records of which a conversion says what its source did.

    :raises ConversionMismatch: it is too small.
    """
    if converted.values.dtype.kind == "f":
        alike = np.abs(source.values - converted.values) <= _CLOSE * truth.scale
    else:
        alike = source.values == converted.values
    if source.scores is not None and converted.scores is not None:
        if source.scores.shape != converted.scores.shape:
            raise ConversionMismatch(
                f"its scores are {source.scores.shape}, and in ONNX {converted.scores.shape}"
            )
        alike &= np.abs(source.scores - converted.scores).max(axis=1) <= _CLOSE
    share = float(np.mean(alike))
    if share < LEAST_ALIKE:
        raise ConversionMismatch(
            f"in ONNX the model says something else of {(1 - share) * len(alike):.0f} of {len(alike)} held-out records"
        )
    return share
