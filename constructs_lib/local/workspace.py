"""The temporary folder of one server: unpacked models, the sockets of their processes, Lambda's code."""

from __future__ import annotations

import fcntl
import itertools
import os
import shutil
import tempfile
from pathlib import Path

_PREFIX = "constructs-local-"
_LOCK = "lock"


class Workspace:
    """A private folder that lives as long as its server.

    The lock tells a folder in use from one whose server was killed: the kernel drops it
    with the process, so the next server that starts may sweep what it finds unlocked.
    """

    def __init__(self) -> None:
        _sweep_abandoned()
        self.root = Path(tempfile.mkdtemp(prefix=_PREFIX))
        self._lock = _take_lock(self.root / _LOCK)
        self._numbers = itertools.count(1)

    def take_in_temporary_files(self) -> None:
        """Let everything this process puts into a temporary folder go here: ministack leaves its own behind."""
        tempfile.tempdir = str(self.root)

    def new_folder(self, kind: str) -> Path:
        """An empty folder of its own."""
        folder = self.root / f"{kind}{next(self._numbers)}"
        folder.mkdir(mode=0o700)
        return folder

    def close(self) -> None:
        """Remove everything."""
        shutil.rmtree(self.root, ignore_errors=True)
        if self._lock is not None:
            os.close(self._lock)


def _take_lock(path: Path) -> int | None:
    """The open, locked descriptor, or None when another process holds the lock."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def _sweep_abandoned() -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        if not (folder / _LOCK).is_file() or folder.stat().st_uid != os.getuid():
            continue
        lock = _take_lock(folder / _LOCK)
        if lock is not None:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)
