"""The files of a buffer: each has some megabytes of frames and the number of its first; the last is written to."""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from .frames import Frame, frames

_SUFFIX = ".records"
_WORN_OUT = (errno.EIO, errno.EUCLEAN)
"""What a disk says of a place that it cannot read, now or later."""

log = logging.getLogger(__name__)


class Place(NamedTuple):
    """Where a record that was read lies."""

    number: int
    segment: int
    end: int


@dataclass(slots=True)
class Segment:
    """One file."""

    path: Path
    first: int
    """No record in it has a lower number."""
    size: int = 0
    waiting: int = 0
    """Records in it that are not passed yet."""


class Span(NamedTuple):
    """The part of a file that is still to be read."""

    path: Path
    segment: int
    start: int
    stop: int

    def frames(self) -> Iterator[Frame]:
        """Its whole records; none where the file has gone meanwhile, or where the disk does not give it any more."""
        try:
            with self.path.open("rb") as file:
                yield from frames(file, start=self.start, stop=self.stop, least=self.segment)
        except FileNotFoundError:
            return
        except OSError as error:
            if error.errno not in _WORN_OUT:
                raise
            log.warning("the rest of %s is lost: %s", self.path, error)


@dataclass(slots=True)
class Unsynced:
    """What a power cut could still undo; whoever takes it syncs and closes it."""

    files: list[int] = field(default_factory=list)
    names: bool = False
    """Files were made since."""


class Segments:
    """The files in their order. Not safe to use from several threads."""

    def __init__(self, folder: Path, *, largest: int) -> None:
        """Know none yet."""
        self._folder = folder
        self._largest = largest
        self._all: list[Segment] = []
        self._offset = 0
        self._tail: int | None = None
        self._written = False
        self._unsynced = Unsynced()
        self.size = 0
        """Bytes on disk, without those that are to be removed."""

    @property
    def first(self) -> int | None:
        """No record that is left has a lower number."""
        return self._all[0].first if self._all else None

    @property
    def waiting(self) -> int:
        """Records that are not passed yet."""
        return sum(each.waiting for each in self._all)

    @property
    def unread(self) -> int:
        """Bytes that are not passed yet."""
        return sum(each.size for each in self._all) - self._offset

    def recover(self, head: int) -> int:
        """Find what is on disk: whole records from `head` on wait. The highest number, -1 where there is none.

        What was torn off at the end of the last file is cut, so that it is written on from there.
        """
        last = -1
        for path in sorted(self._folder.glob("[0-9]" * 20 + _SUFFIX)):
            segment = Segment(path, int(path.stem), path.stat().st_size)
            whole = passed = 0
            for frame in Span(path, segment.first, 0, segment.size).frames():
                last, whole = frame.number, frame.end
                segment.waiting += frame.number >= head
                passed = frame.end if frame.number < head else passed
            if not segment.waiting:
                self.remove([segment])
                continue
            self.size += segment.size
            self._offset = self._offset if self._all else passed
            self._all.append(segment)
            end = whole
        if self._all:
            self._open(self._all[-1], end)
        return last

    def write(self, number: int, frame: bytes) -> None:
        """Add a frame.

        :raises OSError: what the disk says; then it is as if it had not been tried.
        """
        if self._tail is None or self._all[-1].size + len(frame) > self._largest:
            self._begin(number)
        assert self._tail is not None  # noqa: S101 - _begin has opened it
        segment = self._all[-1]
        try:
            _write_all(self._tail, frame, segment.size)
        except OSError:
            with suppress(
                OSError
            ):  # what is left of it is written over, or cut when the buffer is next opened
                os.ftruncate(self._tail, segment.size)
            raise
        self._written = True
        segment.size += len(frame)
        segment.waiting += 1
        self.size += len(frame)

    def spans(self) -> list[Span]:
        """What is to be read, in order."""
        starts = [self._offset, *[0] * len(self._all)]
        return [
            Span(each.path, each.first, start, each.size)
            for each, start in zip(self._all, starts, strict=False)
        ]

    def passed(self, places: Sequence[Place]) -> list[Segment]:
        """Leave these behind, the oldest that wait; the files that have nothing left, which are to be removed."""
        gone = []
        end = places[-1]
        while self._all[0].first < end.segment:
            gone.append(self.pop())
        segment = self._all[0]
        segment.waiting -= sum(each.segment == segment.first for each in places)
        self._offset = end.end
        if end.end >= segment.size:
            gone.append(self.pop())
        return gone

    def pop(self) -> Segment:
        """Know the oldest file no more; it is to be removed."""
        segment = self._all.pop(0)
        self.size -= segment.size
        self._offset = 0
        if not self._all:
            self._let_go()
        return segment

    def remove(self, gone: Sequence[Segment]) -> None:
        """Delete files."""
        for each in gone:
            try:
                each.path.unlink(missing_ok=True)
            except OSError as error:
                log.warning("%s stays: %s", each.path, error)

    def take_unsynced(self) -> Unsynced:
        """What a power cut could still undo, for another thread to sync."""
        taken, self._unsynced = self._unsynced, Unsynced()
        if self._tail is not None and self._written:
            taken.files.append(os.dup(self._tail))
            self._written = False
        return taken

    def close(self) -> None:
        """Let go of the files."""
        self._let_go()
        for each in self._unsynced.files:
            os.close(each)

    def _begin(self, number: int) -> None:
        """Begin the next file."""
        path = self._folder / f"{number:020d}{_SUFFIX}"
        tail = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        self._let_go()
        self._tail = tail
        self._unsynced.names = True
        self._all.append(Segment(path, number))

    def _open(self, segment: Segment, end: int) -> None:
        self._tail = os.open(segment.path, os.O_RDWR | os.O_CLOEXEC)
        os.ftruncate(self._tail, end)
        self.size -= segment.size - end
        segment.size = end

    def _let_go(self) -> None:
        """Write to the last file no more; it may still have to be synced."""
        if self._tail is not None:
            (self._unsynced.files.append if self._written else os.close)(self._tail)
        self._tail, self._written = None, False


def _write_all(file: int, content: bytes, place: int) -> None:
    """All of it, at this place; a disk that is nearly full takes a part of it first."""
    view = memoryview(content)
    while view:
        count = os.pwrite(file, view, place)
        view, place = view[count:], place + count
