"""The function that tells of rollouts that did not succeed: EventBridge calls it, maybe twice."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .....core.runtime.clients import client
from ..metrics import datum, put
from .settings import Settings
from .start import SUPERSEDED

_LONGEST_SUBJECT = 100

log = logging.getLogger()
log.setLevel(logging.INFO)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a rollout ended otherwise than well."""

    rollout: str
    status: str
    error: str
    cause: str

    @classmethod
    def of(cls, detail: Mapping[str, Any]) -> Ending:
        """Of EventBridge's *Step Functions Execution Status Change*."""
        return cls(
            rollout=detail["name"],
            status=detail["status"],
            error=str(detail.get("error") or ""),
            cause=str(detail.get("cause") or ""),
        )

    @property
    def superseded(self) -> bool:
        """Whether another rollout took over: nothing is wrong."""
        return self.status == "ABORTED" and self.error == SUPERSEDED

    def told(self, fleet: str) -> str:
        """To people."""
        what = {
            "FAILED": "It has gone back to what was good before, as far as that was possible.",
            "TIMED_OUT": "Devices are left as they are: start a rollout of what they should run.",
            "ABORTED": "Somebody stopped it. Devices are left as they are: start a rollout of what they should run.",
        }[self.status]
        # One that was stopped by hand, or timed out, may have neither.
        why = "".join(f": {each}" for each in (self.error, self.cause) if each) or "."
        return f"Rollout {self.rollout} of fleet {fleet} came to nothing{why}\n\n{what}"


def handle(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Entry point of the function."""
    settings, ending = Settings.from_environment(), Ending.of(event["detail"])
    if ending.superseded:
        put(client("cloudwatch"), [datum("RolloutsSuperseded", 1, Fleet=settings.fleet)])
        return {"superseded": ending.rollout}
    for topic in settings.topics:
        client("sns").publish(
            TopicArn=topic,
            Subject=f"Rollout of fleet {settings.fleet} came to nothing"[:_LONGEST_SUBJECT],
            Message=ending.told(settings.fleet),
        )
    # Last: an event that is delivered again tells again, and counts once.
    put(client("cloudwatch"), [datum("RolloutsFailed", 1, Fleet=settings.fleet)])
    log.info("%s", json.dumps({"rollout": ending.rollout, "error": ending.error, "cause": ending.cause}))
    return {"told": ending.rollout}
