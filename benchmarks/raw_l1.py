"""The same endpoints written in raw L1s, as one would without a library.

`tests/benchmarks/test_same_template.py` compares the two templates, so that like is measured with like.
"""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_applicationautoscaling as appscaling
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sagemaker as sagemaker
from aws_cdk import aws_ssm as ssm

from .library import IMAGE

VARIANT = "AllTraffic"


def full_endpoint(stack: cdk.Stack, index: int) -> None:
    """One endpoint with role, model, alarms, scaling, deploy guard, parameter and outputs."""
    name = f"{stack.stack_name}-endpoint{index}".lower()
    guard = stack.node.try_find_child("GuardFunction") or _guard(stack)
    role, policy = _role(stack, index)
    model = sagemaker.CfnModel(
        stack,
        f"Model{index}",
        execution_role_arn=role.attr_arn,
        primary_container=sagemaker.CfnModel.ContainerDefinitionProperty(image=IMAGE),
    )
    model.add_resource_dependency(role)
    model.add_resource_dependency(policy)
    alarms = [_errors_alarm(stack, index, name), _latency_alarm(stack, index, name)]
    config = sagemaker.CfnEndpointConfig(
        stack,
        f"Config{index}",
        production_variants=[
            sagemaker.CfnEndpointConfig.ProductionVariantProperty(
                variant_name=VARIANT,
                model_name=model.attr_model_name,
                instance_type="ml.m5.large",
                initial_instance_count=2,
                initial_variant_weight=1.0,
                model_data_download_timeout_in_seconds=600,
                container_startup_health_check_timeout_in_seconds=600,
            )
        ],
    )
    release = cdk.CfnCustomResource(
        stack, f"Release{index}", service_token=guard.attr_arn, service_timeout=600
    )
    release.add_override("Type", "Custom::EndpointRelease")
    release.add_property_override("EndpointName", name)
    release.add_property_override("InstanceTypes", {VARIANT: "ml.m5.large"})
    endpoint = _endpoint(stack, index, name, config, alarms)
    endpoint.add_resource_dependency(release)
    settle = cdk.CfnCustomResource(stack, f"Settle{index}", service_token=guard.attr_arn, service_timeout=600)
    settle.add_override("Type", "Custom::EndpointSettle")
    settle.add_property_override("EndpointName", name)
    settle.add_property_override("ConfigName", config.attr_endpoint_config_name)
    settle.add_resource_dependency(endpoint)
    _scaling(stack, index, name, endpoint, settle)
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


def _endpoint(
    stack: cdk.Stack,
    index: int,
    name: str,
    config: sagemaker.CfnEndpointConfig,
    alarms: list[cloudwatch.CfnAlarm],
) -> sagemaker.CfnEndpoint:
    return sagemaker.CfnEndpoint(
        stack,
        f"Endpoint{index}",
        endpoint_name=name,
        endpoint_config_name=config.attr_endpoint_config_name,
        retain_all_variant_properties=True,
        exclude_retained_variant_properties=[
            sagemaker.CfnEndpoint.VariantPropertyProperty(variant_property_type="DesiredWeight")
        ],
        deployment_config=sagemaker.CfnEndpoint.DeploymentConfigProperty(
            blue_green_update_policy=sagemaker.CfnEndpoint.BlueGreenUpdatePolicyProperty(
                traffic_routing_configuration=sagemaker.CfnEndpoint.TrafficRoutingConfigProperty(
                    type="ALL_AT_ONCE", wait_interval_in_seconds=0
                ),
                termination_wait_in_seconds=300,
            ),
            auto_rollback_configuration=sagemaker.CfnEndpoint.AutoRollbackConfigProperty(
                alarms=[sagemaker.CfnEndpoint.AlarmProperty(alarm_name=alarm.ref) for alarm in alarms]
            ),
        ),
    )


def _scaling(
    stack: cdk.Stack, index: int, name: str, endpoint: sagemaker.CfnEndpoint, settle: cdk.CfnCustomResource
) -> None:
    target = appscaling.CfnScalableTarget(
        stack,
        f"Target{index}",
        service_namespace="sagemaker",
        scalable_dimension="sagemaker:variant:DesiredInstanceCount",
        resource_id=f"endpoint/{name}/variant/{VARIANT}",
        min_capacity=2,
        max_capacity=4,
        role_arn=f"arn:{stack.partition}:iam::{stack.account}:role/aws-service-role/"
        "sagemaker.application-autoscaling.amazonaws.com/AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint",
        suspended_state=appscaling.CfnScalableTarget.SuspendedStateProperty(
            dynamic_scaling_in_suspended=False,
            dynamic_scaling_out_suspended=False,
            scheduled_scaling_suspended=False,
        ),
    )
    policy = appscaling.CfnScalingPolicy(
        stack,
        f"ScalingPolicy{index}",
        policy_name=f"{VARIANT}-Invocations",
        policy_type="TargetTrackingScaling",
        scaling_target_id=target.ref,
        target_tracking_scaling_policy_configuration=appscaling.CfnScalingPolicy.TargetTrackingScalingPolicyConfigurationProperty(
            target_value=600,
            predefined_metric_specification=appscaling.CfnScalingPolicy.PredefinedMetricSpecificationProperty(
                predefined_metric_type="SageMakerVariantInvocationsPerInstance"
            ),
            scale_in_cooldown=300,
            scale_out_cooldown=300,
            disable_scale_in=False,
        ),
    )
    for resource in (target, policy):
        resource.add_resource_dependency(endpoint)
        resource.add_resource_dependency(settle)


