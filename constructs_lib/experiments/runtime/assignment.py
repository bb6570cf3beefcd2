"""Which arm a unit gets: a hash places it on [0, 1), the weights divide that into ranges. Pure.

The salt is the experiment's: where a unit stands in one experiment says nothing of where it does in another.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping


def place(salt: str, unit: str) -> float:
    """Where a unit stands, in [0, 1): evenly spread, and always the same."""
    digest = hashlib.blake2b(unit.encode("utf-8", "surrogatepass"), key=_key(salt), digest_size=8).digest()
    return (int.from_bytes(digest) >> 11) / 2**53


def pick(weights: Mapping[str, float], at: float) -> str:
    """The arm in whose range `at` lies. An arm without a weight has none."""
    total = sum(weights.values())
    end, last = 0.0, ""
    for arm, weight in weights.items():
        if weight <= 0.0:
            continue
        end, last = end + weight / total, arm
        if at < end:
            return arm
    if not last:
        raise ValueError(f"no arm has a weight: {dict(weights)}")
    return last  # the ranges' ends were rounded


def _key(salt: str) -> bytes:
    return hashlib.blake2b(salt.encode(), digest_size=32).digest()
