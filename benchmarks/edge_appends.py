"""A plain file that is synced as often as the buffer, and a buffer whose writer is killed."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SYNC_RECORDS, SYNC_SECONDS = 256, 1.0
"""As the buffer has them."""

_WRITES = """
import sys, time
from pathlib import Path
from constructs_lib.edge.runtime.device.buffer import DiskBuffer

buffer = DiskBuffer(Path(sys.argv[1]), max_bytes=1 << 30)
for _ in range(int(sys.argv[2])):
    buffer.append(sys.argv[3].encode())
print("written", flush=True)
time.sleep(600)
"""


class Plain:
    """Records one after the other, and nothing else."""

    def __init__(self, path: Path, *, fsync: str) -> None:
        """Begin; `fsync` as the buffer has it: another thread syncs, or each append does."""
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._always = fsync == "always"
        self._count = 0
        self._closed = False
        self._wake = threading.Event()
        self._syncer = threading.Thread(target=self._sync_often, daemon=True)
        if not self._always:
            self._syncer.start()

    def append(self, record: bytes) -> None:
        """Add a record."""
        os.write(self._file, record)
        self._count += 1
        if self._always:
            os.fdatasync(self._file)
        elif self._count % SYNC_RECORDS == 0:
            self._wake.set()

    def close(self) -> None:
        """Sync and close."""
        self._closed = True
        self._wake.set()
        if self._syncer.is_alive():
            self._syncer.join()
        os.fdatasync(self._file)
        os.close(self._file)

    def _sync_often(self) -> None:
        while not self._closed:
            self._wake.wait(SYNC_SECONDS)
            self._wake.clear()
            os.fdatasync(self._file)


def written(folder: Path, count: int, record: bytes) -> None:
    """A buffer with so many records, whose writer was killed before it could close it."""
    command = [sys.executable, "-c", _WRITES, str(folder), str(count), record.decode()]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        told = process.stdout.readline()
        process.kill()
    if told != b"written\n":
        raise RuntimeError("the writer ended before it had written")
