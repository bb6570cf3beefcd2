"""What the start function is asked for: the messages of its queue, and direct calls, as one kind of request.

Three kinds of messages come: ``{"scheduled": time}`` from EventBridge Scheduler, S3's event *Object Created* from
EventBridge, and a request. All of them may come twice.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ...core.runtime.windows import iso, seconds
from .causes import shortened
from .inputs import InputError, arrived, is_arrival

MOST_ATTEMPTS = 99
_LONGEST_FORCE, _LONGEST_TICKET = 500, 128
_MEMBERS = ("input", "at", "force", "attempt", "ticket", "failed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A run that is asked for."""

    input: str | None = None
    """``s3://bucket/folder/``, or the address of a manifest; None: the configured input."""
    at: float | None = None
    """The time that fills the placeholders of the configured input; None: when the request was made."""
    force: str = ""
    """Why to run although the same input ran already; empty: not to."""
    attempt: int = 1
    ticket: str | None = None
    """Forced requests with one ticket are one run; None: the message or call is one of its own."""

    def told(self) -> dict[str, Any]:
        """As JSON, which is a request again: with `attempt` and `force` whatever they are."""
        told: dict[str, Any] = {"force": self.force, "attempt": self.attempt}
        if self.at is not None:
            told = {"at": iso(self.at), **told}
        if self.input is not None:
            told = {"input": self.input, **told}
        return {**told, "ticket": self.ticket} if self.force and self.ticket is not None else told


def request_of(message: object, arrival_suffix: str | None = None) -> Request | None:
    """The request that a message, or the event of a direct call, is; None for an event that announces nothing.

    :param arrival_suffix: how the names end of the objects that say that an input has arrived.
    :raises InputError: it is none, or one with a fault in it.
    """
    if not isinstance(message, Mapping):
        raise InputError(f"a request is a JSON object, not {_shown(message)}")
    if "requestPayload" in message:
        # What Lambda puts into a queue when the function that tells of failures has failed itself.
        return request_of(message["requestPayload"], arrival_suffix)
    if message.get("source") == "aws.states":
        return _next_attempt(message)
    if message.get("source") == "aws.s3":
        return _arrival(message, arrival_suffix)
    if set(message) == {"scheduled"}:
        return Request(at=_time("scheduled", message["scheduled"]))
    if unknown := sorted(map(str, set(message) - set(_MEMBERS))):
        raise InputError(f"a request has no {_quoted(unknown)}; it may have {_quoted(_MEMBERS[:-1])}")
    given = {name: value for name, value in message.items() if value is not None}
    return Request(
        input=_text("input", given["input"]) if "input" in given else None,
        at=_time("at", given["at"]) if "at" in given else None,
        force=_force(given.get("force", "")),
        attempt=_attempt(given.get("attempt", 1)),
        ticket=_ticket(given["ticket"]) if "ticket" in given else None,
    )


def _next_attempt(event: Mapping[str, Any]) -> Request:
    """An execution that ended badly, and of which nobody could be told: what it was asked for, once more."""
    try:
        asked = json.loads(event["detail"]["input"])["request"]
        again = {**asked, "attempt": asked.get("attempt", 1) + 1}
    except (KeyError, TypeError, ValueError) as error:
        raise InputError("an event of Step Functions without the request of a run") from error
    request = request_of(again)
    if request is None:
        raise InputError("an event of Step Functions whose run was asked for by an event")
    return request


def _arrival(event: Mapping[str, Any], suffix: str | None) -> Request | None:
    """S3's event; its keys are plain, unlike those of notifications to queues.

    *Inferred* from AWS's example events and from use; the page tells the members only:
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
    """
    try:
        bucket, key = event["detail"]["bucket"]["name"], event["detail"]["object"]["key"]
    except (KeyError, TypeError) as error:
        raise InputError("an event of S3 without a bucket or a key") from error
    if event.get("detail-type") != "Object Created" or not is_arrival(key, suffix):
        return None
    return Request(input=arrived(bucket, key))


def _time(name: str, value: object) -> float:
    try:
        return seconds(_text(name, value))
    except (ValueError, OverflowError) as error:
        raise InputError(
            f'"{name}" is {_shown(value)}: a time such as "2026-11-29T02:00:00Z" goes there'
        ) from error


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise InputError(f'"{name}" is {_shown(value)}: text goes there')
    return value


def _force(value: object) -> str:
    if not isinstance(value, str) or (value and not value.strip()) or len(value.strip()) > _LONGEST_FORCE:
        raise InputError(
            f'"force" is {_shown(value)}: it has to say why the same input is to be scored again, in 1 to '
            f"{_LONGEST_FORCE} characters"
        )
    return value.strip()


def _attempt(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MOST_ATTEMPTS:
        raise InputError(
            f'"attempt" is {_shown(value)}: it goes from 1 to {MOST_ATTEMPTS}. To score the input again without '
            'counting, leave it out and give "force" a reason'
        )
    return value


def _ticket(value: object) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= _LONGEST_TICKET:
        raise InputError(f'"ticket" is {_shown(value)}: it has 1 to {_LONGEST_TICKET} characters')
    return value


def _quoted(names: Iterable[object]) -> str:
    return ", ".join(f'"{str(name)[:60]}"' for name in names)


def _shown(value: object) -> str:
    return shortened(repr(value), 80)
