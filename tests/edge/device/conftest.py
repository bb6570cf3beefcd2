"""A program, a broker, a transport, a shadow of one's own for each test."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from constructs_lib.edge.runtime.device.backoff import Backoff
from constructs_lib.edge.runtime.device.transport.mqtt import MqttTransport
from tests.support.mosquitto import Mosquitto, broker

from .mqtt_cloud import Cloud
from .shadow_network import Device, Network
from .support import Running


@pytest.fixture
def program() -> Iterator[Running]:
    """Not started yet. Its folder has a short name: a Unix socket's path has 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="edge-") as folder:
        running = Running(Path(folder))
        yield running
        running.kill()


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Mosquitto]:
    """A real broker."""
    with broker(tmp_path / "broker") as started:
        yield started


@pytest.fixture
def cloud(running: Mosquitto) -> Iterator[Cloud]:
    """Who listens at its other side."""
    made = Cloud(running.port)
    yield made
    made.close()


@pytest.fixture
def device() -> Iterator[Callable[..., MqttTransport]]:
    """Makes transports to the broker at a port."""
    made: list[MqttTransport] = []

    def make(port: int, **options: Any) -> MqttTransport:
        given = {
            "host": "127.0.0.1",
            "client_id": "cam-1",
            "tls": None,
            "backoff": Backoff(first=0.1, most=0.3),
        }
        transport = MqttTransport(port=port, **{**given, **options})
        made.append(transport)
        transport.start()
        return transport

    yield make
    for each in made:
        each.stop()


@pytest.fixture
def network() -> Network:
    """A transport to a shadow service."""
    return Network()


@pytest.fixture
def shadowed(network: Network) -> Iterator[Callable[..., Device]]:
    """Makes devices that have their shadow there."""
    made: list[Device] = []

    def make(**options: Any) -> Device:
        one = Device(network, **options)
        made.append(one)
        one.shadow.start()
        return one

    yield make
    for each in made:
        each.shadow.stop()
