"""What a stack of raw L1s needs once: the functions behind custom resources.

Their code does not matter here, and their policies are left short.
"""

from __future__ import annotations

from functools import cache

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs

from .raw_iam import allow, document


@cache
def guard(stack: cdk.Stack) -> str:
    """The ARN of the function that watches deployments."""
    function = _function(stack, "Guard")
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
    return function.attr_arn


@cache
def placement(stack: cdk.Stack) -> str:
    """The ARN of the function that places models for multi-model endpoints."""
    return _function(stack, "Placement").attr_arn


def _function(stack: cdk.Stack, id: str) -> lambda_.CfnFunction:
    group = logs.CfnLogGroup(stack, f"{id}Logs", retention_in_days=90)
    role = iam.CfnRole(
        stack,
        f"{id}Role",
        assume_role_policy_document=document(
            {"Action": "sts:AssumeRole", "Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}}
        ),
    )
    policy = iam.CfnPolicy(
        stack,
        f"{id}Policy",
        policy_name=f"{id}Policy",
        roles=[role.ref],
        policy_document=document(allow(["logs:CreateLogStream", "logs:PutLogEvents"], group.attr_arn)),
    )
    function = lambda_.CfnFunction(
        stack,
        f"{id}Function",
        role=role.attr_arn,
        handler="index.handle",
        runtime="python3.14",
        timeout=300,
        memory_size=256,
        code=lambda_.CfnFunction.CodeProperty(zip_file="def handle(event, context): ..."),
        logging_config=lambda_.CfnFunction.LoggingConfigProperty(log_group=group.ref),
    )
    function.add_resource_dependency(policy)
    return function
