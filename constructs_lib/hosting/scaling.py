"""The resources of auto scaling: a scalable target for a capacity, and a policy for each thing that moves it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import aws_cdk as cdk
import constructs
import jsii
from aws_cdk import aws_applicationautoscaling as appscaling
from aws_cdk import aws_cloudwatch as cloudwatch

from ..core.place import Environment, environment_of
from .auto_scaling import AutoScaling, MetricTarget, ScheduledScaling, StepScaling
from .metric_specification import metric_specification
from .metrics import EndpointMetric

_DEFAULT_COOLDOWN_SECONDS = 300

_PREDEFINED = {
    "invocations_per_instance": ("Invocations", "SageMakerVariantInvocationsPerInstance"),
    "concurrent_requests_per_model": (
        "Concurrency",
        "SageMakerVariantConcurrentRequestsPerModelHighResolution",
    ),
    "provisioned_concurrency_utilization": (
        "Utilization",
        "SageMakerVariantProvisionedConcurrencyUtilization",
    ),
    "invocations_per_copy": ("Invocations", "SageMakerInferenceComponentInvocationsPerCopy"),
    "concurrent_requests_per_copy": (
        "Concurrency",
        "SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution",
    ),
}
"""Properties of `AutoScaling` with the name of their policy and the predefined metric it tracks."""

_SERVICE_LINKED_ROLE = (
    "role/aws-service-role/sagemaker.application-autoscaling.amazonaws.com/"
    "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scalable:
    """A capacity that Application Auto Scaling can change."""

    resource_id: str
    dimension: str
    name: str
    """Leads the names of its policies: they are unique per resource."""
    metric_dimensions: Mapping[str, str]

    @staticmethod
    def instances(endpoint_name: str, variant_name: str) -> Scalable:
        """The number of instances of a variant."""
        return _of_variant(endpoint_name, variant_name, "sagemaker:variant:DesiredInstanceCount")

    @staticmethod
    def provisioned_concurrency(endpoint_name: str, variant_name: str) -> Scalable:
        """The provisioned concurrency of a serverless variant."""
        return _of_variant(endpoint_name, variant_name, "sagemaker:variant:DesiredProvisionedConcurrency")

    @staticmethod
    def copies(component_name: str) -> Scalable:
        """The number of copies of an inference component."""
        return Scalable(
            resource_id=f"inference-component/{component_name}",
            dimension="sagemaker:inference-component:DesiredCopyCount",
            name=component_name,
            metric_dimensions={"InferenceComponentName": component_name},
        )


def _of_variant(endpoint_name: str, variant_name: str, dimension: str) -> Scalable:
    return Scalable(
        resource_id=f"endpoint/{endpoint_name}/variant/{variant_name}",
        dimension=dimension,
        name=variant_name,
        metric_dimensions={"EndpointName": endpoint_name, "VariantName": variant_name},
    )


class CapacityScaling(constructs.Construct):
    """The scalable target of one capacity, with its policies, as L1s.

    L1s, since the L2 target makes an IAM role that SageMaker never uses: Application Auto Scaling acts
    through its service-linked role, which it creates on first use.
    """

    def __init__(
        self, scope: constructs.Construct, id: str, *, scalable: Scalable, scaling: AutoScaling
    ) -> None:
        super().__init__(scope, id)
        self._scalable = scalable
        self.resource_id = scalable.resource_id
        """What Application Auto Scaling calls the capacity."""
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
            scalable_dimension=self._scalable.dimension,
            resource_id=self.resource_id,
            min_capacity=scaling.min_capacity,
            max_capacity=scaling.max_capacity,
            role_arn=environment.arn("iam", _SERVICE_LINKED_ROLE, region=""),
            scheduled_actions=[_scheduled(each) for each in scaling.schedules] or None,
            # Always written, so that switching a suspension off again is a change CloudFormation makes.
            suspended_state=switches,
        )

    def _tracking(self, scaling: AutoScaling) -> Iterator[appscaling.CfnScalingPolicy]:
        for property, (name, metric_type) in _PREDEFINED.items():
            target = getattr(scaling, property)
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
            yield self._target_on("Cpu", EndpointMetric.CPU_UTILIZATION, scaling.cpu_utilization)
        if scaling.backlog_per_instance is not None:
            backlog = EndpointMetric.BACKLOG_SIZE_PER_INSTANCE
            yield self._target_on("Backlog", backlog, scaling.backlog_per_instance)
        for target in scaling.metrics:
            yield MetricTarget(name=f"Metric{target.name}", metric=target.metric, target=target.target)

    def _target_on(self, name: str, metric: EndpointMetric, target: float) -> MetricTarget:
        dimensions = dict(self._scalable.metric_dimensions)
        if not metric.per_variant:
            del dimensions["VariantName"]
        tracked = cloudwatch.Metric(
            namespace=metric.namespace,
            metric_name=metric.metric_name,
            dimensions_map=dimensions,
            statistic=metric.statistic,
        )
        return MetricTarget(name=name, metric=tracked, target=target)

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
            policy_name=f"{self._scalable.name}-{name}",
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
            policy_name=f"{self._scalable.name}-{name}",
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
