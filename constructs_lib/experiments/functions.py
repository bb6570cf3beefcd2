"""The Lambda functions of experiments: each with a role of its own, and its logs."""

from __future__ import annotations

from collections.abc import Mapping

import aws_cdk as cdk
import constructs
from aws_cdk import aws_lambda as lambda_

from ..core.code import RuntimeArchive, runtime_archive
from ..core.functions import own_function, putting_metrics
from ..core.roles import acknowledge_wildcard
from ..core.rules import Broken, listed

PACKAGES = ("aws_lambda_powertools", "typing_extensions")
"""What is not in Lambda's own runtime, which brings boto3. Plain Python: it runs on any machine of Lambda's."""
INSTALLED = listed(
    id="SM-ABTEST-001",
    summary="What the functions of an experiment stand on is installed where it is synthesized.",
    source="https://docs.aws.amazon.com/powertools/python/latest/",
)
METRIC_NAMESPACE = "ConstructsLib/Experiments"

_OF_THE_MANAGER = (
    "Calls AWS's public endpoints only. What it cannot take stays in the stream, and goes to the queue "
    "of failed batches; a look that fails is followed by the next one."
)


def experiments_archive(packages: tuple[str, ...] = PACKAGES) -> RuntimeArchive:
    """The code of experiments.

    :raises ConstraintError: SM-ABTEST-001.
    """
    try:
        return runtime_archive("experiments", packages=packages)
    except ModuleNotFoundError as error:
        fix = "pip install 'constructs-lib[experiments]'"
        raise INSTALLED.error("experiments", Broken("package", error.name, "installed", fix)) from error


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
    function = own_function(
        constructs.Construct(scope, id),
        handler=f"constructs_lib.experiments.runtime.{module}.handle",
        code=experiments_archive(packages).code,
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
