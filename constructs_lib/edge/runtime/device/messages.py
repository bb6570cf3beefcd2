"""What is sent of what was recorded: results together, summaries each by itself, none larger than AWS IoT takes."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

Document = dict[str, Any]

_LARGE = ("input", "output", "error")
"""What a result may be large for, in the order in which it is given up."""
_KEPT = ("id", "at", "model_version", "inference_id", "latency_ms", "status")
_LONGEST = 128
"""Characters of what is kept of the rest, where even that is too large."""

_RESULT, _END = b'{"topic":"inference","body":{', b"}}"
"""How the record of a result begins and ends: what is between need not be parsed."""
_ENCODER = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message, and how many records of the buffer it is for."""

    topic: str
    payload: bytes
    records: int


def record_of(topic: str, body: Document) -> bytes:
    """A record for the buffer: of an inference, or a summary."""
    return _packed({"topic": topic, "body": body})


@dataclass(frozen=True, slots=True, kw_only=True)
class Messages:
    """Makes messages of records."""

    fleet: str
    thing: str
    batch_bytes: int
    """Results are put together up to this size."""
    largest: int
    """Bytes that no message exceeds."""
    clock: Callable[[], float]

    def of(self, records: Sequence[bytes]) -> Iterator[Message]:
        """The messages of records, in their order; a record that is none is left out, and counted with the next.

        A last message may have no payload: what is left is to be confirmed all the same.
        """
        skipped = 0
        for kind, run in groupby(map(_read, records), key=lambda each: each[0]):
            if kind is None:
                skipped += len(list(run))
                continue
            bodies = [body for _, body in run]
            for message in self._results(bodies) if kind == "inference" else map(self._summary, bodies):
                yield Message(topic=message.topic, payload=message.payload, records=message.records + skipped)
                skipped = 0
        if skipped:
            yield Message(topic="", payload=b"", records=skipped)

    def _results(self, bodies: Sequence[bytes]) -> Iterator[Message]:
        envelope = self._envelope()
        room = self.largest - len(envelope)
        batch: list[bytes] = []
        size = 0
        for body in bodies:
            packed = body if len(body) <= room else _fitted(json.loads(body), room)
            if batch and size + len(packed) + len(envelope) > min(self.batch_bytes, self.largest):
                yield self._batch(batch)
                batch, size = [], 0
            batch.append(packed)
            size += len(packed) + 1
        yield self._batch(batch)

    def _batch(self, packed: Sequence[bytes]) -> Message:
        payload = self._envelope().replace(b"[]", b"[" + b",".join(packed) + b"]")
        return Message(topic=f"dt/{self.fleet}/{self.thing}/inference", payload=payload, records=len(packed))

    def _envelope(self) -> bytes:
        sent = int(self.clock() * 1000)
        return _packed({"fleet": self.fleet, "thing": self.thing, "sent": sent, "records": []})

    def _summary(self, body: bytes) -> Message:
        payload = _packed({"fleet": self.fleet, "thing": self.thing, **json.loads(body)})
        return Message(topic=f"dt/{self.fleet}/{self.thing}/summary", payload=payload, records=1)


def _fitted(body: Document, room: int) -> bytes:
    """A result that fits: without its input, then without its output too, where it is too large, and saying so."""
    packed = _packed(body)
    lost: Document = {}
    for each in _LARGE:
        if len(packed) <= room:
            return packed
        if each in body:
            lost[each] = None
            packed = _packed({**body, **lost, "truncated": True})
    if len(packed) <= room:
        return packed
    kept = {each: _short(body[each]) for each in _KEPT if each in body}
    return _packed({**kept, "input": None, "output": None, "truncated": True})


def _short(value: object) -> object:
    return value if isinstance(value, int | float | None) else str(value)[:_LONGEST]


def _read(record: bytes) -> tuple[str | None, bytes]:
    """Topic and body; no topic where it is no record of ours, which can only be left out.

    A result is taken as it is: the buffer has a checksum of each record, and to parse them all would hold up requests.
    """
    if record.startswith(_RESULT) and record.endswith(_END):
        return "inference", record[len(_RESULT) - 1 : -1]
    try:
        found = json.loads(record)
        topic, body = found["topic"], found["body"]
    except (ValueError, KeyError, TypeError):
        topic, body = None, None
    if topic in ("inference", "summary") and isinstance(body, dict):
        return topic, _packed(body)
    log.error("a record of the buffer cannot be read, and is left out: %.200r", record)
    return None, b""


def _packed(document: object) -> bytes:
    return _ENCODER.encode(document).encode(errors="replace")
