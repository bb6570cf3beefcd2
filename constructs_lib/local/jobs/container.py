"""One container of a job: a command of this machine, from its start to its end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ..log_lines import LINE_LIMIT, lines_of
from .paths import local, mapped

_LAUNCHER = Path(__file__).with_name("launcher.py")
_PYTHON = re.compile(r"(/usr(/local)?/bin/)?python(3(\.\d+)?)?")
_MESSAGE = "/opt/ml/output/message"
_GRACE = 2.0

LogSink = Callable[[str], None]


class JobContainer:
    """A folder that stands for /opt/ml, and the process that works in it.

    Nothing isolates the process: it sees this machine. Where its entry point, its arguments and its
    environment say /opt/ml, they are made to say the folder; so does SAGEMAKER_BASE_DIR.
    """

    def __init__(self, folder: Path, log: LogSink) -> None:
        self._base = folder / "ml"
        self._home = folder / "home"
        self._log = log
        self._process: asyncio.subprocess.Process | None = None

    def prepare(self) -> None:
        """Make the folders that a container finds."""
        self._home.mkdir(parents=True)
        for path in ("processing", "config", "output"):
            (self._base / path).mkdir(parents=True)

    def local(self, path: str) -> Path:
        """Where a path below /opt/ml lies on this machine."""
        return local(path, self._base)

    def mapped(self, text: str) -> str:
        """A text of the container, with the paths of this machine."""
        return mapped(text, self._base)

    async def run(self, command: Sequence[str], environment: Mapping[str, str]) -> int:
        """Run the command to its end: its exit status, beyond 128 that of a signal.

        Who cancels this kills the command with everything it started.
        """
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-I", "-S", "-u", str(_LAUNCHER), *self._on_this_machine(command),
            env=self._environment(environment),
            cwd=self._home,
            stdin=asyncio.subprocess.PIPE,  # its end tells the launcher that the server is gone
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
            limit=LINE_LIMIT,
        )  # fmt: skip
        self._process = process
        reader = asyncio.create_task(self._follow(process))
        try:
            status = await process.wait()
            return 128 - status if status < 0 else status
        finally:
            # What it has left behind ends with it, as in a container.
            _signal(process, signal.SIGKILL)
            await asyncio.wait([asyncio.ensure_future(process.wait()), reader], timeout=_GRACE)
            reader.cancel()

    def _on_this_machine(self, command: Sequence[str]) -> list[str]:
        first, *others = (self.mapped(each) for each in command)
        return [sys.executable if _PYTHON.fullmatch(first) else first, *others]

    def _environment(self, given: Mapping[str, str]) -> dict[str, str]:
        """The job's environment, and nothing of this machine's but where programs are."""
        return {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "HOME": str(self._home),
            "TMPDIR": str(self._home),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONUNBUFFERED": "1",
            **{name: self.mapped(value) for name, value in given.items()},
            "SAGEMAKER_BASE_DIR": str(self._base),
        }

    async def _follow(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None  # noqa: S101  # it was asked for
        async for line in lines_of(process.stdout):
            self._log(line)

    def ask_to_end(self) -> None:
        """Send SIGTERM to the command and everything it started."""
        if self._process is not None and self._process.returncode is None:
            _signal(self._process, signal.SIGTERM)

    def message(self) -> bytes:
        """What the command left in /opt/ml/output/message."""
        with contextlib.suppress(OSError):
            return self.local(_MESSAGE).read_bytes()
        return b""


def _signal(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
