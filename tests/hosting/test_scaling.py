"""Auto scaling: the scalable target of each variant, and a policy for each thing that moves it."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_applicationautoscaling as appscaling
from aws_cdk import aws_cloudwatch as cloudwatch
from botocore.session import get_session

from constructs_lib import (
    Adjustment,
    AutoScaling,
    MetricTarget,
    ScalingStep,
    ScheduledScaling,
    StepScaling,
    SuspendedScaling,
)
from constructs_lib.hosting.metric_specification import metric_specification
from tests.support.synth import (
    Template,
    a_variant,
    an_endpoint,
    flat,
    properties,
    resource,
    resources,
    synthesized,
)

TARGET, POLICY = "AWS::ApplicationAutoScaling::ScalableTarget", "AWS::ApplicationAutoScaling::ScalingPolicy"
minutes = cdk.Duration.minutes


def scaling(**props: Any) -> AutoScaling:
    return AutoScaling(**{"min_capacity": 2, "max_capacity": 10, **props})


def scaled(stack: cdk.Stack, **props: Any) -> Template:
    an_endpoint(stack, scaling=scaling(**props), check_deployments=False)
    return synthesized(stack)


def tracking(stack: cdk.Stack, **props: Any) -> dict[str, Any]:
    policy = properties(scaled(stack, **props), POLICY)
    assert policy["PolicyType"] == "TargetTrackingScaling"
    return dict(policy["TargetTrackingScalingPolicyConfiguration"])


def depth(**props: Any) -> cloudwatch.Metric:
    return cloudwatch.Metric(**{"namespace": "Fraud", "metric_name": "Depth", **props})


def test_the_target_is_the_variants_instance_count_under_the_service_linked_role(stack: cdk.Stack) -> None:
    template = scaled(stack, invocations_per_instance=600)
    target = properties(template, TARGET)
    assert flat(target.pop("RoleARN")) == (
        "arn:<AWS::Partition>:iam::<AWS::AccountId>:role/aws-service-role/sagemaker.application-autoscaling."
        "amazonaws.com/AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
    )
    assert target == {
        "ServiceNamespace": "sagemaker",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
        "ResourceId": "endpoint/test-endpoint/variant/AllTraffic",
        "MinCapacity": 2,
        "MaxCapacity": 10,
        "SuspendedState": {
            "DynamicScalingInSuspended": False,
            "DynamicScalingOutSuspended": False,
            "ScheduledScalingSuspended": False,
        },
    }


def test_no_role_is_made_for_scaling(stack: cdk.Stack) -> None:
    roles = resources(scaled(stack, invocations_per_instance=600), "AWS::IAM::Role")
    assert len(roles) == 1, "the model's"


def test_target_and_policy_come_after_the_endpoint(stack: cdk.Stack) -> None:
    template = scaled(stack, invocations_per_instance=600)
    (endpoint,) = resources(template, "AWS::SageMaker::Endpoint")
    (target,) = resources(template, TARGET)
    assert endpoint in resource(template, TARGET)["DependsOn"]
    assert flat(properties(template, POLICY)["ScalingTargetId"]) == f"<{target}>"


PREDEFINED = {
    "invocations_per_instance": "SageMakerVariantInvocationsPerInstance",
    "concurrent_requests_per_model": "SageMakerVariantConcurrentRequestsPerModelHighResolution",
}


@pytest.mark.parametrize(("prop", "metric"), PREDEFINED.items())
def test_predefined_metrics_are_tracked_with_default_cooldowns(
    stack: cdk.Stack, prop: str, metric: str
) -> None:
    assert tracking(stack, **{prop: 7.5}) == {
        "TargetValue": 7.5,
        "PredefinedMetricSpecification": {"PredefinedMetricType": metric},
        "ScaleInCooldown": 300,
        "ScaleOutCooldown": 300,
        "DisableScaleIn": False,
    }


def test_cooldowns_and_scaling_in_are_as_told_and_0_stays_0(stack: cdk.Stack) -> None:
    config = tracking(
        stack,
        invocations_per_instance=600,
        scale_in_cooldown=minutes(15),
        scale_out_cooldown=minutes(0),
        scale_in=False,
    )
    assert (config["ScaleInCooldown"], config["ScaleOutCooldown"], config["DisableScaleIn"]) == (900, 0, True)


def test_cpu_is_tracked_as_the_variants_own_metric(stack: cdk.Stack) -> None:
    config = tracking(stack, cpu_utilization=70)
    assert config["TargetValue"] == 70
    assert config["CustomizedMetricSpecification"] == {
        "Namespace": "/aws/sagemaker/Endpoints",
        "MetricName": "CPUUtilization",
        "Dimensions": [
            {"Name": "EndpointName", "Value": "test-endpoint"},
            {"Name": "VariantName", "Value": "AllTraffic"},
        ],
        "Statistic": "Average",
    }


@pytest.mark.parametrize(
    ("statistic", "written"),
    [
        ("Average", "Average"),
        ("avg", "Average"),
        ("Sum", "Sum"),
        ("min", "Minimum"),
        ("Maximum", "Maximum"),
        ("n", "SampleCount"),
        ("SampleCount", "SampleCount"),
    ],
)
def test_a_plain_statistic_is_spelled_out(stack: cdk.Stack, statistic: str, written: str) -> None:
    target = MetricTarget(
        name="Depth", metric=depth(statistic=statistic, unit=cloudwatch.Unit.COUNT), target=5
    )
    config = tracking(stack, metrics=[target])
    assert config["CustomizedMetricSpecification"] == {
        "Namespace": "Fraud",
        "MetricName": "Depth",
        "Statistic": written,
        "Unit": "Count",
    }


def test_every_unit_is_spelled_as_cloudwatch_does() -> None:
    written = {metric_specification(depth(unit=unit, statistic="Sum")).unit for unit in cloudwatch.Unit}
    assert written == set(get_session().get_service_model("cloudwatch").shape_for("StandardUnit").enum)


def test_a_percentile_is_a_query(stack: cdk.Stack) -> None:
    metric = depth(statistic="p99", dimensions_map={"Queue": "in"}, unit=cloudwatch.Unit.MICROSECONDS)
    config = tracking(stack, metrics=[MetricTarget(name="Depth", metric=metric, target=5)])
    assert config["CustomizedMetricSpecification"] == {
        "Metrics": [
            {
                "Id": "result",
                "ReturnData": True,
                "MetricStat": {
                    "Metric": {
                        "Namespace": "Fraud",
                        "MetricName": "Depth",
                        "Dimensions": [{"Name": "Queue", "Value": "in"}],
                    },
                    "Stat": "p99",
                    "Unit": "Microseconds",
                },
            }
        ]
    }


def test_metric_math_is_queries_of_which_one_returns(stack: cdk.Stack) -> None:
    inner = cloudwatch.MathExpression(
        expression="a + b", using_metrics={"a": depth(), "b": depth(metric_name="B")}
    )
    outer = cloudwatch.MathExpression(
        expression="total / instances", using_metrics={"total": inner, "instances": depth(metric_name="I")}
    )
    config = tracking(stack, metrics=[MetricTarget(name="Load", metric=outer, target=5)])
    queries = config["CustomizedMetricSpecification"]["Metrics"]
    assert [(each["Id"], each["ReturnData"]) for each in queries] == [
        ("a", False),
        ("b", False),
        ("total", False),
        ("instances", False),
        ("result", True),
    ]
    assert queries[-1]["Expression"] == "total / instances"
    assert queries[2]["Expression"] == "a + b"


def test_something_that_is_neither_metric_nor_math_is_a_type_error() -> None:
    class Odd:
        def to_metric_config(self) -> cloudwatch.MetricConfig:
            return cloudwatch.MetricConfig()

    with pytest.raises(TypeError, match="neither a metric nor a math expression"):
        metric_specification(Odd())


def test_every_target_has_a_policy_with_a_name_of_its_own(stack: cdk.Stack) -> None:
    template = scaled(
        stack,
        invocations_per_instance=600,
        concurrent_requests_per_model=5,
        cpu_utilization=70,
        metrics=[MetricTarget(name=name, metric=depth(), target=5) for name in ("Depth", "Width")],
    )
    assert [each["Properties"]["PolicyName"] for each in resources(template, POLICY).values()] == [
        "AllTraffic-Invocations",
        "AllTraffic-Concurrency",
        "AllTraffic-Cpu",
        "AllTraffic-MetricDepth",
        "AllTraffic-MetricWidth",
    ]


def a_step(**props: Any) -> StepScaling:
    steps = [
        ScalingStep(change=-1, upper=0),
        ScalingStep(change=2, lower=0, upper=10),
        ScalingStep(change=4, lower=10),
    ]
    return StepScaling(**{"name": "Out", "metric": depth(), "threshold": 100, "steps": steps, **props})


def test_steps_are_a_policy_run_by_an_alarm(stack: cdk.Stack) -> None:
    template = scaled(stack, steps=[a_step(cooldown=minutes(2))])
    policy = properties(template, POLICY)
    assert (policy["PolicyName"], policy["PolicyType"]) == ("AllTraffic-StepOut", "StepScaling")
    assert policy["StepScalingPolicyConfiguration"] == {
        "AdjustmentType": "ChangeInCapacity",
        "Cooldown": 120,
        "MetricAggregationType": "Average",
        "StepAdjustments": [
            {"ScalingAdjustment": -1, "MetricIntervalUpperBound": 0},
            {"ScalingAdjustment": 2, "MetricIntervalLowerBound": 0, "MetricIntervalUpperBound": 10},
            {"ScalingAdjustment": 4, "MetricIntervalLowerBound": 10},
        ],
    }
    (alarm,) = [
        each["Properties"]
        for each in resources(template, "AWS::CloudWatch::Alarm").values()
        if each["Properties"].get("MetricName") == "Depth"
    ]
    (id,) = resources(template, POLICY)
    assert [flat(each) for each in alarm["AlarmActions"]] == [f"<{id}>"]
    assert (alarm["Threshold"], alarm["EvaluationPeriods"]) == (100, 1)
    assert alarm["ComparisonOperator"] == "GreaterThanOrEqualToThreshold"


def test_a_step_may_compare_adjust_and_evaluate_otherwise(stack: cdk.Stack) -> None:
    step = a_step(
        comparison=cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
        adjustment=Adjustment.PERCENT,
        evaluation_periods=3,
    )
    template = scaled(stack, steps=[step])
    assert properties(template, POLICY)["StepScalingPolicyConfiguration"]["AdjustmentType"] == (
        "PercentChangeInCapacity"
    )
    alarms = [each["Properties"] for each in resources(template, "AWS::CloudWatch::Alarm").values()]
    assert ("LessThanThreshold", 3) in [
        (each["ComparisonOperator"], each["EvaluationPeriods"]) for each in alarms
    ]


def test_a_step_may_follow_metric_math(stack: cdk.Stack) -> None:
    math = cloudwatch.MathExpression(expression="a * 2", using_metrics={"a": depth()})
    assert len(resources(scaled(stack, steps=[a_step(metric=math)]), POLICY)) == 1


def test_schedules_move_the_bounds_in_their_timezone(stack: cdk.Stack) -> None:
    schedules = [
        ScheduledScaling(
            name="Night",
            schedule=appscaling.Schedule.cron(hour="22", minute="0"),
            min_capacity=1,
            max_capacity=2,
            timezone=cdk.TimeZone.EUROPE_BERLIN,
        ),
        ScheduledScaling(name="Day", schedule=appscaling.Schedule.rate(minutes(60)), max_capacity=10),
    ]
    template = scaled(stack, schedules=schedules)
    assert properties(template, TARGET)["ScheduledActions"] == [
        {
            "ScheduledActionName": "Night",
            "Schedule": "cron(0 22 * * ? *)",
            "Timezone": "Europe/Berlin",
            "ScalableTargetAction": {"MinCapacity": 1, "MaxCapacity": 2},
        },
        {
            "ScheduledActionName": "Day",
            "Schedule": "rate(1 hour)",
            "ScalableTargetAction": {"MaxCapacity": 10},
        },
    ]
    assert resources(template, POLICY) == {}


def test_the_three_switches_suspend_each_kind(stack: cdk.Stack) -> None:
    suspended = SuspendedScaling(scale_in=True, scheduled=True)
    template = scaled(stack, invocations_per_instance=600, suspended=suspended)
    assert properties(template, TARGET)["SuspendedState"] == {
        "DynamicScalingInSuspended": True,
        "DynamicScalingOutSuspended": False,
        "ScheduledScalingSuspended": True,
    }


def test_two_variants_scale_apart(stack: cdk.Stack) -> None:
    endpoint = an_endpoint(
        stack,
        variants=[
            a_variant(stack, "A", scaling=scaling(invocations_per_instance=600)),
            a_variant(stack, "B", scaling=scaling(min_capacity=1, cpu_utilization=50)),
            a_variant(stack, "C"),
        ],
    )
    template = synthesized(stack)
    assert {
        each["Properties"]["ResourceId"]: each["Properties"]["MinCapacity"]
        for each in resources(template, TARGET).values()
    } == {"endpoint/test-endpoint/variant/A": 2, "endpoint/test-endpoint/variant/B": 1}
    assert list(endpoint.scalings) == ["A", "B"]
    assert endpoint.scalings["A"].resource_id == "endpoint/test-endpoint/variant/A"


def test_tokens_reach_the_template(stack: cdk.Stack) -> None:
    number = cdk.CfnParameter(stack, "Number", type="Number").value_as_number
    template = scaled(
        stack,
        min_capacity=number,
        max_capacity=number,
        invocations_per_instance=number,
        scale_in_cooldown=cdk.Duration.seconds(number),
    )
    assert properties(template, TARGET)["MinCapacity"] == {"Ref": "Number"}
    config = properties(template, POLICY)["TargetTrackingScalingPolicyConfiguration"]
    assert config["TargetValue"] == config["ScaleInCooldown"] == {"Ref": "Number"}
    (variant,) = properties(template, "AWS::SageMaker::EndpointConfig")["ProductionVariants"]
    assert variant["InitialInstanceCount"] == {"Ref": "Number"}
