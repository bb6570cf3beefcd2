"""AWS's Device Shadow service, as its documentation describes it, for one named shadow.

https://docs.aws.amazon.com/iot/latest/developerguide/device-shadow-document.html
https://docs.aws.amazon.com/iot/latest/developerguide/device-shadow-mqtt.html
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

Document = dict[str, Any]


class ShadowService:
    """Answers on topics; whoever uses it carries the messages."""

    def __init__(self, thing: str, name: str, publish: Callable[[str, bytes], None]) -> None:
        self.prefix = f"$aws/things/{thing}/shadow/name/{name}/"
        self._publish = publish
        self.state: dict[str, Document] | None = None
        self.version = 0
        self.refusal: Document | None = None
        """What the next request is answered with, instead."""

    def handle(self, topic: str, payload: bytes) -> None:
        """A request."""
        what = topic.removeprefix(self.prefix)
        request = json.loads(payload or b"{}")
        token = {"clientToken": request["clientToken"]} if "clientToken" in request else {}
        if self.refusal is not None:
            refusal, self.refusal = self.refusal, None
            self._say(f"{what}/rejected", {**refusal, "timestamp": 1, **token})
        elif what == "get":
            self._get(token)
        elif what == "update":
            self._update(request, token)

    def desire(self, **desired: object) -> None:
        """What an application does; None removes a key."""
        self._update({"state": {"desired": desired}}, {})

    def delete(self) -> None:
        """The whole shadow; one that is made more than 48 hours later counts from the beginning."""
        self.state, self.version = None, 0

    def _get(self, token: Document) -> None:
        if self.state is None:
            complaint = {"code": 404, "message": "No shadow exists with name: 'cam-1~model'"}
            self._say("get/rejected", {**complaint, "timestamp": 1, **token})
            return
        shown: Document = {part: keys for part, keys in self.state.items() if keys}
        if delta := self._delta():
            shown["delta"] = delta
        self._say(
            "get/accepted", {"state": shown, "metadata": {}, "version": self.version, "timestamp": 1, **token}
        )

    def _update(self, request: Document, token: Document) -> None:
        self.state = self.state or {"desired": {}, "reported": {}}
        self.version += 1
        for part, keys in request["state"].items():
            merged = {**self.state[part], **keys}
            self.state[part] = {key: value for key, value in merged.items() if value is not None}
        about = {"version": self.version, "timestamp": 1, "metadata": {}}
        self._say("update/accepted", {"state": request["state"], **about, **token})
        if delta := self._delta():
            self._say("update/delta", {"state": delta, **about, **token})

    def _delta(self) -> Document:
        """The desired keys that are reported otherwise, or not at all."""
        assert self.state is not None
        desired, reported = self.state["desired"], self.state["reported"]
        return {key: value for key, value in desired.items() if reported.get(key) != value}

    def _say(self, what: str, document: Document) -> None:
        self._publish(self.prefix + what, json.dumps(document).encode())
