"""Constraints: what is suggested, overridden and read, this engine's and the analyzer's."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from constructs_lib.monitoring.runtime.drift.constraints import profile_for, rules, suggest
from tests.monitoring.runtime.tables import filled, profiled

COLUMNS: dict[str, list[Any]] = {
    "age": [*range(99), None],
    "change": [number - 49.5 for number in range(100)],
    "town": ["Ulm", "Rom"] * 50,
    "id": [f"u{number}" for number in range(100)],
    "empty": [None] * 100,
}
BASELINE = profiled(COLUMNS)


def test_a_baseline_suggests_what_it_fulfils() -> None:
    found = suggest(BASELINE)
    assert found["version"] == 0.0
    age, change, town, identity, empty = found["features"]
    assert age == {
        "name": "age",
        "inferred_type": "Integral",
        "completeness": 0.99,
        "num_constraints": {"is_non_negative": True, "range": {"low": 0.0, "high": 98.0}},
    }
    assert change["num_constraints"] == {"is_non_negative": False, "range": {"low": -49.5, "high": 49.5}}
    assert town == {
        "name": "town",
        "inferred_type": "String",
        "completeness": 1.0,
        "string_constraints": {"domains": ["Rom", "Ulm"]},
    }
    assert identity == {"name": "id", "inferred_type": "String", "completeness": 1.0}
    assert empty == {"name": "empty", "inferred_type": "Unknown", "completeness": 0.0}
    assert found["monitoring_config"] == {
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
        "drift": {
            "numeric": {"method": "ks", "threshold": 0.1},
            "categorical": {"method": "psi", "threshold": 0.2},
            "alpha": 0.01,
            "out_of_range": 0.01,
        },
    }
    json.dumps(found, allow_nan=False)


def test_options_override_features_and_all() -> None:
    found = suggest(
        BASELINE,
        {
            "numeric": {"method": "wasserstein"},
            "categorical": {"method": "l_infinity", "threshold": 0.05},
            "alpha": 0.001,
            "out_of_range": 0,
            "ignored": ["id"],
            "features": {
                "age": {"method": "psi", "threshold": 0.3, "binning": "sturges", "low": -5, "high": 120},
                "change": {"threshold": 0.7},
                "town": {"completeness": 0.5},
            },
        },
    )
    assert found["features"][3]["ignored"] is True
    read = rules(json.loads(json.dumps(found)))
    assert (read["age"].method, read["age"].threshold, read["age"].binning) == ("psi", 0.3, "sturges")
    assert read["age"].range == (-5.0, 120.0)
    assert (read["change"].method, read["change"].threshold) == ("wasserstein", 0.7)
    assert (read["town"].method, read["town"].threshold, read["town"].completeness) == (
        "l_infinity",
        0.05,
        0.5,
    )
    assert read["id"].ignored
    assert not read["age"].ignored
    assert read["age"].out_of_range == 0


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (
            {"numeric": {"method": "chi_square"}},
            "'chi_square', allowed are ks, psi, jensen_shannon, wasserstein",
        ),
        ({"categorical": {"method": "ks"}}, "'ks', allowed are psi, jensen_shannon, l_infinity, chi_square"),
        ({"features": {"town": {"method": "ks"}}}, "'ks', allowed are psi"),
        ({"features": {"age": {"threshold": -0.1}}}, "threshold of a drift is -0.1, not negative is allowed"),
        ({"features": {"age": {"threshold": math.nan}}}, "threshold of a drift is nan"),
        ({"features": {"age": {"binning": "tens"}}}, "'tens', allowed are deciles, sturges"),
        ({"features": {"age": {"low": 3, "high": 2}}}, "range of age is from 3.0 to 2.0"),
        ({"features": {"age": {"completeness": 1.1}}}, "completeness is 1.1, from 0 to 1 is allowed"),
        ({"features": {"aeg": {}}}, "no feature aeg: it has age, change, town, id, empty"),
        ({"ignored": ["x"]}, "no feature x"),
        ({"alpha": 1.5}, "alpha is 1.5, from 0 to 1 is allowed"),
        ({"out_of_range": -1}, "out_of_range is -1"),
    ],
)
def test_options_that_cannot_be_are_refused(options: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        suggest(BASELINE, options)


def of_the_analyzer(**config: Any) -> dict[str, Any]:
    """As Model Monitor suggests them."""
    return {
        "version": 0.0,
        "features": [
            {
                "name": "age",
                "inferred_type": "Integral",
                "completeness": 1.0,
                "num_constraints": {"is_non_negative": True},
                "monitoringConfigOverrides": {"datatype_check_threshold": 0.9},
            },
            {
                "name": "town",
                "inferred_type": "String",
                "completeness": 0.9,
                "string_constraints": {"domains": ["Ulm"]},
            },
        ],
        "monitoring_config": {
            "evaluate_constraints": "Enabled",
            "emit_metrics": "Enabled",
            "datatype_check_threshold": 1.0,
            "domain_content_threshold": 0.8,
            "distribution_constraints": {
                "perform_comparison": "Enabled",
                "comparison_threshold": 0.15,
                "comparison_method": "Robust",
                **config,
            },
        },
    }


def test_the_analyzers_constraints_say_the_same_here() -> None:
    read = rules(of_the_analyzer())
    age, town = read["age"], read["town"]
    assert (age.method, age.threshold, age.range, age.fitting) == ("ks", 0.15, (0.0, math.inf), 0.9)
    assert (town.method, town.threshold, town.known, town.domain) == ("l_infinity", 0.15, 0.8, {"Ulm"})
    assert town.fitting == 1.0
    other = rules(
        of_the_analyzer(categorical_drift_method="ChiSquared", categorical_comparison_threshold=0.05)
    )
    assert (other["town"].method, other["town"].threshold) == ("chi_square", 0.05)


def test_without_comparison_there_is_no_method() -> None:
    assert {rule.method for rule in rules(of_the_analyzer(perform_comparison="Disabled")).values()} == {None}


def test_a_feature_may_have_a_comparison_of_its_own() -> None:
    constraints = of_the_analyzer()
    constraints["features"][0]["monitoringConfigOverrides"] = {
        "distribution_constraints": {"perform_comparison": "Disabled"}
    }
    constraints["features"][1]["monitoringConfigOverrides"] = {"drift": {"method": "psi", "threshold": 0.4}}
    read = rules(constraints)
    assert read["age"].method is None
    assert (read["town"].method, read["town"].threshold) == ("psi", 0.4)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"features": [{}]},
        {"features": [{"name": "x"}]},
        {"features": None},
        {"features": ["x"]},
        {"features": [{"name": "x", "inferred_type": "Integral", "completeness": "most"}]},
        {
            "features": [{"name": "x", "inferred_type": "Integral"}],
            "monitoring_config": {"drift": {"numeric": {"method": "magic"}}},
        },
    ],
)
def test_what_are_no_constraints_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"no constraints\.json of data quality"):
        rules(given)


def test_the_profile_of_a_window_counts_what_it_is_held_to() -> None:
    window = profile_for(suggest(BASELINE, {"features": {"age": {"low": 10}}}), most_categories=2)
    filled(window, {"age": ["5", "10", "150", "x"], "town": ["Paris", "Bonn", "Oslo", "Ulm"]})
    age, town = window.features.values()
    assert age.type == "Integral"
    assert age.numbers.outside((10.0, 98.0)) == (1, 1)
    assert town.categories is not None
    assert (town.categories.counts, town.categories.other) == ({"Paris": 1, "Bonn": 1, "Ulm": 1}, 1)
