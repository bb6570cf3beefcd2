"""Messages over MQTT, straight to the broker of AWS IoT.

MQTT 5, because it says why: an acknowledgement or a disconnection has a reason (not authorised, quota exceeded), where
MQTT 3.1.1 just ends the connection. Each connection is a client and a session of its own: what was not acknowledged
before is published again by whoever wanted it sent, so nothing piles up in a client, and what was missed is asked for.

Source: https://docs.aws.amazon.com/iot/latest/developerguide/mqtt.html
"""

from __future__ import annotations

import logging
import socket
import ssl
import threading
import time
from collections.abc import Sequence
from contextlib import suppress

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from ..backoff import Backoff
from . import Certificates, Handler

_IN_FLIGHT = 20
"""Messages not acknowledged yet; AWS IoT takes 100 of a client."""
_SUBSCRIPTIONS = 8
"""Topics that AWS IoT takes in one request."""
_CONNECT_SECONDS = 10.0
_KEEP_ALIVE_SECONDS = 60
_STEADY_SECONDS = 30.0
"""A connection that lasted so long was a good one: the next pause is a short one again."""
_HTTPS = 443
_ALPN = "x-amzn-mqtt-ca"
"""By which AWS IoT knows MQTT with a certificate on port 443."""

log = logging.getLogger(__name__)


class MqttTransport:
    """A client of an MQTT broker that comes back by itself."""

    def __init__(
        self,
        *,
        host: str,
        port: int,
        client_id: str,
        tls: Certificates | None,
        keep_alive_seconds: int = _KEEP_ALIVE_SECONDS,
        backoff: Backoff | None = None,
    ) -> None:
        """Talk to the broker at `host`, with `tls` both sides showing a certificate.

        A broker that is silent for one and a half times `keep_alive_seconds` (AWS IoT: 30–1200) is taken to be gone.
        The pause before each new connection is `backoff`'s; default: up to 1 s, doubled each time up to 60 s.
        """
        self._host, self._port, self._client_id, self._tls = host, port, client_id, tls
        self._keep_alive = keep_alive_seconds
        self._backoff = Backoff() if backoff is None else backoff
        self._handlers: dict[str, Handler] = {}
        self._lock = threading.Lock()
        self._session: _Session | None = None
        self._connections = 0
        self._in_flight = threading.BoundedSemaphore(_IN_FLIGHT)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mqtt", daemon=True)

    def start(self) -> None:
        """Begin to connect."""
        self._thread.start()

    @property
    def connected(self) -> bool:
        """Whether there is a connection, with its subscriptions."""
        return self._session is not None

    @property
    def connections(self) -> int:
        """How often there was one."""
        return self._connections

    def publish(self, topic: str, payload: bytes, *, timeout: float) -> bool:
        """Send a message with QoS 1; whether the broker has acknowledged it in time.

        A broker that does not is suspected to be gone, and the connection is ended.
        """
        until = time.monotonic() + timeout
        session = self._session
        if session is None or not self._in_flight.acquire(timeout=timeout):
            return False
        try:
            return session.publish(topic, payload, until=until)
        finally:
            self._in_flight.release()

    def subscribe(self, topic: str, handle: Handler) -> None:
        """Have messages of a topic handled; where there is a connection, it is known to the broker afterwards."""
        with self._lock:
            self._handlers[topic] = handle
            session = self._session
        if session is not None:
            session.subscribe([topic])

    def stop(self) -> None:
        """Say goodbye to the broker; messages under way are not waited for."""
        self._stopping.set()
        session = self._session
        if session is not None:
            session.end()
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join(2 * _CONNECT_SECONDS)

    def _run(self) -> None:
        while not self._stopping.is_set():
            began = time.monotonic()
            try:
                self._connect_once()
            except (
                OSError,
                ValueError,
            ) as error:  # no network, no name, no certificate, not the broker's certificate
                log.warning("no connection to %s:%d: %s", self._host, self._port, error)
            if time.monotonic() - began > _STEADY_SECONDS:
                self._backoff.reset()
            self._stopping.wait(self._backoff.next())

    def _connect_once(self) -> None:
        """Have a connection, from its beginning to its end."""
        session = _Session(self._client_id, _context(self._tls, self._port), self._handle)
        try:
            session.connect(self._host, self._port, self._keep_alive)
            with self._lock:
                topics = list(self._handlers)
            session.subscribe(topics)
            with self._lock:
                late = [each for each in self._handlers if each not in topics]
                self._session = session
            session.subscribe(late)
            self._connections += 1
            log.info("connected to %s:%d", self._host, self._port)
            while not (self._stopping.is_set() or session.over(within=1.0)):
                pass
        finally:
            self._session = None
            session.end()

    def _handle(self, topic: str, payload: bytes) -> None:
        handle = self._handlers.get(topic)
        if handle is not None:
            handle(topic, payload)


