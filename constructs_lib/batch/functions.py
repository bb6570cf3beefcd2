"""The Lambda functions of a batch transform: each with a role of its own."""

from __future__ import annotations

import aws_cdk as cdk
import constructs

from ..core.functions import RoomFunction

METRIC_NAMESPACE = "ConstructsLib/Batch"
_ALONE = (
    "Calls AWS's public endpoints only. What it cannot do fails the run, or stays in the queue; failures go to the "
    "queue of dead letters."
)
_LOGGED = "Names, counts and reasons, no user's data; CloudWatch Logs encrypts them with its own key."


class BatchFunction(RoomFunction):
    """One function of a batch transform."""

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
        super().__init__(
            scope,
            id,
            handler=f"batch.runtime.{module}.handle",
            namespace=METRIC_NAMESPACE,
            description=description,
            timeout=timeout,
            memory_mb=memory_mb,
            alone=_ALONE,
            logged=_LOGGED,
        )
