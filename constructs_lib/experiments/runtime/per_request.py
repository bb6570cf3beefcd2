"""The same ways of allocation, one request at a time.

Endpoints follow shares, which change once a look; these choose anew for each request. They are what the published
figures are about, and what the shares are measured against (`python -m benchmarks.run bandits`).
"""

from __future__ import annotations

import random
from collections.abc import Mapping

from . import kl_ucb
from .counts import Totals


def thompson_draw(totals: Mapping[str, Totals], rng: random.Random) -> str:
    """The arm with the greatest of one draw from each posterior; binary rewards."""

    def draw(arm: str) -> float:
        seen = totals[arm]
        return rng.betavariate(seen.total + 1, seen.exposures - seen.total + 1)

    return max(totals, key=draw)


def kl_ucb_choice(totals: Mapping[str, Totals], time: float) -> str:
    """The arm with the greatest index; rewards between 0 and 1."""

    def index(arm: str) -> float:
        seen = totals[arm]
        return kl_ucb.index(seen.total / seen.exposures if seen.exposures else 0.0, seen.exposures, time)

    return max(totals, key=index)


def epsilon_choice(totals: Mapping[str, Totals], epsilon: float, rng: random.Random) -> str:
    """Any arm with the chance `epsilon`, else the one with the greatest mean; first each arm once."""
    if rng.random() < epsilon:
        return rng.choice(list(totals))

    def mean(arm: str) -> float:
        seen = totals[arm]
        return seen.total / seen.exposures if seen.exposures else float("inf")

    return max(totals, key=mean)
