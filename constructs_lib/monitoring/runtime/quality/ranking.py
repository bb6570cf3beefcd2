"""How well scores tell the positive from the negative: areas under curves, in bounded memory."""

from __future__ import annotations

import math
from collections.abc import Iterator

from .noise import BLOCKS

MOST_SCORES = 4096
"""Different scores. Up to as many, everything is exact."""
_STEPS = 128  # between two powers of two: a score moves by 1/256 of itself at the most
_SMALLEST = 2.0**-24
MOST_POINTS = 101
"""Of a curve in a file."""


class Scores:
    """How often each score came with a positive and with a negative label, by block.

    Exact as long as there are no more than `MOST_SCORES` different scores, as of trees or of a small window. Then
    scores are rounded, to 1/256 of themselves below a half and of their distance from 1 above, at most 6,146
    different ones: so scores near 0, as of rare events, are told apart as well. What falls together counts as a tie:
    the area under the ROC curve is off by no more than half the share of such pairs (`error`), mostly below 0.001.

    The order of records and shards makes no difference.
    """

    def __init__(self) -> None:
        self.coarse = False
        self._counts: dict[float, list[int]] = {}

    def add(self, score: float, positive: bool, block: int) -> None:
        """Count a score from 0 to 1."""
        self._put(rounded(score) if self.coarse else score)[2 * block + positive] += 1
        self._bound()

    def merge(self, other: Scores) -> None:
        """Add the counts of another shard."""
        if other.coarse and not self.coarse:
            self._coarsen()
        for score, counts in other._counts.items():
            own = self._put(rounded(score) if self.coarse else score)
            own[:] = map(int.__add__, own, counts)
        self._bound()

    def _put(self, score: float) -> list[int]:
        found = self._counts.get(score)
        if found is None:
            found = self._counts[score] = [0] * (2 * BLOCKS)
        return found

    def _bound(self) -> None:
        if not self.coarse and len(self._counts) > MOST_SCORES:
            self._coarsen()

    def _coarsen(self) -> None:
        self.coarse = True
        fine, self._counts = self._counts, {}
        for score, counts in fine.items():
            own = self._put(rounded(score))
            own[:] = map(int.__add__, own, counts)

    def steps(self) -> Steps:
        """All that the metrics are computed of."""
        return Steps([(score, self._counts[score]) for score in sorted(self._counts, reverse=True)])


class Steps:
    """The scores from the highest down, with their counts."""

    def __init__(self, counts: list[tuple[float, list[int]]]) -> None:
        self._blocks = [row for _, row in counts]
        self._all = [(sum(row[1::2]), sum(row[0::2])) for row in self._blocks]
        self.positives = sum(positive for positive, _ in self._all)
        self.negatives = sum(negative for _, negative in self._all)

    def metrics(self, without: int | None = None) -> dict[str, float]:
        """`auc` and `au_prc`, of all blocks or without one; none of them where a class has no record.

        `au_prc` is the average precision: the precision at each score, weighted by the recall it adds.
        """
        above = wins = 0.0
        found = seen = 0
        for positive, negative in self._without(without):
            wins += negative * (found + positive / 2)
            found += positive
            seen += positive + negative
            above += positive and positive * found / seen
        negatives = seen - found
        if not (found and negatives):
            return {}
        return {"auc": wins / (found * negatives), "au_prc": above / found}

    def _without(self, block: int | None) -> Iterator[tuple[int, int]]:
        if block is None:
            yield from self._all
            return
        index = 2 * block
        for (positive, negative), row in zip(self._all, self._blocks, strict=True):
            yield positive - row[index + 1], negative - row[index]

    def error(self) -> float:
        """How far `auc` may be from the exact one if all ties came from rounding."""
        pairs = self.positives * self.negatives
        return sum(positive * negative for positive, negative in self._all) / pairs / 2 if pairs else 0.0

    def curves(self) -> dict[str, dict[str, list[float]]]:
        """The ROC and the precision-recall curve as in Model Monitor's file, at most `MOST_POINTS` points each."""
        if not (self.positives and self.negatives):
            return {}
        points = [(0, 0)]
        for positive, negative in self._all:
            points.append((points[-1][0] + positive, points[-1][1] + negative))
        points = _thinned(points)
        later = points[1:]
        return {
            "receiver_operating_characteristic_curve": {
                "false_positive_rates": [false / self.negatives for _, false in points],
                "true_positive_rates": [true / self.positives for true, _ in points],
            },
            "precision_recall_curve": {
                "precisions": [1.0, *(true / (true + false) for true, false in later)],
                "recalls": [0.0, *(true / self.positives for true, _ in later)],
            },
        }


def _thinned(points: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The first, the last, and evenly between them."""
    last = len(points) - 1
    if last < MOST_POINTS:
        return points
    return [points[step * last // (MOST_POINTS - 1)] for step in range(MOST_POINTS)]


def rounded(score: float) -> float:
    """The score, to 1/256 of its distance from the nearer end: rounding twice changes nothing."""
    return _rounded(score) if score <= 0.5 else 1 - _rounded(1 - score)


def _rounded(distance: float) -> float:
    if distance < _SMALLEST:
        return 0.0
    mantissa, exponent = math.frexp(distance)
    return math.ldexp(round(mantissa * 2 * _STEPS) / (2 * _STEPS), exponent)
