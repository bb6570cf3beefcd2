"""What the challenger's answers are against production's: pure functions."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from .captured import Answer

VerdictKind = Literal["agrees", "differs", "inconclusive", "no data"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Criteria:
    """When the challenger is as good as production. The defaults are the construct's."""

    tolerance: float
    """Numbers that differ by no more are equal."""
    minimum_pairs: int
    least_agreement: float
    most_difference: float | None = None
    """Of the mean absolute difference of numbers; None: it is told and not judged."""
    most_slowdown: float | None = None
    """Of the challenger's p99 latency over production's; None: it is told and not judged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Differences:
    """How far apart numbers are, absolutely."""

    count: int
    mean: float
    p95: float
    maximum: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What was compared, and how it came out."""

    pairs: int
    values: int
    """Labels; where an answer has none, its numbers."""
    equal: int
    identical: int
    """Pairs of which every value is equal."""
    misshapen: int
    """Pairs with another number of values on either side: what is too many equals nothing."""
    differences: Differences | None

    @property
    def agreement(self) -> float | None:
        """The share of the values that are equal."""
        return self.equal / self.values if self.values else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What CloudWatch tells of a variant in the window; None: it told nothing."""

    invocations: float | None = None
    errors: float | None = None
    average_latency: float | None = None
    """In microseconds, as SageMaker reports it; as the p99."""
    p99_latency: float | None = None


def compare(pairs: Iterable[tuple[Answer, Answer]], tolerance: float) -> Outcome:
    """Compare production's answers with the challenger's, pair by pair."""
    count = values = equal = identical = misshapen = 0
    distances: list[float] = []
    for production, challenger in pairs:
        count += 1
        apart = [abs(a - b) for a, b in zip(production.numbers, challenger.numbers, strict=False)]
        distances += apart
        if production.labels or challenger.labels:
            same = [a == b for a, b in zip(production.labels, challenger.labels, strict=False)]
            compared = max(len(production.labels), len(challenger.labels))
        else:
            same = [distance <= tolerance for distance in apart]
            compared = max(len(production.numbers), len(challenger.numbers))
        values, equal = values + compared, equal + sum(same)
        fits = _shape(production) == _shape(challenger)
        misshapen += not fits
        identical += fits and sum(same) == compared
    return Outcome(
        pairs=count,
        values=values,
        equal=equal,
        identical=identical,
        misshapen=misshapen,
        differences=_differences(distances),
    )


def _shape(answer: Answer) -> tuple[int, int]:
    return len(answer.labels), len(answer.numbers)


def _differences(distances: list[float]) -> Differences | None:
    if not distances:
        return None
    ordered = sorted(distances)
    # fsum rounds once: the mean does not depend on the order.
    mean = math.fsum(ordered) / len(ordered)
    p95 = ordered[math.ceil(0.95 * len(ordered)) - 1]
    return Differences(count=len(ordered), mean=mean, p95=p95, maximum=ordered[-1])


def slowdown(production: Load, challenger: Load) -> float | None:
    """The challenger's p99 latency over production's; None where either is not known."""
    if not production.p99_latency or challenger.p99_latency is None:
        return None
    return challenger.p99_latency / production.p99_latency


def verdict(
    outcome: Outcome, production: Load, challenger: Load, criteria: Criteria
) -> tuple[VerdictKind, str]:
    """What to make of it, and why, in a sentence or two."""
    if not outcome.pairs or outcome.agreement is None:
        return "no data", "No answer of the challenger could be compared with one of production."
    told = (
        f"{outcome.agreement:.2%} of {outcome.values} values in {outcome.pairs} pairs of answers are equal."
    )
    if outcome.pairs < criteria.minimum_pairs:
        return "inconclusive", f"{told} A verdict takes {criteria.minimum_pairs} pairs."
    objections = list(_objections(outcome, slowdown(production, challenger), criteria))
    if objections:
        return "differs", " ".join([told, *objections])
    return "agrees", f"{told} That is within what was asked for."


def _objections(outcome: Outcome, slower: float | None, criteria: Criteria) -> Iterable[str]:
    if outcome.agreement is not None and outcome.agreement < criteria.least_agreement:
        yield f"At least {criteria.least_agreement:.2%} were asked for."
    most, found = criteria.most_difference, outcome.differences
    if most is not None and found is not None and found.mean > most:
        yield f"Numbers differ by {found.mean:g} in the mean, at most {most:g} was asked for."
    if criteria.most_slowdown is not None and slower is not None and slower > criteria.most_slowdown:
        yield f"The p99 latency is {slower:.2f} times production's, at most {criteria.most_slowdown:g} was asked for."
