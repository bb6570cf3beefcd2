"""A device and the shadow service, with a network in between that a test can do anything to."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from constructs_lib.edge.runtime.device.backoff import Backoff
from constructs_lib.edge.runtime.device.shadow import ModelShadow
from tests.support.shadow_service import ShadowService

PREFIX = "$aws/things/cam-1/shadow/name/model/"


def settled() -> None:
    """Long enough for whatever is under way."""
    time.sleep(0.15)


class Network:
    """A transport, and the shadow service at its other end; messages to the device can be held back."""

    def __init__(self) -> None:
        self.handlers: dict[str, Callable[[str, bytes], None]] = {}
        self.service = ShadowService("cam-1", "model", self.arrive)
        self.connected = True
        self.connections = 1
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.held: list[tuple[str, bytes]] | None = None
        self.acknowledges = True

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def subscribe(self, topic: str, handle: Callable[[str, bytes], None]) -> None:
        self.handlers[topic] = handle

    def publish(self, topic: str, payload: bytes, *, timeout: float) -> bool:
        if not (self.connected and self.acknowledges):
            return False
        self.asked.append((topic.removeprefix(PREFIX), json.loads(payload)))
        self.service.handle(topic, payload)
        return True

    def arrive(self, topic: str, payload: bytes) -> None:
        if self.held is not None:
            self.held.append((topic, payload))
        elif self.connected and topic in self.handlers:
            self.handlers[topic](topic, payload)

    def reconnect(self) -> None:
        self.connections += 1
        self.connected = True

    def say(self, what: str, document: object) -> None:
        self.arrive(PREFIX + what, json.dumps(document).encode())

    def times(self, what: str) -> int:
        return sum(each == what for each, _ in self.asked)


class Device:
    def __init__(self, network: Any, **options: Any) -> None:
        self.wanted: list[str | None] = []
        chosen = {"tick": 0.02, "backoff": Backoff(first=0.02, most=0.05)}
        self.shadow = ModelShadow(network, "cam-1", self.wanted.append, **{**chosen, **options})
