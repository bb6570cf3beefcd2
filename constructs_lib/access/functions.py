"""The Lambda function of an API."""

from __future__ import annotations

import aws_cdk as cdk
import constructs
from aws_cdk import aws_lambda as lambda_

from ..core.code import runtime_archive
from ..core.functions import own_function

METRIC_NAMESPACE = "ConstructsLib/Access"
_MEMORY_MB = 512
_ALONE = (
    "Calls AWS's public endpoints only, which a role bounds. The caller waits for its answer, so there is nothing "
    "to queue; the API's throttle bounds how many are at work."
)
_LOGGED = (
    "Ids, sizes and codes, never what was asked or answered; CloudWatch Logs encrypts them with its own key."
)


def api_function(
    scope: constructs.Construct, id: str, *, description: str, timeout: cdk.Duration, experiment: bool
) -> lambda_.Function:
    """The function that answers, which may log, and nothing else yet. Its metrics are lines of its log.

    :param experiment: whether it takes part in one.
    """
    return own_function(
        constructs.Construct(scope, id),
        handler=f"constructs_lib.access.runtime.{'experiment_handler' if experiment else 'handler'}.handle",
        code=runtime_archive("access", *(("experiments",) if experiment else ())).code,
        description=description,
        role_description=description,
        timeout=timeout,
        memory_mb=_MEMORY_MB,
        # A third cheaper a second than x86, and the code is plain Python.
        architecture=lambda_.Architecture.ARM_64,
        alone=_ALONE,
        logged=_LOGGED,
    )
