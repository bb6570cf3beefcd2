"""The plan of a test: what it asks for, and what synthesis makes of it."""

from __future__ import annotations

import aws_cdk as cdk
import pytest

from constructs_lib import FixedSplit, Plan, Reward
from tests.support.experiments import an_ab_test, arms
from tests.support.refusals import (
    WRONG_NUMBERS,
    Refusal,
    WrongType,
    as_parameters,
    sole_violation,
    wrong_types,
)
from tests.support.synth import fresh_app, synthesized


def rate(**given: object) -> Plan:
    return Plan.rate(**{"baseline": 0.04, "effect": 0.01, "requests_per_day": 1000, **given})


def mean(**given: object) -> Plan:
    return Plan.mean(**{"deviation": 2, "effect": 0.1, "requests_per_day": 1000, **given})


REFUSALS = [
    Refusal("SM-PLAN-001", lambda: mean(effect=0), "effect", 0, "anything but 0"),
    Refusal("SM-PLAN-001", lambda: mean(effect=-1e-13), "effect", -1e-13, "by 1e-12 or more"),
    Refusal("SM-PLAN-001", lambda: rate(requests_per_day=0), "requests_per_day", 0, "at least 1e-06"),
    Refusal("SM-PLAN-001", lambda: rate(requests_per_day=1e-9), "requests_per_day", 1e-9, "at least 1e-06"),
    Refusal("SM-PLAN-001", lambda: rate(power=0.49), "power", 0.49, "at least 0.5"),
    Refusal("SM-PLAN-001", lambda: rate(power=1), "power", 1, "at most 0.999"),
    Refusal("SM-PLAN-002", lambda: mean(deviation=0), "deviation", 0, "more than 0"),
    Refusal("SM-PLAN-002", lambda: rate(baseline=0), "baseline", 0, "more than 0"),
    Refusal("SM-PLAN-002", lambda: rate(baseline=1), "baseline", 1, "less than 1"),
    Refusal("SM-PLAN-002", lambda: rate(effect=-0.04), "effect", -0.04, "between 0 and 1 after it"),
    Refusal("SM-PLAN-002", lambda: rate(effect=0.96), "effect", 0.96, "between 0 and 1 after it"),
    Refusal(
        "SM-PLAN-002", lambda: Plan(effect=1, requests_per_day=1), "baseline, deviation",
        "baseline=None, deviation=None", "one of them",
    ),
]  # fmt: skip


@pytest.mark.parametrize("refusal", as_parameters(REFUSALS))
def test_what_is_wrong_is_refused(refusal: Refusal) -> None:
    refusal.check()


@pytest.mark.parametrize(
    "wrong",
    [
        *wrong_types(
            rate, "rate", **dict.fromkeys(("baseline", "effect", "requests_per_day"), WRONG_NUMBERS)
        ),
        *wrong_types(mean, "mean", **dict.fromkeys(("deviation", "power"), WRONG_NUMBERS)),
    ],
)
def test_a_wrong_type_is_refused_by_name(wrong: WrongType) -> None:
    wrong.check()


def outputs(**props: object) -> dict[str, str]:
    stack = cdk.Stack(fresh_app(), "Stack")
    an_ab_test(stack, **props)
    found = synthesized(stack)["Outputs"]
    return {id.removeprefix("Test")[:12]: each["Value"] for id, each in found.items() if "Planned" in id}


def test_synthesis_tells_units_and_days() -> None:
    # test_power.py compares the sizes with statsmodels'.
    found = outputs(plan=rate())
    assert sorted(found.values()) == ["13490", "14"]


def test_a_lopsided_split_needs_more() -> None:
    even = sum(int(value) for value in outputs(plan=rate()).values())
    lopsided = sum(int(value) for value in outputs(plan=rate(), allocation=FixedSplit(A=90, B=10)).values())
    assert lopsided > 2 * even


def test_several_variants_share_the_probability_of_error() -> None:
    stack = cdk.Stack(fresh_app(), "Stack")
    two = an_ab_test(stack, "Two", plan=rate()).plan
    three = an_ab_test(
        stack, "Three", variants=arms(cdk.Stack(stack, "Arms"), "A", "B", "C"), plan=rate()
    ).plan
    assert two is not None
    assert three is not None
    assert three.size.units[0] > two.size.units[0]


def test_without_a_plan_there_is_none() -> None:
    assert outputs() == {}


def test_the_plan_is_of_the_rewards_kind() -> None:
    stack = cdk.Stack(fresh_app(), "Stack")
    numeric = Reward.numeric(window=cdk.Duration.hours(1), low=0, high=5)
    assert sole_violation(lambda: an_ab_test(stack, plan=rate(), reward=numeric)).rule == "SM-ABTEST-009"
    other = cdk.Stack(fresh_app(), "Stack")
    assert sole_violation(lambda: an_ab_test(other, plan=mean())).rule == "SM-ABTEST-009"


@pytest.mark.parametrize("alpha", [0, 0.00001, 0.21, *WRONG_NUMBERS])
def test_alpha_is_small(alpha: object) -> None:
    stack = cdk.Stack(fresh_app(), "Stack")
    assert sole_violation(lambda: an_ab_test(stack, alpha=alpha)).property == "alpha"


def test_an_alpha_out_of_its_bounds_is_refused_by_its_rule() -> None:
    stack = cdk.Stack(fresh_app(), "Stack")
    assert sole_violation(lambda: an_ab_test(stack, alpha=0.3)).rule == "SM-ABTEST-010"
