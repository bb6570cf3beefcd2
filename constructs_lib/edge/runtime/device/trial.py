"""A process in which a model is tried before the program itself loads it.

A model that ends its process, hangs, or takes all memory does so here, while the program goes on serving.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from .errors import BadModel, NoVerdict
from .memory import hold_to, peak_mb, room_mb, rss_mb

_SECONDS = 300.0
"""A device is slow, but not so slow."""
_LEAST_MB = 8.0
"""Any model takes more: with less left, there is no need to try."""
_SLACK_MB = 64.0
"""What stacks of threads and the allocator reserve and do not use. The growth is measured after; this only ends what
runs away."""
_PR_SET_PDEATHSIG = 1
_MODULE = "constructs_lib.edge.runtime.device.trial"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """A model that may be loaded."""

    growth_mb: float
    """MiB it took at most, while it was loaded and when it was run."""
    checked: str
    """How it was."""


def try_model(folder: Path, *, threads: int, memory_mb: int | None, seconds: float = _SECONDS) -> Tried:
    """Load the model in a process of its own, and check it.

    :raises BadModel: it cannot be loaded, is not what was handed over with it, ends or outlasts its process, or needs
        more memory than this program has left.
    :raises NoVerdict: the process could not be started.
    """
    room = room_mb(memory_mb)
    if room < _LEAST_MB:
        raise BadModel(_too_large(room, memory_mb))
    command = [sys.executable, "-m", _MODULE, str(folder), str(threads), f"{room:.1f}"]
    # The program's own modules, wherever they lie.
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(each for each in sys.path if each)}
    try:
        ended = subprocess.run(  # noqa: S603 - this very program
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds
        )
    except subprocess.TimeoutExpired as error:
        raise BadModel(f"it was not loaded within {seconds:g} s") from error
    except OSError as error:
        raise NoVerdict(f"no process could be started to try it: {error}") from error
    return _told(ended, room, memory_mb)


def _told(ended: subprocess.CompletedProcess[bytes], room: float, memory_mb: int | None) -> Tried:
    if ended.returncode < 0:
        name = f"signal {-ended.returncode}"
        with contextlib.suppress(ValueError):
            name = signal.Signals(-ended.returncode).name
        if name in ("SIGTERM", "SIGINT"):
            raise NoVerdict(f"the process that tried it was stopped ({name})")
        raise BadModel(f"it ended the process that tried it ({name})")
    try:
        verdict = json.loads(ended.stdout.splitlines()[-1])
    except (ValueError, IndexError) as error:
        why = b" ".join(ended.stderr.split())[-500:].decode(errors="replace")
        raise BadModel(f"it ended the process that tried it (exit {ended.returncode}): {why}") from error
    if "trouble" in verdict:
        raise NoVerdict(verdict["trouble"])
    if verdict.get("memory"):
        raise BadModel(_too_large(room, memory_mb))
    if "reason" in verdict:
        raise BadModel(verdict["reason"])
    growth = float(verdict["growth_mb"])
    if growth > room:
        raise BadModel(_too_large(room, memory_mb, growth))
    return Tried(growth_mb=growth, checked=verdict["checked"])


def _too_large(room: float, memory_mb: int | None, growth: float | None = None) -> str:
    needs = "more" if growth is None else f"{growth:.0f} MiB"
    of = "the machine has" if memory_mb is None else f"the program, which may take {memory_mb} MiB, has"
    return f"it needs {needs}, and {of} {max(room, 0):.0f} MiB left"


# --- in the process itself --------------------------------------------------------------------------------


def _verdict(folder: Path, threads: int, room: float) -> dict[str, object]:
    try:
        from .predictor import Predictor
    except ImportError as error:
        return {"trouble": f"what models run on is not there: {error}"}

    before = rss_mb()
    hold_to(room + _SLACK_MB)
    try:
        checked = Predictor(folder, threads=threads).check(folder)
    except BadModel as error:
        if any(each in str(error) for each in ("bad allocation", "bad_alloc", "Failed to allocate memory")):
            return {"memory": True}
        return {"reason": str(error)}
    except MemoryError:
        return {"memory": True}
    except Exception as error:  # whatever else is wrong with it
        return {"reason": f"it cannot be checked: {type(error).__name__}: {error}"[:500]}
    return {"growth_mb": peak_mb() - before, "checked": checked}


def main() -> int:
    """The process."""
    folder, threads, room = sys.argv[1:]
    # It does not outlive the program.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    # The program waits for its signals itself, and has them blocked; this process is to be stopped by them.
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    # Requests go first.
    os.nice(10)
    print(json.dumps(_verdict(Path(folder), int(threads), float(room))), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
