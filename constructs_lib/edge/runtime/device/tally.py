"""The counts of a buffer, on disk: two slots in one small file, written in turn.

They are overwritten in place: that needs no room on a full disk, and a power cut in the middle of one leaves the other.
"""

from __future__ import annotations

import os
import struct
import zlib
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

_SLOT = struct.Struct("<4sQQQQ")
_CHECKSUM = struct.Struct("<I")
_MAGIC = b"tly1"
_APART = 4096
"""Bytes between the slots: no sector of a disk has both."""


class Tally(NamedTuple):
    """Counts since the buffer was first opened."""

    head: int
    """Records below this number are done with."""
    delivered: int
    appended: int


class TallyFile:
    """Keeps a tally. Not safe to use from several threads."""

    def __init__(self, path: Path) -> None:
        """Open it, where it is not there make it."""
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with suppress(OSError):  # a full disk: then it takes its room when there is some
            os.posix_fallocate(self._file, 0, 2 * _APART)
        found = [each for each in map(self._slot, (0, 1)) if each is not None]
        self._turn = max((turn for turn, _ in found), default=0)
        self.found = max(found)[1] if found else None
        """What was written last; None where nothing was, or nothing of it is whole."""

    def write(self, tally: Tally) -> None:
        """Keep it: the end of this process does not undo it, a power cut may.

        :raises OSError: what the disk says.
        """
        turn = self._turn + 1
        slot = _SLOT.pack(_MAGIC, turn, *tally)
        os.pwrite(self._file, slot + _CHECKSUM.pack(zlib.crc32(slot)), turn % 2 * _APART)
        self._turn = turn

    def sync(self) -> None:
        """Wait until a power cut would not undo what was written. The only one that may run beside the others.

        :raises OSError: what the disk says.
        """
        os.fdatasync(self._file)

    def close(self) -> None:
        """Let go of it."""
        os.close(self._file)

    def _slot(self, index: int) -> tuple[int, Tally] | None:
        raw = os.pread(self._file, _SLOT.size + _CHECKSUM.size, index * _APART)
        if len(raw) < _SLOT.size + _CHECKSUM.size:
            return None
        slot, checksum = raw[: _SLOT.size], raw[_SLOT.size :]
        if _CHECKSUM.unpack(checksum)[0] != zlib.crc32(slot):
            return None
        magic, turn, head, delivered, appended = _SLOT.unpack(slot)
        return (turn, Tally(head, delivered, appended)) if magic == _MAGIC else None
