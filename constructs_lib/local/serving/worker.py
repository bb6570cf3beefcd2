"""One model process, seen from the server."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path

import psutil

from ..log_lines import LINE_LIMIT, lines_of
from .channel import BrokenOffError, Channel, Reply, UnreachableError

_POLL = 0.02
_GRACE = 2.0
_KEPT_LINES = 20

LogSink = Callable[[str], None]


class StartError(Exception):
    """The process did not become healthy; the message holds what it said last."""


class Worker:
    """A process that serves a model, from its start to its end."""

    program = Path(__file__).with_name("model_server.py")

    def __init__(self, socket_path: Path, log: LogSink) -> None:
        self.ready = False
        self._socket_path = socket_path
        self._channel = Channel(socket_path)
        self._log = log
        self._last_lines: deque[str] = deque(maxlen=_KEPT_LINES)
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._usage: psutil.Process | None = None

    async def start(self, arguments: list[str], environment: Mapping[str, str], timeout: float) -> None:
        """Start the process and wait until it answers the health check; StartError otherwise."""
        with contextlib.suppress(FileNotFoundError):
            self._socket_path.unlink()
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-u", str(self.program), self._socket_path.name, *arguments,
            env=dict(environment),
            cwd=self._socket_path.parent,
            stdin=asyncio.subprocess.PIPE,  # its end tells the process that the server is gone
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
            limit=LINE_LIMIT,
        )  # fmt: skip
        self._reader = asyncio.create_task(self._read_log(self._process))
        try:
            async with asyncio.timeout(timeout):
                await self._wait_until_healthy(self._process)
        except TimeoutError:
            await self.stop()
            raise StartError(f"no answer to /ping within {timeout:g} seconds. {self.last_words}") from None
        except BaseException:
            await self.stop()
            raise
        self._usage = psutil.Process(self._process.pid)
        self.ready = True

    async def _wait_until_healthy(self, process: asyncio.subprocess.Process) -> None:
        while process.returncode is None:
            with contextlib.suppress(UnreachableError, BrokenOffError):
                if await self._is_healthy():
                    return
            await asyncio.sleep(_POLL)
        if self._reader is not None:
            await self._reader
        raise StartError(f"the model process ended with status {process.returncode}. {self.last_words}")

    async def _is_healthy(self) -> bool:
        reply = await self._channel.request("GET", "/ping", {}, b"", timeout=_GRACE)
        return reply.status == 200

    async def _read_log(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None  # noqa: S101  # it was asked for
        async for text in lines_of(process.stdout):
            self._last_lines.append(text)
            self._log(text)

    def holds(self, _model: str | None) -> bool:
        """Whether this model of a multi-model container is here: a worker has one model, without a name."""
        return False

    @property
    def loaded_models(self) -> int | None:
        """How many models a multi-model container has loaded; None for any other."""
        return None

    async def invoke(self, headers: Mapping[str, str], body: bytes, timeout: float) -> Reply:
        """Send a request; UnreachableError, BrokenOffError or TimeoutError when there is no answer."""
        return await self._channel.request("POST", "/invocations", headers, body, timeout=timeout)

    async def ended(self) -> None:
        """Return when the process has ended, whatever the reason."""
        if self._process is not None:
            await self._process.wait()
        self.ready = False
        self._channel.close()

    async def stop(self) -> None:
        """End the process and everything it started, and wait for it. Asking twice does no harm."""
        self.ready = False
        self._channel.close()
        process = self._process
        if process is None:
            return
        # Killed, not asked: a model holds nothing worth saving, and the end of its standard
        # input would tell it that the server died.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        await _gone(process.pid)
        if self._reader is not None:
            await asyncio.wait([self._reader], timeout=_GRACE)
        if process.stdin is not None:
            process.stdin.close()

    @property
    def last_words(self) -> str:
        """The last lines that the process wrote."""
        return (
            "Last lines of its log: " + " | ".join(self._last_lines)
            if self._last_lines
            else "It wrote no log."
        )

    def utilization(self) -> tuple[float, float] | None:
        """CPU and memory in percent since the last call, or None when the process is gone."""
        if self._usage is None:
            return None
        try:
            return self._usage.cpu_percent(), self._usage.memory_percent()
        except psutil.Error:
            return None


async def _gone(group: int) -> None:
    """Return when a killed process group is empty: what a process started may end a moment after it."""
    with contextlib.suppress(TimeoutError, ProcessLookupError, PermissionError):
        async with asyncio.timeout(_GRACE):
            while True:
                os.killpg(group, 0)
                await asyncio.sleep(_POLL)
