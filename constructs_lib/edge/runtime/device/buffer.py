"""What a device has to tell and could not yet: on disk, bounded, oldest first.

The folder has one file for some megabytes of records (`frames`), and one of counts (`tally`). The end of the process at
any moment loses nothing that was appended; a power cut loses at most what was not yet synced. Neither harms what was.
At all times ``appended == delivered + records + dropped``.
"""

from __future__ import annotations

import fcntl
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from .frames import Frame, framed
from .segments import Place, Segment, Segments
from .tally import Tally, TallyFile

_SYNC_RECORDS = 256
_SYNC_SECONDS = 1.0
_SMALLEST = 4096
_CLOCK_SET = 1_700_000_000_000
"""A record from before (ms since 1970) was stamped by a clock that was not set yet: its age is not known."""

Record = bytes

log = logging.getLogger(__name__)


class BufferInUseError(RuntimeError):
    """Another process has the folder."""


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a reader came."""

    places: tuple[Place, ...]

    def upto(self, count: int) -> Mark:
        """After the first of its records only."""
        return Mark(self.places[:count])

    @property
    def next(self) -> int:
        """The number after its last record; 0 where it has none."""
        return self.places[-1].number + 1 if self.places else 0


class DiskBuffer:
    """Records on disk. Safe to use from several threads; one process has the folder.

    Appending never waits for the disk with `fsync` "batch": another thread syncs after 256 records or one second.
    With "always", `append` returns when a power cut would not lose the record.

    :raises BufferInUseError: another process has the folder.
    :raises OSError: the folder cannot be made or read. Later errors of the disk are logged, and cost records, no more.
    """

    def __init__(
        self,
        folder: Path,
        *,
        max_bytes: int,
        max_age_seconds: float | None = None,
        fsync: str = "batch",
        segment_bytes: int | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Open the buffer, and find what is there.

        `max_bytes`, at least 4096, is what its records take on disk at most; `segment_bytes` is how many are dropped
        at once when there are more (default: a 64th). `max_age_seconds` is the age beyond which a record is dropped
        instead of read; None: no age is.
        """
        if fsync not in ("batch", "always"):
            raise ValueError(f"fsync is batch or always, not {fsync!r}")
        if max_bytes < _SMALLEST:
            raise ValueError(f"max_bytes is at least {_SMALLEST}, not {max_bytes}")
        self._max_bytes = max_bytes
        self._max_age = max_age_seconds
        self._always = fsync == "always"
        self._clock = clock
        self._lock = threading.Lock()
        self._syncing = threading.Lock()
        self._folder = _locked(folder)
        self._tally = TallyFile(folder / "tally")
        self._segments = Segments(
            folder, largest=max(max_bytes // 64, 1024) if segment_bytes is None else segment_bytes
        )
        self._head = self._delivered = self._next = 0
        self._recover(self._tally.found)
        self._synced = self._next
        self._failing = self._closed = self._released = False
        self._note()  # from now on counts that are not there have been lost
        self._wake = threading.Event()
        self._syncer = threading.Thread(target=self._sync_often, name="buffer-sync", daemon=True)
        self._syncer.start()

    @property
    def appended(self) -> int:
        """Records that were ever appended."""
        return self._next

    @property
    def delivered(self) -> int:
        """Records that were ever confirmed."""
        return self._delivered

    @property
    def records(self) -> int:
        """Records that wait."""
        with self._lock:
            return self._segments.waiting

    @property
    def dropped(self) -> int:
        """Records that were ever given up: no room, too old, no disk, damaged. It survives restarts.

        A record that was dropped while its message was under way counts here, though it may have arrived.
        """
        with self._lock:
            return self._next - self._delivered - self._segments.waiting

    @property
    def bytes(self) -> int:
        """Bytes on disk of the records that wait."""
        with self._lock:
            return self._segments.unread

    @property
    def synced(self) -> int:
        """A power cut loses no record below this number."""
        return self._synced

    def append(self, record: Record) -> int:
        """Add a record; its number. Where it finds no room, not even on a full disk, it counts as dropped.

        :raises ValueError: the buffer is closed.
        """
        with self._lock:
            if self._closed:
                raise ValueError("the buffer is closed")
            number = self._next
            self._next += 1
            if not self._write(number, record):
                self._note()
            if number + 1 - self._synced >= _SYNC_RECORDS:
                self._wake.set()
        if self._always:
            self._sync(number)
        return number

    def peek(self, max_bytes: int, max_records: int = 1000) -> tuple[list[Record], Mark]:
        """The oldest records, which stay; at least one where there is any, however large. They are synced first."""
        self.sync()
        while found := self._read(max_bytes, max_records):
            expired = self._expired(found)
            if not expired:
                return [frame.record for _, frame in found], Mark(tuple(place for place, _ in found))
            with self._lock:
                self._segments.remove(self._pass([place for place, _ in expired]))
                self._note()
        return [], Mark(())

    def confirm(self, mark: Mark) -> None:
        """Remove the records up to the mark. When it returns, not even a power cut brings them back.

        Once the buffer is closed it removes nothing: they are read again when it is next opened.
        """
        with self._lock:
            if self._closed:
                return
            self._delivered += sum(each.number >= self._head for each in mark.places)
            gone = self._pass(mark.places)
            self._note()
        with self._syncing, _told("keep the buffer's counts"):
            self._tally.sync()
        # Not before: otherwise a power cut could leave neither the records nor word of their delivery.
        with self._lock:
            self._segments.remove(gone)

    def sync(self) -> None:
        """Wait until a power cut would lose nothing of what was appended so far."""
        self._sync(self._next - 1)

    def close(self) -> None:
        """Sync, and let go of the folder."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        self._wake.set()
        self._syncer.join()
        self.sync()
        with self._syncing, self._lock:
            self._note()
            with _told("keep the buffer's counts"):
                self._tally.sync()
            self._segments.close()
            self._tally.close()
            os.close(self._folder)
            self._released = True

    def _recover(self, tally: Tally | None) -> None:
        """Find the records; where the counts are lost, count anew from the oldest."""
        if tally is not None:
            self._head, self._delivered, self._next = tally
        last = self._segments.recover(self._head)
        first = self._segments.first
        if tally is None and first is not None:
            self._head = self._delivered = first
        self._next = max(self._next, last + 1)

    def _write(self, number: int, record: Record) -> bool:
        """Write a record, for which older ones may have to go; whether it is there."""
        frame = framed(number, int(self._clock() * 1000), record)
        if len(frame) > self._max_bytes:
            return False
        while self._segments.size + len(frame) > self._max_bytes:
            self._segments.remove([self._segments.pop()])
            first = self._segments.first
            self._head = number if first is None else first
        try:
            self._segments.write(number, frame)
        except OSError as error:
            if not self._failing:
                log.warning("results are dropped, because the disk takes no more: %s", error)
            self._failing = True
            return False
        self._failing = False
        return True

    def _read(self, max_bytes: int, max_records: int) -> list[tuple[Place, Frame]]:
        """The oldest records; the files are read without holding up who appends."""
        with self._lock:
            spans, upto = self._segments.spans(), self._next
        found: list[tuple[Place, Frame]] = []
        room = max_bytes
        for span in spans:
            for frame in span.frames():
                room -= len(frame.record)
                if found and (room < 0 or len(found) == max_records):
                    return found
                found.append((Place(frame.number, span.segment, frame.end), frame))
        if not found and spans:
            self._give_up(upto)
        return found

    def _give_up(self, upto: int) -> None:
        """Drop all that was appended before: nothing of it can be read. Where there is more by now, that will be."""
        with self._lock:
            if self._next == upto:
                while self._segments.first is not None:
                    self._segments.remove([self._segments.pop()])
                self._head = upto
                self._note()

    def _expired(self, found: list[tuple[Place, Frame]]) -> list[tuple[Place, Frame]]:
        """The first of them, as long as they are too old."""
        if self._max_age is None:
            return []
        oldest = (self._clock() - self._max_age) * 1000
        return list(takewhile(lambda each: _CLOCK_SET <= each[1].at < oldest, found))

    def _pass(self, places: Sequence[Place]) -> list[Segment]:
        """Leave these behind, as far as they are not yet; the files that are to be removed."""
        fresh = [each for each in places if each.number >= self._head]
        if not fresh:
            return []
        self._head = fresh[-1].number + 1
        return self._segments.passed(fresh)

    def _note(self) -> None:
        if self._released:
            return
        with _told("keep the buffer's counts"):
            self._tally.write(Tally(self._head, self._delivered, self._next))

    def _sync_often(self) -> None:
        """In a thread of its own, so that who appends need not wait for the disk."""
        while not self._closed:
            self._wake.wait(_SYNC_SECONDS)
            self._wake.clear()
            self.sync()

    def _sync(self, number: int) -> None:
        """Sync, unless this record is by now; threads that wait for each other share one sync."""
        with self._syncing:
            if number < self._synced or self._released:
                return
            with self._lock:
                unsynced, upto = self._segments.take_unsynced(), self._next
            with _told("sync the buffer"):
                for each in unsynced.files:
                    os.fdatasync(each)
                if unsynced.names:
                    os.fsync(self._folder)
                self._synced = upto
            for each in unsynced.files:
                os.close(each)


def _locked(folder: Path) -> int:
    """The folder, held by this process: the lock goes with it, however it ends."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(held)
        raise BufferInUseError(f"another process has the buffer in {folder}") from None
    return held


@contextmanager
def _told(what: str) -> Iterator[None]:
    """An error of the disk is logged: telemetry fails no request."""
    try:
        yield
    except OSError as error:
        log.warning("could not %s: %s", what, error)
