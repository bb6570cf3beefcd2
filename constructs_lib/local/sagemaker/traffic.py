"""Which variant answers a request."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from .generation import DeployedVariant, Generation


class NoSuchVariantError(LookupError):
    """No variant in service can take the request."""


@dataclass(frozen=True, slots=True)
class Share:
    """A generation and its part of the traffic: two are in service while traffic is shifted."""

    percent: float
    generation: Generation


Routes = tuple[Share, ...]
"""Replaced as a whole, never changed: whoever holds one sees one consistent state."""


def only(generation: Generation) -> Routes:
    """All traffic to one generation."""
    return (Share(100, generation),)


def split(old: Generation, new: Generation, new_percent: float) -> Routes:
    """Traffic between the old and the new generation."""
    shares = (Share(100 - new_percent, old), Share(new_percent, new))
    return tuple(share for share in shares if share.percent > 0)


def choose(routes: Routes, target: str | None) -> tuple[Generation, DeployedVariant]:
    """Draw the variant for a request; a weight of 0 is never drawn, but may be the target.

    A shadow variant is neither drawn nor the target.
    """
    if target is not None:
        routes = tuple(share for share in routes if target in share.generation.production)
    if not routes:
        raise NoSuchVariantError(target)
    generation = routes[_draw([share.percent for share in routes])].generation
    if target is not None:
        return generation, generation.variants[target]
    variants = list(generation.production.values())
    return generation, variants[_draw([variant.weight for variant in variants])]


def is_copied(generation: Generation) -> bool:
    """Whether the request at hand is copied to the shadow variant.

    The share that is copied is the weight of the shadow variant over that of the production variant, at most
    all. AWS's example has 1 and 1; that the weight is a ratio is inferred.
    """
    production = sum(variant.weight for variant in generation.production.values())
    shadow = generation.shadow
    if shadow is None:
        return False
    # Not for secrets, only for a sample.
    return random.random() * production < shadow.weight  # noqa: S311


def _draw(weights: Sequence[float]) -> int:
    if len(weights) == 1:
        return 0
    # Not for secrets, only for a split.
    return random.choices(range(len(weights)), weights)[0]  # noqa: S311
