"""Training data to chunks: CSV or JSON Lines, files of any size, in bounded memory."""

from __future__ import annotations

import csv
import json
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ....core.runtime.store import Item, Store
from .layout import Layout, Row, distinct
from .lines import LONGEST, Line, Unread, lines
from .parsing import csv_rows
from .rows import UNREADABLE, gathered, json_row
from .table import Chunk
from .tally import Tally, UnreadError

_JSON = (".jsonl", ".json", ".jsonlines", ".ndjson")


def data_items(store: Store, under: str = "") -> list[Item]:
    """The files of a data set: what is empty, hidden, or Spark's own (``_SUCCESS``) is none."""
    return [
        item
        for item in store.items(under)
        if item.size and not item.key.rpartition("/")[2].startswith(("_", "."))
    ]


def table(
    store: Store,
    items: Iterable[Item],
    tally: Tally,
    *,
    columns: Sequence[str] = (),
    header: bool = True,
    longest: int = LONGEST,
) -> Iterator[Chunk]:
    """The rows of the files of a data set; what cannot be read is counted in `tally` and left out.

    A file is JSON Lines by its name (``.jsonl``, ``.json``, ``.jsonlines``, ``.ndjson``), and CSV otherwise;
    ``.gz`` after it is unpacked. Files may have their columns in different orders.

    :param columns: the ones to read. Without a header they are those of CSV by position. By default, those that
        come, by name, or by position as ``_c0``, ``_c1`` …
    :param header: whether each file of CSV begins with a line of names.
    """
    layout = Layout(columns)

    def rows() -> Iterator[tuple[list[Row | None], int]]:
        for item in items:
            told = lines(store, [item], longest=longest)
            if item.key.removesuffix(".gz").endswith(_JSON):
                yield from _of_json(told, layout, tally)
            else:
                yield from _of_csv(told, layout, tally, header=header, longest=longest)

    for chunk in gathered(rows(), layout):
        tally.records += chunk.size
        tally.rows += chunk.size
        yield chunk


def _of_json(told: Iterable[Line], layout: Layout, tally: Tally) -> Iterator[tuple[list[Row | None], int]]:
    for line in told:
        if isinstance(line, Unread):
            tally.not_read(line.reason)
        elif line and not line.isspace():
            try:
                row = json_row(json.loads(line), layout, tally)
            except UNREADABLE as error:
                tally.not_read(f"no JSON: {error}")
            else:
                yield [row], len(line)


def _of_csv(
    told: Iterable[Line], layout: Layout, tally: Tally, *, header: bool, longest: int
) -> Iterator[tuple[list[Row | None], int]]:
    names: list[str] | None = None
    for cells, size in csv_records(told, longest=longest):
        if isinstance(cells, Unread):
            tally.not_read(cells.reason)
            if header and names is None:
                # Without its names nothing of the file can be told.
                return
        elif header and names is None:
            names = distinct(cells)
        else:
            try:
                row = layout.placed(cells) if names is None else layout.under(names, cells, tally)
            except UnreadError as error:
                tally.not_read(str(error))
            else:
                yield [row], size


def csv_records(told: Iterable[Line], *, longest: int = LONGEST) -> Iterator[tuple[list[Any] | Unread, int]]:
    """The records of CSV with their bytes; a quoted field may go over several lines.

    A quote that is never closed makes its line unread, and no other.
    """
    source = _Source(told)
    for line in source:
        if isinstance(line, Unread):
            yield line, 0
        elif '"' in line:
            row = _quoted(line, source, longest)
            yield row, 0 if isinstance(row, Unread) else sum(map(len, row))
        elif line:
            yield from ((row, len(line)) for row in csv_rows(line))


def _quoted(line: str, source: _Source, longest: int) -> list[Any] | Unread:
    taken: list[str | Unread] = []
    try:
        row: list[Any] = next(csv.reader(_followed(line, source, taken, longest), strict=True))
    except csv.Error as error:
        source.give_back(taken)
        return Unread(f"no CSV: {error}")
    return row


def _followed(line: str, source: _Source, taken: list[str | Unread], longest: int) -> Iterator[str]:
    """A line and those after it, as long as they are asked for."""
    yield f"{line}\n"
    size = len(line)
    for following in source:
        taken.append(following)
        if isinstance(following, Unread):
            raise csv.Error(f"a quoted field with {following.reason} in it")
        size += len(following)
        if size > longest:
            raise csv.Error(f"a record of more than {longest} characters")
        yield f"{following}\n"


class _Source:
    """Lines as text; some that were taken may be given back."""

    def __init__(self, told: Iterable[Line]) -> None:
        self._told = iter(told)
        self._back: deque[str | Unread] = deque()
        self._first = True

    def __iter__(self) -> _Source:
        return self

    def __next__(self) -> str | Unread:
        if self._back:
            return self._back.popleft()
        line = next(self._told)
        if isinstance(line, Unread):
            return line
        if self._first:
            line = line.removeprefix(b"\xef\xbb\xbf")
        self._first = False
        try:
            return line.decode()
        except UnicodeDecodeError as error:
            return Unread(f"no UTF-8: {error.reason}")

    def give_back(self, taken: list[str | Unread]) -> None:
        """What was taken comes once more."""
        self._back.extendleft(reversed(taken))
