"""Redriving a dead-letter queue: StartMessageMoveTask and its relatives, which ministack has not.

A task moves everything at once, whatever rate was asked for. As on AWS, messages go back to the queue whose
redrive policy moved them, and a task without a destination fails at a message that was *sent* to the dead-letter
queue: nobody knows where it came from. That the messages before it have been moved by then is inferred.

Sources: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html,
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/troubleshooting-dlq-redrive.html
"""

from __future__ import annotations

import base64
import json
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

from . import emulator, emulator_sqs
from .emulator_sqs import Message, Queue, RefusalError, Request

_KEPT = 10
_MOST_A_SECOND = 500
_ACTIONS = {
    "StartMessageMoveTask": ("SourceArn", "DestinationArn", "MaxNumberOfMessagesPerSecond"),
    "ListMessageMoveTasks": ("SourceArn", "MaxResults"),
    "CancelMessageMoveTask": ("TaskHandle",),
}
_ENTRY = {"Results": "ListMessageMoveTasksResultEntry"}
_OF_SOURCE = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
_NO_SOURCE = "CouldNotDetermineMessageSource"
_GONE = "AWS.SimpleQueueService.NonExistentQueue"


@dataclass(slots=True)
class _Move:
    """A task: what is asked for and what became of it."""

    source: str
    destination: str | None
    rate: int | None
    to_move: int
    started: int = field(default_factory=lambda: int(time.time() * 1000))
    moved: int = 0
    failure: str | None = None

    def described(self) -> dict[str, Any]:
        found = {
            "Status": "FAILED" if self.failure else "COMPLETED",
            "SourceArn": self.source,
            "DestinationArn": self.destination,
            "MaxNumberOfMessagesPerSecond": self.rate,
            "ApproximateNumberOfMessagesMoved": self.moved,
            "ApproximateNumberOfMessagesToMove": self.to_move,
            "FailureReason": self.failure,
            "StartedTimestamp": self.started,
        }
        return {name: value for name, value in found.items() if value is not None}


_moves: dict[str, list[_Move]] = {}
"""Of each dead-letter queue, by its ARN; the newest first."""


def install() -> None:
    """Let SQS move messages."""
    emulator_sqs.add_action("StartMessageMoveTask", _start)
    emulator_sqs.add_action("ListMessageMoveTasks", _list)
    emulator_sqs.add_action("CancelMessageMoveTask", _cancel)
    emulator_sqs.on_reset(_moves.clear)
    emulator_sqs.speak_query(_ACTIONS, _ENTRY)
    emulator_sqs.name_resources({"SourceArn": str, "TaskHandle": _source_in})


def _start(request: Request) -> dict[str, Any]:
    source = _dead_letter_queue(request)
    destination = request.get("DestinationArn")
    rate = int(request["MaxNumberOfMessagesPerSecond"]) if "MaxNumberOfMessagesPerSecond" in request else None
    if rate is not None and not 1 <= rate <= _MOST_A_SECOND:
        raise RefusalError(
            "InvalidParameterValue", f"MaxNumberOfMessagesPerSecond must be from 1 to {_MOST_A_SECOND}."
        )
    _require_destination(source, destination)
    waiting = source.waiting()
    _require_grants(source, waiting, destination)
    move = _Move(source.arn, destination, rate, len(waiting))
    _moves[source.arn] = [move, *_moves.get(source.arn, [])][:_KEPT]
    for message in waiting:
        move.failure = _moved(source, message, destination)
        if move.failure:
            break
        move.moved += 1
    handle = json.dumps({"taskId": str(uuid.uuid4()), "sourceArn": source.arn})
    return {"TaskHandle": base64.b64encode(handle.encode()).decode()}


def _moved(source: Queue, message: Message, destination: str | None) -> str | None:
    """Move one message; why not, if not."""
    arn = destination or emulator_sqs.source_of(message)
    if arn is None:
        return _NO_SOURCE
    target = emulator_sqs.queue(arn)
    if target is None:
        return _GONE
    source.take(message)
    target.put(message)
    return None


def _list(request: Request) -> dict[str, Any]:
    most = int(request.get("MaxResults", 1))
    if not 1 <= most <= _KEPT:
        raise RefusalError("InvalidParameterValue", f"MaxResults must be from 1 to {_KEPT}.")
    source = _dead_letter_queue(request)
    _require(emulator_sqs.caller(), "sqs:GetQueueAttributes", source.arn)
    return {"Results": [each.described() for each in _moves.get(source.arn, [])[:most]]}


def _cancel(_request: Request) -> dict[str, Any]:
    raise RefusalError("ResourceNotFoundException", "Task does not exist or is not running.", 404)


def _dead_letter_queue(request: Request) -> Queue:
    found = emulator_sqs.queue(str(request.get("SourceArn", "")))
    if found is None:
        missing = "The resource that you specified for the SourceArn parameter doesn't exist."
        raise RefusalError("ResourceNotFoundException", missing, 404)
    if not any(each.dead_letters_to == found.arn for each in emulator_sqs.queues()):
        raise RefusalError("InvalidParameterValue", "Source queue must be configured as a Dead Letter Queue.")
    return found


def _require_destination(source: Queue, arn: str | None) -> None:
    if arn is None:
        return
    target = emulator_sqs.queue(arn)
    if target is None:
        missing = "The resource that you specified for the DestinationArn parameter doesn't exist."
        raise RefusalError("ResourceNotFoundException", missing, 404)
    if target.arn == source.arn or target.is_fifo != source.is_fifo:
        raise RefusalError("InvalidParameterValue", "The destination must be another queue of the same type.")


def _require_grants(source: Queue, waiting: list[Message], destination: str | None) -> None:
    who = emulator_sqs.caller()
    for action in _OF_SOURCE:
        _require(who, action, source.arn)
    targets = {destination} if destination else {emulator_sqs.source_of(each) for each in waiting}
    for arn in sorted(each for each in targets if each):
        _require(who, "sqs:SendMessage", arn)


def _require(who: str, action: str, resource: str) -> None:
    """Roles only: users and queues' own policies are not looked at. The action itself has been by now."""
    role = emulator.role_of_session(who)
    if role is None or not emulator.iam_is_enforced() or emulator.role_allows(role, action, resource):
        return
    raise RefusalError(
        "AccessDenied",
        f"User: {who} is not authorized to perform: {action} on resource: {resource} "
        f"because no identity-based policy allows the {action} action",
        403,
    )


def _source_in(handle: str) -> str:
    try:
        return str(json.loads(base64.b64decode(handle, validate=True))["sourceArn"])
    except (ValueError, KeyError, TypeError):
        return "*"
