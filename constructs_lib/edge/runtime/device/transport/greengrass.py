"""Messages through the nucleus of Greengrass, which has the connection to AWS IoT.

A nucleus takes a message also while it is offline: into a spool in memory (2.5 MB unless configured), which loses its
oldest when it is full and everything when the nucleus ends. So a message given to it then would be acknowledged and
could still be lost. Therefore the nucleus is given nothing unless AWS IoT has answered lately: when it has not, the
thing's shadow is asked for with QoS 0, which an offline nucleus does not keep. What is given is thus at most what was
sent since the last answer, and much less than the spool holds. *(That the nucleus answers when a message is in its
spool, not when the broker has it, is inferred from its documentation.)*

Sources: https://docs.aws.amazon.com/greengrass/v2/developerguide/ipc-iot-core-mqtt.html,
https://docs.aws.amazon.com/greengrass/v2/developerguide/greengrass-nucleus-component.html
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol

from ..backoff import Backoff
from . import Handler

_ANSWER_SECONDS = 60.0
"""For so long after an answer AWS IoT is taken to be reached."""
_ANSWER_BYTES = 1024 * 1024
"""Or for so many bytes."""
_PATIENCE = 10.0
_AT_LEAST_ONCE, _AT_MOST_ONCE = "1", "0"
"""As awsiot.greengrasscoreipc.model.QOS has them."""

log = logging.getLogger(__name__)


class IpcClient(Protocol):
    """The part of awsiotsdk's GreengrassCoreIPCClientV2 that is used."""

    def publish_to_iot_core_async(self, *, topic_name: str, qos: str, payload: bytes) -> Future[Any]:
        """Give a message to the nucleus."""

    def subscribe_to_iot_core_async(
        self,
        *,
        topic_name: str,
        qos: str,
        on_stream_event: Callable[[Any], None],
        on_stream_error: Callable[[Exception], bool],
        on_stream_closed: Callable[[], None],
    ) -> tuple[Future[Any], Any]:
        """Have messages of a topic."""

    def close(self, *, executor_wait: bool) -> Future[None]:
        """End the connection."""


Connect = Callable[[Callable[[], None]], IpcClient]
"""Connects to the nucleus; what it is given is to be called when the connection is lost."""


