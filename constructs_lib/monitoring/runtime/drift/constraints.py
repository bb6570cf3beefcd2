"""What a window is held to: constraints.json, suggested from a baseline, and what it says of each feature.

The format is the analyzer's of Model Monitor ("Schema for Constraints" in AWS's developer guide), so that either engine
reads the other's. Ours besides, which the analyzer ignores: `monitoring_config.drift`, with the method and threshold
of numbers and of categories, `alpha` and the share `out_of_range` that is allowed; `range` in a feature's
`num_constraints`; `drift` in its `monitoringConfigOverrides`; `ignored`. Without `drift`, as the analyzer has it,
`distribution_constraints` say the same: numbers by Kolmogorov–Smirnov's distance, categories by the greatest difference
of a share.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from .drift import BINNINGS, OF_CATEGORIES, OF_NUMBERS, Binning
from .feature import Feature, FeatureType
from .numbers import EVERYWHERE, Range
from .profile import MOST_CATEGORIES, Profile

ALPHA = 0.01
"""The chance of a false alarm in a window, over all its features and checks."""
OUT_OF_RANGE = 0.01
"""The share of a feature's numbers that may lie outside of what the baseline had."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What one feature is held to."""

    name: str
    type: FeatureType
    ignored: bool
    completeness: float
    """The least share of records with a value."""
    fitting: float
    """The least share of values that fit the type."""
    range: Range
    out_of_range: float
    """The greatest share."""
    domain: frozenset[str] | None
    known: float
    """The least share of values in the domain."""
    method: str | None
    """None: its distribution is not compared."""
    threshold: float
    binning: Binning


