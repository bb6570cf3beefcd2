"""What a template must say of what an A/B test was given."""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import fsum, isclose
from typing import Any

import aws_cdk as cdk

from constructs_lib import (
    ABTest,
    EpsilonGreedy,
    Exploration,
    FixedSplit,
    Guardrail,
    Memory,
    Reward,
    Routing,
    Stopping,
    ThompsonSampling,
    UpperConfidenceBound,
)
from tests.support.synth import flat

from .made import Made
from .meaning import assert_capture, assert_rollout, assert_variant, assert_volume_key, seconds
from .meaning_of_kinds import assert_scalings
from .synthesis import Synthesized

Properties = dict[str, Any]
_DAY = 86_400
_KINDS = {ThompsonSampling: "thompson", EpsilonGreedy: "epsilon_greedy", UpperConfidenceBound: "kl_ucb"}


def assert_ab_test(described: Made, test: ABTest, result: Synthesized) -> None:
    given = described.given
    _endpoint(described, test, result)
    function: Any = test.manager.controller.node.default_child
    told = json.loads(flat(result.properties(function)["Environment"]["Variables"]["EXPERIMENT"]))
    assert told["name"] == given.get("experiment_name", test.experiment_name)
    shares = _shares(given)
    assert [each["name"] for each in told["arms"]] == list(shares)
    for arm in told["arms"]:
        assert isclose(arm["share"], shares[arm["name"]])
    assert told["routing"] == given.get("routing", Routing.WEIGHTS).value
    assert told["period"] == seconds(given.get("period"), 3600)
    assert told["analysis"] == {"alpha": given.get("alpha", 0.05)}
    _reward(given["reward"], told["reward"])
    _allocation(given.get("allocation", Made(FixedSplit)), told)
    _guardrails(given, told["guardrails"], list(shares))
    _around(given, test, result)


def _shares(given: Mapping[str, Any]) -> dict[str, float]:
    names = [each.given["name"] for each in given["variants"]]
    allocation = given.get("allocation", Made(FixedSplit))
    shares = dict(allocation.given) if allocation.factory is FixedSplit else {}
    shares = shares or dict.fromkeys(names, 1)
    whole = fsum(shares.values())
    return {name: shares[name] / whole for name in names}


def _endpoint(described: Made, test: ABTest, result: Synthesized) -> None:
    given, endpoint = described.given, test.endpoint
    config = result.properties(endpoint.cfn_endpoint_config)
    shares = _shares(given)
    for one, said in zip(given["variants"], config["ProductionVariants"], strict=True):
        assert isclose(said["InitialVariantWeight"], shares[one.given["name"]])
        assert_variant({**one.given, "weight": said["InitialVariantWeight"]}, said)
    assert_capture(described, config)
    assert_volume_key(given.get("encryption_key"), config)
    said = result.properties(endpoint.cfn_endpoint)
    # The controller owns the weights: a deploy leaves them.
    assert said["RetainAllVariantProperties"]
    excluded = {each["VariantPropertyType"] for each in said.get("ExcludeRetainedVariantProperties", [])}
    assert "DesiredWeight" not in excluded
    if "rollout" in given:
        assert_rollout(given["rollout"], said["DeploymentConfig"])
    assert_scalings([each.given for each in given["variants"]], endpoint, result)


def _reward(reward: Made, said: Properties) -> None:
    kind = reward.given.get("kind", reward.factory.__name__)
    assert said == {
        "kind": kind,
        "window": seconds(reward.given["window"], None),
        "low": reward.given.get("low", 0),
        "high": reward.given.get("high", 1),
        "minimize": reward.given.get("minimize", False),
    }
    assert reward.factory in (Reward, Reward.binary, Reward.numeric)


def _allocation(allocation: Made, told: Properties) -> None:
    said, given = told["allocation"], allocation.given
    if allocation.factory is FixedSplit:
        assert said == {"kind": "fixed"}
        assert "stopping" not in told
        return
    assert said["kind"] == _KINDS[allocation.factory]
    assert said["minimum_units"] == given.get("minimum_units", 100)
    assert isclose(said["hysteresis"], given.get("hysteresis_percent", 2) / 100)
    exploring = given.get("exploration", Made(Exploration)).given
    assert isclose(said["floor"], exploring.get("percent", 10) / 100)
    halved = exploring["half_life"] if "half_life" in exploring else Made(cdk.Duration.seconds, (7 * _DAY,))
    assert said.get("floor_half_life") == seconds(halved, None)
    memory = given.get("memory", Made(Memory.everything))
    span = memory.given.get("span", memory.given.get("half_life"))
    assert said["memory_seconds"] == seconds(span, 0)
    assert said.get("epsilon") == (given.get("epsilon", 0.1) if allocation.factory is EpsilonGreedy else None)
    assert said.get("top_two") == given.get("top_two")
    stopping = given["stopping"] if "stopping" in given else Made(Stopping)
    assert ("stopping" in told) == (stopping is not None)
    if stopping is not None:
        assert told["stopping"]["probability_best"] == stopping.given.get("probability_best", 0.95)
        least = seconds(stopping.given.get("minimum_duration"), 14 * _DAY)
        assert told["stopping"]["minimum_duration"] == least


def _guardrails(given: Mapping[str, Any], said: list[Properties], names: list[str]) -> None:
    """An alarm for each guardrail and each variant that it watches."""
    wanted = [
        name
        for guardrail in given.get("guardrails", ())
        for name in ([guardrail.given["variant"]] if "variant" in guardrail.given else names[1:])
    ]
    assert [each["arm"] for each in said] == wanted
    assert {each.factory for each in given.get("guardrails", ())} <= {
        *(Guardrail, Guardrail.errors, Guardrail.latency, Guardrail.alarm)
    }


def _around(given: Mapping[str, Any], test: ABTest, result: Synthesized) -> None:
    assert (test.dashboard is None) == (not given.get("dashboard", True))
    assert (test.plan is None) == ("plan" not in given)
    outputs = test.node.try_find_child("PlannedUnits")
    assert (outputs is None) == ("plan" not in given)
    table: Any = test.manager.table.node.default_child
    kept = given.get("removal_policy", cdk.RemovalPolicy.RETAIN) is cdk.RemovalPolicy.RETAIN
    id = cdk.Stack.of(table).get_logical_id(table)
    assert result.template["Resources"][id]["DeletionPolicy"] == ("Retain" if kept else "Delete")
    every = seconds(given.get("look_every"), 300)
    rates = [
        result.properties(each)["ScheduleExpression"]
        for each in _resources(test.manager)
        if each.cfn_resource_type == "AWS::Events::Rule" and "ScheduleExpression" in result.properties(each)
    ]
    assert every in [_rate(each) for each in rates]


def _resources(scope: Any) -> list[cdk.CfnResource]:
    return [each for each in scope.node.find_all() if isinstance(each, cdk.CfnResource)]


def _rate(expression: str) -> int:
    amount, unit = expression.removeprefix("rate(").removesuffix(")").split(" ")
    return int(amount) * {"minute": 60, "hour": 3600, "day": _DAY}[unit.removesuffix("s")]
