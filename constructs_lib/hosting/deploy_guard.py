"""The deploy guard: makes `cdk deploy` tell the truth about endpoints, and lets scaled ones change.

Two things go wrong with a plain template:

- SageMaker can roll a deployment back silently: the endpoint is InService again, on the *old*
  configuration, and the stack turns green.
- An endpoint whose variant is registered with Application Auto Scaling refuses a new instance type for
  it, and refuses to lose it. CloudFormation updates the endpoint before the scalable target that depends
  on it, so no order of resources in a template helps.

So every watched endpoint gets custom resources, all served by one function of the stack:

- *release*, made before the endpoint: where the new template changes a scaled variant's instance type or
  drops the variant, remembers its scalable target, policies and schedules in SSM parameters and
  deregisters it.
- *settle*, made after the endpoint: registers again what was released, and compares the configuration the
  endpoint runs with the one it should.

An EventBridge rule runs the same function whenever a watched endpoint comes to rest. That restores
scaling on the paths CloudFormation does not order, above all a rollback of the stack. Failure modes:
docs/realtime.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache

import aws_cdk as cdk
import constructs
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sagemaker as sagemaker

from ..core.place import environment_of, stack_of
from ..core.roles import acknowledge, wildcard_finding
from .endpoint import EndpointBase
from .scaling import CapacityScaling
from .stack_function import stack_function

_ID = "ConstructsLibDeployGuard"
SNAPSHOT_PREFIX = "/constructs-lib/released-scaling"
"""SSM path under which released scaling is remembered: ``<prefix>/<endpoint>/<variant>``."""

_ENDPOINTS_PER_RULE = 20  # an event pattern has at most 2,048 characters
_PATIENCE_SECONDS = 600


class DeployGuard(constructs.Construct):
    """The guard of one stack; get it with `DeployGuard.of`."""

    def __init__(self, scope: constructs.Construct, id: str) -> None:
        super().__init__(scope, id)
        self._watched = 0
        self._rule: events.Rule | None = None
        self.function = self._function()
        """The one function behind all custom resources of the stack."""
        self._service_token = self.function.function_arn

    @staticmethod
    def of(scope: constructs.Construct) -> DeployGuard:
        """The guard of the stack that `scope` is in, made on first use."""
        return _guard_of(stack_of(scope))

    def watch(
        self,
        endpoint: EndpointBase,
        cfn_endpoint: sagemaker.CfnEndpoint,
        *,
        config_name: str,
        instance_types: Mapping[str, str],
        scalings: Iterable[CapacityScaling],
    ) -> None:
        """Guard the deployments of one endpoint, whose variants shall run on `instance_types`."""
        name = endpoint.endpoint_name
        variants = {"EndpointName": name, "InstanceTypes": dict(instance_types)}
        release = self._custom_resource(endpoint, "Release", variants)
        cfn_endpoint.add_resource_dependency(release)
        settle = self._custom_resource(endpoint, "Settle", {"EndpointName": name, "ConfigName": config_name})
        settle.add_resource_dependency(cfn_endpoint)
        for scaling in scalings:
            # A target that was released is there again before CloudFormation changes it.
            scaling.node.add_dependency(settle)
        self._restore_when_at_rest(name)

    def _custom_resource(
        self, endpoint: EndpointBase, id: str, properties: Mapping[str, object]
    ) -> cdk.CfnResource:
        served = {"ServiceToken": self._service_token, "ServiceTimeout": str(_PATIENCE_SECONDS)}
        return cdk.CfnResource(
            endpoint, id, type=f"Custom::Endpoint{id}", properties={**served, **properties}
        )

    def _restore_when_at_rest(self, endpoint_name: str) -> None:
        if self._watched % _ENDPOINTS_PER_RULE == 0:
            index = self._watched // _ENDPOINTS_PER_RULE
            self._rule = events.Rule(
                self,
                "AtRest" if index == 0 else f"AtRest{index + 1}",
                description="Restores the auto scaling of endpoints that came to rest",
                event_pattern=events.EventPattern(
                    source=["aws.sagemaker"],
                    detail_type=["SageMaker Endpoint State Change"],
                    detail={"EndpointStatus": ["IN_SERVICE"]},
                ),
                targets=[targets.LambdaFunction(self.function)],
            )
        self._watched += 1
        if self._rule is not None:
            self._rule.add_event_pattern(detail={"EndpointName": [endpoint_name]})

    def _function(self) -> lambda_.Function:
        function = stack_function(
            self,
            handler="deploy_guard.handle",
            description="Deploy guard of SageMaker endpoints",
            role_description="Checks endpoint deployments and holds auto scaling back while they need it",
        )
        self._let_guard(function)
        return function

    def _let_guard(self, function: lambda_.Function) -> None:
        here = environment_of(self)
        endpoints = here.arn("sagemaker", "endpoint/*")
        configs = here.arn("sagemaker", "endpoint-config/*")
        targets_ = here.arn("application-autoscaling", "scalable-target/*")
        alarms = here.arn("cloudwatch", "alarm:TargetTracking-endpoint/*")
        remembered = here.arn("ssm", f"parameter{SNAPSHOT_PREFIX}/*")
        allowed = {
            endpoints: ["sagemaker:DescribeEndpoint", "sagemaker:UpdateEndpointWeightsAndCapacities"],
            configs: ["sagemaker:DescribeEndpointConfig"],
            "*": [
                "application-autoscaling:DescribeScalableTargets",
                "application-autoscaling:DescribeScalingPolicies",
                "application-autoscaling:DescribeScheduledActions",
            ],
            alarms: ["cloudwatch:PutMetricAlarm", "cloudwatch:DescribeAlarms", "cloudwatch:DeleteAlarms"],
            remembered: ["ssm:PutParameter", "ssm:GetParameter", "ssm:DeleteParameter"],
        }
        for resource, actions in allowed.items():
            function.add_to_role_policy(iam.PolicyStatement(actions=actions, resources=[resource]))
        function.add_to_role_policy(
            iam.PolicyStatement(
                actions=[
                    "application-autoscaling:RegisterScalableTarget",
                    "application-autoscaling:DeregisterScalableTarget",
                    "application-autoscaling:PutScalingPolicy",
                    "application-autoscaling:PutScheduledAction",
                ],
                resources=[targets_],
                conditions={"StringEquals": {"application-autoscaling:service-namespace": "sagemaker"}},
            )
        )
        reason = "One policy of constant size for all endpoints of the stack."
        acknowledge(self, {wildcard_finding(self, on): reason for on in (*allowed, targets_)})


@cache
def _guard_of(stack: cdk.Stack) -> DeployGuard:
    return DeployGuard(stack, _ID)