def suggest(profile: Profile, options: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The constraints that a baseline itself fulfils.

    Args:
        profile: of the baseline.
        options: `numeric` and `categorical`, each with `method`, `threshold`, `binning`; `alpha`; `out_of_range`;
            `ignored`, names of features; `features`, by name `method`, `threshold`, `binning`, `completeness`, `low`
            and `high`.

    Raises:
        ValueError: a method, a threshold or a name of a feature is not known or not possible.
    """
    options = options or {}
    drift = {
        "numeric": _drift_of(options.get("numeric", {"method": "ks"}), OF_NUMBERS),
        "categorical": _drift_of(options.get("categorical", {"method": "psi"}), OF_CATEGORIES),
        "alpha": _share("alpha", options.get("alpha", ALPHA)),
        "out_of_range": _share("out_of_range", options.get("out_of_range", OUT_OF_RANGE)),
    }
    overrides, ignored = options.get("features", {}), options.get("ignored", ())
    unknown = sorted({*overrides, *ignored} - set(profile.features))
    if unknown:
        raise ValueError(
            f"the baseline has no feature {', '.join(unknown)}: it has {', '.join(profile.features)}"
        )
    return {
        "version": 0.0,
        "features": [
            _suggested(name, feature, overrides.get(name, {}), name in ignored)
            for name, feature in profile.features.items()
        ],
        "monitoring_config": {
            "evaluate_constraints": "Enabled",
            "emit_metrics": "Enabled",
            "datatype_check_threshold": 1.0,
            "domain_content_threshold": 1.0,
            "distribution_constraints": {
                "perform_comparison": "Enabled",
                "comparison_threshold": 0.1,
                "comparison_method": "Robust",
                "categorical_comparison_threshold": 0.1,
                "categorical_drift_method": "LInfinity",
            },
            "drift": drift,
        },
    }


def _suggested(name: str, feature: Feature, override: Mapping[str, Any], ignored: bool) -> dict[str, Any]:
    complete = feature.present / feature.size if feature.size else 0.0
    found: dict[str, Any] = {
        "name": name,
        "inferred_type": feature.type,
        "completeness": _share("completeness", override.get("completeness", complete)),
    }
    if feature.type in ("Integral", "Fractional"):
        sketch = feature.numbers.sketch
        if feature.numbers.count:
            low, high = float(override.get("low", sketch.low)), float(override.get("high", sketch.high))
            if not low <= high:
                raise ValueError(f"the range of {name} is from {low} to {high}")
            found["num_constraints"] = {"is_non_negative": low >= 0, "range": {"low": low, "high": high}}
    elif feature.categories is not None and feature.categories.total and not feature.free_text:
        found["string_constraints"] = {"domains": sorted(feature.categories.counts)}
    if {"method", "threshold", "binning"} & set(override):
        allowed = OF_CATEGORIES if feature.type == "String" else OF_NUMBERS
        found["monitoringConfigOverrides"] = {"drift": _drift_of(override, allowed)}
    if ignored:
        found["ignored"] = True
    return found


def _drift_of(given: Mapping[str, Any], allowed: Mapping[str, float]) -> dict[str, Any]:
    """What is given of method, threshold and binning; without a threshold it is the method's own."""
    found: dict[str, Any] = {}
    if "method" in given:
        method = given["method"]
        if method not in allowed:
            raise ValueError(f"the method is {method!r}, allowed are {', '.join(allowed)}")
        found = {"method": method, "threshold": allowed[method]}
    if "threshold" in given:
        found["threshold"] = float(given["threshold"])
        if not found["threshold"] >= 0:
            raise ValueError(f"the threshold of a drift is {given['threshold']!r}, not negative is allowed")
    if "binning" in given:
        found["binning"] = given["binning"]
        if found["binning"] not in BINNINGS:
            raise ValueError(f"the binning is {given['binning']!r}, allowed are {', '.join(BINNINGS)}")
    return found


def _share(name: str, given: Any) -> float:
    share = float(given)
    if not 0 <= share <= 1:
        raise ValueError(f"{name} is {given!r}, from 0 to 1 is allowed")
    return share


def rules(constraints: Mapping[str, Any]) -> dict[str, Rule]:
    """What constraints say of each feature.

    Raises:
        ValueError: they are none.
    """
    try:
        config = constraints.get("monitoring_config", {})
        return {feature["name"]: _rule(feature, config) for feature in constraints["features"]}
    except (KeyError, TypeError, AttributeError, ValueError) as wrong:
        raise ValueError(f"this is no constraints.json of data quality: {wrong!r}") from wrong


def _rule(feature: Mapping[str, Any], config: Mapping[str, Any]) -> Rule:
    overrides = feature.get("monitoringConfigOverrides", {})
    config = _laid_over(config, overrides)
    type = cast("FeatureType", feature["inferred_type"])
    drift = _drift_rule(type, config, overrides.get("drift", {}))
    domains = feature.get("string_constraints", {}).get("domains")
    return Rule(
        name=feature["name"],
        type=type,
        ignored=bool(feature.get("ignored", False)),
        completeness=_share("completeness", feature.get("completeness", 0.0)),
        fitting=_share("datatype_check_threshold", config.get("datatype_check_threshold", 1.0)),
        range=_range(feature.get("num_constraints", {})),
        out_of_range=_share("out_of_range", config.get("drift", {}).get("out_of_range", OUT_OF_RANGE)),
        domain=frozenset(domains) if domains else None,
        known=_share("domain_content_threshold", config.get("domain_content_threshold", 1.0)),
        method=drift.get("method"),
        threshold=drift.get("threshold", 0.0),
        binning=drift.get("binning", "deciles"),
    )


def _laid_over(config: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration of one feature: what it overrides, and the rest."""
    found = dict(config)
    for name, value in overrides.items():
        under = found.get(name)
        found[name] = (
            {**under, **value} if isinstance(under, Mapping) and isinstance(value, Mapping) else value
        )
    return found


def _drift_rule(type: FeatureType, config: Mapping[str, Any], override: Mapping[str, Any]) -> dict[str, Any]:
    compared = config.get("distribution_constraints", {})
    if type == "Unknown" or compared.get("perform_comparison", "Enabled") != "Enabled":
        return {}
    allowed = OF_CATEGORIES if type == "String" else OF_NUMBERS
    general = config.get("drift", {}).get("categorical" if type == "String" else "numeric")
    if general is None:
        general = _as_the_analyzer(type, compared)
    return {**_drift_of(general, allowed), **_drift_of(override, allowed)}


def _as_the_analyzer(type: FeatureType, compared: Mapping[str, Any]) -> dict[str, Any]:
    """The analyzer's own way of saying it."""
    threshold = compared.get("comparison_threshold", 0.1)
    if type != "String":
        return {"method": "ks", "threshold": threshold}
    chi_squared = compared.get("categorical_drift_method") == "ChiSquared"
    return {
        "method": "chi_square" if chi_squared else "l_infinity",
        "threshold": compared.get("categorical_comparison_threshold", threshold),
    }


def _range(given: Mapping[str, Any]) -> Range:
    between = given.get("range", {})
    low, high = float(between.get("low", -math.inf)), float(between.get("high", math.inf))
    return max(low, 0.0) if given.get("is_non_negative", False) else low, high


def profile_for(constraints: Mapping[str, Any], *, most_categories: int = MOST_CATEGORIES) -> Profile:
    """An empty profile for a window that is to be judged by these constraints.

    Its types are theirs; what is out of their ranges, and in their domains, is counted exactly.
    """
    found = rules(constraints)
    return Profile(
        {name: rule.type for name, rule in found.items()},
        most_categories=most_categories,
        ranges={name: rule.range for name, rule in found.items() if rule.range != EVERYWHERE},
        domains={name: sorted(rule.domain) for name, rule in found.items() if rule.domain},
    )
