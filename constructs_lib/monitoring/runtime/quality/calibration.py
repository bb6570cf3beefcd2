"""Whether a probability is one: of a hundred answers of 80 %, eighty should come true."""

from __future__ import annotations

import math
from bisect import bisect_left
from typing import Any

from .noise import BLOCKS

BINS = 10
_EDGES = [edge / BINS for edge in range(1, BINS)]


class Calibration:
    """Probabilities in ten equal bins against what came true, by block.

    A bin includes its upper edge, as scikit-learn's `calibration_curve` has it. Its size is fixed.
    """

    def __init__(self) -> None:
        self._counts = [[0] * BINS for _ in range(BLOCKS)]
        self._true = [[0] * BINS for _ in range(BLOCKS)]
        self._sums = [[0.0] * BINS for _ in range(BLOCKS)]
        self._squares = [0.0] * BLOCKS

    def add(self, probability: float, true: bool, block: int) -> None:
        """Count a probability, and whether what it was said of came true."""
        place = bisect_left(_EDGES, probability)
        self._counts[block][place] += 1
        self._true[block][place] += true
        self._sums[block][place] += probability
        self._squares[block] += (probability - true) ** 2

    def merge(self, other: Calibration) -> None:
        """Add the counts of another shard."""
        for block in range(BLOCKS):
            for place in range(BINS):
                self._counts[block][place] += other._counts[block][place]
                self._true[block][place] += other._true[block][place]
                self._sums[block][place] += other._sums[block][place]
            self._squares[block] += other._squares[block]

    @property
    def count(self) -> int:
        """How many probabilities."""
        return sum(map(sum, self._counts))

    def metrics(self, without: int | None = None) -> dict[str, float]:
        """`expected_calibration_error` and `brier_score`, of all blocks or without one.

        The first is the mean distance of a bin's mean probability from the share that came true, weighted by its
        records; the second the mean squared distance of a probability from what came true.
        """
        bins = self._bins(without)
        count = sum(size for size, _, _ in bins)
        if not count:
            return {}
        squares = math.fsum(value for block, value in enumerate(self._squares) if block != without)
        return {
            "expected_calibration_error": math.fsum(abs(total - true) for _, true, total in bins) / count,
            "brier_score": squares / count,
        }

    def chance(self) -> float:
        """The expected calibration error that a perfectly calibrated model has with as few records.

        A share of n records is off by √(2p(1-p)/πn) on average: an absolute value does not cancel out. Without it a
        small window would always look worse than a large baseline.
        """
        bins = [(size, min(total / size, 1.0)) for size, _, total in self._bins(None) if size]
        count = sum(size for size, _ in bins)
        return math.fsum(size * math.sqrt(2 * p * (1 - p) / math.pi / size) for size, p in bins) / (
            count or 1
        )

    def table(self) -> list[dict[str, Any]]:
        """The reliability table: bins with records."""
        return [
            {
                "lower": place / BINS,
                "upper": (place + 1) / BINS,
                "count": size,
                "mean_probability": total / size,
                "share": true / size,
            }
            for place, (size, true, total) in enumerate(self._bins(None))
            if size
        ]

    def _bins(self, without: int | None) -> list[tuple[int, int, float]]:
        kept = [block for block in range(BLOCKS) if block != without]
        return [
            (
                sum(self._counts[block][place] for block in kept),
                sum(self._true[block][place] for block in kept),
                math.fsum(self._sums[block][place] for block in kept),
            )
            for place in range(BINS)
        ]
