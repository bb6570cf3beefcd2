"""The Lambda functions of a fleet: each with a role of its own."""

from __future__ import annotations

import aws_cdk as cdk
import constructs

from ..core.functions import RoomFunction

METRIC_NAMESPACE = "ConstructsLib/Edge"
_ALONE = (
    "Calls AWS's public endpoints only. What it cannot do fails the deployment or the rollout, or stays in its queue, "
    "and an alarm tells."
)
_LOGGED = (
    "Names of devices, versions and counts, no user's data; CloudWatch Logs encrypts them with its own key."
)


class EdgeFunction(RoomFunction):
    """One function of a fleet."""

    def __init__(
        self,
        scope: constructs.Construct,
        id: str,
        *,
        module: str,
        description: str,
        timeout: cdk.Duration,
        memory_mb: int,
        function: str = "handle",
    ) -> None:
        """Run a function of a module of ``runtime/cloud/``."""
        super().__init__(
            scope,
            id,
            handler=f"edge.runtime.cloud.{module}.{function}",
            namespace=METRIC_NAMESPACE,
            description=description,
            timeout=timeout,
            memory_mb=memory_mb,
            alone=_ALONE,
            logged=_LOGGED,
        )
