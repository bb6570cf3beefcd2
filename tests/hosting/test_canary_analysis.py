"""Canary analysis in a template: what is made, what it may do, what SageMaker watches."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_cloudwatch as cloudwatch

from constructs_lib import AsyncEndpoint, MetricCheck, OnInconclusive, Rollback, Rollout
from tests.support.canary_templates import RATE, analysed, analysis, canary, check, linear
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
    assert function["Handler"] == "constructs_lib.hosting.runtime.canary_analysis.handle"


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