class GreengrassTransport:
    """A client of the nucleus that comes back by itself."""

    def __init__(
        self,
        *,
        thing: str,
        connect: Connect | None = None,
        backoff: Backoff | None = None,
        answer_seconds: float = _ANSWER_SECONDS,
        answer_bytes: int = _ANSWER_BYTES,
        patience: float = _PATIENCE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Talk for `thing`, the core device.

        Each `answer_seconds`, and each `answer_bytes` sent, AWS IoT has to answer, within `patience` seconds.
        """
        self._connect = _connected if connect is None else connect
        self._backoff = Backoff() if backoff is None else backoff
        self._answer_seconds, self._answer_bytes, self._patience = answer_seconds, answer_bytes, patience
        self._clock = clock
        shadow = f"$aws/things/{thing}/shadow/name/model/get"
        self._question = shadow
        self._answers = (f"{shadow}/accepted", f"{shadow}/rejected")
        self._handlers: dict[str, Handler] = {}
        self._lock = threading.Lock()
        self._asking = threading.Lock()
        self._client: IpcClient | None = None
        self._connections = 0
        self._lost = threading.Event()
        self._answered = threading.Event()
        self._answered_at = -float("inf")
        self._sent_since = 0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="greengrass", daemon=True)

    def start(self) -> None:
        """Begin to connect to the nucleus."""
        self._thread.start()

    @property
    def connected(self) -> bool:
        """Whether there is a connection to the nucleus; publishing finds out whether there is one to AWS IoT."""
        return self._client is not None

    @property
    def connections(self) -> int:
        """How often there was one."""
        return self._connections

    def publish(self, topic: str, payload: bytes, *, timeout: float) -> bool:
        """Give a message to the nucleus with QoS 1; whether it has taken it, and AWS IoT was reached before."""
        until = self._clock() + timeout
        client = self._client
        if client is None or not self._reached(client, until):
            return False
        return self._give(client, topic, payload, _AT_LEAST_ONCE, until)

    def subscribe(self, topic: str, handle: Handler) -> None:
        """Have messages of a topic handled."""
        with self._lock:
            known = topic in self._handlers or topic in self._answers
            self._handlers[topic] = handle
            client = self._client
        if client is not None and not known:
            self._listen(client, topic)

    def stop(self) -> None:
        """End the connection to the nucleus."""
        self._stopping.set()
        self._lost.set()
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join(_PATIENCE)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._lost.clear()
            try:
                self._connect_once()
            except Exception as error:  # whatever a nucleus that starts or ends makes of a call
                log.warning("no connection to the nucleus: %r", error)
            self._stopping.wait(self._backoff.next())

    def _connect_once(self) -> None:
        """Have a connection, from its beginning to its end."""
        client = self._connect(self._lost.set)
        try:
            with self._lock:
                topics = {*self._handlers, *self._answers}
            for topic in sorted(topics):
                self._listen(client, topic)
            with self._lock:
                late = {*self._handlers} - topics
                self._client = client
            for topic in sorted(late):
                self._listen(client, topic)
            self._connections += 1
            self._backoff.reset()
            while not (self._stopping.is_set() or self._lost.wait(1.0)):
                pass
        finally:
            self._client = None
            self._answered_at = -float("inf")
            client.close(executor_wait=False)

    def _listen(self, client: IpcClient, topic: str) -> None:
        def closed() -> None:
            if client is self._client:
                self._lost.set()

        heard, _ = client.subscribe_to_iot_core_async(
            topic_name=topic,
            qos=_AT_LEAST_ONCE,
            on_stream_event=lambda event: self._heard(event.message.topic_name, event.message.payload),
            on_stream_error=lambda error: _ended(topic, error),
            on_stream_closed=closed,
        )
        try:
            heard.result(self._patience)
        except TimeoutError:
            self._lost.set()
        except Exception as error:  # not allowed: what else the device has to say is still worth saying
            log.error("the nucleus has not taken a subscription of %s: %r", topic, error)

    def _heard(self, topic: str, payload: bytes | None) -> None:
        self._answered_at = self._clock()
        self._sent_since = 0
        self._answered.set()
        handle = self._handlers.get(topic)
        if handle is None:
            return
        try:
            handle(topic, payload or b"")
        except Exception:  # a message that cannot be handled is no reason to end the connection
            log.exception("a message on %s was not handled", topic)

    def _reached(self, client: IpcClient, until: float) -> bool:
        """Whether AWS IoT has answered lately, or does now."""
        until = min(until, self._clock() + self._patience)
        if not self._asking.acquire(timeout=max(until - self._clock(), 0)):
            return False
        try:
            lately = self._clock() - self._answered_at < self._answer_seconds
            if lately and self._sent_since < self._answer_bytes:
                return True
            self._answered.clear()
            question = json.dumps({"clientToken": "reached"}).encode()
            asked = self._give(client, self._question, question, _AT_MOST_ONCE, until)
            return asked and self._answered.wait(max(until - self._clock(), 0))
        finally:
            self._asking.release()

    def _give(self, client: IpcClient, topic: str, payload: bytes, qos: str, until: float) -> bool:
        try:
            given = client.publish_to_iot_core_async(topic_name=topic, qos=qos, payload=payload)
            given.result(max(until - self._clock(), 0))
        except TimeoutError:
            log.warning("the nucleus does not answer")
            self._lost.set()
            return False
        except Exception as error:  # not allowed, no room in the spool, the nucleus ends
            log.warning("the nucleus has not taken a message on %s: %r", topic, error)
            return False
        self._sent_since += len(payload)
        return True


def _ended(topic: str, error: Exception) -> bool:
    log.warning("no more messages on %s: %r", topic, error)
    return True


def _connected(lost: Callable[[], None]) -> IpcClient:
    """A client of the nucleus that has started this process.

    :raises Exception: there is none, or it does not answer.
    """
    from awsiot import greengrasscoreipc
    from awsiot.eventstreamrpc import LifecycleHandler
    from awsiot.greengrasscoreipc.clientv2 import GreengrassCoreIPCClientV2

    class Lifecycle(LifecycleHandler):  # type: ignore[misc]
        def on_disconnect(self, reason: Exception | None) -> None:
            lost()

        def on_error(self, error: Exception) -> bool:
            log.warning("the connection to the nucleus fails: %r", error)
            return True

    ipc = greengrasscoreipc.connect(lifecycle_handler=Lifecycle(), timeout=_PATIENCE)
    # One thread: messages are handled in the order in which they come.
    client: IpcClient = GreengrassCoreIPCClientV2(
        client=ipc, executor=ThreadPoolExecutor(1, "greengrass-ipc")
    )
    return client
