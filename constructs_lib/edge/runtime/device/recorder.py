"""What is told of inferences: counted at once, and written to the buffer by a thread of its own.

A request waits for none of it. Where the disk is slower than requests come, results are left out, and counted. The
interpreter runs one thread at a time, so results are written while models compute, which they do outside of it.
"""

from __future__ import annotations

import itertools
import logging
import queue
import secrets
import threading
import time
from collections.abc import Mapping
from typing import Any

from .buffer import DiskBuffer
from .codec import plain
from .memory import rss_mb
from .messages import record_of
from .predictor import Array, Mapped, Output
from .sampling import Sampler
from .server import Inference
from .summary import Counts

_LOG = logging.getLogger(__name__)
WAITING = 256
"""Results between requests and the disk."""
_PATIENCE = 0.02
"""Seconds until a result is written though no model computes."""
_LARGEST = 6_400
"""Values of a result's input or output. More would not fit in a message (128 KB, about 20 bytes a value), and making
JSON of them would hold up requests: the interpreter does one thing at a time."""
_CHARACTERS = 20
"""Of a string, that count as one more value."""


class Recorder:
    """The observer of requests. Without a buffer (no disk), it only counts."""

    def __init__(
        self, buffer: DiskBuffer | None, counts: Counts, sampler: Sampler, *, thing: str, inputs: bool
    ) -> None:
        """:param inputs: whether results have their inputs."""
        self.boot = secrets.token_hex(4)
        """Of this process: with it, ids are never used again."""
        self._buffer, self._counts, self._sampler = buffer, counts, sampler
        self._thing, self._inputs = thing, inputs
        self._sequence = itertools.count(1)
        self._numbers = itertools.count(1)
        self._waiting: queue.Queue[Inference | None] = queue.Queue(WAITING)
        self._moment = threading.Event()
        self._stopping = False
        self._left_out = itertools.count()
        self._lost = 0
        self._told = (0, 0, 0) if buffer is None else (buffer.dropped, buffer.delivered, 0)
        self._thread = threading.Thread(target=self._write, name="recorder", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def stop(self, seconds: float) -> None:
        """Write what waits, for so long at most."""
        self._stopping = True
        self._moment.set()
        try:
            self._waiting.put(None, timeout=seconds)
        except queue.Full:
            return
        self._thread.join(seconds)

    def new_id(self) -> str:
        """An id that no other inference of the fleet has, ever."""
        return f"{self._thing}-{self.boot}-{next(self._sequence)}"

    def computing(self) -> None:
        """A good moment to write what waits."""
        self._moment.set()

    def answered(self, inference: Inference) -> None:
        """Count it, and tell of it if it is sampled."""
        try:
            failed = inference.error is not None
            self._counts.inference(latency_ms=inference.latency_ms, ok=not failed)
            if self._sampler.wanted(inference.id, failed=failed):
                many = self._waiting.qsize() >= WAITING // 2
                (self._moment.set if many else self._moment.clear)()
                self._waiting.put_nowait(inference)
        except queue.Full:
            self._lost = next(self._left_out) + 1
        except Exception:
            _LOG.exception("an inference could not be told of")

    def summarise(self, *, group: str, model_version: str | None) -> None:
        """Write a summary of what was since the last one."""
        dropped, delivered, lost = self._totals()
        before, self._told = self._told, (dropped, delivered, lost)
        body = {
            **self._counts.take(time.time()),
            "group": group,
            "boot": self.boot,
            "number": next(self._numbers),
            "model_version": model_version,
            "buffered_records": self._buffer.records if self._buffer else 0,
            "buffered_bytes": self._buffer.bytes if self._buffer else 0,
            "dropped_records": max(0, dropped - before[0]) + lost - before[2],
            "delivered_records": max(0, delivered - before[1]),
            "rss_mb": round(rss_mb(), 1),
        }
        self._append(record_of("summary", body))

    def _totals(self) -> tuple[int, int, int]:
        if self._buffer is None:
            return 0, 0, self._lost
        return self._buffer.dropped, self._buffer.delivered, self._lost

    def _write(self) -> None:
        while (inference := self._waiting.get()) is not None:
            if not self._stopping:
                self._moment.wait(_PATIENCE)
            try:
                self._append(record_of("inference", self._body(inference)))
            except Exception:
                _LOG.exception("a result could not be written")

    def _append(self, record: bytes) -> None:
        if self._buffer is not None:
            self._buffer.append(record)

    def _body(self, inference: Inference) -> dict[str, Any]:
        told: dict[str, Any] = {
            "id": inference.record_id,
            "at": inference.at,
            "model_version": inference.model_version,
            "inference_id": inference.id,
            "latency_ms": round(inference.latency_ms, 3),
            "input": _plain(inference.inputs) if self._inputs else None,
            "output": _plain(inference.outputs),
            "status": "ok" if inference.error is None else "error",
        }
        return told if inference.error is None else {**told, "error": inference.error}


def _plain(values: Mapping[str, Array] | Mapping[str, Output] | None) -> dict[str, Any] | None:
    if values is None or sum(_size(each) for each in values.values()) > _LARGEST:
        return None
    return {name: plain(each) for name, each in values.items()}


def _size(value: Output) -> int:
    if isinstance(value, list):
        return sum(_size(each) for each in value)
    array = value.scores if isinstance(value, Mapped) else value
    if array.dtype.kind == "O":
        return sum(1 + len(each) // _CHARACTERS for each in array.flat)
    return array.size
