"""The shadow of a device: what is reported, over outages and refusals."""

from __future__ import annotations

import time
from typing import Any

from tests.support.waiting import until

from .shadow_network import Network, settled


def test_a_report_is_whole_and_says_what_is_no_longer_so(network: Network, shadowed: Any) -> None:
    one = shadowed()
    one.shadow.report({"version": "1.0.1", "status": "rejected", "wanted": "1.0.2", "reason": "r" * 9000})
    until(lambda: network.service.state)
    assert network.service.state is not None
    assert network.service.state["reported"] == {
        "version": "1.0.1",
        "status": "rejected",
        "wanted": "1.0.2",
        "reason": "r" * 500,
    }
    one.shadow.report({"version": "1.0.2", "status": "serving", "since": 5})
    until(lambda: network.times("update") == 2)
    assert network.service.state["reported"] == {"version": "1.0.2", "status": "serving", "since": 5}


def test_only_the_latest_report_counts_after_an_outage(network: Network, shadowed: Any) -> None:
    one = shadowed()
    until(lambda: one.wanted)
    network.connected = False
    for i in range(5):
        one.shadow.report({"version": f"1.0.{i}"})
    settled()
    network.reconnect()
    until(lambda: network.times("update"))
    settled()
    (told,) = [document for what, document in network.asked if what == "update"]
    assert told["state"]["reported"]["version"] == "1.0.4"


def test_a_report_is_sent_again_on_each_connection(network: Network, shadowed: Any) -> None:
    one = shadowed()
    one.shadow.report({"version": "1.0.1"})
    until(lambda: network.times("update") == 1)
    network.service.delete()
    network.reconnect()
    until(lambda: network.times("update") == 2)
    assert network.service.state is not None
    assert network.service.state["reported"] == {"version": "1.0.1"}


def test_a_report_that_was_not_acknowledged_is_sent_again(network: Network, shadowed: Any) -> None:
    one = shadowed()
    until(lambda: one.wanted)
    network.acknowledges = False
    one.shadow.report({"version": "1.0.1"})
    settled()
    network.acknowledges = True
    until(lambda: network.times("update") == 1)


def test_a_report_of_which_the_shadow_says_nothing_is_sent_again(network: Network, shadowed: Any) -> None:
    one = shadowed(patience=0.1)
    until(lambda: one.wanted)
    network.held = []
    one.shadow.report({"version": "1.0.1"})
    until(lambda: network.times("update") > 2)
    network.held = None
    time.sleep(0.5)
    told = network.times("update")
    time.sleep(0.4)
    assert network.times("update") == told


def test_a_report_that_was_refused_is_sent_again(network: Network, shadowed: Any, caplog: Any) -> None:
    one = shadowed()
    until(lambda: one.wanted)
    network.service.refusal = {"code": 429, "message": "too many"}
    one.shadow.report({"version": "1.0.1"})
    until(lambda: network.times("update") == 2)
    assert "has not taken the report: 429 too many" in caplog.text
    settled()
    assert network.times("update") == 2
