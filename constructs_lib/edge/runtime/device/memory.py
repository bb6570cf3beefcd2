"""How much memory the program takes, and how much a model may."""

from __future__ import annotations

import ctypes
import re
import resource
from pathlib import Path

MEBIBYTE = 1024**2
_STATUS = Path("/proc/self/status")
_MACHINE = Path("/proc/meminfo")
_UNLIMITED = 1 << 20
"""MiB where the machine does not say."""


def rss_mb() -> float:
    """MiB of this process that are in memory."""
    return _field(_STATUS, "VmRSS", 0)


def peak_mb() -> float:
    """MiB that it had at most."""
    return _field(_STATUS, "VmHWM", 0)


def room_mb(limit_mb: int | None) -> float:
    """MiB by which this process may still grow, by its own limit and by what the machine has left."""
    left = _field(_MACHINE, "MemAvailable", _UNLIMITED)
    return left if limit_mb is None else min(left, limit_mb - rss_mb())


def hold_to(growth_mb: float) -> None:
    """Let this process grow no further than by `growth_mb`, or what it may anyway: an allocation beyond fails."""
    most = int((_field(_STATUS, "VmData", 0) + growth_mb) * MEBIBYTE)
    _, allowed = resource.getrlimit(resource.RLIMIT_DATA)
    most = most if allowed == resource.RLIM_INFINITY else min(most, allowed)
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))


def give_back() -> None:
    """Return to the machine what was freed; glibc keeps it otherwise."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def _field(path: Path, name: str, default: float) -> float:
    try:
        found = re.search(rf"^{name}:\s+(\d+) kB", path.read_text(), re.MULTILINE)
    except OSError:
        return default
    return int(found[1]) / 1024 if found else default
