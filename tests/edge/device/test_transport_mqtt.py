"""MQTT against a real broker: outages, refusals, certificates, limits."""

from __future__ import annotations

import json
import logging
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from constructs_lib.edge.runtime.device.backoff import Backoff
from constructs_lib.edge.runtime.device.buffer import DiskBuffer
from constructs_lib.edge.runtime.device.messages import record_of
from constructs_lib.edge.runtime.device.transport import mqtt
from constructs_lib.edge.runtime.device.transport.mqtt import MqttTransport
from constructs_lib.edge.runtime.device.uplink import Uplink
from tests.support.certificates import Certificates
from tests.support.mosquitto import Mosquitto, broker

PATIENCE = 30.0


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


class Cloud:
    """Whoever is on the other side of the broker."""

    def __init__(self, port: int) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self._client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        self._client.reconnect_delay_set(1, 1)
        self._ready = threading.Event()
        self._client.on_connect = lambda client, *_: client.subscribe("#", qos=1)
        self._client.on_subscribe = lambda *_: self._ready.set()
        self._client.on_message = lambda _, __, told: self.heard.append((told.topic, bytes(told.payload)))
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        assert self._ready.wait(PATIENCE)

    def say(self, topic: str, payload: bytes) -> None:
        self._client.publish(topic, payload, qos=1).wait_for_publish(PATIENCE)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def again(self) -> None:
        """Wait until it listens after an outage."""
        assert self._ready.wait(PATIENCE)

    def lost(self) -> None:
        self._ready.clear()


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Mosquitto]:
    with broker(tmp_path / "broker") as started:
        yield started


@pytest.fixture
def cloud(running: Mosquitto) -> Iterator[Cloud]:
    made = Cloud(running.port)
    yield made
    made.close()


@pytest.fixture
def device() -> Iterator[Callable[..., MqttTransport]]:
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


def test_a_message_arrives_and_is_acknowledged(running: Mosquitto, cloud: Cloud, device: Any) -> None:
    transport = device(running.port)
    until(lambda: transport.connected)
    assert transport.publish("dt/cams/cam-1/summary", b'{"n":1}', timeout=PATIENCE)
    until(lambda: cloud.heard)
    assert cloud.heard == [("dt/cams/cam-1/summary", b'{"n":1}')]
    assert "as cam-1 (p5" in running.log()


def test_without_a_broker_it_starts_and_says_no_at_once(running: Mosquitto, device: Any) -> None:
    running.kill()
    transport = device(running.port)
    began = time.monotonic()
    assert not transport.publish("t", b"x", timeout=PATIENCE)
    assert time.monotonic() - began < 1
    assert (transport.connected, transport.connections) == (False, 0)
    running.start()
    until(lambda: transport.connected)
    assert transport.publish("t", b"x", timeout=PATIENCE)


def test_subscriptions_survive_the_broker(running: Mosquitto, cloud: Cloud, device: Any) -> None:
    heard: list[tuple[str, bytes]] = []
    transport = device(running.port)
    topics = [f"$x/{i}" for i in range(20)]  # more than go into one request
    for each in topics[:10]:
        transport.subscribe(each, lambda topic, payload: heard.append((topic, payload)))
    until(lambda: transport.connected)
    for each in topics[10:]:
        transport.subscribe(each, lambda topic, payload: heard.append((topic, payload)))
    for each in topics:
        cloud.say(each, b"before")
    until(lambda: len(heard) == 20)
    connections = transport.connections
    cloud.lost()
    running.kill()
    until(lambda: not transport.connected)
    running.start()
    until(lambda: transport.connected)
    assert transport.connections == connections + 1
    cloud.again()
    for each in topics:
        cloud.say(each, b"after")
    until(lambda: len(heard) == 40)
    assert sorted(heard) == sorted((topic, said) for topic in topics for said in (b"before", b"after"))


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


