"""The Lambda functions behind our custom resources: one of a kind a stack, small, and acknowledged."""

from __future__ import annotations

from pathlib import Path

import aws_cdk as cdk
import constructs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs

from ..core.roles import acknowledge, acknowledge_inline_policy, both_packs

_HERE = Path(__file__).parent


def stack_function(
    scope: constructs.Construct, *, handler: str, description: str, role_description: str
) -> lambda_.Function:
    """The function ``Function`` under `scope`, with its role and its log group.

    :param handler: ``<module of runtime/>.<function>``. All of ``runtime/`` is one asset, as a package,
        so that its modules share what is common.
    """
    group = logs.LogGroup(
        scope, "Logs", retention=logs.RetentionDays.THREE_MONTHS, removal_policy=cdk.RemovalPolicy.DESTROY
    )
    role = iam.Role(
        scope,
        "Role",
        description=role_description,
        assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
    )
    group.grant_write(role)
    acknowledge_inline_policy(role)
    function = lambda_.Function(
        scope,
        "Function",
        description=description,
        runtime=lambda_.Runtime.PYTHON_3_14,
        handler=f"runtime.{handler}",
        code=lambda_.Code.from_asset(
            str(_HERE), exclude=["/*", "!/runtime", "__pycache__"], ignore_mode=cdk.IgnoreMode.GIT
        ),
        role=role,
        log_group=group,
        timeout=cdk.Duration.minutes(5),
        memory_size=256,
    )
    _acknowledge_choices(function, group)
    return function


def _acknowledge_choices(function: lambda_.Function, group: logs.LogGroup) -> None:
    acknowledge(
        function,
        dict.fromkeys(
            both_packs("LambdaInsideVPC", "LambdaDLQ", "LambdaConcurrency"),
            "Runs for seconds while a stack deploys and calls AWS's public endpoints only; a deploy that it "
            "fails is red in CloudFormation, and EventBridge retries what it starts.",
        ),
    )
    acknowledge(
        group,
        dict.fromkeys(
            both_packs("CloudWatchLogGroupEncrypted"),
            "Names of resources, no data; CloudWatch Logs encrypts them with its own key.",
        ),
    )
