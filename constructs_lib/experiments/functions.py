"""The Lambda functions of experiments: each with a role of its own, and its logs."""

from __future__ import annotations

from collections.abc import Mapping

import aws_cdk as cdk
import constructs
from aws_cdk import aws_lambda as lambda_

from ..core.functions import own_function, putting_metrics
from ..core.roles import acknowledge_wildcard
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
    archive = runtime_archive(packages)
    function = own_function(
        constructs.Construct(scope, id),
        handler=f"{module}.handle",
        code=lambda_.Code.from_asset(archive.path, asset_hash=archive.digest),
        description=description,
        role_description=description,
        timeout=timeout,
        memory_mb=memory_mb,
        environment=environment,
        # A third cheaper a second than x86, and the code is plain Python.
        architecture=lambda_.Architecture.ARM_64,
        alone=alone,
        logged="Names, counts and reasons, no user's data; CloudWatch Logs encrypts them with its own key.",
    )
    if puts_metrics:
        _let_put_metrics(function)
    return function


def _let_put_metrics(function: lambda_.Function) -> None:
    function.add_to_role_policy(putting_metrics(METRIC_NAMESPACE))
    if function.role is not None:
        acknowledge_wildcard(
            function.role, "*", "PutMetricData knows no resource; the condition binds it to our namespace."
        )
