"""Canary analysis in a template: what is made, what it may do, what SageMaker watches; and its rules."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_cloudwatch as cloudwatch

from constructs_lib import AsyncEndpoint, CanaryAnalysis, MetricCheck, OnInconclusive, Rollback, Rollout
from constructs_lib.hosting.rollout import _Kind
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
from tests.support.synth import (
    a_model,
    allowing,
    an_endpoint,
    flat,
    properties,
    resource,
    resources,
    statements,
    synthesized,
)

minutes, seconds = cdk.Duration.minutes, cdk.Duration.seconds
ENDPOINT, ALARM, RULE = "AWS::SageMaker::Endpoint", "AWS::CloudWatch::Alarm", "AWS::Events::Rule"
SILENT = Rollback(error_rate_percent=None, latency_alarm=False)
ACCURACY = cloudwatch.Metric(namespace="Fraud", metric_name="Accuracy", dimensions_map={"Model": "fraud"})
RATE = cloudwatch.MathExpression(
    expression="bad / all",
    using_metrics={
        "bad": cloudwatch.Metric(namespace="Fraud", metric_name="Bad", statistic="Sum"),
        "all": cloudwatch.Metric(namespace="Fraud", metric_name="All", statistic="Sum"),
    },
)


def check(**given: object) -> MetricCheck:
    return MetricCheck(**{"name": "accuracy", "metric": ACCURACY, "at_least": 0.9, **given})


def analysis(**given: object) -> CanaryAnalysis:
    return CanaryAnalysis(**{"checks": [check()], **given})


def canary(**given: object) -> Rollout:
    return Rollout.canary(
        **{"size_percent": 10, "wait": minutes(10), "analysis": analysis(), "rollback": SILENT, **given}
    )


def linear(**given: object) -> Rollout:
    return Rollout.linear(
        **{"step_percent": 50, "wait": minutes(10), "analysis": analysis(), "rollback": SILENT, **given}
    )


def analysed(stack: cdk.Stack, rollout: Rollout | None = None, **props: Any) -> dict[str, Any]:
    given = {"endpoint_name": "fraud", "check_deployments": False, **props}
    an_endpoint(stack, rollout=rollout or canary(), **given)
    return synthesized(stack)


# --- the template ---------------------------------------------------------------------------------


@pytest.mark.parametrize("rollout", [canary, linear])
def test_sagemaker_watches_the_alarm_on_what_the_function_says(
    stack: cdk.Stack, rollout: Callable[[], Rollout]
) -> None:
    template = analysed(stack, rollout())
    alarms = resources(template, ALARM)
    watched = properties(template, ENDPOINT)["DeploymentConfig"]["AutoRollbackConfiguration"]["Alarms"]
    assert [flat(each["AlarmName"]) for each in watched] == [f"<{id}>" for id in alarms]
    alarm = next(each["Properties"] for id, each in alarms.items() if "AnalysisAlarm" in id)
    assert (alarm["Namespace"], alarm["MetricName"]) == ("ConstructsLib/Rollouts", "RollBack")
    assert alarm["Dimensions"] == [{"Name": "EndpointName", "Value": "fraud"}]
    assert (alarm["Statistic"], alarm["Threshold"]) == ("Maximum", 0)
    assert alarm["ComparisonOperator"] == "GreaterThanThreshold"
    assert alarm["TreatMissingData"] == "notBreaching", "outside of updates nothing is put"


def test_a_function_that_fails_rolls_back_too(stack: cdk.Stack) -> None:
    template = analysed(stack)
    (alarm,) = (each for id, each in resources(template, ALARM).items() if "AnalysisErrors" in id)
    said = alarm["Properties"]
    assert (said["EvaluationPeriods"], said["Threshold"]) == (3, 0)
    assert said["TreatMissingData"] == "notBreaching"
    stats = {each["Id"]: each["MetricStat"]["Metric"] for each in said["Metrics"] if "MetricStat" in each}
    assert {metric["MetricName"] for metric in stats.values()} == {"Errors", "Throttles"}
    (function,) = resources(template, "AWS::Lambda::Function")
    for metric in stats.values():
        assert metric["Namespace"] == "AWS/Lambda"
        assert metric["Dimensions"] == [{"Name": "FunctionName", "Value": {"Ref": function}}]


def test_where_the_inconclusive_may_go_on_a_failing_function_may_too(stack: cdk.Stack) -> None:
    template = analysed(stack, canary(analysis=analysis(on_inconclusive=OnInconclusive.PROCEED)))
    (id,) = resources(template, ALARM)
    assert "AnalysisErrors" not in id


def test_it_stands_beside_the_built_in_alarms_and_the_users(stack: cdk.Stack) -> None:
    own = cloudwatch.Alarm.from_alarm_name(stack, "Own", "own")
    template = analysed(stack, canary(rollback=Rollback(alarms=[own])))
    watched = properties(template, ENDPOINT)["DeploymentConfig"]["AutoRollbackConfiguration"]["Alarms"]
    assert len(watched) == 5


def test_the_function_is_called_every_minute_with_the_analysis(stack: cdk.Stack) -> None:
    template = analysed(stack, canary(analysis=analysis(failure_limit=1, inconclusive_limit=2)))
    rule = properties(template, RULE)
    assert (rule["ScheduleExpression"], rule["State"]) == ("rate(1 minute)", "ENABLED")
    (target,) = rule["Targets"]
    assert json.loads(target["Input"]) == {
        "EndpointName": "fraud",
        "BakeSeconds": 600,
        "IntervalSeconds": 60,
        "SettleSeconds": 60,
        "DecideSecondsBefore": 180,
        "FailureLimit": 1,
        "SuccessLimit": 3,
        "InconclusiveLimit": 2,
        "OnInconclusive": "ROLL_BACK",
        "Checks": [
            {
                "Name": "accuracy",
                "AtLeast": 0.9,
                "Margin": 0,
                "MinimumSamples": 1,
                "Queries": [
                    {
                        "Id": "constructs_value",
                        "MetricStat": {
                            "Metric": {
                                "Namespace": "Fraud",
                                "MetricName": "Accuracy",
                                "Dimensions": [{"Name": "Model", "Value": "fraud"}],
                            },
                            "Period": 60,
                            "Stat": "Average",
                        },
                    }
                ],
            }
        ],
    }
    function = properties(template, "AWS::Lambda::Function")
    assert function["Handler"] == "runtime.canary_analysis.handle"


def test_all_stands_before_the_endpoint_is_updated(stack: cdk.Stack) -> None:
    template = analysed(stack)
    before = set(resource(template, ENDPOINT)["DependsOn"])
    for type in (RULE, ALARM, "AWS::Lambda::Permission"):
        assert set(resources(template, type)) <= before


def test_the_function_may_read_metrics_its_endpoints_and_put_verdicts(stack: cdk.Stack) -> None:
    an_endpoint(stack, endpoint_name="Fraud", rollout=canary(), check_deployments=False)
    an_endpoint(stack, "Other", endpoint_name="other", rollout=linear(), check_deployments=False)
    template = synthesized(stack)
    assert len(resources(template, "AWS::Lambda::Function")) == 1, "one for the stack"
    assert len(resources(template, RULE)) == 2
    allowed = {
        action
        for each in statements(template, "ConstructsLibCanaryAnalysis")
        for action in ([each["Action"]] if isinstance(each["Action"], str) else each["Action"])
    }
    assert allowed == {
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "cloudwatch:GetMetricData",
        "cloudwatch:PutMetricData",
        "sagemaker:DescribeEndpoint",
    }
    (put,) = allowing(template, "cloudwatch:PutMetricData", "ConstructsLibCanaryAnalysis")
    assert put["Condition"] == {"StringEquals": {"cloudwatch:namespace": "ConstructsLib/Rollouts"}}
    described = [
        flat(arn)
        for each in allowing(template, "sagemaker:DescribeEndpoint", "ConstructsLibCanaryAnalysis")
        for arn in (each["Resource"] if isinstance(each["Resource"], list) else [each["Resource"]])
    ]
    assert sorted(arn.rpartition("/")[2] for arn in described) == ["Fraud", "fraud", "other"]


def test_without_an_analysis_there_is_no_trace_of_one(stack: cdk.Stack) -> None:
    template = analysed(stack, canary(analysis=None))
    for type in (RULE, ALARM, "AWS::Lambda::Function"):
        assert resources(template, type) == {}


def test_verdicts_are_metrics_to_look_at(stack: cdk.Stack) -> None:
    endpoint = an_endpoint(stack, endpoint_name="fraud", rollout=canary())
    made = endpoint.rollout_analysis
    assert made is not None
    for metric in (made.metric_success(), made.metric_failure(), made.metric_inconclusive()):
        config = metric.to_metric_config().metric_stat
        assert config is not None
        assert (config.namespace, config.statistic) == ("ConstructsLib/Rollouts", "Maximum")
    assert made.metric_failure().metric_name == "Failure"
    assert an_endpoint(stack, "Plain").rollout_analysis is None


def test_an_asynchronous_endpoint_is_analysed_too(stack: cdk.Stack) -> None:
    AsyncEndpoint(
        stack, "Queue", model=a_model(stack), instance_type="ml.m5.large", rollout=canary(), scaling=None
    )
    assert len(resources(synthesized(stack), RULE)) >= 1


def queries(check: MetricCheck, period: int = 60) -> list[dict[str, Any]]:
    return list(check.describe(period)["Queries"])  # type: ignore[call-overload]


def test_samples_are_counted_where_a_minimum_asks_for_it() -> None:
    (value,) = queries(check())
    assert value["Id"] == "constructs_value"
    value, samples = queries(check(minimum_samples=50), 300)
    assert samples["MetricStat"] == {**value["MetricStat"], "Stat": "SampleCount"}
    assert value["MetricStat"]["Period"] == 300


def test_metric_math_is_asked_for_after_what_it_is_computed_from() -> None:
    calls = cloudwatch.Metric(namespace="Fraud", metric_name="All", statistic="Sum")
    found = queries(check(metric=RATE, at_least=None, at_most=1, minimum_samples=9, samples=calls))
    assert [each["Id"] for each in found] == ["bad", "all", "constructs_value", "constructs_samples"]
    assert [each.get("ReturnData", True) for each in found] == [False, False, True, True]


def test_a_unit_is_asked_for_where_the_metric_names_one() -> None:
    metric = cloudwatch.Metric(
        namespace="Fraud", metric_name="Time", unit=cloudwatch.Unit.MILLISECONDS, statistic="p99"
    )
    (found,) = queries(check(metric=metric))
    assert found["MetricStat"]["Unit"] == "Milliseconds"
    assert found["MetricStat"]["Stat"] == "p99"


def test_what_only_the_deployment_knows_reaches_the_function(stack: cdk.Stack) -> None:
    number = cdk.CfnParameter(stack, "Number", type="Number").value_as_number
    rollout = canary(wait=seconds(number), analysis=analysis(checks=[check(at_least=number)]))
    (target,) = properties(analysed(stack, rollout), RULE)["Targets"]
    assert '"AtLeast":"<Number>"' in flat(target["Input"])
    assert '"BakeSeconds":"<Number>"' in flat(target["Input"])


# --- the rules ------------------------------------------------------------------------------------


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
