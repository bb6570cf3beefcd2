"""Bias drift: formats, false alarms, found changes."""

from __future__ import annotations

import json
import random
from functools import cache

import pytest
from scipy import stats

from constructs_lib.monitoring.runtime.bias.bias import Bias, Rule
from constructs_lib.monitoring.runtime.bias.bias_verdict import judge, suggest

LABEL = Rule(column="paid", values=("yes",))
FACETS = (Rule(column="sex", values=("f",)), Rule(column="age", threshold=40))


def _window(seed: object, count: int = 600, *, refused: float = 0.0) -> Bias:
    """A model that is right in 80 % of all cases; some women it would accept are refused."""
    draw = random.Random(f"window {seed}")  # noqa: S311 - test data
    bias = Bias(LABEL, FACETS, group="region")
    for place in range(count):
        cells = {
            "sex": draw.choice("fm"),
            "age": draw.randrange(18, 80),
            "region": draw.choice(["north", "south"]),
        }
        label = draw.random() < 0.5
        said = label if draw.random() < 0.8 else not label
        said = said and not (cells["sex"] == "f" and draw.random() < refused)
        bias.add(cells, "yes" if label else "no", "yes" if said else "no", key=f"{seed}-{place}")
    return bias


@cache
def _baseline() -> str:
    return json.dumps(suggest(_window("baseline", 4000)), allow_nan=False)


@pytest.mark.parametrize("allowed", [0.0, 0.05])
def test_a_model_that_did_not_change_rarely_alarms(allowed: float) -> None:
    constraints = suggest(_window("baseline", 4000), allowed=allowed)
    alarms = sum(bool(judge(constraints, _window(seed))["violations"]) for seed in range(200))
    assert alarms <= stats.binom.ppf(1 - 1e-4, 200, 0.01)


def test_a_new_bias_is_found_at_its_facet_only() -> None:
    told = judge(json.loads(_baseline()), _window("worse", 1500, refused=0.5))
    assert told["version"] == "1.0"
    violations = told["violations"]
    assert {violation["facet"] for violation in violations} == {"sex"}
    assert {violation["metric_name"] for violation in violations} >= {"DPPL", "DI", "RD", "CDDPL"}
    first = violations[0]
    assert first.keys() == {"facet", "facet_value", "metric_name", "constraint_check_type", "description"}
    assert (first["facet_value"], first["constraint_check_type"]) == ("f", "bias_drift_check")
    assert first["description"].startswith("Value ")


def test_less_bias_is_no_violation() -> None:
    constraints = suggest(_window("baseline", 2000, refused=0.6))
    assert judge(constraints, _window(1, 2000))["violations"] == []


def test_what_is_allowed_is_allowed() -> None:
    window = _window("worse", 3000, refused=0.4)
    baseline = _window("baseline", 4000)
    tight = {v["metric_name"] for v in judge(suggest(baseline), window)["violations"]}
    some = {v["metric_name"] for v in judge(suggest(baseline, by_metric={"DPPL": 0.5}), window)["violations"]}
    none = {
        v["metric_name"] for v in judge(suggest(baseline, by_metric={"DPPL": None}), window)["violations"]
    }
    assert "DPPL" in tight
    assert "DPPL" not in some | none
    assert judge(suggest(baseline, allowed=10), window)["violations"] == []


def test_clarifys_own_analysis_serves() -> None:
    """A facet by a threshold is an interval there; an error has no value, and an infinite one is a text."""
    names = {"DPPL": 0.01, "TE": "Infinity", "RD": None}
    entry = {
        "value_or_threshold": "f",
        "metrics": [{"name": name, "description": name, "value": value} for name, value in names.items()],
    }
    interval = {"value_or_threshold": "(40.0, 79.0]", "metrics": [{"name": "CI", "value": 0.0}]}
    analysis = {
        "version": "1.0",
        "pre_training_bias_metrics": {"facets": {"age": [interval]}},
        "post_training_bias_metrics": {"facets": {"sex": [entry]}},
    }
    told = judge(analysis, _window("worse", 3000, refused=0.6))["violations"]
    assert {(violation["facet"], violation["metric_name"]) for violation in told} == {
        ("sex", "DPPL"),
        ("age", "CI"),
    }


@pytest.mark.parametrize("count", [0, 19])
def test_too_few_records_are_not_judged(count: int) -> None:
    assert judge(json.loads(_baseline()), _window("worse", count, refused=1.0))["violations"] == []


def test_a_baseline_of_too_few_records_is_no_constraint() -> None:
    assert judge(suggest(_window("few", 19)), _window("worse", 3000, refused=1.0))["violations"] == []


def test_constraints_make_sense() -> None:
    with pytest.raises(ValueError, match="FT"):
        suggest(_window(1, 10), by_metric={"FT": 0.1})
    for allowed in (-0.1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="0 or more"):
            suggest(_window(1, 10), allowed=allowed)
    with pytest.raises(ValueError, match="level"):
        judge(json.loads(_baseline()), _window(1, 10), level=1.0)
