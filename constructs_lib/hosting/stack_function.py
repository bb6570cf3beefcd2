"""The Lambda functions behind our custom resources: one of a kind a stack, small, and acknowledged."""

from __future__ import annotations

import aws_cdk as cdk
import constructs
from aws_cdk import aws_lambda as lambda_

from ..core.code import runtime_archive
from ..core.functions import own_function


def stack_function(
    scope: constructs.Construct, *, handler: str, description: str, role_description: str
) -> lambda_.Function:
    """The function ``Function`` under `scope`, with its role and its log group.

    :param handler: ``<module of runtime/>.<function>``.
    """
    return own_function(
        scope,
        handler=f"constructs_lib.hosting.runtime.{handler}",
        code=runtime_archive("hosting").code,
        description=description,
        role_description=role_description,
        timeout=cdk.Duration.minutes(5),
        memory_mb=256,
        alone="Runs for seconds while a stack deploys and calls AWS's public endpoints only; a deploy that it "
        "fails is red in CloudFormation, and EventBridge retries what it starts.",
        logged="Names of resources, no data; CloudWatch Logs encrypts them with its own key.",
    )
