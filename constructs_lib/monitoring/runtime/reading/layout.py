"""Which columns rows have, and where in a row each lies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .parsing import NESTED, flattened
from .table import Cell, Chunk
from .tally import Tally, UnreadError

MOST_COLUMNS = 10_000
"""Where none are given: of what comes, so many. The rest counts as extra."""

Row = list[Cell]


class Layout:
    """The columns that are given, or else those that come.

    Columns that nobody named are called as Model Monitor calls them: ``_c0``, ``_c1`` … Where none are given a
    row may have fewer cells than there are columns by now; `chunk` fills it up.
    """

    def __init__(self, names: Sequence[str] = (), *, before: Sequence[str] = ()) -> None:
        """For columns `names`, and others that lie `before` them in a row and are the caller's to fill."""
        self._before = tuple(before)
        self._fixed = bool(names)
        self._names: list[str] = []
        self._known: set[str] = set()
        self._extend(names)
        if len(self._known) != len(names):
            raise ValueError("columns have names of their own")
        if not self._known.isdisjoint(before):
            raise ValueError(f"{sorted(self._known & set(before))} are columns already")
        if len(set(before)) != len(before):
            raise ValueError("columns have names of their own")

    @property
    def names(self) -> tuple[str, ...]:
        """The columns as they are known by now, without those before."""
        return tuple(self._names)

    @property
    def width(self) -> int:
        """How many columns there are by now, with those before."""
        return len(self._before) + len(self._names)

    def placed(self, cells: Row) -> Row:
        """A row of cells by position; UnreadError where they are more or fewer than the columns."""
        if not self._names:
            self._extend([f"_c{position}" for position in range(len(cells))])
        if len(cells) != len(self._names):
            raise UnreadError(f"{len(cells)} cells where there are {len(self._names)} columns")
        return cells

    def named(self, row: Mapping[str, Any], tally: Tally) -> Row:
        """A row of cells by name."""
        if len(row) == len(self._names) and row.keys() == self._known:
            cells = [row[name] for name in self._names]
            if NESTED.isdisjoint(map(type, cells)):
                return cells
        return self._sorted_in(flattened(row), tally)

    def _sorted_in(self, row: dict[str, Cell], tally: Tally) -> Row:
        others = [name for name in row if name not in self._known]
        if not self._fixed:
            taken = [name for name in others if name not in self._before][: MOST_COLUMNS - len(self._names)]
            self._extend(taken)
            others = [name for name in others if name not in self._known]
        else:
            for name in self._names:
                if name not in row:
                    tally.had_not(name)
        for name in others:
            tally.had_extra(name)
        return [row.get(name) for name in self._names]

    def under(self, header: Sequence[str], cells: Row, tally: Tally) -> Row:
        """A row of cells below a header; UnreadError where they are more or fewer than it has names."""
        if len(cells) != len(header):
            raise UnreadError(f"{len(cells)} cells below a header of {len(header)}")
        if not self._names:
            self._extend([name for name in header if name not in self._before])
        if list(header) == self._names:
            return cells
        return self.named(dict(zip(header, cells, strict=True)), tally)

    def _extend(self, names: Sequence[str]) -> None:
        self._names.extend(names)
        self._known.update(names)

    def chunk(self, rows: Sequence[Row]) -> Chunk:
        """Rows as columns."""
        names = (*self._before, *self._names)
        width = len(names)
        if not self._fixed:
            rows = [row if len(row) == width else row + [None] * (width - len(row)) for row in rows]
        return Chunk(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)), len(rows))


def distinct(names: Sequence[str]) -> list[str]:
    """The names of a header, without the blanks around them; one that comes again gets a number: ``a.1``."""
    found: dict[str, None] = {}
    for name in (each.strip() for each in names):
        unique, number = name, 0
        while unique in found:
            number += 1
            unique = f"{name}.{number}"
        found[unique] = None
    return list(found)
