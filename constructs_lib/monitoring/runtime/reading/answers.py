"""What is selected of an answer, or of ground truth: one value a row. Pure functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ....core.runtime.capture import document, followed, is_csv, text
from .parsing import csv_rows, scalar
from .table import Cell
from .tally import UnreadError

_REDUCED: dict[str, Callable[[list[float]], float]] = {
    "max": max,
    "argmax": lambda numbers: numbers.index(max(numbers)),
}


def selected(side: Mapping[str, Any], paths: Sequence[str], rows: int | None = None) -> list[list[Cell]]:
    """The values at each path, one for each of `rows`; without a number, as many at each as at the first.

    Of JSON a path is keys and positions with dots between, a key or ``*`` applies to every item of a list, and
    the empty path is the whole. Of CSV it is the number of a column, from 0; empty, the first. The last step
    ``max`` is the greatest of a row's numbers and ``argmax`` its position: a class's probability and the class.

    UnreadError, or one of what reading it raises, where values are missing.
    """
    told = text(side)
    if is_csv(side):
        table = csv_rows(told)
        found = [_column(table, path, rows) for path in paths]
    else:
        whole = document(told)
        found = [_at(whole, path) for path in paths]
    expected = len(found[0]) if rows is None and found else rows
    for path, values in zip(paths, found, strict=True):
        if len(values) != expected:
            raise UnreadError(f"{len(values)} answers at {path!r} to {expected} rows")
    return found


def _column(table: list[list[Cell]], path: str, rows: int | None) -> list[Cell]:
    if path in _REDUCED:
        return [_reduced(path, row) for row in table]
    if path and not path.isdecimal():
        raise UnreadError(f"of CSV a path is the number of a column, not {path!r}")
    position = int(path or 0)
    if not position and len(table) == 1 and rows is not None and rows == len(table[0]):
        # All answers in one line, as XGBoost's container gives them.
        return table[0]
    if any(position >= len(row) for row in table):
        raise UnreadError(f"no column {position} in the answer")
    return [row[position] for row in table]


def _at(whole: Any, path: str) -> list[Cell]:
    steps = path.split(".") if path else []
    if steps and steps[-1] in _REDUCED:
        value = followed(whole, steps[:-1])
        several = isinstance(value, list) and value and isinstance(value[0], list)
        return [_reduced(steps[-1], row) for row in (value if several else [value])]
    value = followed(whole, steps)
    return [scalar(each) for each in value] if isinstance(value, list) else [scalar(value)]


def _reduced(step: str, numbers: Any) -> Cell:
    if not isinstance(numbers, list) or not numbers:
        raise UnreadError(f"{step} is asked of what is no list of numbers")
    return _REDUCED[step]([float(each) for each in numbers])
