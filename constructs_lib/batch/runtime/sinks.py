"""What all sinks share: the work that one call has, its count, and how many hands do it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from typing import Any, TypeVar

from .chunks import Chunk, lines
from .rows import BadRecord, Column, Row, Value, rows

RUN, SCORED_AT, RECORD = "run", "scored_at", "record"
"""What a sink adds to the columns: the run's name, its order in time, and where in it the record is."""

Item = TypeVar("Item")
_END: Any = object()


class ChunkTooLarge(RuntimeError):  # noqa: N818 - the name is what the state machine and people see
    """A chunk is more than can be written in the time that a function has."""


class DuplicateKey(BadRecord):
    """Two records of a run have the same key: which of them is right, nobody can tell."""


class ForeignRecord(BadRecord):
    """What lies under a key was written by no run, so that it is not replaced."""


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of records."""

    written: int = 0
    stale: int = 0
    """Not written, for there is what a newer run wrote."""

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.written + other.written, self.stale + other.stale)


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A chunk of a run for a sink."""

    run: str
    order: int
    """When the run began, in milliseconds since 1970: of two runs the one with the greater is newer."""
    at: int
    """When its records were counted and found right, in milliseconds since 1970: the same in all calls of a run."""
    on: str
    """The day of it: ``2026-11-29``."""
    transform: str
    format: str
    columns: tuple[Column, ...]
    chunk: Chunk
    until: float
    """When there is no time left, of the monotonic clock."""

    @classmethod
    def of(cls, event: Mapping[str, Any], seconds: float) -> Work:
        """Read the event of a function that has so many seconds."""
        run, batch = event["run"], event["batch"]
        return cls(
            run=run["run"],
            order=int(run["order"]),
            at=int(run["reconcile"]["at"]),
            on=run["on"],
            transform=batch["transform"],
            format=batch["format"],
            columns=tuple(Column.from_json(each) for each in batch["columns"]),
            chunk=Chunk.from_json(event["chunk"]),
            until=time.monotonic() + seconds,
        )

    @property
    def names(self) -> list[str]:
        """Of the columns."""
        return [each.name for each in self.columns]

    def indexes(self, role: str) -> list[int]:
        """Where the columns of a role are."""
        return [at for at, each in enumerate(self.columns) if each.role == role]

    def rows(self, client: Any) -> Iterator[Row]:
        """The records of the chunk, as long as there is time.

        :param client: S3's.
        :raises BadRecord: for what is none.
        :raises ChunkTooLarge: when there is no time left.
        """
        for row in rows(lines(client, self.chunk), self.chunk, self.columns, self.format):
            self.check_time()
            yield row

    def check_time(self) -> None:
        """Raise ChunkTooLarge when there is no time left."""
        if time.monotonic() > self.until:
            raise ChunkTooLarge(
                f"the {self.chunk.length:,} bytes from {self.chunk.start:,} of {self.chunk.uri} cannot be "
                "written in the time of one call: give the sink a target that takes more, or a lower concurrency"
            )

    def duplicate(self, row: Row, key: str, other: str) -> DuplicateKey:
        """The error for a record whose key another one of the run has, at position `other`."""
        reason = f"the records at {other} and {self.chunk.position(row.offset)} have the same key {key}"
        return DuplicateKey(self.chunk.uri, row.offset, reason)

    def foreign(self, row: Row, key: str) -> ForeignRecord:
        """The error for a record whose key is taken by what no run wrote."""
        reason = f"under the key {key} lies what no run wrote: its {SCORED_AT} is missing or no number"
        return ForeignRecord(self.chunk.uri, row.offset, reason)


def shown(names: Iterable[str], values: Iterable[Value]) -> str:
    """A key as a reason names it."""
    return ", ".join(f"{name}={str(value)[:80]!r}" for name, value in zip(names, values, strict=True))


def spread(one: Callable[[Item], Tally], items: Iterable[Item], threads: int) -> Tally:
    """Do `one` for each item, in so many threads; the items are made as they are needed.

    The first error of any of them, or of the items, ends it and is raised when all threads are at rest.
    """
    source, lock, failures = iter(items), threading.Lock(), list[BaseException]()

    def work(_: object) -> Tally:
        done = Tally()
        try:
            while not failures:
                with lock:
                    item = next(source, _END)
                if item is _END:
                    break
                done += one(item)
        except BaseException as error:
            failures.append(error)
        return done

    with ThreadPoolExecutor(threads) as pool:
        tallies = list(pool.map(work, repeat(None, threads)))
    if failures:
        raise failures[0]
    return sum(tallies, Tally())
