"""Auto scaling in raw L1s."""

from __future__ import annotations

from collections.abc import Mapping

import aws_cdk as cdk
from aws_cdk import aws_applicationautoscaling as appscaling
from aws_cdk import aws_cloudwatch as cloudwatch

_Policy = appscaling.CfnScalingPolicy
_Tracking = _Policy.TargetTrackingScalingPolicyConfigurationProperty


def target(
    stack: cdk.Stack, id: str, *, resource_id: str, dimension: str, low: int, high: int
) -> appscaling.CfnScalableTarget:
    """The scalable target of one capacity."""
    return appscaling.CfnScalableTarget(
        stack,
        id,
        service_namespace="sagemaker",
        scalable_dimension=dimension,
        resource_id=resource_id,
        min_capacity=low,
        max_capacity=high,
        role_arn=f"arn:{stack.partition}:iam::{stack.account}:role/aws-service-role/"
        "sagemaker.application-autoscaling.amazonaws.com/AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint",
        suspended_state=appscaling.CfnScalableTarget.SuspendedStateProperty(
            dynamic_scaling_in_suspended=False,
            dynamic_scaling_out_suspended=False,
            scheduled_scaling_suspended=False,
        ),
    )


def predefined(stack: cdk.Stack, id: str, name: str, of: str, metric_type: str, value: float) -> _Policy:
    """A policy that tracks one of Application Auto Scaling's own metrics; `of`: the target's reference."""
    specification = _Policy.PredefinedMetricSpecificationProperty(predefined_metric_type=metric_type)
    tracking = _Tracking(
        target_value=value,
        predefined_metric_specification=specification,
        scale_in_cooldown=300,
        scale_out_cooldown=300,
        disable_scale_in=False,
    )
    return _tracking_policy(stack, id, name, of, tracking)


def customized(
    stack: cdk.Stack,
    id: str,
    name: str,
    of: str,
    metric_name: str,
    dimensions: Mapping[str, str],
    value: float,
) -> _Policy:
    """A policy that tracks another metric."""
    specification = _Policy.CustomizedMetricSpecificationProperty(
        namespace="AWS/SageMaker",
        metric_name=metric_name,
        dimensions=[
            _Policy.MetricDimensionProperty(name=each, value=value_) for each, value_ in dimensions.items()
        ],
        statistic="Average",
    )
    tracking = _Tracking(
        target_value=value,
        customized_metric_specification=specification,
        scale_in_cooldown=300,
        scale_out_cooldown=300,
        disable_scale_in=False,
    )
    return _tracking_policy(stack, id, name, of, tracking)


def _tracking_policy(stack: cdk.Stack, id: str, name: str, of: str, tracking: _Tracking) -> _Policy:
    return _Policy(
        stack,
        id,
        policy_name=name,
        policy_type="TargetTrackingScaling",
        scaling_target_id=of,
        target_tracking_scaling_policy_configuration=tracking,
    )


def waking(
    stack: cdk.Stack,
    id: str,
    name: str,
    of: str,
    *,
    resource_id: str,
    metric_name: str,
    dimensions: Mapping[str, str],
    period: int,
) -> list[cdk.CfnResource]:
    """The step policy that brings a capacity back from zero, and the alarm that runs it."""
    policy = _Policy(
        stack,
        id,
        policy_name=name,
        policy_type="StepScaling",
        scaling_target_id=of,
        step_scaling_policy_configuration=_Policy.StepScalingPolicyConfigurationProperty(
            adjustment_type="ChangeInCapacity",
            cooldown=300,
            metric_aggregation_type="Average",
            step_adjustments=[
                _Policy.StepAdjustmentProperty(scaling_adjustment=1, metric_interval_lower_bound=0)
            ],
        ),
    )
    alarm = cloudwatch.CfnAlarm(
        stack,
        f"{id}Alarm",
        alarm_actions=[policy.ref],
        alarm_description=f"Scales {resource_id} in steps",
        comparison_operator="GreaterThanOrEqualToThreshold",
        dimensions=[
            cloudwatch.CfnAlarm.DimensionProperty(name=each, value=value)
            for each, value in dimensions.items()
        ],
        evaluation_periods=1,
        metric_name=metric_name,
        namespace="AWS/SageMaker",
        period=period,
        statistic="Maximum",
        threshold=1,
    )
    return [policy, alarm]
