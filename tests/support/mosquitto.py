"""A real MQTT broker on this machine, for as long as a test: Eclipse Mosquitto.

https://mosquitto.org/man/mosquitto-conf-5.html
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from .certificates import Certificates

BINARY = "mosquitto"
REQUIRED = "CONSTRUCTS_REQUIRE_MOSQUITTO"
"""Set to 1 where the tests must not do without: on CI."""
_PATIENCE = 20.0


class Mosquitto:
    """A broker on a port of its own, which it has again when it is started again. It forgets when it stops."""

    def __init__(self, folder: Path, *, certificates: Certificates | None = None, options: str = "") -> None:
        """With `certificates` it talks TLS only, and only to who has one of theirs, whose name is the user."""
        folder.mkdir(parents=True, exist_ok=True)
        self.port = _free_port()
        self._log = folder / "mosquitto.log"
        self._config = folder / "mosquitto.conf"
        lines = [
            f"listener {self.port} 127.0.0.1",
            f"log_dest file {self._log}",
            "log_type all",
            "persistence false",
            f"user {'root' if os.geteuid() == 0 else ''}".strip(),
            options,
        ]
        if certificates is None:
            lines.append("allow_anonymous true")
        else:
            lines += [
                f"cafile {certificates.ca}",
                f"certfile {certificates.server_cert}",
                f"keyfile {certificates.server_key}",
                "require_certificate true",
                "use_identity_as_username true",
            ]
        self._config.write_text("\n".join(each for each in lines if each != "user") + "\n")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Run, and wait until it listens."""
        self._process = subprocess.Popen(
            [_binary() or BINARY, "-c", str(self._config)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until = time.monotonic() + _PATIENCE
        while True:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            assert self._process.poll() is None, f"mosquitto has ended: {self.log()}"
            assert time.monotonic() < until, f"mosquitto does not listen: {self.log()}"
            time.sleep(0.05)

    def stop(self) -> None:
        """End as a broker does, which tells its clients."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End without a word."""
        self._end(signal.SIGKILL)

    def freeze(self) -> None:
        """Answer no more, without closing a connection: as a network that loses everything."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Go on."""
        self._signal(signal.SIGCONT)

    def log(self) -> str:
        """What it has written so far."""
        return self._log.read_text() if self._log.exists() else ""

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGCONT)
            self._process.send_signal(number)
            self._process.wait(_PATIENCE)
        self._process = None


@contextmanager
def broker(
    folder: Path, *, certificates: Certificates | None = None, options: str = ""
) -> Iterator[Mosquitto]:
    """A broker that runs. Without the binary the test is skipped, or fails where it must not be."""
    why = missing()
    if why is not None and os.environ.get(REQUIRED) == "1":
        pytest.fail(f"{REQUIRED}=1, but there is {why}")
    if why is not None:
        pytest.skip(why)
    made = Mosquitto(folder, certificates=certificates, options=options)
    made.start()
    try:
        yield made
    finally:
        made.kill()


def missing() -> str | None:
    """Why there is no broker to test with; None where there is one."""
    return None if _binary() else f"no {BINARY} on this machine: apt-get install mosquitto"


def _binary() -> str | None:
    return shutil.which(BINARY, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
