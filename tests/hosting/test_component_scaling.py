"""Scaling the copies of a component: targets, steps, schedules, and waking up from none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_applicationautoscaling as appscaling
from aws_cdk import aws_cloudwatch as cloudwatch

from constructs_lib import (
    AutoScaling,
    ComponentMetric,
    MetricTarget,
    ScalingStep,
    ScheduledScaling,
    StepScaling,
)
from constructs_lib.hosting.scaling import Scalable
from constructs_lib.hosting.waking import may_sleep
from tests.support.components import COMPONENT, a_component, a_fleet, after
from tests.support.synth import Template, flat, properties, resources, synthesized

TARGET, POLICY = "AWS::ApplicationAutoScaling::ScalableTarget", "AWS::ApplicationAutoScaling::ScalingPolicy"
NAME = "test-endpoint-fraud-194ad22b"
NIGHT = appscaling.Schedule.expression("cron(0 22 * * ? *)")


def scaling(**props: Any) -> AutoScaling:
    return AutoScaling(**{"min_capacity": 1, "max_capacity": 6, **props})


def scaled(stack: cdk.Stack, **props: Any) -> Template:
    a_component(a_fleet(stack), scaling=scaling(**props))
    return synthesized(stack)


def policies(template: Template) -> dict[str, dict[str, Any]]:
    """The properties of each policy, by its name without the component's."""
    made = [each["Properties"] for each in resources(template, POLICY).values()]
    return {each["PolicyName"].removeprefix(f"{NAME}-"): each for each in made}


def wake_up_alarm(template: Template) -> dict[str, Any]:
    """The properties of the alarm that acts on a policy: the rollback alarms act on nothing."""
    (alarm,) = (
        each["Properties"]
        for each in resources(template, "AWS::CloudWatch::Alarm").values()
        if "AlarmActions" in each["Properties"]
    )
    return dict(alarm)


def test_the_target_is_the_components_copies(stack: cdk.Stack) -> None:
    target = properties(scaled(stack, invocations_per_copy=600), TARGET)
    assert target["ServiceNamespace"] == "sagemaker"
    assert target["ScalableDimension"] == "sagemaker:inference-component:DesiredCopyCount"
    assert target["ResourceId"] == f"inference-component/{NAME}"
    assert (target["MinCapacity"], target["MaxCapacity"]) == (1, 6)


def test_target_and_policies_come_after_the_component(stack: cdk.Stack) -> None:
    template = scaled(stack, min_capacity=0, invocations_per_copy=600)
    (component,) = resources(template, COMPONENT)
    assert component in after(template, TARGET)
    (target,) = resources(template, TARGET)
    assert all(flat(each["ScalingTargetId"]) == f"<{target}>" for each in policies(template).values())


@pytest.mark.parametrize(
    ("prop", "name", "metric"),
    [
        ("invocations_per_copy", "Invocations", "SageMakerInferenceComponentInvocationsPerCopy"),
        (
            "concurrent_requests_per_copy",
            "Concurrency",
            "SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution",
        ),
    ],
)
def test_a_target_per_copy_is_tracked(stack: cdk.Stack, prop: str, name: str, metric: str) -> None:
    (policy,) = policies(scaled(stack, **{prop: 7.5})).items()
    assert policy[0] == name
    assert policy[1]["TargetTrackingScalingPolicyConfiguration"] == {
        "TargetValue": 7.5,
        "PredefinedMetricSpecification": {"PredefinedMetricType": metric},
        "ScaleInCooldown": 300,
        "ScaleOutCooldown": 300,
        "DisableScaleIn": False,
    }


def test_a_metric_of_your_own_is_tracked(stack: cdk.Stack) -> None:
    one = a_component(a_fleet(stack))
    target = MetricTarget(name="Gpu", metric=one.metric(ComponentMetric.GPU_UTILIZATION), target=70)
    a_component(a_fleet(stack, "Other"), scaling=scaling(metrics=[target]))
    (policy,) = resources(synthesized(stack), POLICY).values()
    tracked = policy["Properties"]["TargetTrackingScalingPolicyConfiguration"][
        "CustomizedMetricSpecification"
    ]
    assert tracked["Namespace"] == "/aws/sagemaker/InferenceComponents"
    assert tracked["Dimensions"] == [{"Name": "InferenceComponentName", "Value": one.component_name}]


def test_steps_and_schedules_move_the_copies(stack: cdk.Stack) -> None:
    depth = cloudwatch.Metric(namespace="Fraud", metric_name="Depth")
    step = StepScaling(name="Depth", metric=depth, threshold=10, steps=[ScalingStep(lower=0, change=2)])
    night = ScheduledScaling(name="Night", schedule=NIGHT, min_capacity=1, max_capacity=2)
    template = scaled(stack, steps=[step], schedules=[night])
    assert list(policies(template)) == ["StepDepth"]
    (action,) = properties(template, TARGET)["ScheduledActions"]
    assert action["ScalableTargetAction"] == {"MinCapacity": 1, "MaxCapacity": 2}


