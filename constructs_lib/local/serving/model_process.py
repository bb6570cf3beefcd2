"""One loaded model of a multi-model container, seen from the server."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

from .channel import BrokenOffError, Channel, Connection, Reply, UnreachableError, connect

_GRACE = 2.0
# The names of all modules that a model imported are one line.
_LINE_LIMIT = 1024 * 1024


class LoadError(Exception):
    """The model cannot be loaded; the status is what the container answers: 507 without memory for it."""

    def __init__(self, message: str, status: int = 500) -> None:
        super().__init__(message)
        self.status = status


class ModelProcess:
    """The process of a loaded model, from the end of its loading to its own end."""

    def __init__(self, pid: int, connection: Connection, socket_path: Path, modules: list[str]) -> None:
        self.modules = modules
        """What the model imported of the installed libraries."""
        self._process = psutil.Process(pid)
        self._connection = connection
        self._folder = socket_path.parent
        self._channel = Channel(socket_path)
        self._broken = False
        self._end = asyncio.create_task(_end_of(connection))

    @classmethod
    async def load(cls, container: Path, model_dir: Path, folder: Path) -> ModelProcess:
        """Let the container that listens on a socket load a model; LoadError when it cannot."""
        folder.mkdir(mode=0o700)
        connection = await connect(container, limit=_LINE_LIMIT)
        pid: int | None = None
        try:
            await ask(connection, {"load": {"model_dir": str(model_dir), "folder": str(folder)}})
            pid = (await _answer(connection))["pid"]
            answer = await _answer(connection)
            if answer["status"] != 200:
                raise LoadError(answer["message"], answer["status"])
            return cls(pid, connection, folder / "s", answer["modules"])
        except BaseException as error:
            if pid is not None and not isinstance(error, LoadError):
                _kill(pid)
            connection[1].close()
            raise

    @property
    def alive(self) -> bool:
        """Whether the process is there, and answers what it is asked."""
        return not (self._end.done() or self._broken)

    async def invoke(self, headers: Mapping[str, str], body: bytes, timeout: float) -> Reply:
        """Send a request; BrokenOffError or TimeoutError when there is no answer."""
        try:
            return await self._channel.request("POST", "/invocations", headers, body, timeout=timeout)
        except (UnreachableError, BrokenOffError) as error:
            self._broken = True
            raise BrokenOffError(str(error)) from error

    @property
    def memory(self) -> int:
        """The bytes that the end of this process would free: not what it shares with the others."""
        with contextlib.suppress(psutil.Error):
            return int(self._process.memory_full_info().uss)
        return 0

    def utilization(self) -> tuple[float, float]:
        """CPU and memory in percent since the last call."""
        with contextlib.suppress(psutil.Error):
            return self._process.cpu_percent(), self._process.memory_percent("uss")
        return 0.0, 0.0

    async def stop(self) -> float:
        """End the process and everything it started; how many seconds that took."""
        began = time.perf_counter()
        self._channel.close()
        # psutil knows a process that has taken over the number of a dead one.
        if self._process.is_running():
            _kill(self._process.pid)
        await asyncio.wait([self._end], timeout=_GRACE)
        self._connection[1].close()
        await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)
        return time.perf_counter() - began


async def ask(connection: Connection, request: Mapping[str, Any]) -> None:
    """Send a request to a multi-model container."""
    connection[1].write(json.dumps(request).encode() + b"\n")
    await connection[1].drain()


async def _answer(connection: Connection) -> dict[str, Any]:
    line = await connection[0].readline()
    if not line:
        raise LoadError("the model process ended while it was loading")
    answer: dict[str, Any] = json.loads(line)
    return answer


async def _end_of(connection: Connection) -> None:
    with contextlib.suppress(OSError):
        await connection[0].read()


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
