"""The resources of auto scaling: one scalable target a variant, and a policy for each thing that moves it."""

from __future__ import annotations

from collections.abc import Iterator

import aws_cdk as cdk
import constructs
import jsii
from aws_cdk import aws_applicationautoscaling as appscaling
from aws_cdk import aws_cloudwatch as cloudwatch

from ..core.place import Environment, environment_of
from .auto_scaling import AutoScaling, MetricTarget, ScheduledScaling, StepScaling
from .metric_specification import metric_specification

_DEFAULT_COOLDOWN_SECONDS = 300
_INSTANCE_COUNT = "sagemaker:variant:DesiredInstanceCount"
_SERVICE_LINKED_ROLE = (
    "role/aws-service-role/sagemaker.application-autoscaling.amazonaws.com/"
    "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
)


class VariantScaling(constructs.Construct):
    """The scalable target of one variant, with its policies, as L1s.

    L1s, since the L2 target makes an IAM role that SageMaker never uses: Application Auto Scaling acts
    through its service-linked role, which it creates on first use.
    """

    def __init__(
        self,
        scope: constructs.Construct,
        id: str,
        *,
        endpoint_name: str,
        variant_name: str,
        scaling: AutoScaling,
    ) -> None:
        super().__init__(scope, id)
        self.resource_id = f"endpoint/{endpoint_name}/variant/{variant_name}"
        self._dimensions = {"EndpointName": endpoint_name, "VariantName": variant_name}
        self.cfn_target = self._target(environment_of(scope), scaling)
        self.cfn_policies = [*self._tracking(scaling), *(self._step(step) for step in scaling.steps)]

    def _target(self, environment: Environment, scaling: AutoScaling) -> appscaling.CfnScalableTarget:
        suspended = scaling.suspended
        switches = appscaling.CfnScalableTarget.SuspendedStateProperty(
            dynamic_scaling_in_suspended=suspended.scale_in,
            dynamic_scaling_out_suspended=suspended.scale_out,
            scheduled_scaling_suspended=suspended.scheduled,
        )
        return appscaling.CfnScalableTarget(
            self,
            "Target",
            service_namespace="sagemaker",
            scalable_dimension=_INSTANCE_COUNT,
            resource_id=self.resource_id,
            min_capacity=scaling.min_capacity,
            max_capacity=scaling.max_capacity,
            role_arn=environment.arn("iam", _SERVICE_LINKED_ROLE, region=""),
            scheduled_actions=[_scheduled(each) for each in scaling.schedules] or None,
            # Always written, so that switching a suspension off again is a change CloudFormation makes.
            suspended_state=switches,
        )

    def _tracking(self, scaling: AutoScaling) -> Iterator[appscaling.CfnScalingPolicy]:
        predefined = {
            "Invocations": ("SageMakerVariantInvocationsPerInstance", scaling.invocations_per_instance),
            "Concurrency": (
                "SageMakerVariantConcurrentRequestsPerModelHighResolution",
                scaling.concurrent_requests_per_model,
            ),
        }
        for name, (metric_type, target) in predefined.items():
            if target is not None:
                specification = appscaling.CfnScalingPolicy.PredefinedMetricSpecificationProperty(
                    predefined_metric_type=metric_type
                )
                yield self._tracking_policy(name, scaling, target, predefined=specification)
        for metric_target in self._customized(scaling):
            yield self._tracking_policy(
                metric_target.name,
                scaling,
                metric_target.target,
                customized=metric_specification(metric_target.metric),
            )

    def _customized(self, scaling: AutoScaling) -> Iterator[MetricTarget]:
        if scaling.cpu_utilization is not None:
            cpu = cloudwatch.Metric(
                namespace="/aws/sagemaker/Endpoints",
                metric_name="CPUUtilization",
                dimensions_map=self._dimensions,
                statistic="Average",
            )
            yield MetricTarget(name="Cpu", metric=cpu, target=scaling.cpu_utilization)
        for target in scaling.metrics:
            yield MetricTarget(name=f"Metric{target.name}", metric=target.metric, target=target.target)

    def _tracking_policy(
        self,
        name: str,
        scaling: AutoScaling,
        target: float,
        *,
        predefined: appscaling.CfnScalingPolicy.PredefinedMetricSpecificationProperty | None = None,
        customized: appscaling.CfnScalingPolicy.CustomizedMetricSpecificationProperty | None = None,
    ) -> appscaling.CfnScalingPolicy:
        return appscaling.CfnScalingPolicy(
            self,
            name,
            policy_name=f"{self._dimensions['VariantName']}-{name}",
            policy_type="TargetTrackingScaling",
            scaling_target_id=self.cfn_target.ref,
            target_tracking_scaling_policy_configuration=appscaling.CfnScalingPolicy.TargetTrackingScalingPolicyConfigurationProperty(
                target_value=target,
                predefined_metric_specification=predefined,
                customized_metric_specification=customized,
                scale_in_cooldown=_seconds(scaling.scale_in_cooldown),
                scale_out_cooldown=_seconds(scaling.scale_out_cooldown),
                disable_scale_in=not scaling.scale_in,
            ),
        )

    def _step(self, step: StepScaling) -> appscaling.CfnScalingPolicy:
        name = f"Step{step.name}"
        policy = appscaling.CfnScalingPolicy(
            self,
            name,
            policy_name=f"{self._dimensions['VariantName']}-{name}",
            policy_type="StepScaling",
            scaling_target_id=self.cfn_target.ref,
            step_scaling_policy_configuration=appscaling.CfnScalingPolicy.StepScalingPolicyConfigurationProperty(
                adjustment_type=step.adjustment.value,
                cooldown=_seconds(step.cooldown),
                metric_aggregation_type="Average",
                step_adjustments=[
                    appscaling.CfnScalingPolicy.StepAdjustmentProperty(
                        scaling_adjustment=each.change,
                        metric_interval_lower_bound=each.lower,
                        metric_interval_upper_bound=each.upper,
                    )
                    for each in step.steps
                ],
            ),
        )
        alarm = step.metric.create_alarm(
            self,
            f"{name}Alarm",
            alarm_description=f"Scales {self.resource_id} in steps",
            threshold=step.threshold,
            comparison_operator=step.comparison,
            evaluation_periods=step.evaluation_periods,
        )
        alarm.add_alarm_action(_PolicyAction(policy.ref))
        return policy


@jsii.implements(cloudwatch.IAlarmAction)
class _PolicyAction:
    """An alarm action that runs a scaling policy."""

    def __init__(self, policy_arn: str) -> None:
        self._policy_arn = policy_arn

    def bind(self, scope: constructs.Construct, alarm: cloudwatch.IAlarm) -> cloudwatch.AlarmActionConfig:
        """Name the policy."""
        return cloudwatch.AlarmActionConfig(alarm_action_arn=self._policy_arn)


def _seconds(value: cdk.Duration | None) -> int | float:
    return _DEFAULT_COOLDOWN_SECONDS if value is None else value.to_seconds()


def _scheduled(scheduled: ScheduledScaling) -> appscaling.CfnScalableTarget.ScheduledActionProperty:
    return appscaling.CfnScalableTarget.ScheduledActionProperty(
        scheduled_action_name=scheduled.name,
        schedule=scheduled.schedule.expression_string,
        timezone=scheduled.timezone.timezone_name if scheduled.timezone is not None else None,
        scalable_target_action=appscaling.CfnScalableTarget.ScalableTargetActionProperty(
            min_capacity=scheduled.min_capacity, max_capacity=scheduled.max_capacity
        ),
    )
