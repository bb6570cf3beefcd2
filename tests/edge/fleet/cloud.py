"""The other side of a fleet's broker: takes what devices tell, and has their shadows."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from tests.support.shadow_service import ShadowService
from tests.support.waiting import PATIENCE

from .ledger import Record

BROKER = "persistence true\npersistence_location {folder}/\nmax_queued_messages 0\nmax_queued_bytes 0"
"""What the broker has acknowledged it keeps for a session that is away, also while it is stopped: as AWS IoT does.
Without that, nobody could tell what was delivered."""


class FleetCloud:
    """One client with a session that outlives its connections."""

    def __init__(self, port: int, fleet: str, things: Sequence[str]) -> None:
        self._lock = threading.RLock()
        self._heard: dict[str, list[dict[str, Any]]] = {each: [] for each in things}
        self.summaries: dict[str, list[dict[str, Any]]] = {each: [] for each in things}
        self._shadows = {each: ShadowService(each, "model", self._say) for each in things}
        self._ready, self._caught_up = threading.Event(), threading.Event()
        self._last = f"dt/{fleet}/cloud/caught-up"
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2, "cloud", protocol=paho.MQTTv311, clean_session=False
        )
        self._client.max_queued_messages_set(0)
        self._client.reconnect_delay_set(1, 1)
        topics = [(f"dt/{fleet}/#", 1)]
        topics += [(f"$aws/things/+/shadow/name/model/{each}", 1) for each in ("get", "update")]
        self._client.on_connect = lambda client, *_: client.subscribe(topics)
        self._client.on_subscribe = lambda *_: self._ready.set()
        self._client.on_message = lambda _, __, told: self._hear(told.topic, bytes(told.payload))
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        assert self._ready.wait(PATIENCE)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def records(self, thing: str) -> list[Record]:
        """Those that were delivered, in the order in which they came."""
        with self._lock:
            return [each for message in self._heard[thing] for each in message["records"]]

    def catch_up(self) -> None:
        """Wait until all has come that the broker had for it: its queue is handed out in order."""
        self._caught_up.clear()
        self._client.publish(self._last, b"", qos=1)
        assert self._caught_up.wait(PATIENCE)

    def desire(self, thing: str, version: str | None) -> None:
        """As an application does that wants a version served."""
        with self._lock:
            self._shadows[thing].desire(version=version)

    def reported(self, thing: str) -> dict[str, Any]:
        """What the device says of its model; empty before it has."""
        with self._lock:
            state = self._shadows[thing].state
            return dict(state["reported"]) if state else {}

    def _hear(self, topic: str, payload: bytes) -> None:
        if topic == self._last:
            self._caught_up.set()
            return
        first, *rest = topic.split("/")
        with self._lock:
            if first == "$aws":
                self._shadows[rest[1]].handle(topic, payload)
            else:
                heard = self._heard if rest[-1] == "inference" else self.summaries
                heard[rest[1]].append(json.loads(payload))

    def _say(self, topic: str, payload: bytes) -> None:
        self._client.publish(topic, payload, qos=1)
