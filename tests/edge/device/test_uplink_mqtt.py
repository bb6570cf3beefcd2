"""Buffer, uplink and MQTT together, while broker and network fail."""

from __future__ import annotations

import json
import random
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from constructs_lib.edge.runtime.device.backoff import Backoff
from constructs_lib.edge.runtime.device.buffer import DiskBuffer
from constructs_lib.edge.runtime.device.messages import record_of
from constructs_lib.edge.runtime.device.uplink import Uplink
from tests.support.mosquitto import Mosquitto
from tests.support.waiting import PATIENCE, until

from .mqtt_cloud import Cloud


class Network:
    """What lies between device and broker, and may be cut."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._ends: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """End each connection where it is, in the middle of whatever is under way."""
        while self._ends:
            with suppress(OSError):
                self._ends.pop().shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._to))
                self._ends += [near, far]
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=self._carry, args=pair, daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while some := source.recv(1000):
                target.sendall(some)
                time.sleep(0.0005)
        for each in (source, target):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


def an_uplink(buffer: DiskBuffer, transport: Any, **how: Any) -> Uplink:
    return Uplink(buffer=buffer, transport=transport, fleet="cams", thing="cam-1", **how)


def test_everything_arrives_though_the_network_is_cut_again_and_again(
    running: Mosquitto, cloud: Cloud, device: Any, tmp_path: Path
) -> None:
    network = Network(running.port)
    transport = device(network.port)
    buffer = DiskBuffer(tmp_path / "buffer", max_bytes=8 << 20)
    uplink = an_uplink(
        buffer, transport, batch_bytes=3000, batch_seconds=0.02, backoff=Backoff(first=0.02, most=0.1)
    )
    uplink.start()
    total = 2000
    for i in range(total):
        buffer.append(record_of("inference", {"id": i, "output": "x" * 100}))
        if i % 150 == 149:
            until(lambda: transport.connected)
            time.sleep(random.uniform(0, 0.05))  # noqa: S311
            network.cut()
        time.sleep(0.001)
    until(lambda: not buffer.records)
    uplink.stop(drain_seconds=PATIENCE)
    assert (buffer.delivered, buffer.dropped) == (total, 0)
    buffer.close()
    until(
        lambda: (
            {each["id"] for _, said in cloud.heard for each in json.loads(said)["records"]}
            == set(range(total))
        )
    )
    assert transport.connections > 8
    network.close()


@pytest.mark.parametrize("end", [Mosquitto.kill, Mosquitto.stop], ids=["kill", "stop"])
def test_everything_arrives_though_the_broker_ends_in_the_middle(
    running: Mosquitto, cloud: Cloud, device: Any, tmp_path: Path, end: Callable[[Mosquitto], None]
) -> None:
    transport = device(running.port)
    buffer = DiskBuffer(tmp_path / "buffer", max_bytes=8 << 20)
    uplink = an_uplink(
        buffer, transport, batch_bytes=2000, batch_seconds=0.05, backoff=Backoff(first=0.05, most=0.2)
    )
    uplink.start()
    total = 1500
    for i in range(total):
        buffer.append(record_of("inference", {"id": i, "output": "x" * 100}))
        if i in (300, 700, 1100):
            until(lambda: cloud.heard)
            cloud.lost()
            end(running)
            time.sleep(0.3)
            running.start()
            cloud.again()
        time.sleep(0.001)
    until(lambda: not buffer.records)
    uplink.stop(drain_seconds=PATIENCE)
    assert (buffer.delivered, buffer.dropped) == (total, 0)
    buffer.close()
    # A broker passes on what it takes to who listens: the other side was away for a while after each end.
    arrived = {each["id"] for _, payload in cloud.heard for each in json.loads(payload)["records"]}
    assert len(arrived) > 0.8 * total
    assert {0, total - 1} <= arrived
    assert transport.connections == 4