def test_what_may_sleep_is_woken_when_a_request_finds_no_copy(stack: cdk.Stack) -> None:
    template = scaled(stack, min_capacity=0, invocations_per_copy=600)
    made = policies(template)
    assert set(made) == {"Invocations", "StepWakeUp"}
    assert made["StepWakeUp"]["StepScalingPolicyConfiguration"] == {
        "AdjustmentType": "ChangeInCapacity",
        "Cooldown": 300,
        "MetricAggregationType": "Average",
        "StepAdjustments": [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}],
    }
    alarm = wake_up_alarm(template)
    (policy,) = (id for id in resources(template, POLICY) if "WakeUp" in id)
    assert alarm.pop("AlarmActions") == [{"Ref": policy}]
    assert alarm == {
        "AlarmDescription": f"Scales inference-component/{NAME} in steps",
        "Namespace": "AWS/SageMaker",
        "MetricName": "NoCapacityInvocationFailures",
        "Dimensions": [{"Name": "InferenceComponentName", "Value": NAME}],
        "Statistic": "Maximum",
        "Period": 30,
        "EvaluationPeriods": 1,
        "Threshold": 1,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
    }


def at_night(low: float | None) -> AutoScaling:
    night = ScheduledScaling(name="Night", schedule=NIGHT, min_capacity=low, max_capacity=4)
    return scaling(invocations_per_copy=600, schedules=[night])


def late() -> float:
    return cdk.Token.as_number(cdk.Fn.ref("Least"))


SLEEPERS: dict[str, tuple[Callable[[], AutoScaling], bool]] = {
    "a minimum of 0": (lambda: scaling(min_capacity=0, invocations_per_copy=1), True),
    "a minimum of 1": (lambda: scaling(min_capacity=1, invocations_per_copy=1), False),
    "a minimum known late": (lambda: scaling(min_capacity=late(), invocations_per_copy=1), True),
    "0 at night": (lambda: at_night(0), True),
    "1 at night": (lambda: at_night(1), False),
    "late at night": (lambda: at_night(late()), True),
    "nothing at night": (lambda: at_night(None), False),
}


@pytest.mark.parametrize(("make", "sleeps"), SLEEPERS.values(), ids=SLEEPERS.keys())
def test_whatever_may_come_down_to_none_is_woken(
    stack: cdk.Stack, make: Callable[[], AutoScaling], sleeps: bool
) -> None:
    assert may_sleep(make()) is sleeps
    one = a_component(a_fleet(stack), scaling=make())
    assert one.keeps_a_copy is not sleeps
    assert ("StepWakeUp" in policies(synthesized(stack))) is sleeps


def test_your_steps_stand_beside_the_wake_up(stack: cdk.Stack) -> None:
    depth = cloudwatch.Metric(namespace="Fraud", metric_name="Depth")
    step = StepScaling(name="Depth", metric=depth, threshold=10, steps=[ScalingStep(lower=0, change=2)])
    given = scaling(min_capacity=0, steps=[step])
    a_component(a_fleet(stack), scaling=given)
    assert set(policies(synthesized(stack))) == {"StepDepth", "StepWakeUp"}
    assert given.steps == [step], "what was given stays as it was"


def test_one_scaling_serves_several_components(stack: cdk.Stack) -> None:
    fleet, shared = a_fleet(stack), scaling(min_capacity=0, invocations_per_copy=600)
    made = [a_component(fleet, id, scaling=shared).scaling for id in ("A", "B")]
    targets = resources(synthesized(stack), TARGET).values()
    assert {each["Properties"]["ResourceId"] for each in targets} == {
        each.resource_id for each in made if each is not None
    }
    assert len(targets) == 2


def test_a_name_known_late_is_the_targets_too(stack: cdk.Stack) -> None:
    name = cdk.CfnParameter(stack, "Name").value_as_string
    a_component(
        a_fleet(stack), component_name=name, scaling=scaling(min_capacity=0, invocations_per_copy=600)
    )
    template = synthesized(stack)
    assert flat(properties(template, TARGET)["ResourceId"]) == "inference-component/<Name>"
    assert wake_up_alarm(template)["Dimensions"] == [
        {"Name": "InferenceComponentName", "Value": {"Ref": "Name"}}
    ]


@pytest.mark.parametrize(
    ("scalable", "resource_id", "dimension", "name", "metrics"),
    [
        (
            Scalable.instances("fraud", "A"),
            "endpoint/fraud/variant/A",
            "sagemaker:variant:DesiredInstanceCount",
            "A",
            {"EndpointName": "fraud", "VariantName": "A"},
        ),
        (
            Scalable.provisioned_concurrency("fraud", "A"),
            "endpoint/fraud/variant/A",
            "sagemaker:variant:DesiredProvisionedConcurrency",
            "A",
            {"EndpointName": "fraud", "VariantName": "A"},
        ),
        (
            Scalable.copies("fraud"),
            "inference-component/fraud",
            "sagemaker:inference-component:DesiredCopyCount",
            "fraud",
            {"InferenceComponentName": "fraud"},
        ),
    ],
    ids=["instances", "provisioned concurrency", "copies"],
)
def test_a_capacity_is_named_as_application_auto_scaling_names_it(
    scalable: Scalable, resource_id: str, dimension: str, name: str, metrics: dict[str, str]
) -> None:
    assert (scalable.resource_id, scalable.dimension, scalable.name) == (resource_id, dimension, name)
    assert scalable.metric_dimensions == metrics
