"""Devices of a fleet: each a process of the program, and an application on it that asks for inferences all the time."""

from __future__ import annotations

import http.client
import json
import signal
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from constructs_lib.edge.runtime.device.buffer import DiskBuffer
from constructs_lib.edge.runtime.device.handover import Handover, hand_over
from tests.edge.device.support import ROWS, Running, until
from tools.core_devices import UnixConnection

from .ledger import Answer, Life, Record

FLEET = "scopes"
_PAUSE = 0.06
"""Seconds between two requests to one device."""
_EACH_WRONG = 25
"""Every so many requests one has a row too short, and is refused."""


class Device:
    """One of them; it has a new life each time it is started."""

    def __init__(self, folder: Path, thing: str, port: int) -> None:
        self.thing = thing
        self.lives: list[Life] = []
        self.running = Running(
            folder,
            {
                "fleet": FLEET,
                "transport": {"kind": "mqtt", "host": "127.0.0.1", "port": port},
                "batch_bytes": 8192,
                "batch_seconds": 0.5,
                "model_check_seconds": 0.3,
                "summary_seconds": 2,
            },
        )
        self._asked = 0
        self._done = threading.Event()
        self._application = threading.Thread(target=self._ask, name=thing, daemon=True)

    # --- lives ----------------------------------------------------------------------------------------

    def start(self) -> None:
        """A new process."""
        self.lives.append(Life(self.thing, len(self.lives) + 1))
        self.running.start(AWS_IOT_THING_NAME=self.thing)

    def kill(self) -> None:
        """SIGKILL, whatever it is doing but loading a model: it would take that for the model's fault."""
        process = self.running.process
        assert process is not None
        while process.send_signal(signal.SIGSTOP) or (self.running.root / "models" / "loading.json").exists():
            process.send_signal(signal.SIGCONT)
            time.sleep(0.01)
        self.lives[-1].killed = True
        self.running.kill()

    def work(self) -> None:
        """Have the application begin."""
        self._application.start()

    def rest(self) -> None:
        """Have it end, with its last answer."""
        self._done.set()
        if self._application.is_alive():
            self._application.join(30)

    # --- what can be seen of it -----------------------------------------------------------------------

    def serves(self, version: str) -> bool:
        """Whether its last answers came from this version."""
        return [each.version for each in self.lives[-1].answers[-2:]] == [version] * 2

    def status(self) -> dict[str, Any]:
        """What it says of itself."""
        told: dict[str, Any] = until(self.running.status)
        return told

    def models(self) -> set[str]:
        """The versions in its folder."""
        return {each.name for each in (self.running.root / "models").iterdir() if each.is_dir()}

    def waiting(self) -> list[Record]:
        """The results that are left in its buffer, once its process has ended."""
        buffer = DiskBuffer(self.running.root / "buffer", max_bytes=64 << 20)
        try:
            assert buffer.dropped == 0
            records, _ = buffer.peek(1 << 30, 1 << 30)
        finally:
            buffer.close()
        read = [json.loads(each) for each in records]
        return [each["body"] for each in read if each["topic"] == "inference"]

    def take(self, archive: Path, version: str) -> None:
        """A model is handed over, and nobody waits for the verdict."""
        running = self.running
        given = Handover(root=running.root, archive=archive, version=version, socket=running.socket, wait=0)
        hand_over(given, lambda _: None)

    # --- the application ------------------------------------------------------------------------------

    def _ask(self) -> None:
        while not self._done.is_set():
            with suppress(OSError, http.client.HTTPException):
                self._ask_one_process()
            self._done.wait(_PAUSE)

    def _ask_one_process(self) -> None:
        """One request after the other, until the process ends."""
        life = self.lives[-1]
        connection = UnixConnection(self.running.socket)
        try:
            connection.connect()
            # A life begins before its process does: this is the process's whose life it was all the while.
            while life is self.lives[-1] and not self._done.is_set():
                self._ask_once(connection, life)
                self._done.wait(_PAUSE)
        finally:
            connection.close()

    def _ask_once(self, connection: http.client.HTTPConnection, life: Life) -> None:
        self._asked += 1
        id = f"{self.thing}:{self._asked}"
        row = (ROWS[self._asked % len(ROWS)] / 1000).tolist()
        body = json.dumps({"instances": [row[:9] if self._asked % _EACH_WRONG == 0 else row]})
        connection.request("POST", "/invocations", body, {"X-Amzn-SageMaker-Inference-Id": id})
        answer = connection.getresponse()
        told = json.loads(answer.read())
        # 503 says that no model is loaded yet: nothing was inferred, and there is no record of it.
        if answer.status != 503:
            assert answer.headers["X-Amzn-SageMaker-Inference-Id"] == id
            life.answers.append(
                Answer(
                    inference_id=id,
                    status=answer.status,
                    version=answer.headers["X-Model-Version"],
                    outputs=told.get("outputs"),
                )
            )
