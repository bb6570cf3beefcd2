"""What moves the instances of an asynchronous endpoint: its backlog, down to none and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_applicationautoscaling as appscaling
from aws_cdk import aws_cloudwatch as cloudwatch

from constructs_lib import (
    AutoScaling,
    ScalingStep,
    ScheduledScaling,
    StepScaling,
)
from tests.support.endpoints import an_async_endpoint
from tests.support.synth import (
    Resource,
    Template,
    properties,
    resources,
    synthesized,
)

CONFIG, ENDPOINT, ALARM = (
    "AWS::SageMaker::EndpointConfig",
    "AWS::SageMaker::Endpoint",
    "AWS::CloudWatch::Alarm",
)
TARGET, POLICY = "AWS::ApplicationAutoScaling::ScalableTarget", "AWS::ApplicationAutoScaling::ScalingPolicy"
NIGHT = appscaling.Schedule.cron(hour="22", minute="0")


def made(stack: cdk.Stack, **props: Any) -> Template:
    an_async_endpoint(stack, **{"check_deployments": False, **props})
    return synthesized(stack)


def scaling(low: int = 0, **props: Any) -> AutoScaling:
    return AutoScaling(min_capacity=low, max_capacity=3, **props)


def variant(template: Template) -> dict[str, Any]:
    (only,) = properties(template, CONFIG)["ProductionVariants"]
    return dict(only)


def policies(template: Template) -> dict[str, Resource]:
    return {each["Properties"]["PolicyName"]: each for each in resources(template, POLICY).values()}


def test_asleep_it_keeps_five_waiting_per_instance_and_wakes_up(stack: cdk.Stack) -> None:
    template = made(stack, scaling=scaling())
    assert set(policies(template)) == {"AllTraffic-Backlog", "AllTraffic-StepWakeUp"}
    backlog = policies(template)["AllTraffic-Backlog"]["Properties"]
    tracking = backlog["TargetTrackingScalingPolicyConfiguration"]
    assert tracking["TargetValue"] == 5
    assert tracking["CustomizedMetricSpecification"] == {
        "Namespace": "AWS/SageMaker",
        "MetricName": "ApproximateBacklogSizePerInstance",
        "Dimensions": [{"Name": "EndpointName", "Value": "test-endpoint"}],
        "Statistic": "Average",
    }
    assert properties(template, TARGET)["MinCapacity"] == 0


def test_the_wake_up_policy_adds_one_instance_when_somebody_waits_and_nobody_is_there(
    stack: cdk.Stack,
) -> None:
    """As https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-autoscale.html has it."""
    template = made(stack, scaling=scaling())
    ((id, policy),) = (
        (id, each["Properties"])
        for id, each in resources(template, POLICY).items()
        if each["Properties"]["PolicyType"] == "StepScaling"
    )
    assert policy["StepScalingPolicyConfiguration"] == {
        "AdjustmentType": "ChangeInCapacity",
        "MetricAggregationType": "Average",
        "Cooldown": 300,
        "StepAdjustments": [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}],
    }
    (alarm,) = (
        each["Properties"]
        for each in resources(template, ALARM).values()
        if "MetricName" in each["Properties"]
    )
    assert (alarm["Namespace"], alarm["MetricName"]) == ("AWS/SageMaker", "HasBacklogWithoutCapacity")
    assert alarm["Dimensions"] == [{"Name": "EndpointName", "Value": "test-endpoint"}]
    assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (1, "GreaterThanOrEqualToThreshold")
    assert (alarm["Period"], alarm["EvaluationPeriods"], alarm["Statistic"]) == (60, 1, "Maximum")
    assert alarm["AlarmActions"] == [{"Ref": id}]


def test_it_starts_with_one_instance_so_that_a_broken_model_fails_its_deployment(stack: cdk.Stack) -> None:
    assert variant(made(stack, scaling=scaling()))["InitialInstanceCount"] == 1


def test_a_deploy_keeps_the_count_that_scaling_chose(stack: cdk.Stack) -> None:
    config = properties(made(stack, scaling=scaling()), ENDPOINT)
    assert config["RetainAllVariantProperties"] is True
    assert config["ExcludeRetainedVariantProperties"] == [{"VariantPropertyType": "DesiredWeight"}]


def test_a_target_of_ones_own_stands_alone(stack: cdk.Stack) -> None:
    template = made(stack, scaling=scaling(2, backlog_per_instance=10))
    (policy,) = policies(template).values()
    assert policy["Properties"]["TargetTrackingScalingPolicyConfiguration"]["TargetValue"] == 10


def test_cpu_is_a_target_too_and_wakes_up_the_same(stack: cdk.Stack) -> None:
    template = made(stack, scaling=scaling(cpu_utilization=70))
    assert set(policies(template)) == {"AllTraffic-Cpu", "AllTraffic-StepWakeUp"}


WAKING: dict[str, tuple[Callable[[], AutoScaling], bool]] = {
    "always there": (lambda: scaling(1, backlog_per_instance=5), False),
    "asleep by itself": (lambda: scaling(0, backlog_per_instance=5), True),
    "asleep at night": (
        lambda: scaling(
            1,
            backlog_per_instance=5,
            schedules=[ScheduledScaling(name="Night", schedule=NIGHT, min_capacity=0)],
        ),
        True,
    ),
    "fewer at night": (
        lambda: scaling(
            2,
            backlog_per_instance=5,
            schedules=[ScheduledScaling(name="Night", schedule=NIGHT, min_capacity=1)],
        ),
        False,
    ),
    "a maximum at night": (
        lambda: scaling(
            1,
            backlog_per_instance=5,
            schedules=[ScheduledScaling(name="Night", schedule=NIGHT, max_capacity=1)],
        ),
        False,
    ),
    "known late": (
        lambda: scaling(cdk.Token.as_number({"Ref": "Number"}), backlog_per_instance=5),
        True,
    ),
    "known late, at night": (
        lambda: scaling(
            1,
            backlog_per_instance=5,
            schedules=[
                ScheduledScaling(
                    name="Night", schedule=NIGHT, min_capacity=cdk.Token.as_number({"Ref": "Number"})
                )
            ],
        ),
        True,
    ),
}


@pytest.mark.parametrize(("given", "wakes"), WAKING.values(), ids=WAKING.keys())
def test_what_may_sleep_wakes_up_and_nothing_else_does(
    stack: cdk.Stack, given: Callable[[], AutoScaling], wakes: bool
) -> None:
    cdk.CfnParameter(stack, "Number", type="Number")
    assert ("AllTraffic-StepWakeUp" in policies(made(stack, scaling=given()))) == wakes


def test_steps_of_ones_own_stand_beside_the_wake_up(stack: cdk.Stack) -> None:
    depth = cloudwatch.Metric(namespace="Fraud", metric_name="Depth")
    out = StepScaling(name="Out", metric=depth, threshold=10, steps=[ScalingStep(lower=0, change=2)])
    assert set(policies(made(stack, scaling=scaling(steps=[out])))) == {
        "AllTraffic-StepOut",
        "AllTraffic-StepWakeUp",
    }
