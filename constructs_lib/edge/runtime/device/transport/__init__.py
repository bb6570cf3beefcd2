"""Ways out of a device: to the broker of AWS IoT, through the nucleus of Greengrass, or into files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

Handler = Callable[[str, bytes], None]
"""Is given topic and payload of a message, on a thread of the transport: it returns soon, and publishes nothing."""

LARGEST_PAYLOAD = 128 * 1000
"""Bytes of a message; AWS IoT takes 128 KB, and leaves open which.

Source: https://docs.aws.amazon.com/general/latest/gr/iot-core.html
"""


class Transport(Protocol):
    """Sends and receives messages of MQTT. Safe to use from several threads."""

    def start(self) -> None:
        """Begin to connect, in the background; a network that is missing is no error."""

    def publish(self, topic: str, payload: bytes, *, timeout: float) -> bool:
        """Send a message with QoS 1, and wait `timeout` seconds at most; whether the broker has acknowledged it.

        False does not say that it has not arrived. Nothing is kept: what is to arrive is published again.
        """

    def subscribe(self, topic: str, handle: Handler) -> None:
        """Have messages of a topic, without wildcards, handled: from now on, and after each reconnection."""

    @property
    def connected(self) -> bool:
        """Whether a message could be sent now."""

    @property
    def connections(self) -> int:
        """How often it has connected, with its subscriptions: a new number tells that messages may have been missed."""

    def stop(self) -> None:
        """Disconnect; nothing is handled afterwards."""


class Certificates(Protocol):
    """Files by which device and broker know each other."""

    @property
    def ca(self) -> Path:
        """Whom to trust as the broker."""

    @property
    def cert(self) -> Path:
        """The device's certificate."""

    @property
    def key(self) -> Path:
        """Its private key."""


class TransportConfig(Protocol):
    """Which way out, and how; what a kind does not need is None."""

    @property
    def kind(self) -> str:
        """``mqtt``, ``greengrass`` or ``file``."""

    @property
    def host(self) -> str | None:
        """Of the broker."""

    @property
    def port(self) -> int:
        """Of the broker."""

    @property
    def client_id(self) -> str | None:
        """Default: the thing's name, which is what the policies of AWS IoT ask for."""

    @property
    def tls(self) -> Certificates | None:
        """None: without TLS, which AWS IoT does not take."""

    @property
    def folder(self) -> Path | None:
        """For messages in files."""


def transport_of(config: TransportConfig, *, thing: str) -> Transport:
    """The transport that a configuration asks for. What a transport stands on is imported with it alone.

    :raises ValueError: the configuration lacks what the kind needs.
    """
    if config.kind == "greengrass":
        from .greengrass import GreengrassTransport

        return GreengrassTransport(thing=thing)
    if config.kind == "mqtt" and config.host is not None:
        from .mqtt import MqttTransport

        client_id = thing if config.client_id is None else config.client_id
        return MqttTransport(host=config.host, port=config.port, client_id=client_id, tls=config.tls)
    if config.kind == "file" and config.folder is not None:
        from .file import FileTransport

        return FileTransport(config.folder)
    needs = {"mqtt": "needs a host", "file": "needs a folder"}.get(config.kind, "is not known")
    raise ValueError(f"transport {config.kind!r} {needs}")
