"""The named shadow ``model`` of a device: which version the cloud wants served, and which is.

A delta may be missed while there is no connection, may come late, and never comes for a wish that is withdrawn: a null
removes a key, and what both sides agree on is no difference. So the whole shadow is asked for on each connection, when
somebody has changed what is desired, and once an hour; and what is older than what is known is ignored.

Source: https://docs.aws.amazon.com/iot/latest/developerguide/device-shadow-document.html
"""

from __future__ import annotations

import json
import logging
import random
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from .backoff import Backoff
from .transport import Transport

_KEYS = ("version", "status", "wanted", "reason", "previous", "since", "program")
"""Of what is reported; one that a report does not have is removed from the shadow, which otherwise keeps it."""
_LONGEST = 500
"""Characters of a reported text; a shadow has 8 KB."""
_NOT_FOUND = 404
_NEVER: Any = object()

log = logging.getLogger(__name__)


class ModelShadow:
    """Keeps both sides informed, in a thread of its own: a thread of the transport may wait for nothing."""

    def __init__(
        self,
        transport: Transport,
        thing: str,
        on_desired: Callable[[str | None], None],
        *,
        patience: float = 30.0,
        again_seconds: float = 3600.0,
        backoff: Backoff | None = None,
        tick: float = 0.5,
    ) -> None:
        """Call `on_desired` with the version that is wanted (None: the newest), first once and then when it changes.

        The shadow has `patience` seconds to answer, after which it is asked, or told, again; and it is asked anew after
        about `again_seconds`.
        """
        self._transport = transport
        self._on_desired = on_desired
        self._patience, self._again, self._tick = patience, again_seconds, tick
        self._backoff = Backoff() if backoff is None else backoff
        self._prefix = f"$aws/things/{thing}/shadow/name/model/"
        self._process = secrets.token_hex(4)
        self._number = 0
        self._changed = threading.Condition()
        self._inbox: deque[tuple[str, bytes]] = deque()
        self._report: dict[str, Any] | None = None
        self._reporting = False
        self._stopping = False
        # What only the thread uses:
        self._connection = 0
        self._asking = False
        self._answer_due: float | None = None
        self._acceptance_due: float | None = None
        self._asked = self._told = ""
        self._version = self._heard_since = 0
        self._not_before = self._next_ask = 0.0
        self._desired: str | None = _NEVER
        self._thread = threading.Thread(target=self._run, name="shadow", daemon=True)

    def start(self) -> None:
        """Listen, and ask as soon as there is a connection."""
        for what in ("update/delta", "update/accepted", "update/rejected", "get/accepted", "get/rejected"):
            self._transport.subscribe(self._prefix + what, self._put)
        self._thread.start()

    def stop(self) -> None:
        """Ask and report no more."""
        with self._changed:
            self._stopping = True
            self._changed.notify()

    def report(self, reported: Mapping[str, Any]) -> None:
        """Have this be what is reported, now or as soon as there is a connection; of several, the latest counts."""
        with self._changed:
            self._report = _reported(reported)
            self._reporting = True
            self._changed.notify()

    def _put(self, topic: str, payload: bytes) -> None:
        with self._changed:
            self._inbox.append((topic.removeprefix(self._prefix), payload))
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                if not (self._inbox or self._stopping):
                    self._changed.wait(self._tick)
                if self._stopping:
                    return
                heard = list(self._inbox)
                self._inbox.clear()
            for what, payload in heard:
                with _logged(f"{what} was not handled: {payload[:500]!r}"):
                    self._hear(what, payload)
            with _logged("asking or reporting failed"):
                if self._transport.connected:
                    self._speak(time.monotonic())

    def _speak(self, now: float) -> None:
        """Ask and report, where that is due."""
        if self._connection != self._transport.connections:
            self._connection = self._transport.connections
            self._asking, self._not_before = True, 0.0
            with self._changed:
                self._reporting = self._report is not None
        self._asking = self._asking or now > self._next_ask
        if self._answer_due is not None and now > self._answer_due:
            self._ask_again()
        if self._acceptance_due is not None and now > self._acceptance_due:
            self._report_again()
        if now >= self._not_before and self._asking:
            self._ask(now)
        if now >= self._not_before:
            self._send_report(now)

    def _ask(self, now: float) -> None:
        self._asking, self._asked = False, self._token()
        self._heard_since = 0
        self._answer_due = now + self._patience
        self._next_ask = now + self._again * random.uniform(0.75, 1.25)  # noqa: S311 - no secret
        self._send("get", {"clientToken": self._asked}, self._ask_again)

    def _send_report(self, now: float) -> None:
        with self._changed:
            report = self._report if self._reporting else None
            self._reporting = False
        if report is not None:
            self._told = self._token()
            self._acceptance_due = now + self._patience
            document = {"state": {"reported": report}, "clientToken": self._told}
            self._send("update", document, self._report_again)

    def _send(self, what: str, document: dict[str, Any], again: Callable[[], None]) -> None:
        payload = json.dumps(document, separators=(",", ":")).encode()
        if not self._transport.publish(self._prefix + what, payload, timeout=self._patience):
            again()

    def _ask_again(self) -> None:
        self._asking, self._answer_due = True, None
        self._pause()

    def _report_again(self) -> None:
        with self._changed:
            self._reporting = True
        self._acceptance_due = None
        self._pause()

    def _pause(self) -> None:
        self._not_before = time.monotonic() + self._backoff.next()

    def _hear(self, what: str, payload: bytes) -> None:
        document = json.loads(payload)
        token = document.get("clientToken")
        if what == "update/delta":
            self._delta(document)
        elif what == "get/accepted":
            self._whole(document, ours=token == self._asked)
        elif what == "get/rejected" and token == self._asked:
            self._no_answer(document)
        elif what == "update/accepted":
            if token == self._told:
                self._acceptance_due = None
                self._backoff.reset()
            # Its desired part is what somebody has asked for, not what holds by now.
            self._asking = self._asking or "desired" in document.get("state", {})
        elif what == "update/rejected" and token == self._told:
            log.warning("the shadow has not taken the report: %s", _complaint(document))
            self._report_again()

    def _delta(self, document: Mapping[str, Any]) -> None:
        version = document["version"]
        if version > self._version:
            self._version = self._heard_since = version
            if "version" in document["state"]:
                self._want(document["state"]["version"])

    def _whole(self, document: Mapping[str, Any], *, ours: bool) -> None:
        """All of the shadow: to our question also one that begins anew, since it was deleted."""
        if ours:
            self._answer_due = None
            self._backoff.reset()
        if document["version"] >= (self._heard_since if ours else self._version):
            self._version = document["version"]
            self._want((document["state"].get("desired") or {}).get("version"))

    def _no_answer(self, document: Mapping[str, Any]) -> None:
        self._answer_due = None
        if document.get("code") != _NOT_FOUND:
            log.warning("the shadow does not answer: %s", _complaint(document))
            self._ask_again()
        elif not self._heard_since:  # there is none yet: nobody wants anything in particular
            self._version = 0
            self._want(None)

    def _want(self, version: object) -> None:
        if not isinstance(version, str | None):
            log.error("the shadow desires a version that is none: %.100r", version)
        elif version != self._desired:
            self._on_desired(version)
            self._desired = version

    def _token(self) -> str:
        self._number += 1
        return f"{self._process}-{self._number}"


@contextmanager
def _logged(what: str) -> Iterator[None]:
    """An error ends neither the thread nor the program: the next document may be a better one."""
    try:
        yield
    except Exception:
        log.exception("shadow: %s", what)


def _reported(given: Mapping[str, Any]) -> dict[str, Any]:
    """A whole report: what it lacks is removed by a null, a long text is cut."""
    whole = {**dict.fromkeys(_KEYS), **given}
    return {key: value[:_LONGEST] if isinstance(value, str) else value for key, value in whole.items()}


def _complaint(document: Mapping[str, Any]) -> str:
    return f"{document.get('code')} {document.get('message')}"
