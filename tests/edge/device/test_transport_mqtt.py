"""MQTT against a real broker: outages, refusals, limits."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from constructs_lib.edge.runtime.device.transport import mqtt
from tests.support.mosquitto import Mosquitto, broker
from tests.support.waiting import PATIENCE, until

from .mqtt_cloud import Cloud


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
