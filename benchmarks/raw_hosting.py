"""What all kinds of endpoints have in common, in raw L1s."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sagemaker as sagemaker
from aws_cdk import aws_ssm as ssm

from . import raw_iam, raw_scaling
from .library import IMAGE
from .raw_once import guard

VARIANT = "AllTraffic"
INSTANCE_TYPE = "ml.m5.large"
_Config = sagemaker.CfnEndpointConfig
_Endpoint = sagemaker.CfnEndpoint


@dataclass(frozen=True, slots=True)
class Hosted:
    """An endpoint with its guard, for what comes after both."""

    name: str
    cfn: sagemaker.CfnEndpoint
    settle: cdk.CfnCustomResource

    def before(self, *resources: cdk.CfnResource) -> None:
        """Make `resources` when the endpoint is there and at rest."""
        for resource in resources:
            resource.add_resource_dependency(self.cfn)
            resource.add_resource_dependency(self.settle)


def endpoint_name(stack: cdk.Stack, index: int) -> str:
    """The name that the library derives."""
    return f"{stack.stack_name}-endpoint{index}".lower()


def model(stack: cdk.Stack, id: str, *, path: str) -> tuple[sagemaker.CfnModel, iam.CfnRole]:
    """A model of one image, with its role."""
    role = raw_iam.role(stack, f"Role{id}", runs=path)
    statements = [*raw_iam.telemetry(stack), *raw_iam.pulling(stack)]
    policy = raw_iam.policy(stack, f"Policy{id}", role, statements)
    made = sagemaker.CfnModel(
        stack,
        f"Model{id}",
        execution_role_arn=role.attr_arn,
        primary_container=sagemaker.CfnModel.ContainerDefinitionProperty(image=IMAGE),
    )
    made.add_resource_dependency(role)
    made.add_resource_dependency(policy)
    return made, role


def on_instances(model: sagemaker.CfnModel, count: int = 2) -> _Config.ProductionVariantProperty:
    """The one variant of an endpoint with instances."""
    return _Config.ProductionVariantProperty(
        variant_name=VARIANT,
        model_name=model.attr_model_name,
        instance_type=INSTANCE_TYPE,
        initial_instance_count=count,
        initial_variant_weight=1,
        model_data_download_timeout_in_seconds=600,
        container_startup_health_check_timeout_in_seconds=600,
    )


def guarded_rollout(alarms: Sequence[cloudwatch.CfnAlarm]) -> _Endpoint.DeploymentConfigProperty:
    """All at once, rolled back on `alarms`."""
    return _Endpoint.DeploymentConfigProperty(
        blue_green_update_policy=_Endpoint.BlueGreenUpdatePolicyProperty(
            traffic_routing_configuration=_Endpoint.TrafficRoutingConfigProperty(
                type="ALL_AT_ONCE", wait_interval_in_seconds=0
            ),
            termination_wait_in_seconds=300,
        ),
        auto_rollback_configuration=_Endpoint.AutoRollbackConfigProperty(
            alarms=[_Endpoint.AlarmProperty(alarm_name=alarm.ref) for alarm in alarms]
        ),
    )


def hosted(
    stack: cdk.Stack,
    index: int,
    config: _Config,
    *,
    alarms: Sequence[cloudwatch.CfnAlarm] = (),
    instance_type: str = INSTANCE_TYPE,
    retained: bool = True,
) -> Hosted:
    """The endpoint on `config`, guarded and published."""
    name, token = endpoint_name(stack, index), guard(stack)
    release = cdk.CfnCustomResource(stack, f"Release{index}", service_token=token, service_timeout=600)
    release.add_override("Type", "Custom::EndpointRelease")
    release.add_property_override("EndpointName", name)
    release.add_property_override("InstanceTypes", {VARIANT: instance_type})
    weight = _Endpoint.VariantPropertyProperty(variant_property_type="DesiredWeight")
    endpoint = sagemaker.CfnEndpoint(
        stack,
        f"Endpoint{index}",
        endpoint_name=name,
        endpoint_config_name=config.attr_endpoint_config_name,
        retain_all_variant_properties=True if retained else None,
        exclude_retained_variant_properties=[weight] if retained else None,
        deployment_config=guarded_rollout(alarms) if alarms else None,
    )
    endpoint.add_resource_dependency(release)
    settle = cdk.CfnCustomResource(stack, f"Settle{index}", service_token=token, service_timeout=600)
    settle.add_override("Type", "Custom::EndpointSettle")
    settle.add_property_override("EndpointName", name)
    settle.add_property_override("ConfigName", config.attr_endpoint_config_name)
    settle.add_resource_dependency(endpoint)
    _publish(stack, index, name, endpoint)
    return Hosted(name, endpoint, settle)


def _publish(stack: cdk.Stack, index: int, name: str, endpoint: sagemaker.CfnEndpoint) -> None:
    parameter = ssm.CfnParameter(
        stack,
        f"Parameter{index}",
        name=f"/sagemaker/endpoints/{name}",
        type="String",
        value=name,
        description=f"Name of the endpoint {stack.node.path}/Endpoint{index}",
    )
    parameter.add_resource_dependency(endpoint)
    cdk.CfnOutput(stack, f"Name{index}", value=name, description="Name to invoke")
    cdk.CfnOutput(stack, f"Arn{index}", value=endpoint.ref, description="ARN to grant on")


def scaled_on_invocations(stack: cdk.Stack, index: int, hosted: Hosted) -> None:
    """2–4 instances, by the invocations of each."""
    target = raw_scaling.target(
        stack,
        f"Target{index}",
        resource_id=f"endpoint/{hosted.name}/variant/{VARIANT}",
        dimension="sagemaker:variant:DesiredInstanceCount",
        low=2,
        high=4,
    )
    policy = raw_scaling.predefined(
        stack,
        f"ScalingPolicy{index}",
        f"{VARIANT}-Invocations",
        target.ref,
        "SageMakerVariantInvocationsPerInstance",
        600,
    )
    hosted.before(target, policy)
