"""The private names of ministack's SQS that redriving needs; emulator.py's companion."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from ministack.core import iam_actions, iam_evaluator
from ministack.core.responses import new_uuid
from ministack.services import sqs

Request = Mapping[str, Any]
Message = dict[str, Any]


class RefusalError(Exception):
    """A request is refused: the code, the message and the status of the answer."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue, while it is there."""

    arn: str
    _record: dict[str, Any]

    def waiting(self) -> list[Message]:
        """The messages that nobody holds, the oldest first."""
        now = time.time()
        return [each for each in self._record["messages"] if each["visible_at"] <= now]

    @property
    def dead_letters_to(self) -> str | None:
        """The ARN of its dead-letter queue."""
        policy = json.loads(self._record["attributes"].get("RedrivePolicy") or "{}")
        return str(policy["deadLetterTargetArn"]) if "deadLetterTargetArn" in policy else None

    @property
    def is_fifo(self) -> bool:
        """Whether it is a FIFO queue."""
        return bool(self._record.get("is_fifo"))

    def take(self, message: Message) -> None:
        """Remove a message."""
        self._record["messages"].remove(message)

    def put(self, message: Message) -> None:
        """Add a message as one newly sent: with an id, a time and a count of its own."""
        now = time.time()
        fresh = {
            **message,
            "id": new_uuid(),
            "sent_at": now,
            "visible_at": now + sqs.queue_delay(self._record),
        }
        fresh |= {"receive_count": 0, "receipt_handle": None, "first_receive_at": None}
        kept = {name: value for name, value in message["sys"].items() if name != "DeadLetterQueueSourceArn"}
        fresh["sys"] = {**kept, "SentTimestamp": str(int(now * 1000))}
        self._record["messages"].append(fresh)
        sqs.esm_wake.set()


def queue(arn: str) -> Queue | None:
    """The queue with this ARN."""
    record = sqs._queue_by_arn(arn)
    return None if record is None else Queue(arn, record)


def queues() -> Iterator[Queue]:
    """The queues of the account and region in force."""
    for record in sqs._queues.values():
        yield Queue(record["attributes"]["QueueArn"], record)


def source_of(message: Message) -> str | None:
    """The queue whose redrive policy moved the message; None for one that was sent to where it is."""
    found: str | None = message["sys"].get("DeadLetterQueueSourceArn")
    return found


def caller() -> str:
    """The ARN of who makes the request being served."""
    return str(iam_evaluator.caller_arn())


def add_action(name: str, perform: Callable[[Request], dict[str, Any]]) -> None:
    """Let SQS perform one more action; one that has a `SourceArn` is an action on that queue."""

    def handle(request: Request, _queue_url: str) -> dict[str, Any]:
        try:
            return perform(request)
        except RefusalError as error:
            raise sqs._Err(error.code, error.message, error.status) from error

    sqs._HANDLERS[name] = handle


def on_reset(forget: Callable[[], None]) -> None:
    """Forget with SQS: POST /_ministack/reset."""
    plain = sqs.reset

    def reset() -> None:
        plain()
        forget()

    sqs.reset = reset


def speak_query(actions: Mapping[str, tuple[str, ...]], lists: Mapping[str, str]) -> None:
    """Let the older query protocol know actions with their members, and the elements of lists in answers."""
    normalise, to_xml = sqs._normalise, sqs._to_xml

    def normalised(action: str, params: Request) -> dict[str, Any]:
        found = dict(normalise(action, params))
        given = {name: sqs._p(params, name) for name in actions.get(action, ())}
        return found | {name: value for name, value in given.items() if value}

    def as_xml(action: str, result: Request) -> Any:
        if action not in actions:
            return to_xml(action, result)
        inner = "".join(_element(lists.get(name, name), value) for name, value in result.items())
        return sqs._xml_resp(200, f"{action}Response", f"<{action}Result>{inner}</{action}Result>")

    sqs._normalise, sqs._to_xml = normalised, as_xml


def _element(name: str, value: Any) -> str:
    if isinstance(value, list):
        return "".join(_element(name, each) for each in value)
    if isinstance(value, dict):
        inner = "".join(_element(member, each) for member, each in value.items())
        return f"<{name}>{inner}</{name}>"
    return f"<{name}>{escape(str(value))}</{name}>"


def name_resources(names: Mapping[str, Callable[[str], str]]) -> None:
    """Let IAM know the queue of a request by a member of it: the member, and how it tells the ARN."""
    plain = iam_actions.extract_resource_arn

    def extract(
        service: str, method: str, path: str, headers: dict[str, str], body: bytes,
        query: dict[str, Any], region: str, account_id: str,
    ) -> str:  # fmt: skip
        request = _members(body) if service == "sqs" else {}
        for member, arn_of in names.items():
            if member in request:
                return arn_of(request[member])
        return str(plain(service, method, path, headers, body, query, region, account_id))

    iam_actions.extract_resource_arn = extract


def _members(body: bytes) -> dict[str, str]:
    try:
        if body[:1] == b"{":
            return {name: value for name, value in json.loads(body).items() if isinstance(value, str)}
        return {name: values[0] for name, values in parse_qs(body.decode()).items()}
    except ValueError:
        return {}
