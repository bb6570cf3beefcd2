"""The library's own Lambda functions: each with a role and a log group of its own, and acknowledged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import aws_cdk as cdk
import constructs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs

from .code import runtime_archive
from .place import stack_of
from .roles import Permissions, acknowledge, acknowledge_inline_policy, allow_metrics, both_packs


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


class RoomFunction(constructs.Construct):
    """A function that runs a module of one room's ``runtime/``, and the policy with all that it may do."""

    def __init__(
        self,
        scope: constructs.Construct,
        id: str,
        *,
        handler: str,
        namespace: str,
        description: str,
        timeout: cdk.Duration,
        memory_mb: int,
        alone: str,
        logged: str,
    ) -> None:
        """Make it.

        :param handler: ``<room>.runtime.<module>.<function>``.
        :param namespace: of the metrics that it may put.
        :param alone: see `own_function`.
        :param logged: see `own_function`.
        """
        super().__init__(scope, id)
        self.function: lambda_.Function = own_function(
            self,
            handler=f"constructs_lib.{handler}",
            code=runtime_archive(handler.split(".")[0]).code,
            description=description,
            role_description=description,
            timeout=timeout,
            memory_mb=memory_mb,
            # A third cheaper a second than x86, and the code is plain Python.
            architecture=lambda_.Architecture.ARM_64,
            alone=alone,
            logged=logged,
        )
        self.permissions = Permissions(_role_of(self.function))
        """What it may do beside writing its logs; `attach` gives it."""
        allow_metrics(self.permissions, namespace)

    def attach(self) -> iam.Policy:
        """Give it what was gathered. Call it once, when all is."""
        return self.permissions.attach(self)

    def tell(self, variable: str, settings: Mapping[str, Any]) -> None:
        """Tell it `settings` by a variable of its environment, of which there are 4 KB in all."""
        self.function.add_environment(variable, stack_of(self).to_json_string(settings))


def _role_of(function: lambda_.Function) -> iam.IRole:
    """Its role, which every function of ours has."""
    if function.role is None:
        raise AssertionError("a function of ours has a role")
    return function.role
