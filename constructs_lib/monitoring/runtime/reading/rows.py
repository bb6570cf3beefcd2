"""Captured records to rows, and rows to chunks."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ....core.runtime.capture import Record, document, followed, is_csv, text
from ....core.runtime.windows import Window
from .answers import selected
from .captured import records
from .layout import Layout, Row, distinct
from .lines import Line
from .parsing import NESTED, csv_rows
from .table import Chunk
from .tally import Tally, UnreadError

MOST_ROWS = 2000
"""Of a chunk."""
MOST_CELLS = 200_000
"""Of a chunk of more than one row."""
_MOST_BYTES = 4 * 1024 * 1024
"""Of the lines that make a chunk, but for one long line."""

UNREADABLE = (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError, csv.Error)
"""What reading a text of any kind may raise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What of a record is read."""

    columns: tuple[str, ...] = ()
    """The features. Of CSV, and of lists in JSON, they are by position. By default, those that come."""
    header: bool = False
    """Whether CSV begins with a line of names; then its columns are by name."""
    path: str = ""
    """Where in a JSON request its rows are, such as ``instances``: keys and positions with dots between."""
    inputs: bool = True
    """Whether requests are read at all."""
    outputs: Mapping[str, str] = field(default_factory=dict)
    """Columns of the answer by name: where in it they are, as `answers.selected` takes it."""

    def __post_init__(self) -> None:
        """Check."""
        if not self.inputs and not self.outputs:
            raise ValueError("neither requests nor answers are read")
        self.layout()

    def layout(self, *before: str) -> Layout:
        """A new one, for rows of columns `before`, the outputs and the features."""
        return Layout(self.columns if self.inputs else (), before=(*before, *self.outputs))


@dataclass(frozen=True, slots=True)
class Keyed:
    """The rows of one record."""

    key: str
    rows: list[Row | None]
    """None for one that could not be read: what comes after it stays in its place."""
    size: int
    """Bytes of its line."""


def chunks(lines: Iterable[Line], window: Window, reading: Reading, tally: Tally) -> Iterator[Chunk]:
    """The rows of the records of a window, the outputs' columns before the features'.

    What cannot be read is counted in `tally` and left out.
    """
    layout = reading.layout()
    return gathered(((each.rows, each.size) for each in keyed(lines, window, reading, layout, tally)), layout)


def gathered(parts: Iterable[tuple[Iterable[Row | None], int]], layout: Layout) -> Iterator[Chunk]:
    """Rows, as they come with the bytes they came from, in chunks."""
    held: list[Row] = []
    size = 0
    for rows, more in parts:
        held += [row for row in rows if row is not None]
        size += more
        if size >= _MOST_BYTES or len(held) >= _most_rows(layout):
            yield from _cut(held, layout)
            held, size = [], 0
    yield from _cut(held, layout)


def _most_rows(layout: Layout) -> int:
    return min(MOST_ROWS, max(1, MOST_CELLS // max(1, layout.width)))


def _cut(rows: list[Row], layout: Layout) -> Iterator[Chunk]:
    most = _most_rows(layout)
    for start in range(0, len(rows), most):
        yield layout.chunk(rows[start : start + most])


def keyed(
    lines: Iterable[Line], window: Window, reading: Reading, layout: Layout, tally: Tally
) -> Iterator[Keyed]:
    """The rows of each record of a window."""
    for record, size in records(lines, window, tally):
        try:
            rows = _rows(record, reading, layout, tally)
            if not rows:
                raise UnreadError("a record without rows")
            read = len(rows) - rows.count(None)
        except UnreadError as error:
            tally.not_read(str(error))
        else:
            if read:
                tally.records += 1
                tally.rows += read
                yield Keyed(record.key, rows, size)


def _rows(record: Record, reading: Reading, layout: Layout, tally: Tally) -> list[Row | None]:
    given = _requested(record, reading, layout, tally) if reading.inputs else None
    if not reading.outputs:
        return given or []
    return _beside(given, _answered(record, reading, None if given is None else len(given)))


def _requested(record: Record, reading: Reading, layout: Layout, tally: Tally) -> list[Row | None]:
    try:
        return inputs(record.sides["endpointInput"], reading, layout, tally)
    except UNREADABLE as error:
        raise UnreadError(f"a request that cannot be read: {error!r}") from error


def _answered(record: Record, reading: Reading, rows: int | None) -> list[Row]:
    try:
        return selected(record.sides["endpointOutput"], list(reading.outputs.values()), rows)
    except UNREADABLE as error:
        raise UnreadError(f"an answer that cannot be read: {error!r}") from error


def _beside(rows: list[Row | None] | None, columns: list[Row]) -> list[Row | None]:
    answers = map(list, zip(*columns, strict=True))
    if rows is None:
        return list(answers)
    return [None if row is None else answer + row for answer, row in zip(answers, rows, strict=True)]


def inputs(side: Mapping[str, Any], reading: Reading, layout: Layout, tally: Tally) -> list[Row | None]:
    """The rows of a request; None for each that is of another shape, which is counted."""
    if is_csv(side):
        rows: list[Any] = csv_rows(text(side))
        if not reading.header:
            return [_tried(layout.placed, tally, row) for row in rows]
        header = distinct([str(name) for name in rows[0]]) if rows else []
        return [_tried(layout.under, tally, header, row, tally) for row in rows[1:]]
    whole = document(text(side))
    found = followed(whole, reading.path.split(".")) if reading.path else whole
    return [json_row(each, layout, tally) for each in _listed(found)]


def _listed(found: Any) -> list[Any]:
    """The rows of JSON: a list of objects or of lists has several, all else is one."""
    if isinstance(found, list) and (not found or isinstance(found[0], list | dict)):
        return found
    return [found]


def json_row(value: Any, layout: Layout, tally: Tally) -> Row | None:
    """A row of an object, a list, or one value; None where it is of another shape, which is counted."""
    if isinstance(value, dict):
        return layout.named(value, tally)
    cells = value if isinstance(value, list) else [value]
    if not NESTED.isdisjoint(map(type, cells)):
        tally.not_read("values in each other where rows are lists")
        return None
    return _tried(layout.placed, tally, cells)


def _tried(make: Any, tally: Tally, *given: Any) -> Row | None:
    try:
        row: Row = make(*given)
    except UnreadError as error:
        tally.not_read(str(error))
        return None
    return row
