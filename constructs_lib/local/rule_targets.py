"""Rules of EventBridge deliver to queues and functions whose own policies let them, where IAM is enforced.

ministack delivers always. Retries and dead-letter queues of targets are not emulated: what is not allowed is lost,
with a line in the log.

Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html
"""

from __future__ import annotations

import logging

from . import emulator, emulator_targets
from .emulator_targets import Target

_SERVICE = "events.amazonaws.com"
_log = logging.getLogger("events")


def install() -> None:
    """Enforce the policies of targets."""
    emulator_targets.guard_rules(_allowed)


def _allowed(target: Target, rule: str) -> bool:
    arn = str(target.get("Arn", ""))
    if not emulator.iam_is_enforced() or target.get("RoleArn") or _lets(arn, rule):
        return True
    _log.warning("%s has no policy that lets %s deliver for %s", arn, _SERVICE, rule)
    return False


def _lets(arn: str, rule: str) -> bool:
    service = arn.split(":")[2] if arn.count(":") >= 5 else ""
    if service == "sqs":
        return emulator_targets.queue_lets(arn, _SERVICE, rule)
    if service == "lambda":
        return emulator_targets.function_lets(arn, _SERVICE, rule)
    return True
