"""What is kept of a column's numbers: moments, exactly, and the distribution, as a sketch."""

from __future__ import annotations

import math

from .sketch import Sketch

Range = tuple[float, float]
"""Both ends are within; infinite where there is none."""
EVERYWHERE: Range = (-math.inf, math.inf)


class Numbers:
    """Count, sum, mean and deviation of numbers, their sketch, and how many lie out of a range.

    Moments of parts are put together after Chan, Golub and LeVeque (1983), which loses no digits to large means.
    """

    __slots__ = ("_squares", "above", "below", "count", "fractional", "mean", "range", "sketch", "total")

    count: int
    total: float
    mean: float
    fractional: int
    """How many are no whole numbers."""
    below: int
    """How many are less than the range allows; so `above`."""
    above: int

    def __init__(self, range: Range = EVERYWHERE) -> None:
        self.range = range
        self.sketch = Sketch()
        self.count = self.fractional = self.below = self.above = 0
        self.total = self.mean = self._squares = 0.0

    @property
    def deviation(self) -> float:
        """The standard deviation, of the population, as the analyzer has it."""
        return math.sqrt(self._squares / self.count) if self.count else 0.0

    def add(self, values: list[float]) -> None:
        """Take in finite numbers."""
        if not values:
            return
        total = math.fsum(values)
        mean = total / len(values)
        # math.dist is the one sum of squares in C.
        self._put_together(len(values), total, mean, math.dist(values, [mean] * len(values)) ** 2)
        self.fractional += len(values) - sum(map(float.is_integer, values))
        low, high = self.range
        if min(values) < low:
            self.below += sum(value < low for value in values)
        if max(values) > high:
            self.above += sum(value > high for value in values)
        self.sketch.add(values)

    def merge(self, other: Numbers) -> None:
        """Take in the numbers of a shard, with the same range."""
        if not other.count:
            return
        self._put_together(other.count, other.total, other.mean, other._squares)
        self.fractional += other.fractional
        self.below += other.below
        self.above += other.above
        self.sketch.merge(other.sketch)

    def _put_together(self, count: int, total: float, mean: float, squares: float) -> None:
        apart, before = mean - self.mean, self.count
        self.count += count
        self.total += total
        self.mean += apart * count / self.count
        self._squares += squares + apart * apart * before * count / self.count

    def outside(self, range: Range) -> tuple[int, int]:
        """How many are below and above: exact for the own range, and where none are; else the sketch's estimate."""
        if range == self.range:
            return self.below, self.above
        if range[0] <= self.sketch.low and self.sketch.high <= range[1]:
            return 0, 0
        values, weights = self.sketch.weighted()
        below = sum(weight for value, weight in zip(values, weights, strict=True) if value < range[0])
        above = sum(weight for value, weight in zip(values, weights, strict=True) if value > range[1])
        return below, above

    @classmethod
    def of_moments(
        cls, sketch: Sketch, *, total: float, mean: float, deviation: float, fractional: int
    ) -> Numbers:
        """As a statistics file has them."""
        found = cls()
        found.sketch = sketch
        found.count, found.total, found.mean = sketch.count, total, mean
        found._squares = deviation * deviation * sketch.count
        found.fractional = fractional
        return found
