"""Takes what waits in the buffer to the cloud, in one thread: at least once, oldest first."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from .backoff import Backoff
from .buffer import DiskBuffer
from .messages import Messages
from .transport import LARGEST_PAYLOAD, Transport

_PATIENCE = 30.0
"""Seconds in which a broker acknowledges."""
_TICK = 0.25

log = logging.getLogger(__name__)


class Uplink:
    """Sends when there is enough for a message, or the oldest has waited long enough.

    What the broker has acknowledged leaves the buffer; when the device stops in between, it is sent again, so whoever
    reads takes each ``id`` once.
    """

    def __init__(
        self,
        *,
        buffer: DiskBuffer,
        transport: Transport,
        fleet: str,
        thing: str,
        batch_bytes: int,
        batch_seconds: float,
        largest: int = LARGEST_PAYLOAD,
        publish_seconds: float = _PATIENCE,
        backoff: Backoff | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Send from this buffer: messages of about `batch_bytes`, after `batch_seconds` smaller ones as well.

        `publish_seconds` is how long a broker may take to acknowledge; after that, and after each refusal, there is a
        pause (`backoff`; default: up to 1 s, doubled each time up to 60 s).
        """
        self._buffer = buffer
        self._transport = transport
        self._messages = Messages(
            fleet=fleet, thing=thing, batch_bytes=batch_bytes, largest=largest, clock=clock
        )
        self._batch_bytes = batch_bytes
        self._batch_seconds = batch_seconds
        self._publish_seconds = publish_seconds
        self._backoff = Backoff() if backoff is None else backoff
        self._stopping = threading.Event()
        self._deadline = float("inf")
        self._thread = threading.Thread(target=self._run, name="uplink", daemon=True)

    def start(self) -> None:
        """Begin to send. The transport is started, and stopped, by who made it."""
        self._thread.start()

    def stop(self, *, drain_seconds: float) -> None:
        """Send what waits, for so long at most; what is left stays in the buffer."""
        self._deadline = time.monotonic() + drain_seconds
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(
                drain_seconds + _TICK
            )  # a message may be under way; the transport's stop ends it

    def _run(self) -> None:
        since: float | None = None  # when something was first seen to wait
        while not self._stopping.wait(min(_TICK, self._batch_seconds)):
            now = time.monotonic()
            since = None if not self._buffer.records else now if since is None else since
            if since is None or not self._transport.connected:
                continue
            due = now - since >= self._batch_seconds
            if due or self._buffer.bytes >= self._batch_bytes:
                self._attempt(all_of_it=due)
                since = None if due else now
        while self._buffer.records and time.monotonic() < self._deadline:
            if not (self._transport.connected and self._attempt(all_of_it=True)):
                time.sleep(_TICK)

    def _attempt(self, *, all_of_it: bool) -> bool:
        """Send what waits now, or only what is enough for messages; after a failure, pause. Whether it went well."""
        try:
            well = self._send(self._buffer.appended, all_of_it=all_of_it)
        except Exception:  # whatever it is, what waits is worth another try
            log.exception("sending failed")
            well = False
        if well:
            self._backoff.reset()
        else:
            self._stopping.wait(self._backoff.next())
        return well

    def _send(self, upto: int, *, all_of_it: bool) -> bool:
        sent = 0
        while sent < upto and (all_of_it or self._buffer.bytes >= self._batch_bytes):
            records, mark = self._buffer.peek(self._batch_bytes)
            if not records:
                return True
            done = 0
            for message in self._messages.of(records):
                if message.payload and not self._publish(message.topic, message.payload):
                    return False
                done += message.records
                self._buffer.confirm(mark.upto(done))
            sent = mark.next
        return True

    def _publish(self, topic: str, payload: bytes) -> bool:
        left = self._deadline - time.monotonic()
        return left > 0 and self._transport.publish(topic, payload, timeout=min(self._publish_seconds, left))
