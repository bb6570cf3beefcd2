"""Features from the files of a data quality monitor, and what was found of each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from .findings import Categories, Distribution, Drift, Feature, Numbers, Violation
from .told import items, mapping, number, numbers, text

Given = Mapping[str, Any]

_SAID = re.compile(r"distance:?\s*([\d.eE+-]+)\s*exceeds\s*threshold:?\s*([\d.eE+-]+)", re.I)
"""What Model Monitor says of a drift; it writes the numbers nowhere else."""


def features_of(
    statistics: Given, before: Given, constraints: Given, judged: Given, violations: tuple[Violation, ...]
) -> tuple[Feature, ...]:
    """Every feature that any of the files has, drifted ones first, then the closest to it.

    :param judged: ``features`` of the result; empty where only an analyzer has looked.
    """
    now, then = _by_name(statistics), _by_name(before)
    constrained = _by_name(constraints)
    found = [
        _feature(
            name,
            now.get(name, {}),
            then.get(name, {}),
            _drift(
                name,
                judged,
                constrained.get(name, {}),
                mapping(constraints.get("monitoring_config")),
                violations,
            ),
            mapping(judged.get(name)),
            tuple(each for each in violations if each.subject == name),
        )
        for name in dict.fromkeys([*then, *now, *map(text, judged)])
    ]
    return tuple(sorted(found, key=lambda each: (not each.drifted, not each.violations, -each.closeness)))


def _by_name(statistics: Given) -> dict[str, Given]:
    given = map(mapping, items(statistics.get("features")))
    return {text(each.get("name")): each for each in given if text(each.get("name"))}


def _feature(
    name: str, now: Given, then: Given, drift: Drift | None, judged: Given, violations: tuple[Violation, ...]
) -> Feature:
    missing = number(judged.get("missing"))
    return Feature(
        name=name,
        type=text(judged.get("type")) or text(now.get("inferred_type")) or text(then.get("inferred_type")),
        drift=drift,
        before=distribution(then),
        now=distribution(now),
        missing_before=_missing(then),
        missing=_missing(now) if missing is None else missing,
        unfit=number(judged.get("unfit")),
        out_of_range=number(judged.get("out_of_range")),
        new_categories=tuple(text(each) for each in items(judged.get("new_categories"))),
        violations=violations,
        ignored=judged.get("ignored") is True,
    )


def _missing(feature: Given) -> float | None:
    common = mapping(_statistics(feature).get("common"))
    present, missing = number(common.get("num_present")), number(common.get("num_missing"))
    if present is None or missing is None or present + missing <= 0:
        return None
    return missing / (present + missing)


def _statistics(feature: Given) -> Given:
    return mapping(feature.get("numerical_statistics")) or mapping(feature.get("string_statistics"))


def distribution(feature: Given) -> Distribution | None:
    """What the values of a feature are like; None: that is not told."""
    given = mapping(feature.get("numerical_statistics"))
    if given:
        kll = mapping(mapping(given.get("distribution")).get("kll"))
        points, buckets = tuple(_points(kll)), tuple(_buckets(kll))
        if not points and not buckets:
            return None
        return Numbers(
            points=points,
            buckets=buckets,
            mean=number(given.get("mean")),
            deviation=number(given.get("std_dev")),
        )
    given = mapping(feature.get("string_statistics"))
    told = mapping(mapping(given.get("distribution")).get("categorical"))
    pairs = [
        (text(each.get("value")), number(each.get("count")))
        for each in map(mapping, items(told.get("buckets")))
    ]
    counts = {value: many for value, many in pairs if many is not None and many > 0}
    return Categories(counts=counts, distinct=number(given.get("distinct_count"))) if counts else None


def _points(kll: Given) -> list[tuple[float, float]]:
    """An item of level i of a sketch stands for 2^i values."""
    levels = items(mapping(kll.get("sketch")).get("data"))[:64]
    return sorted((value, 2.0**level) for level, given in enumerate(levels) for value in numbers(given))


def _buckets(kll: Given) -> Iterator[tuple[float, float, float]]:
    for each in map(mapping, items(kll.get("buckets"))):
        low, high, many = (number(each.get(key)) for key in ("lower_bound", "upper_bound", "count"))
        if low is not None and high is not None and many is not None and low <= high and many >= 0:
            yield low, high, many


def _drift(
    name: str, judged: Given, constrained: Given, config: Given, violations: tuple[Violation, ...]
) -> Drift | None:
    told = mapping(judged.get(name))
    if text(told.get("method")) or told.get("drifted") is True:
        pairs = ((text(key), number(value)) for key, value in mapping(told.get("distances")).items())
        return Drift(
            drifted=told.get("drifted") is True,
            method=text(told.get("method")),
            distance=number(told.get("distance")),
            threshold=number(told.get("threshold")),
            p_value=number(told.get("p_value")),
            distances={key: value for key, value in pairs if value is not None},
        )
    if judged or not constrained:
        return None
    return _analyzer_drift(name, constrained, config, violations)


def _analyzer_drift(
    name: str, constrained: Given, config: Given, violations: tuple[Violation, ...]
) -> Drift | None:
    """From what Model Monitor has written: a distance only where it was too long."""
    kind = "" if text(constrained.get("inferred_type")) != "String" else "categorical_"
    override = mapping(mapping(constrained.get("monitoringConfigOverrides")).get("distribution_constraints"))
    rules = mapping(config.get("distribution_constraints"))
    key = f"{kind}comparison_threshold"
    threshold = number(override.get(key)) or number(rules.get(key))
    for each in violations:
        if each.subject == name and each.check == "baseline_drift_check":
            said = _SAID.search(each.text)
            if said is None:
                return Drift(drifted=True, threshold=threshold)
            return Drift(drifted=True, distance=number(said[1]), threshold=number(said[2]) or threshold)
    if text(rules.get("perform_comparison")) == "Disabled":
        return None
    return Drift(drifted=False, threshold=threshold)
