"""Texts to cells: CSV, and values of JSON that lie in each other. Pure functions."""

from __future__ import annotations

import csv
import io
from typing import Any

from .table import Cell
from .tally import UnreadError

NESTED = frozenset({dict, list})


def csv_rows(text: str) -> list[list[Cell]]:
    """The rows of a CSV text without its blank lines; csv.Error where quotes are not as they should be."""
    text = text.removeprefix("\ufeff")
    rows: list[Any]
    if '"' in text:
        # A field of more than 131,072 characters is refused here, and here only: the module's own limit.
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row]
        return rows
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    # Faster than the module, and the same where nothing is quoted.
    rows = [line.split(",") for line in text.split("\n") if line]
    return rows


def flattened(value: Any) -> dict[str, Cell]:
    """The cells of an object of JSON: what lies deeper is named with dots between, as ``customer.age``."""
    found: dict[str, Cell] = {}
    _gather(value, "", found)
    return found


def _gather(value: Any, name: str, into: dict[str, Cell]) -> None:
    if isinstance(value, dict) and value:
        for key, each in value.items():
            _gather(each, f"{name}.{key}" if name else key, into)
    elif isinstance(value, list) and value:
        for position, each in enumerate(value):
            _gather(each, f"{name}.{position}", into)
    else:
        into[name] = value if type(value) not in NESTED else None


def scalar(value: Any) -> Cell:
    """The one value that a list of a list of one has; UnreadError for several."""
    while isinstance(value, list) and len(value) == 1:
        (value,) = value
    if type(value) in NESTED:
        raise UnreadError(f"{len(value)} values where one is asked for")
    cell: Cell = value
    return cell
