"""The checks of a feature: each with its effect, and the probability that it is chance."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ....core.runtime.tails import binomial_tail, hypergeometric_tail
from .categories import Categories
from .constraints import Rule
from .drift import Drift
from .feature import Feature

MOST_NAMED = 20
"""Of new categories."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One that was made."""

    feature: str
    kind: str
    """The analyzer's `constraint_check_type`; `range_check` is ours."""
    beyond: bool
    """Whether more was found than is allowed."""
    p_value: float
    description: str


def present_at_all(rule: Rule, before: Feature | None, size: int) -> Check:
    """Of a column that no record of the window has. One that the baseline rarely has may be so by chance."""
    known = (before.missing, before.size) if before is not None else (0, 0)
    return Check(
        feature=rule.name,
        kind="missing_column_check",
        beyond=rule.completeness > 0,
        p_value=_excess_p(size, size, 1 - rule.completeness, *known),
        description=f"The column is missing in all {size} records",
    )


def complete(rule: Rule, before: Feature | None, now: Feature) -> Check:
    """Of records without a value."""
    known = (before.missing, before.size) if before is not None else (0, 0)
    return Check(
        feature=rule.name,
        kind="completeness_check",
        beyond=_beyond(now.missing, now.size, 1 - rule.completeness),
        p_value=_excess_p(now.missing, now.size, 1 - rule.completeness, *known),
        description=f"Data completeness requirement is not met. Expected completeness: {rule.completeness:.2%}. "
        f"Observed: Only {now.present / max(1, now.size):.2%} of records have a value.",
    )


def fitting(rule: Rule, before: Feature | None, now: Feature) -> Check:
    """Of values that do not fit the type."""
    known = (before.unfit(rule.type), before.present) if before is not None else (0, 0)
    unfit = now.unfit(rule.type)
    return Check(
        feature=rule.name,
        kind="data_type_check",
        beyond=_beyond(unfit, now.present, 1 - rule.fitting),
        p_value=_excess_p(unfit, now.present, 1 - rule.fitting, *known),
        description=f"Data type match requirement is not met. Expected data type: {rule.type}, "
        f"Expected match: {rule.fitting:.1%}. "
        f"Observed: Only {1 - unfit / max(1, now.present):.1%} of data is {rule.type}.",
    )


def in_range(rule: Rule, before: Feature | None, now: Feature, outside: tuple[int, int]) -> Check:
    """Of numbers out of range, a side at a time.

    The ends are, as a rule, the baseline's own least and greatest value. Fisher's test then has the very probability
    that so many of the values taken together that lie on this side are all the window's.
    """
    count = now.numbers.count
    known = before.numbers.outside(rule.range) if before is not None else (0, 0)
    known_count = before.numbers.count if before is not None else 0
    sides = [
        _excess_p(side, count, rule.out_of_range, known_side, known_count)
        for side, known_side in zip(outside, known, strict=True)
    ]
    return Check(
        feature=rule.name,
        kind="range_check",
        beyond=_beyond(sum(outside), count, rule.out_of_range),
        p_value=min(1.0, 2 * min(sides)),
        description=f"Range requirement is not met. Expected: from {rule.range[0]:g} to {rule.range[1]:g}. "
        f"Observed: {outside[0]} below and {outside[1]} above of {count} numbers.",
    )


def known_categories(
    rule: Rule, before: Feature | None, now: Categories, new: Mapping[str, int], domain: frozenset[str]
) -> Check:
    """Of values that the domain does not have.

    Categories that the baseline has once count there as new ones: of about as many more there is none yet (Good, 1953).
    """
    strange = sum(new.values()) + now.other
    known = (0, 0)
    if before is not None and before.categories is not None:
        counted = before.categories
        outside = sum(count for name, count in counted.counts.items() if name not in domain)
        known = (min(counted.total, outside + counted.other + counted.singletons), counted.total)
    return Check(
        feature=rule.name,
        kind="categorical_values_check",
        beyond=_beyond(strange, now.total, 1 - rule.known),
        p_value=_excess_p(strange, now.total, 1 - rule.known, *known),
        description=f"Categorical values requirement is not met. Expected match: {rule.known:.2%}. "
        f"Observed: Only {1 - strange / max(1, now.total):.2%} of values are known; "
        f"new: {', '.join(most_frequent(new))}",
    )


def drifted(rule: Rule, moved: Drift) -> Check:
    """Of the distribution."""
    return Check(
        feature=rule.name,
        kind="baseline_drift_check",
        beyond=moved.distance > rule.threshold,
        p_value=moved.p_value,
        description=f"Baseline drift by {moved.method} (p = {moved.p_value:.2g}), "
        f"distance: {moved.distance:.6g} exceeds threshold: {rule.threshold:g}",
    )


def extra_column(name: str, feature: Feature, size: int, baseline_size: int) -> Check:
    """Of a column that the constraints do not have. One of JSON may be in few records: these are counted."""
    return Check(
        feature=name,
        kind="extra_column_check",
        beyond=feature.present > 0,
        p_value=_excess_p(feature.present, size, 0.0, 0, baseline_size),
        description=f"There is an extra column, with a value in {feature.present} of {size} records",
    )


def told(kind: str, names: Iterable[str]) -> list[Check]:
    """Of columns that the reader of the records has told of."""
    what = "an extra" if kind == "extra_column_check" else "a missing"
    return [
        Check(feature=name, kind=kind, beyond=True, p_value=0.0, description=f"There is {what} column")
        for name in names
    ]


def most_frequent(counts: Mapping[str, int]) -> list[str]:
    """Some names, the most frequent first."""
    return sorted(counts, key=lambda name: (-counts[name], name))[:MOST_NAMED]


def _beyond(count: int, size: int, allowed: float) -> bool:
    # The allowed share is one minus a constraint: what that rounds is no excess.
    return count > allowed * size * (1 + 1e-9)


def _excess_p(count: int, size: int, allowed: float, known: int, known_size: int) -> float:
    """The greater p of both tests that a share is too great; without a baseline that of the binomial alone."""
    against_allowed = binomial_tail(count, size, allowed)
    if not known_size:
        return against_allowed
    return max(against_allowed, hypergeometric_tail(count, size, known + count, known_size + size))
