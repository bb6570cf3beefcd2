"""Rows and what was right for them, joined in bounded memory.

Labels are held in memory as long as there is room. When there is none, both sides go to files on disk, parted by
the hash of their key, and are joined part by part: the memory taken is that of the labels of one part. The files
take about the room of the captured data on the disk for temporary files.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any

from ....core.runtime.windows import Window
from .labels import Label, labels
from .layout import Row
from .lines import Line
from .rows import Keyed, Reading, gathered, keyed
from .table import Cell, Chunk
from .tally import Tally

LABEL = "label"
ROOM = 128 * 1024 * 1024
"""Bytes for labels in memory, about: some 250,000 of them."""
_COST = 350
"""Bytes that a label takes beside its text."""
_PARTS = 128
"""With `ROOM`, 30 million labels are joined before a part has more than there is room for."""

Parts = Iterator[tuple[list[Row | None], int]]


@dataclass(slots=True, kw_only=True)
class JoinTally:
    """What came of joining. Counts are rows where it does not say records."""

    captured: Tally = field(default_factory=Tally)
    truth: Tally = field(default_factory=Tally)
    matched: int = 0
    unlabelled: int = 0
    """Rows without a label, or whose record has another number of labels than rows."""
    mismatched: int = 0
    """Records with another number of labels than rows."""
    unused: int = 0
    """Records with labels of which no row is in the window; of another window, most often."""
    duplicates: int = 0
    """Labels of records that had some already: the last ones count."""

    def merge(self, other: JoinTally) -> None:
        """Add what another shard counted."""
        self.captured.merge(other.captured)
        self.truth.merge(other.truth)
        self.matched += other.matched
        self.unlabelled += other.unlabelled
        self.mismatched += other.mismatched
        self.unused += other.unused
        self.duplicates += other.duplicates


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What of ground truth is read."""

    path: str = ""
    """Where in its data the label is, as `answers.selected` takes it."""
    column: str = LABEL
    """What its column is called."""


def joined(
    captured: Iterable[Line],
    truth: Iterable[Line],
    window: Window,
    reading: Reading,
    tally: JoinTally,
    *,
    of: Truth | None = None,
    room: int = ROOM,
) -> Iterator[Chunk]:
    """The rows of a window that have a label: it, the outputs and the features, each in its column.

    For a key with labels given twice the later ones count, in the order of `truth`: read from files in the
    order of their keys, that of time. Two records with one inference id both get its labels. The order of rows is
    the same for the same files; it is that of the files where labels have room in memory.
    """
    of = Truth() if of is None else of
    layout = reading.layout(of.column)
    rows = keyed(captured, window, reading, layout, tally.captured)
    told = labels(truth, tally.truth, path=of.path)
    yield from gathered(_joined(rows, told, tally, room), layout)


def _joined(rows: Iterator[Keyed], told: Iterator[Label], tally: JoinTally, room: int) -> Parts:
    held: dict[str, list[Cell]] = {}
    used = 0
    for label in told:
        used += _COST + label.size
        tally.duplicates += label.key in held
        held[label.key] = label.values
        if used > room:
            yield from _by_parts(rows, held, told, tally)
            return
    yield from _matched(rows, held, tally)


def _matched(rows: Iterable[Keyed], held: dict[str, list[Cell]], tally: JoinTally) -> Parts:
    """The rows whose labels are held, with them."""
    seen: set[str] = set()
    for each in rows:
        values = held.get(each.key)
        count = len(each.rows) - each.rows.count(None)
        if values is None:
            tally.unlabelled += count
            continue
        seen.add(each.key)
        if len(values) != len(each.rows):
            tally.unlabelled += count
            tally.mismatched += 1
            continue
        tally.matched += count
        yield (
            [None if row is None else [value, *row] for value, row in zip(values, each.rows, strict=True)],
            each.size,
        )
    tally.unused += len(held) - len(seen)


def _by_parts(
    rows: Iterator[Keyed], held: dict[str, list[Cell]], told: Iterator[Label], tally: JoinTally
) -> Parts:
    with TemporaryDirectory(prefix="join-") as folder:
        place = Path(folder)
        with _Spill(place, "labels") as spill:
            for key, values in held.items():
                spill.add(key, values)
            held.clear()
            for label in told:
                spill.add(label.key, label.values)
        with _Spill(place, "rows") as spill:
            for each in rows:
                spill.add(each.key, [each.rows, each.size])
        for part in range(_PARTS):
            labelled: dict[str, list[Cell]] = {}
            for key, values in _spilled(place, "labels", part):
                tally.duplicates += key in labelled
                labelled[key] = values
            found = (Keyed(key, *kept) for key, kept in _spilled(place, "rows", part))
            yield from _matched(found, labelled, tally)


class _Spill:
    """Files of keys and what they have, parted by the hash of the key."""

    def __init__(self, place: Path, name: str) -> None:
        self._open = ExitStack()
        self._files: list[IO[bytes]] = [
            self._open.enter_context(_part(place, name, part).open("wb")) for part in range(_PARTS)
        ]

    def __enter__(self) -> _Spill:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def add(self, key: str, kept: Any) -> None:
        """Write what a key has."""
        # A caller's id may have half a surrogate pair in it, which UTF-8 has not.
        part = zlib.crc32(key.encode("utf-8", "surrogatepass")) % _PARTS
        self._files[part].write(json.dumps([key, kept]).encode() + b"\n")


def _spilled(place: Path, name: str, part: int) -> Iterator[Any]:
    with _part(place, name, part).open("rb") as lines:
        yield from map(json.loads, lines)


def _part(place: Path, name: str, part: int) -> Path:
    return place / f"{name}-{part}"
