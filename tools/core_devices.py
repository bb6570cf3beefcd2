"""Core devices of Greengrass as processes, for the tests and the demo of fleets."""

from __future__ import annotations

import contextlib
import http.client
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tools.embedded_aws import ROOT, LocalAws, stop


@dataclass(frozen=True)
class CoreDevice:
    """A running core device: `root` has its logs, its work and its packages."""

    thing: str
    root: Path
    process: subprocess.Popen[bytes]

    def log(self, component: str | None = None) -> str:
        """What a component has written; without a name the device itself."""
        path = self.root / "logs" / f"{component or 'nucleus'}.log"
        return path.read_text(errors="replace") if path.exists() else ""


class UnixConnection(http.client.HTTPConnection):
    """HTTP over the Unix socket of the program on a device, whose path may have 107 characters."""

    def __init__(self, path: Path, timeout: float = 20) -> None:
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self) -> None:
        """Connect to the socket."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self.path))


def start_core_device(
    aws: LocalAws,
    thing: str,
    root: Path,
    *arguments: str,
    interval: float = 0.1,
    environment: Mapping[str, str] | None = None,
) -> CoreDevice:
    """Start a core device, that runs until it is stopped (`embedded_aws.stop`). Its thing must be there."""
    (root / "logs").mkdir(parents=True, exist_ok=True)
    command = [
        sys.executable,
        "-m",
        "constructs_lib.local.greengrass.nucleus",
        *("--endpoint", aws.url, "--thing", thing, "--root", str(root), "--interval", str(interval)),
        *arguments,
    ]
    variables = aws.environment() | {"PYTHONPATH": str(ROOT), **(environment or {})}
    with (root / "logs" / "nucleus.log").open("ab") as log:
        process = subprocess.Popen(  # noqa: S603  # our own command
            command, cwd=root, env=variables, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
    return CoreDevice(thing, root, process)


@contextlib.contextmanager
def core_device(
    aws: LocalAws,
    thing: str,
    root: Path,
    *arguments: str,
    interval: float = 0.1,
    environment: Mapping[str, str] | None = None,
) -> Iterator[CoreDevice]:
    """A core device; stopped at the end, with its components, whatever happens."""
    device = start_core_device(aws, thing, root, *arguments, interval=interval, environment=environment)
    try:
        yield device
    finally:
        stop(device.process)
