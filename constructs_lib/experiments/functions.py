"""The Lambda functions of experiments: each with a role of its own, and its logs."""

from __future__ import annotations

from collections.abc import Mapping

import aws_cdk as cdk
import constructs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs

from ..core.roles import acknowledge, acknowledge_inline_policy, acknowledge_wildcard, both_packs
from .code import PACKAGES, runtime_archive

METRIC_NAMESPACE = "ConstructsLib/Experiments"

_OF_THE_MANAGER = (
    "Calls AWS's public endpoints only. What it cannot take stays in the stream, and goes to the queue "
    "of failed batches; a look that fails is followed by the next one."
)


def runtime_function(
    scope: constructs.Construct,
    id: str,
    *,
    module: str,
    description: str,
    environment: Mapping[str, str],
    timeout: cdk.Duration,
    memory_mb: int,
    puts_metrics: bool = False,
    packages: tuple[str, ...] = PACKAGES,
    alone: str = _OF_THE_MANAGER,
) -> lambda_.Function:
    """The function of a module of ``runtime/``, which may log, and nothing else yet.

    :param puts_metrics: whether it calls PutMetricData. Metrics that it logs need no permission.
    :param packages: that the module stands on, beside boto3.
    :param alone: why it is in no VPC, and has no queue for dead letters and no reserved concurrency.
    """
    within = constructs.Construct(scope, id)
    group = logs.LogGroup(
        within, "Logs", retention=logs.RetentionDays.THREE_MONTHS, removal_policy=cdk.RemovalPolicy.DESTROY
    )
    role = iam.Role(
        within,
        "Role",
        description=description,
        assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
    )
    group.grant_write(role)
    acknowledge_inline_policy(role)
    if puts_metrics:
        _let_put_metrics(role)
    archive = runtime_archive(packages)
    function = lambda_.Function(
        within,
        "Function",
        description=description,
        runtime=lambda_.Runtime.PYTHON_3_14,
        # A third cheaper a second than x86, and the code is plain Python.
        architecture=lambda_.Architecture.ARM_64,
        handler=f"runtime.{module}.handle",
        code=lambda_.Code.from_asset(archive.path, asset_hash=archive.digest),
        environment=dict(environment),
        role=role,
        log_group=group,
        timeout=timeout,
        memory_size=memory_mb,
    )
    _acknowledge_choices(function, group, alone)
    return function


def _let_put_metrics(role: iam.Role) -> None:
    role.add_to_policy(
        iam.PolicyStatement(
            actions=["cloudwatch:PutMetricData"],
            resources=["*"],
            conditions={"StringEquals": {"cloudwatch:namespace": METRIC_NAMESPACE}},
        )
    )
    acknowledge_inline_policy(role)
    acknowledge_wildcard(
        role, "*", "PutMetricData knows no resource; the condition binds it to our namespace."
    )


def _acknowledge_choices(function: lambda_.Function, group: logs.LogGroup, alone: str) -> None:
    acknowledge(
        function, dict.fromkeys(both_packs("LambdaInsideVPC", "LambdaDLQ", "LambdaConcurrency"), alone)
    )
    acknowledge(
        group,
        dict.fromkeys(
            both_packs("CloudWatchLogGroupEncrypted"),
            "Names, counts and reasons, no user's data; CloudWatch Logs encrypts them with its own key.",
        ),
    )