def test_everything_arrives_though_the_network_is_cut_again_and_again(
    running: Mosquitto, cloud: Cloud, device: Any, tmp_path: Path
) -> None:
    network = Network(running.port)
    transport = device(network.port)
    buffer = DiskBuffer(tmp_path / "buffer", max_bytes=8 << 20)
    uplink = Uplink(
        buffer=buffer,
        transport=transport,
        fleet="cams",
        thing="cam-1",
        batch_bytes=3000,
        batch_seconds=0.02,
        backoff=Backoff(first=0.02, most=0.1),
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
    uplink = Uplink(
        buffer=buffer,
        transport=transport,
        fleet="cams",
        thing="cam-1",
        batch_bytes=2000,
        batch_seconds=0.05,
        backoff=Backoff(first=0.05, most=0.2),
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


def test_a_broker_that_answers_no_more_is_left(running: Mosquitto, device: Any) -> None:
    transport = device(running.port)
    until(lambda: transport.connected)
    running.freeze()
    began = time.monotonic()
    assert not transport.publish("t", b"x", timeout=0.5)
    assert time.monotonic() - began < 5
    until(lambda: not transport.connected)
    running.thaw()
    until(lambda: transport.connected)
    assert transport.publish("t", b"x", timeout=PATIENCE)


def test_a_silent_connection_is_found_to_be_dead(running: Mosquitto, device: Any) -> None:
    transport = device(running.port, keep_alive_seconds=1)
    until(lambda: transport.connected)
    running.freeze()
    until(lambda: not transport.connected)
    running.thaw()
    until(lambda: transport.connected)


def test_stopping_ends_the_connection_properly(running: Mosquitto, device: Any) -> None:
    transport = device(running.port)
    until(lambda: transport.connected)
    transport.stop()
    assert not transport.connected
    assert not transport.publish("t", b"x", timeout=1)
    until(lambda: "Client cam-1 disconnected" in running.log())


def test_stopping_does_not_wait_for_a_frozen_broker(running: Mosquitto, device: Any) -> None:
    transport = device(running.port)
    until(lambda: transport.connected)
    running.freeze()
    publishing = threading.Thread(target=lambda: transport.publish("t", b"x", timeout=PATIENCE))
    publishing.start()
    time.sleep(0.2)
    began = time.monotonic()
    transport.stop()
    publishing.join()
    assert time.monotonic() - began < 8


def test_what_the_broker_refuses_is_not_acknowledged_and_says_why(
    tmp_path: Path, device: Any, caplog: pytest.LogCaptureFixture
) -> None:
    rules = tmp_path / "acl"
    rules.write_text("topic write allowed/#\n")
    rules.chmod(0o600)
    with broker(tmp_path / "broker", options=f"acl_file {rules}") as running:
        transport = device(running.port)
        until(lambda: transport.connected)
        assert not transport.publish("forbidden", b"x", timeout=PATIENCE)
        assert transport.publish("allowed/a", b"x", timeout=PATIENCE)
    assert "the broker has not taken a message on forbidden: Not authorized" in caplog.text


def test_a_handler_that_fails_stops_no_other_message(running: Mosquitto, cloud: Cloud, device: Any) -> None:
    heard = threading.Event()
    transport = device(running.port)
    transport.subscribe("bad", lambda *_: 1 / 0)  # type: ignore[arg-type]
    transport.subscribe("good", lambda *_: heard.set())
    until(lambda: transport.connected)
    cloud.say("bad", b"")
    cloud.say("good", b"")
    assert heard.wait(PATIENCE)
    assert transport.connections == 1


def test_many_threads_publish_and_no_more_than_some_are_in_flight(
    running: Mosquitto, cloud: Cloud, device: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    transport = device(running.port)
    until(lambda: transport.connected)
    under_way, most, lock = 0, 0, threading.Lock()
    real = mqtt._Session.publish

    def counted(session: Any, topic: str, payload: bytes, *, until: float) -> bool:
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        try:
            return real(session, topic, payload, until=until)
        finally:
            with lock:
                under_way -= 1

    monkeypatch.setattr(mqtt._Session, "publish", counted)
    told: list[bool] = []

    def publish(thread: int) -> None:
        told.extend(transport.publish("t", b"%d-%d" % (thread, i), timeout=PATIENCE) for i in range(20))

    threads = [threading.Thread(target=publish, args=(i,)) for i in range(40)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert told == [True] * 800
    until(lambda: len({payload for _, payload in cloud.heard}) == 800)
    assert 1 < most <= 20


class Secured:
    def __init__(self, folder: Path) -> None:
        self.ours, self.theirs = Certificates(folder / "ours"), Certificates(folder / "theirs")
        self.elsewhere = Certificates(folder / "elsewhere", server="broker.example")


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Secured:
    return Secured(tmp_path_factory.mktemp("certificates"))


def test_both_sides_show_certificates(tmp_path: Path, device: Any, certificates: Secured) -> None:
    with broker(tmp_path / "broker", certificates=certificates.ours) as running:
        transport = device(running.port, tls=certificates.ours.identity("cam-1"))
        until(lambda: transport.connected)
        assert transport.publish("t", b"x", timeout=PATIENCE)
        assert "u'cam-1'" in running.log()


@pytest.mark.parametrize("who", ["a stranger", "nobody"])
def test_a_broker_that_does_not_know_us_is_no_connection(
    tmp_path: Path, device: Any, certificates: Secured, who: str, caplog: pytest.LogCaptureFixture
) -> None:
    stranger = certificates.theirs.identity("cam-1")
    own = type(stranger)(ca=certificates.ours.ca, cert=stranger.cert, key=stranger.key)
    with broker(tmp_path / "broker", certificates=certificates.ours) as running:
        transport = device(running.port, tls=own if who == "a stranger" else None)
        until(lambda: "no connection" in caplog.text)
        assert not transport.publish("t", b"x", timeout=1)
    assert transport.connections == 0


@pytest.mark.parametrize("why", ["another authority", "another name"])
def test_a_broker_that_we_do_not_know_is_told_nothing(
    tmp_path: Path, device: Any, certificates: Secured, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    served = certificates.theirs if why == "another authority" else certificates.elsewhere
    trusted = (certificates.ours if why == "another authority" else certificates.elsewhere).identity("cam-1")
    with broker(tmp_path / "broker", certificates=served) as running:
        transport = device(running.port, tls=trusted)
        until(lambda: "no connection" in caplog.text)
        assert transport.connections == 0
        assert "CONNECT" not in running.log()
    assert "CERTIFICATE_VERIFY_FAILED" in caplog.text
    assert ("mismatch" in caplog.text) == (why == "another name")


def test_a_certificate_that_comes_later_is_used_then(
    tmp_path: Path, device: Any, certificates: Secured, caplog: pytest.LogCaptureFixture
) -> None:
    made = certificates.ours.identity("cam-1")
    later = type(made)(ca=made.ca, cert=tmp_path / "cert.pem", key=tmp_path / "key.pem")
    with (
        broker(tmp_path / "broker", certificates=certificates.ours) as running,
        caplog.at_level(logging.WARNING),
    ):
        transport = device(running.port, tls=later)
        until(lambda: "No such file" in caplog.text)
        later.cert.write_bytes(made.cert.read_bytes())
        later.key.write_bytes(made.key.read_bytes())
        until(lambda: transport.connected)


def test_port_443_says_to_aws_iot_that_it_speaks_mqtt(
    certificates: Secured, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []
    monkeypatch.setattr(
        mqtt.ssl.SSLContext, "set_alpn_protocols", lambda _, protocols: asked.append(protocols)
    )
    mqtt._context(certificates.ours.identity("cam-1"), 8883)
    assert asked == []
    mqtt._context(certificates.ours.identity("cam-1"), 443)
    assert asked == [["x-amzn-mqtt-ca"]]