class _Session:
    """One connection; when it is over, it is of no more use."""

    def __init__(self, client_id: str, context: ssl.SSLContext | None, handle: Handler) -> None:
        self._handle = handle
        self._changed = threading.Condition()
        self._over = False
        self._refused: str | None = None
        self._connected = False
        self._acknowledged: dict[int, ReasonCode] = {}
        self._subscribed: set[int] = set()
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            protocol=paho.MQTTv5,
            reconnect_on_failure=False,
        )
        if context is not None:
            self._client.tls_set_context(context)
        self._client.connect_timeout = _CONNECT_SECONDS
        self._client.max_inflight_messages_set(_IN_FLIGHT)
        self._client.max_queued_messages_set(_IN_FLIGHT)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_publish = self._on_publish
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message

    def connect(self, host: str, port: int, keep_alive: int) -> None:
        """Connect.

        :raises OSError: there is no connection.
        """
        self._client.connect(host, port, keep_alive)
        self._client.loop_start()
        with self._changed:
            self._changed.wait_for(lambda: self._connected or self._over, _CONNECT_SECONDS)
            if not self._connected:
                raise ConnectionError(self._refused or "the broker does not answer")

    def subscribe(self, topics: Sequence[str]) -> None:
        """Subscribe, and wait until the broker knows."""
        for first in range(0, len(topics), _SUBSCRIPTIONS):
            options = SubscribeOptions(qos=1)
            some = [(each, options) for each in topics[first : first + _SUBSCRIPTIONS]]
            result, number = self._client.subscribe(some)
            if result != paho.MQTT_ERR_SUCCESS or number is None:
                self.end()
                return
            wanted = number
            with self._changed:
                self._changed.wait_for(lambda: wanted in self._subscribed or self._over, _CONNECT_SECONDS)  # noqa: B023

    def publish(self, topic: str, payload: bytes, *, until: float) -> bool:
        """Publish, and wait for the acknowledgement."""
        told = self._client.publish(topic, payload, qos=1)
        if told.rc != paho.MQTT_ERR_SUCCESS:
            return False
        with self._changed:
            self._changed.wait_for(
                lambda: told.mid in self._acknowledged or self._over, max(until - time.monotonic(), 0)
            )
            reason = self._acknowledged.pop(told.mid, None)
            over = self._over
        if reason is None and not over:
            log.warning("the broker has not acknowledged a message on %s in time", topic)
            self._cut()
        elif reason is not None and reason.is_failure:
            log.warning("the broker has not taken a message on %s: %s", topic, reason)
        return reason is not None and not reason.is_failure

    def over(self, *, within: float) -> bool:
        """Whether it is, at the latest after so many seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: self._over, within) or not self._client.is_connected()

    def end(self) -> None:
        """Say goodbye, and end the thread of the client."""
        self._client.disconnect()
        with self._changed:
            self._changed.wait_for(lambda: self._over or not self._connected, 1.0)
        self._cut()
        self._client.loop_stop()
        with self._changed:
            self._over = True
            self._changed.notify_all()

    def _cut(self) -> None:
        """End the connection without a word: whoever is at its other end may be gone."""
        raw = self._client.socket()
        if isinstance(raw, socket.socket):
            with suppress(OSError):  # it was not connected any more
                socket.socket.shutdown(raw, socket.SHUT_RDWR)

    def _on_connect(
        self,
        client: paho.Client,
        data: object,
        flags: object,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        with self._changed:
            self._connected = not reason.is_failure
            self._over = self._over or reason.is_failure
            self._refused = f"the broker refuses: {reason}" if reason.is_failure else None
            self._changed.notify_all()

    def _on_disconnect(
        self,
        client: paho.Client,
        data: object,
        flags: object,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        if reason.is_failure and self._connected:
            log.warning("disconnected: %s", reason)
        with self._changed:
            self._over = True
            self._changed.notify_all()

    def _on_publish(
        self,
        client: paho.Client,
        data: object,
        number: int,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        with self._changed:
            self._acknowledged[number] = reason
            self._changed.notify_all()

    def _on_subscribe(
        self,
        client: paho.Client,
        data: object,
        number: int,
        reasons: list[ReasonCode],
        properties: Properties | None,
    ) -> None:
        for each in reasons:
            if each.is_failure:
                log.error("the broker has not taken a subscription: %s", each)
        with self._changed:
            self._subscribed.add(number)
            self._changed.notify_all()

    def _on_message(self, client: paho.Client, data: object, message: paho.MQTTMessage) -> None:
        try:
            self._handle(message.topic, bytes(message.payload))
        except Exception:  # a message that cannot be handled is no reason to end the connection
            log.exception("a message on %s was not handled", message.topic)


def _context(tls: Certificates | None, port: int) -> ssl.SSLContext | None:
    """How both sides show who they are.

    :raises OSError: a file is not there, or is not what it should be.
    """
    if tls is None:
        return None
    context = ssl.create_default_context(cafile=str(tls.ca))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(str(tls.cert), str(tls.key))
    if port == _HTTPS:
        context.set_alpn_protocols([_ALPN])
    return context
