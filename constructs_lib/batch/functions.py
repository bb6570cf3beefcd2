"""The Lambda functions of a batch transform: each with a role of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import aws_cdk as cdk
import constructs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_

from ..core.code import runtime_archive
from ..core.functions import own_function
from ..core.place import stack_of
from ..core.roles import Permissions, allow_metrics

METRIC_NAMESPACE = "ConstructsLib/Batch"
_ALONE = (
    "Calls AWS's public endpoints only. What it cannot do fails the run, or stays in the queue; failures go to the "
    "queue of dead letters."
)
_LOGGED = "Names, counts and reasons, no user's data; CloudWatch Logs encrypts them with its own key."


class BatchFunction(constructs.Construct):
    """One function, and the policy with all that it may do."""

    def __init__(
        self,
        scope: constructs.Construct,
        id: str,
        *,
        module: str,
        description: str,
        timeout: cdk.Duration,
        memory_mb: int,
    ) -> None:
        """Run a module of ``runtime/``."""
        super().__init__(scope, id)
        self.function: lambda_.Function = own_function(
            self,
            handler=f"constructs_lib.batch.runtime.{module}.handle",
            code=runtime_archive("batch").code,
            description=description,
            role_description=description,
            timeout=timeout,
            memory_mb=memory_mb,
            # A third cheaper a second than x86, and the code is plain Python.
            architecture=lambda_.Architecture.ARM_64,
            alone=_ALONE,
            logged=_LOGGED,
        )
        self.permissions = Permissions(_role_of(self.function))
        """What it may do beside writing its logs; `attach` gives it."""
        allow_metrics(self.permissions, METRIC_NAMESPACE)

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
