"""Whether a window still is as its baseline: every check of every feature, and a guard against noise.

A check fails if two things hold. The effect: a distance is beyond its threshold, or a share beyond what is allowed. And
the significance: by chance alone it would be so with a probability below `alpha` divided by the number of checks in
the window (Bonferroni). So `alpha` bounds the probability that a whole window without drift raises any alarm, whatever
the number of features.

A share that may be `allowed` at most, as of missing values, is significant if both tests say so: the binomial one
against the share that is allowed, and Fisher's against the baseline's. The second alone decides where nothing is
allowed: one record without a value in a window of 500 says little against a baseline of 300 complete records
(p = 0.6), and more against one of a million (p = 0.0005).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from . import checks
from .checks import Check
from .constraints import ALPHA, Rule, rules
from .drift import Drift, comparable, drift
from .feature import Feature
from .numbers import EVERYWHERE
from .profile import Profile

_NUMERIC = ("Integral", "Fractional")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What was found."""

    violations: list[dict[str, str]]
    """As in constraint_violations.json."""
    features: dict[str, dict[str, Any]]
    """By name: type, method, distance, p_value, threshold, drifted, distances, missing, unfit, out_of_range (shares),
    new_categories; None and empty where there is none. Of ignored features too, which have no violation."""
    checks: int
    """How many were made."""
    level: float
    """The p below which one is significant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged:
    """One feature: its checks, and what result.json tells."""

    checks: list[Check] = field(default_factory=list)
    told: dict[str, Any] = field(default_factory=dict)


def judge(
    constraints: Mapping[str, Any],
    baseline: Profile,
    current: Profile,
    *,
    extra_columns: Iterable[str] = (),
    missing_columns: Iterable[str] = (),
) -> Verdict:
    """Hold a window to its constraints.

    Args:
        constraints: of this engine, or of the analyzer of Model Monitor.
        baseline: what they were suggested from.
        current: the window, best in a `profile_for(constraints)`. Columns that it lacks or has besides are found.
        extra_columns, missing_columns: further ones, that the reader of the records knows of.

    Raises:
        ValueError: the constraints are none, or the profiles were not made for these types.
    """
    held_to = rules(constraints)
    config = constraints.get("monitoring_config", {})
    judged = {
        name: _judged(rule, baseline.features.get(name), current.features.get(name), current.size)
        for name, rule in held_to.items()
    }
    made = [check for name, each in judged.items() if not held_to[name].ignored for check in each.checks]
    made += [
        checks.extra_column(name, feature, current.size, baseline.size)
        for name, feature in current.features.items()
        # What the baseline has and the constraints no longer have, somebody took out.
        if name not in held_to and name not in baseline.features
    ]
    made += checks.told("extra_column_check", sorted(set(extra_columns) - set(current.features)))
    made += checks.told("missing_column_check", sorted(set(missing_columns) & set(current.features)))
    level = float(config.get("drift", {}).get("alpha", ALPHA)) / max(1, len(made))
    failed = [check for check in made if check.beyond and check.p_value < level]
    if config.get("evaluate_constraints", "Enabled") != "Enabled":
        failed = []
    drifted = {check.feature for check in failed if check.kind == "baseline_drift_check"}
    return Verdict(
        violations=[
            {
                "feature_name": check.feature,
                "constraint_check_type": check.kind,
                "description": check.description,
            }
            for check in failed
        ],
        features={name: {**each.told, "drifted": name in drifted} for name, each in judged.items()},
        checks=len(made),
        level=level,
    )


def _judged(rule: Rule, before: Feature | None, now: Feature | None, size: int) -> _Judged:
    if now is None:
        return _Judged(
            checks=[checks.present_at_all(rule, before, size)], told=_details(rule, missing=float(size > 0))
        )
    _refuse_other_kinds(rule, before, now)
    made = [checks.complete(rule, before, now)]
    outside: tuple[int, int] | None = None
    new: dict[str, int] = {}
    moved: Drift | None = None
    if rule.type in _NUMERIC:
        made.append(checks.fitting(rule, before, now))
        if rule.range != EVERYWHERE:
            outside = now.numbers.outside(rule.range)
            made.append(checks.in_range(rule, before, now, outside))
    elif rule.domain is not None and now.categories is not None:
        new = {name: count for name, count in now.categories.counts.items() if name not in rule.domain}
        made.append(checks.known_categories(rule, before, now.categories, new, rule.domain))
    if rule.method is not None and before is not None and comparable(before, now):
        moved = drift(before, now, rule.method, binning=rule.binning)
        made.append(checks.drifted(rule, moved))
    return _Judged(
        checks=made,
        told=_details(
            rule,
            missing=now.missing / max(1, now.size),
            unfit=now.unfit(rule.type) / max(1, now.present),
            outside=None if outside is None else sum(outside) / max(1, now.numbers.count),
            new=checks.most_frequent(new),
            moved=moved,
        ),
    )


def _refuse_other_kinds(rule: Rule, before: Feature | None, now: Feature) -> None:
    """Numbers are not held to categories: what was not counted so cannot be judged."""
    numeric = rule.type in _NUMERIC
    if before is not None and before.present and (before.type in _NUMERIC) != numeric:
        raise ValueError(
            f"{rule.name} is {rule.type} in the constraints and {before.type} in the baseline's statistics: "
            f"make them anew with the type declared"
        )
    if (now.declared == "String") if numeric else (now.categories is None):
        raise ValueError(
            f"{rule.name} is {rule.type} in the constraints and declared {now.declared} in the window: "
            f"profile it with profile_for(constraints)"
        )


def _details(
    rule: Rule,
    *,
    missing: float,
    unfit: float = 0.0,
    outside: float | None = None,
    new: list[str] | None = None,
    moved: Drift | None = None,
) -> dict[str, Any]:
    return {
        "type": rule.type,
        "ignored": rule.ignored,
        "method": rule.method if moved is not None else None,
        "distance": None if moved is None else moved.distance,
        "p_value": None if moved is None else moved.p_value,
        "threshold": rule.threshold if moved is not None else None,
        "drifted": False,
        "distances": {} if moved is None else moved.distances,
        "missing": missing,
        "unfit": unfit,
        "out_of_range": outside,
        "new_categories": new or [],
    }
