"""The quality of a model that predicts numbers."""

from __future__ import annotations

import math
from typing import Any

from ..reading.cells import number_of
from .noise import BLOCKS, Measure, block_of, deviations
from .quality import Kind, described, values_of

_LARGEST = 1e100
"""Sums of squares of larger numbers may be infinite, which no JSON can tell."""


class RegressionQuality:
    """Mean errors and the coefficient of determination. Its size is fixed.

    Merged shards are the whole up to the rounding of floating point numbers.
    """

    def __init__(self) -> None:
        self.kind: Kind = "regression"
        self.size = 0
        self.unread = 0
        self._blocks = [_Sums() for _ in range(BLOCKS)]

    def add(self, label: object, prediction: object, *, key: str | None = None) -> None:
        """Count a record; one whose label or prediction is no number up to 1e100 is unread."""
        actual, said = number_of(label), number_of(prediction)
        if actual is None or said is None or abs(actual) > _LARGEST or abs(said) > _LARGEST:
            self.unread += 1
            return
        self._blocks[block_of(key, self.size)].add(actual, said - actual)
        self.size += 1

    def merge(self, other: RegressionQuality) -> None:
        """Add the records of another shard."""
        self.size += other.size
        self.unread += other.unread
        for own, theirs in zip(self._blocks, other._blocks, strict=True):
            own.merge(theirs)

    def measures(self) -> dict[str, Measure]:
        """`mae`, `mse`, `rmse` and `r2`; without the last where all labels are equal."""
        found = deviations(self._metrics, [block.count for block in self._blocks])
        return {
            name: Measure(value=value, standard_deviation=found[name], support=self.size)
            for name, value in self._metrics(None).items()
        }

    def values(self) -> dict[str, float]:
        """Each metric by name."""
        return values_of(self)

    def statistics(self) -> dict[str, Any]:
        """The analyzer's `regression_metrics`."""
        return described(self.measures())

    def _metrics(self, without: int | None) -> dict[str, float]:
        whole = _Sums()
        for index, block in enumerate(self._blocks):
            if index != without:
                whole.merge(block)
        if not whole.count:
            return {}
        mse = whole.squares / whole.count
        found = {"mae": whole.errors / whole.count, "mse": mse, "rmse": math.sqrt(mse)}
        return found | {"r2": 1 - whole.squares / whole.spread} if whole.spread > 0 else found


class _Sums:
    """Of errors, and of the labels' squared distances from their mean: plain sums of squares would cancel out."""

    def __init__(self) -> None:
        self.count = 0
        self.errors = self.squares = self.mean = self.spread = 0.0

    def add(self, label: float, error: float) -> None:
        self.count += 1
        self.errors += abs(error)
        self.squares += error * error
        step = label - self.mean
        self.mean += step / self.count
        self.spread += step * (label - self.mean)

    def merge(self, other: _Sums) -> None:
        count = self.count + other.count
        if not other.count:
            return
        step = other.mean - self.mean
        self.spread += other.spread + step * step * self.count * (other.count / count)
        self.mean += step * other.count / count
        self.count = count
        self.errors += other.errors
        self.squares += other.squares
