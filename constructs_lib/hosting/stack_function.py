"""The Lambda functions behind our custom resources: one of a kind a stack, small, and acknowledged."""

from __future__ import annotations

from pathlib import Path

import aws_cdk as cdk
import constructs
from aws_cdk import aws_lambda as lambda_

from ..core.functions import own_function

_HERE = Path(__file__).parent


def stack_function(
    scope: constructs.Construct, *, handler: str, description: str, role_description: str
) -> lambda_.Function:
    """The function ``Function`` under `scope`, with its role and its log group.

    :param handler: ``<module of runtime/>.<function>``.
    """
    return own_function(
        scope,
        handler=handler,
        code=lambda_.Code.from_asset(
            str(_HERE), exclude=["/*", "!/runtime", "__pycache__"], ignore_mode=cdk.IgnoreMode.GIT
        ),
        description=description,
        role_description=role_description,
        timeout=cdk.Duration.minutes(5),
        memory_mb=256,
        alone="Runs for seconds while a stack deploys and calls AWS's public endpoints only; a deploy that it "
        "fails is red in CloudFormation, and EventBridge retries what it starts.",
        logged="Names of resources, no data; CloudWatch Logs encrypts them with its own key.",
    )
