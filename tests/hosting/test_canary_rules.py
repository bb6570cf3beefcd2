"""Each rule of canary analysis: what passes last, what is refused first, tokens, wrong types."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_cloudwatch as cloudwatch

from constructs_lib import MetricCheck, OnInconclusive, Rollback, Rollout
from constructs_lib.hosting.rollout import _Kind
from tests.support.canary_templates import ACCURACY, RATE, SILENT, analysed, analysis, canary, check, linear
from tests.support.refusals import (
    NAN,
    WRONG_DURATIONS,
    WRONG_LISTS,
    WRONG_NUMBERS,
    WRONG_OBJECTS,
    WRONG_TEXTS,
    WRONG_WHOLE_NUMBERS,
    Refusal,
    WrongType,
    as_parameters,
    refused,
    wrong_types,
)
from tests.support.synth import an_endpoint, properties

minutes, seconds = cdk.Duration.minutes, cdk.Duration.seconds
RULE = "AWS::Events::Rule"


def long_checks() -> list[MetricCheck]:
    dimensions = {f"Dimension{index}": "x" * 100 for index in range(8)}
    metric = cloudwatch.Metric(namespace="Fraud", metric_name="Accuracy", dimensions_map=dimensions)
    return [check(name=f"check-{index}", metric=metric) for index in range(10)]


REFUSALS = [
    Refusal("SM-ANALYSIS-001", lambda: check(name=""), "name", "", "1–64 letters, digits and hyphens"),
    Refusal("SM-ANALYSIS-001", lambda: check(name="x" * 65), "name", "x" * 65, "1–64 letters"),
    Refusal("SM-ANALYSIS-001", lambda: check(name=None), "name", None, "a str"),
    Refusal("SM-ANALYSIS-001", lambda: check(metric="Accuracy"), "metric", "Accuracy", "a CloudWatch metric"),
    Refusal("SM-ANALYSIS-001", lambda: check(samples=5), "samples", 5, "a CloudWatch metric"),
    Refusal("SM-ANALYSIS-002", lambda: check(at_least=None), "at_most", None, "exactly one of"),
    Refusal("SM-ANALYSIS-002", lambda: check(at_most=1), "at_most", 1, "exactly one of"),
    Refusal("SM-ANALYSIS-002", lambda: check(margin=-0.1), "margin", -0.1, "at least 0"),
    Refusal("SM-ANALYSIS-003", lambda: check(minimum_samples=0), "minimum_samples", 0, "from 1 to"),
    Refusal(
        "SM-ANALYSIS-003",
        lambda: check(metric=RATE, minimum_samples=2),
        "minimum_samples",
        2,
        "nothing counts the samples of metric math",
    ),
    Refusal("SM-ANALYSIS-004", lambda: analysis(checks=[]), "checks", "0 checks", "1–10 checks"),
    Refusal(
        "SM-ANALYSIS-004",
        lambda: analysis(checks=[check(name=f"c{index}") for index in range(11)]),
        "checks",
        "11 checks",
        "1–10 checks",
    ),
    Refusal(
        "SM-ANALYSIS-004",
        lambda: analysis(checks=[check(), check()]),
        "checks",
        "2 called accuracy",
        "a name of its own",
    ),
    Refusal(
        "SM-ANALYSIS-005", lambda: analysis(interval=seconds(59)), "interval", "59 seconds", "from 1 minute"
    ),
    Refusal(
        "SM-ANALYSIS-005",
        lambda: analysis(interval=seconds(90)),
        "interval",
        "1 minute 30 seconds",
        "whole minutes",
    ),
    Refusal(
        "SM-ANALYSIS-005",
        lambda: analysis(interval=minutes(61)),
        "interval",
        "1 hour 1 minute",
        "to 1 hour",
    ),
    Refusal("SM-ANALYSIS-006", lambda: analysis(failure_limit=0), "failure_limit", 0, "from 1 to 60"),
    Refusal("SM-ANALYSIS-006", lambda: analysis(success_limit=61), "success_limit", 61, "from 1 to 60"),
    Refusal(
        "SM-ANALYSIS-006", lambda: analysis(inconclusive_limit=0), "inconclusive_limit", 0, "from 1 to 60"
    ),
    Refusal(
        "SM-ROLLOUT-007",
        lambda: canary(wait=seconds(479)),
        "wait",
        "7 minutes 59 seconds",
        "at least 480 seconds",
    ),
    Refusal(
        "SM-ROLLOUT-007",
        lambda: linear(analysis=analysis(interval=minutes(5))),
        "wait",
        "10 minutes",
        "at least 1440 seconds",
    ),
    Refusal(
        "SM-ROLLOUT-007",
        lambda: canary(analysis=analysis(inconclusive_limit=6)),
        "wait",
        "10 minutes",
        "at least 660 seconds",
    ),
]


@pytest.mark.parametrize("refusal", as_parameters(REFUSALS))
def test_a_broken_rule_is_named_with_what_was_given_and_what_is_allowed(refusal: Refusal) -> None:
    refusal.check()


def test_more_metrics_than_an_event_holds_are_refused() -> None:
    error = refused(lambda: analysis(checks=long_checks()))
    assert error.rules == ("SM-ANALYSIS-007",)
    assert "at most 7500" in str(error)


def test_the_largest_analysis_is_an_event_that_eventbridge_takes(stack: cdk.Stack) -> None:
    checks = next(
        long_checks()[:count]
        for count in range(10, 0, -1)
        if _accepted(lambda count=count: analysis(checks=long_checks()[:count]))
    )
    name = "x" * 63
    template = analysed(stack, canary(analysis=analysis(checks=checks)), endpoint_name=name)
    (target,) = properties(template, RULE)["Targets"]
    assert 6_000 < len(target["Input"]) <= 8_192


def _accepted(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("kind", [_Kind.ALL_AT_ONCE, _Kind.ROLLING, _Kind.UNGUARDED])
def test_only_a_canary_and_linear_steps_are_analysed(kind: _Kind) -> None:
    size = {"percent": 10, "wait": minutes(10)} if kind is _Kind.ROLLING else {}
    error = refused(lambda: Rollout(kind=kind, rollback=SILENT, analysis=analysis(), **size))
    assert "SM-ROLLOUT-007" in error.rules


def test_the_analysis_is_one_of_ten_alarms(stack: cdk.Stack) -> None:
    alarms = [cloudwatch.Alarm.from_alarm_name(stack, f"A{index}", f"a{index}") for index in range(8)]
    # With the two built-in ones ten, and those of the analysis are too many.
    error = refused(lambda: an_endpoint(stack, rollout=canary(rollback=Rollback(alarms=alarms))))
    assert error.rules == ("SM-ROLLOUT-012",)
    assert "at most 6 beside the 4 built-in ones" in str(error)
    an_endpoint(stack, "Other", rollout=canary(rollback=Rollback(alarms=alarms[:6])))


ACCEPTED: dict[str, Callable[[], object]] = {
    "the shortest wait": lambda: canary(wait=seconds(480)),
    "an hour's interval": lambda: analysis(interval=minutes(60)),
    "the highest limits": lambda: analysis(failure_limit=60, success_limit=60, inconclusive_limit=60),
    "ten checks": lambda: analysis(checks=[check(name=f"c{index}") for index in range(10)]),
    "a bound of zero": lambda: check(at_least=None, at_most=0),
    "a negative bound": lambda: check(at_least=-5),
    "metric math": lambda: check(metric=RATE),
    "metric math with a count": lambda: check(metric=RATE, minimum_samples=2, samples=ACCURACY),
    "going on": lambda: analysis(on_inconclusive=OnInconclusive.PROCEED),
    "a token for the wait": lambda: canary(wait=seconds(cdk.Token.as_number({"Ref": "Wait"}))),
    "a token for a bound": lambda: check(at_least=cdk.Token.as_number({"Ref": "Bound"})),
}


@pytest.mark.parametrize("accepted", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_what_is_just_allowed_passes(accepted: Callable[[], object]) -> None:
    assert accepted() is not None


@pytest.mark.parametrize("property", ["interval", "failure_limit", "success_limit", "inconclusive_limit"])
def test_what_the_arithmetic_of_minutes_needs_is_known_at_synthesis(property: str) -> None:
    token: Any = cdk.Token.as_number({"Ref": "Later"})
    error = refused(lambda: analysis(**{property: seconds(token) if property == "interval" else token}))
    assert [violation.property for violation in error.violations] == [property]
    assert "known at synthesis" in str(error)


@pytest.mark.parametrize(
    "wrong",
    [
        *wrong_types(
            check,
            "check",
            name=WRONG_TEXTS,
            metric=(None, *WRONG_OBJECTS),
            samples=WRONG_OBJECTS,
            at_least=WRONG_NUMBERS,
            margin=(None, *WRONG_NUMBERS),
            minimum_samples=(None, *WRONG_WHOLE_NUMBERS),
        ),
        *wrong_types(
            analysis,
            "analysis",
            checks=WRONG_LISTS,
            interval=WRONG_DURATIONS,
            failure_limit=(None, *WRONG_WHOLE_NUMBERS),
            success_limit=(None, *WRONG_WHOLE_NUMBERS),
            inconclusive_limit=WRONG_WHOLE_NUMBERS,
            on_inconclusive=(None, "ROLL_BACK", *WRONG_OBJECTS),
        ),
        *wrong_types(canary, "canary", analysis=WRONG_OBJECTS),
        *wrong_types(linear, "linear", analysis=WRONG_OBJECTS),
    ],
)
def test_a_wrong_type_is_refused_for_its_property(wrong: WrongType) -> None:
    wrong.check()


def test_several_broken_rules_are_reported_together() -> None:
    error = refused(lambda: check(name="", at_least=NAN, minimum_samples=0))
    assert error.rules == ("SM-ANALYSIS-001", "SM-ANALYSIS-002", "SM-ANALYSIS-003")
