"""The shadow of a device: what is wanted, over outages and out of order."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from constructs_lib.edge.runtime.device.backoff import Backoff
from constructs_lib.edge.runtime.device.shadow import ModelShadow
from constructs_lib.edge.runtime.device.transport.mqtt import MqttTransport
from tests.support.mosquitto import broker
from tests.support.shadow_service import ShadowService
from tests.support.waiting import PATIENCE, until

from .shadow_network import PREFIX, Device, Network, settled


def test_without_a_shadow_the_newest_is_wanted(network: Network, shadowed: Any) -> None:
    one = shadowed()
    until(lambda: one.wanted)
    assert one.wanted == [None]
    assert network.asked[0][0] == "get"


def test_what_was_desired_before_is_wanted_from_the_start(network: Network, shadowed: Any) -> None:
    network.service.desire(version="1.2.3")
    one = shadowed()
    until(lambda: one.wanted)
    assert one.wanted == ["1.2.3"]


def test_a_delta_says_what_is_wanted_now(network: Network, shadowed: Any) -> None:
    one = shadowed()
    until(lambda: one.wanted)
    network.service.desire(version="1.2.3")
    network.service.desire(version="1.2.4")
    until(lambda: one.wanted[-1] == "1.2.4")
    settled()
    assert one.wanted == [None, "1.2.3", "1.2.4"]


def test_a_wish_that_is_withdrawn_is_heard_though_no_delta_tells_of_it(
    network: Network, shadowed: Any
) -> None:
    network.service.desire(version="1.2.3")
    one = shadowed()
    until(lambda: one.wanted == ["1.2.3"])
    network.service.desire(version=None)
    until(lambda: one.wanted == ["1.2.3", None])


def test_a_wish_for_what_is_reported_is_heard_though_no_delta_tells_of_it(
    network: Network, shadowed: Any
) -> None:
    one = shadowed()
    one.shadow.report({"version": "1.0.1", "status": "serving"})
    until(lambda: network.times("update"))
    network.service.desire(version="1.0.2")
    until(lambda: one.wanted[-1] == "1.0.2")
    network.service.desire(version="1.0.1")
    until(lambda: one.wanted[-1] == "1.0.1")


def test_deltas_that_come_late_are_ignored(network: Network, shadowed: Any) -> None:
    one = shadowed()
    until(lambda: one.wanted)
    network.held = []
    for version in ("1.0.1", "1.0.2", "1.0.3"):
        network.service.desire(version=version)
    held, network.held = [each for each in network.held if each[0].endswith("delta")], None
    for topic, payload in (held[2], held[0], held[1]):
        network.arrive(topic, payload)
    settled()
    assert one.wanted == [None, "1.0.3"]


def test_an_answer_that_is_older_than_a_delta_is_ignored(network: Network, shadowed: Any) -> None:
    network.service.desire(version="1.0.1")
    network.held = []
    one = shadowed()
    until(lambda: network.times("get"))
    network.service.desire(version="1.0.2")
    answer, *_, delta = network.held
    assert (answer[0], delta[0]) == (PREFIX + "get/accepted", PREFIX + "update/delta")
    network.held = None
    for topic, payload in (delta, answer):
        network.arrive(topic, payload)
    until(lambda: one.wanted)
    settled()
    assert one.wanted == ["1.0.2"]


def test_the_answer_to_somebody_else_counts_if_it_is_not_older(network: Network, shadowed: Any) -> None:
    network.service.desire(version="1.0.1")
    one = shadowed()
    until(lambda: one.wanted == ["1.0.1"])
    network.say(
        "get/accepted", {"state": {"desired": {"version": "0.9"}}, "version": 0, "clientToken": "other"}
    )
    network.say("get/rejected", {"code": 404, "message": "none", "clientToken": "other"})
    settled()
    assert one.wanted == ["1.0.1"]
    network.say(
        "get/accepted", {"state": {"desired": {"version": "1.0.2"}}, "version": 2, "clientToken": "other"}
    )
    until(lambda: one.wanted == ["1.0.1", "1.0.2"])


def test_it_asks_on_each_connection(network: Network, shadowed: Any) -> None:
    one = shadowed()
    until(lambda: one.wanted)
    network.connected = False
    network.service.desire(version="1.0.1")  # nobody hears of it
    settled()
    assert one.wanted == [None]
    network.reconnect()
    until(lambda: one.wanted == [None, "1.0.1"])
    assert network.times("get") == 2


def test_a_connection_that_was_lost_for_a_moment_only_is_noticed(network: Network, shadowed: Any) -> None:
    one = shadowed()
    until(lambda: one.wanted)
    network.held = []
    network.service.desire(version="1.0.1")
    network.held = None
    network.reconnect()
    until(lambda: one.wanted == [None, "1.0.1"])


def test_a_shadow_that_was_deleted_and_begins_anew_is_believed(network: Network, shadowed: Any) -> None:
    for version in ("1.0.1", "1.0.2", "1.0.3"):
        network.service.desire(version=version)
    one = shadowed()
    until(lambda: one.wanted == ["1.0.3"])
    network.service.delete()
    network.reconnect()
    until(lambda: one.wanted == ["1.0.3", None])
    network.service.desire(version="2.0.0")
    until(lambda: one.wanted[-1] == "2.0.0")
    network.connected = False
    network.service.delete()
    network.service.desire(version="3.0.0")
    network.reconnect()
    until(lambda: one.wanted[-1] == "3.0.0")


def test_it_asks_once_in_a_while(network: Network, shadowed: Any) -> None:
    shadowed(again_seconds=0.1)
    until(lambda: network.times("get") > 3)


def test_a_question_without_an_answer_is_asked_again(network: Network, shadowed: Any) -> None:
    network.held = []
    network.service.desire(version="1.0.1")
    one = shadowed(patience=0.1)
    until(lambda: network.times("get") > 2)
    network.held = None
    until(lambda: one.wanted == ["1.0.1"])
    settled()
    asked = network.times("get")
    time.sleep(0.4)
    assert network.times("get") == asked


@pytest.mark.parametrize("code", [429, 500, 403])
def test_a_question_that_is_refused_is_asked_again(
    network: Network, shadowed: Any, code: int, caplog: Any
) -> None:
    network.service.desire(version="1.0.1")
    network.service.refusal = {"code": code, "message": "not now"}
    one = shadowed()
    until(lambda: one.wanted == ["1.0.1"])
    assert network.times("get") == 2
    assert f"does not answer: {code} not now" in caplog.text


def test_a_wish_that_cannot_be_met_is_told_of_once(network: Network, shadowed: Any) -> None:
    network.service.desire(version="1.0.9")
    one = shadowed()
    until(lambda: one.wanted)
    for reason in ("bad", "still bad"):
        one.shadow.report({"version": "1.0.1", "status": "rejected", "reason": reason})  # each makes a delta
        settled()
    assert one.wanted == ["1.0.9"]


@pytest.mark.parametrize(
    "rubbish",
    ["no json", {"state": {}}, {"state": {"version": 7}, "version": 9}, [], {"version": "x", "state": {}}],
)
def test_what_is_no_document_is_ignored(
    network: Network, shadowed: Any, rubbish: object, caplog: Any
) -> None:
    one = shadowed()
    until(lambda: one.wanted)
    network.say("update/delta", rubbish)
    network.arrive(PREFIX + "update/delta", b"\xff")
    settled()
    assert one.wanted == [None]
    assert caplog.text
    network.say("update/delta", {"state": {"version": "1.0.1"}, "version": 10})
    until(lambda: one.wanted == [None, "1.0.1"])


def test_whoever_is_called_may_fail_and_is_called_again(network: Network) -> None:
    calls: list[str | None] = []

    def on_desired(version: str | None) -> None:
        calls.append(version)
        if len(calls) == 1:
            raise RuntimeError("unforeseen")

    network.service.desire(version="1.0.1")
    shadow = ModelShadow(network, "cam-1", on_desired, tick=0.02)
    shadow.start()
    until(lambda: calls)
    network.reconnect()
    until(lambda: calls == ["1.0.1", "1.0.1"])
    shadow.stop()


def test_a_transport_that_fails_ends_nothing(network: Network, shadowed: Any, caplog: Any) -> None:
    real, network.publish = network.publish, lambda *_, **__: 1 / 0  # type: ignore[assignment, method-assign]
    one = shadowed(patience=0.05)
    until(lambda: "asking or reporting failed" in caplog.text)
    network.publish = real  # type: ignore[method-assign]
    until(lambda: one.wanted == [None])


def test_a_slow_listener_does_not_hold_up_the_transport(network: Network) -> None:
    release = threading.Event()
    shadow = ModelShadow(network, "cam-1", lambda _: release.wait(PATIENCE) and None, tick=0.02)
    shadow.start()
    until(lambda: network.times("get"))
    began = time.monotonic()
    network.service.desire(version="1.0.1")
    shadow.report({"version": "1.0.1"})
    assert time.monotonic() - began < 1
    release.set()
    shadow.stop()


def test_over_a_real_broker_that_is_killed(tmp_path: Path) -> None:
    with broker(tmp_path / "broker") as running:
        cloud = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        service = ShadowService(
            "cam-1", "model", lambda topic, said: cloud.publish(topic, said, qos=1) and None
        )
        cloud.reconnect_delay_set(1, 1)
        cloud.on_connect = lambda *_: cloud.subscribe(
            [(service.prefix + "get", 1), (service.prefix + "update", 1)]
        )
        cloud.on_message = lambda _, __, told: service.handle(told.topic, bytes(told.payload))
        cloud.connect("127.0.0.1", running.port)
        cloud.loop_start()
        transport = MqttTransport(
            host="127.0.0.1",
            port=running.port,
            client_id="cam-1",
            tls=None,
            backoff=Backoff(first=0.2, most=0.5),
        )
        one = Device(transport, patience=1.0)
        transport.start()
        one.shadow.start()
        one.shadow.report({"version": "1.0.1", "status": "serving"})
        until(lambda: one.wanted == [None])
        service.desire(version="1.0.2")
        until(lambda: one.wanted == [None, "1.0.2"])
        running.kill()
        until(lambda: not transport.connected)
        one.shadow.report({"version": "1.0.2", "status": "serving"})
        service.desire(version="1.0.3")
        running.start()
        until(lambda: one.wanted[-1] == "1.0.3")
        until(
            lambda: service.state and service.state["reported"] == {"version": "1.0.2", "status": "serving"}
        )
        one.shadow.stop()
        transport.stop()
        cloud.disconnect()
        cloud.loop_stop()
