"""Scripts of components, as processes: each leads a group of its own, which ends with it."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from .recipe import Step

_GRACE_SECONDS = 5.0


class Scripts:
    """Runs the scripts of one component, with its log."""

    def __init__(self, name: str, *, folder: Path, log: Path, environment: Mapping[str, str]) -> None:
        self._name = name
        self._folder = folder
        self._log = log
        self._environment = environment
        self._current: subprocess.Popen[bytes] | None = None

    def start(self, phase: str, step: Step) -> subprocess.Popen[bytes] | None:
        """The process of a step; None when it is to be skipped."""
        if step.skip_if is not None and _holds(step.skip_if):
            self.note(f"{phase} is skipped: {step.skip_if}")
            return None
        self.note(f"{phase} begins")
        with self._log.open("ab") as log:
            return subprocess.Popen(  # noqa: S603  # what a recipe says: that is what a nucleus is for
                ["/bin/sh", "-c", step.script],
                cwd=self._folder,
                env={**self._environment, **step.setenv},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def run(self, phase: str, step: Step) -> str | None:
        """Run a step to its end; what went wrong, or None."""
        process = self.start(phase, step)
        if process is None:
            return None
        self._current = process
        try:
            status = process.wait(step.timeout)
        except subprocess.TimeoutExpired:
            end(process)
            self.note(f"{phase} timed out after {step.timeout:g} s")
            return f"Timeout in {phase}"
        finally:
            self._current = None
        self.note(f"{phase} exited with {status}")
        # What a step leaves behind in its group goes on: a startup script may begin a daemon.
        return None if status == 0 else f"The {phase} script exited with code {status}"

    def interrupt(self) -> None:
        """Ask the step that is being run to its end to end now."""
        current = self._current
        if current is not None:
            _signal_group(current.pid, signal.SIGTERM)

    def note(self, text: str) -> None:
        """Write a line to the component's log."""
        with self._log.open("a") as log:
            log.write(f"{time.strftime('%Y-%m-%dT%H:%M:%S')} [{self._name}] {text}\n")


def end(process: subprocess.Popen[bytes]) -> None:
    """Ask the process and what it has started to end (SIGTERM); after some seconds make them."""
    _signal_group(process.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_GRACE_SECONDS)
    _signal_group(process.pid, signal.SIGKILL)
    process.wait()


def _signal_group(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def _holds(condition: str) -> bool:
    """`onpath <program>` or `exists <file>`."""
    kind, _, what = condition.strip().partition(" ")
    if kind.lower() == "onpath":
        return shutil.which(what.strip()) is not None
    return kind.lower() == "exists" and Path(what.strip()).exists()
