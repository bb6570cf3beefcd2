"""What was counted: exposures and rewards of each arm, period by period."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Of one arm. Weighted counts are no whole numbers, so none of them is an int."""

    exposures: float = 0.0
    rewards: float = 0.0
    """How many rewards came, whatever they were worth."""
    total: float = 0.0
    squares: float = 0.0
    """Sum, and sum of the squares, of their values."""

    def __add__(self, other: Totals) -> Totals:
        """Both together."""
        return Totals(
            exposures=self.exposures + other.exposures,
            rewards=self.rewards + other.rewards,
            total=self.total + other.total,
            squares=self.squares + other.squares,
        )

    def scaled(self, by: float) -> Totals:
        """As if so much of it had been seen."""
        return Totals(
            exposures=self.exposures * by,
            rewards=self.rewards * by,
            total=self.total * by,
            squares=self.squares * by,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """One arm in one period: everything that came of the exposures that began in it."""

    arm: str
    start: float
    """Seconds since 1970, a multiple of the experiment's period."""
    totals: Totals


def summed(buckets: Iterable[Bucket]) -> dict[str, Totals]:
    """All periods together, by arm."""
    found: dict[str, Totals] = {}
    for bucket in buckets:
        found[bucket.arm] = found.get(bucket.arm, Totals()) + bucket.totals
    return found
