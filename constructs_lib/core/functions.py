"""The library's own Lambda functions: each with a role and a log group of its own, and acknowledged."""

from __future__ import annotations

from collections.abc import Mapping

import aws_cdk as cdk
import constructs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs

from .roles import acknowledge, acknowledge_inline_policy, both_packs


def own_function(
    scope: constructs.Construct,
    *,
    handler: str,
    code: lambda_.Code,
    description: str,
    role_description: str,
    timeout: cdk.Duration,
    memory_mb: int,
    environment: Mapping[str, str] | None = None,
    architecture: lambda_.Architecture | None = None,
    alone: str,
    logged: str,
) -> lambda_.Function:
    """The function ``Function`` under `scope`, with ``Role`` and ``Logs``; it may log, and nothing else yet.

    :param handler: ``constructs_lib.<room>.runtime.<module>.<function>``.
    :param code: all of a room's ``runtime/``, so that its modules share what is common.
    :param alone: why it is in no VPC, and has no queue for dead letters and no reserved concurrency.
    :param logged: why its logs need no key of their own.
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
        architecture=architecture,
        handler=handler,
        code=code,
        environment=None if environment is None else dict(environment),
        role=role,
        log_group=group,
        timeout=timeout,
        memory_size=memory_mb,
    )
    acknowledge(
        function, dict.fromkeys(both_packs("LambdaInsideVPC", "LambdaDLQ", "LambdaConcurrency"), alone)
    )
    acknowledge(group, dict.fromkeys(both_packs("CloudWatchLogGroupEncrypted"), logged))
    return function


def putting_metrics(namespace: str) -> iam.PolicyStatement:
    """PutMetricData into `namespace`; it knows no resource, so the wildcard is to be acknowledged."""
    return iam.PolicyStatement(
        actions=["cloudwatch:PutMetricData"],
        resources=["*"],
        conditions={"StringEquals": {"cloudwatch:namespace": namespace}},
    )