def _role(stack: cdk.Stack, index: int) -> tuple[iam.CfnRole, iam.CfnPolicy]:
    role = iam.CfnRole(
        stack,
        f"Role{index}",
        description=f"Runs the SageMaker model {stack.node.path}/Model{index}",
        assume_role_policy_document=_document(
            {
                "Action": "sts:AssumeRole",
                "Condition": {"StringEquals": {"aws:SourceAccount": stack.account}},
                "Effect": "Allow",
                "Principal": {"Service": "sagemaker.amazonaws.com"},
            }
        ),
    )
    arn = f"arn:{stack.partition}"
    policy = iam.CfnPolicy(
        stack,
        f"Policy{index}",
        policy_name=f"Policy{index}",
        roles=[role.ref],
        policy_document=_document(
            _allow(
                [
                    "logs:CreateLogGroup",
                    "logs:CreateLogStream",
                    "logs:DescribeLogStreams",
                    "logs:PutLogEvents",
                ],
                f"{arn}:logs:{stack.region}:{stack.account}:log-group:/aws/sagemaker/*",
            ),
            {
                **_allow("cloudwatch:PutMetricData", "*"),
                "Condition": {"StringLike": {"cloudwatch:namespace": ["/aws/sagemaker/*", "AWS/SageMaker"]}},
            },
            _allow("ecr:GetAuthorizationToken", "*"),
            _allow(
                ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
                f"{arn}:ecr:eu-west-1:111122223333:repository/fraud",
            ),
        ),
    )
    return role, policy


def _document(*statements: dict[str, object]) -> dict[str, object]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def _allow(action: str | list[str], resource: str) -> dict[str, object]:
    return {"Action": action, "Effect": "Allow", "Resource": resource}


def _errors_alarm(stack: cdk.Stack, index: int, name: str) -> cloudwatch.CfnAlarm:
    def count(id: str, metric_name: str) -> cloudwatch.CfnAlarm.MetricDataQueryProperty:
        return cloudwatch.CfnAlarm.MetricDataQueryProperty(
            id=id,
            return_data=False,
            metric_stat=cloudwatch.CfnAlarm.MetricStatProperty(
                metric=cloudwatch.CfnAlarm.MetricProperty(
                    namespace="AWS/SageMaker", metric_name=metric_name, dimensions=_dimensions(name)
                ),
                period=60,
                stat="Sum",
            ),
        )

    return cloudwatch.CfnAlarm(
        stack,
        f"Errors{index}",
        alarm_description=f"Rolls a deployment of endpoint {name} back: 5xx answers, in percent of the invocations",
        comparison_operator="GreaterThanThreshold",
        evaluation_periods=1,
        threshold=5,
        treat_missing_data="notBreaching",
        metrics=[
            cloudwatch.CfnAlarm.MetricDataQueryProperty(
                id="expr_1",
                expression="IF(FILL(requests, 0) > 0, 100 * FILL(errors, 0) / requests, 0)",
                label="5xx answers in percent",
                return_data=True,
            ),
            count("errors", "Invocation5XXErrors"),
            count("requests", "Invocations"),
        ],
    )


def _latency_alarm(stack: cdk.Stack, index: int, name: str) -> cloudwatch.CfnAlarm:
    return cloudwatch.CfnAlarm(
        stack,
        f"Latency{index}",
        alarm_description=f"Rolls a deployment of endpoint {name} back: model latency, p99 (µs)",
        comparison_operator="GreaterThanThreshold",
        evaluation_periods=1,
        threshold=30_000_000,
        treat_missing_data="notBreaching",
        namespace="AWS/SageMaker",
        metric_name="ModelLatency",
        dimensions=_dimensions(name),
        period=60,
        extended_statistic="p99",
    )


def _dimensions(name: str) -> list[cloudwatch.CfnAlarm.DimensionProperty]:
    return [
        cloudwatch.CfnAlarm.DimensionProperty(name="EndpointName", value=name),
        cloudwatch.CfnAlarm.DimensionProperty(name="VariantName", value=VARIANT),
    ]


def _guard(stack: cdk.Stack) -> lambda_.CfnFunction:
    """What the stack needs once; its code does not matter here, and its policy is left short."""
    group = logs.CfnLogGroup(stack, "GuardLogs", retention_in_days=90)
    role = iam.CfnRole(
        stack,
        "GuardRole",
        assume_role_policy_document=_document(
            {"Action": "sts:AssumeRole", "Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}}
        ),
    )
    policy = iam.CfnPolicy(
        stack,
        "GuardPolicy",
        policy_name="GuardPolicy",
        roles=[role.ref],
        policy_document=_document(_allow(["logs:CreateLogStream", "logs:PutLogEvents"], group.attr_arn)),
    )
    function = lambda_.CfnFunction(
        stack,
        "GuardFunction",
        role=role.attr_arn,
        handler="index.handle",
        runtime="python3.14",
        timeout=300,
        memory_size=256,
        code=lambda_.CfnFunction.CodeProperty(zip_file="def handle(event, context): ..."),
        logging_config=lambda_.CfnFunction.LoggingConfigProperty(log_group=group.ref),
    )
    function.add_resource_dependency(policy)
    rule = events.CfnRule(
        stack,
        "GuardRule",
        event_pattern={"source": ["aws.sagemaker"], "detail-type": ["SageMaker Endpoint State Change"]},
        targets=[events.CfnRule.TargetProperty(id="Target0", arn=function.attr_arn)],
    )
    lambda_.CfnPermission(
        stack,
        "GuardPermission",
        action="lambda:InvokeFunction",
        function_name=function.attr_arn,
        principal="events.amazonaws.com",
        source_arn=rule.attr_arn,
    )
    return function
