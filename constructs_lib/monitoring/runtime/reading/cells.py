"""What a raw cell is: missing, a number, or a text. The same for CSV and for JSON.

Missing are ``None``, blank text, NaN, and the text "nan", which some writers of CSV leave for it. A number is what
JSON has as one, or a text that reads as one; Python's underscores, infinity, and magnitudes above 1e150, whose squares
no longer add up, are none. Booleans are texts, and so categories.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from .table import Cell

LARGEST = 1e150
LONGEST_TEXT = 128
"""Characters of a category; what differs only beyond is one."""
_WHOLE = re.compile(r"([+-]?\d+)\.0+")
_BOOLEANS = ("true", "false")


@dataclass(frozen=True, slots=True)
class Read:
    """The cells of one column in a chunk, sorted out."""

    numbers: list[float]
    missing: int
    others: list[Cell]
    """Neither missing nor numbers."""


def read(cells: list[Cell]) -> Read:
    """Sort out a column. One with numbers alone, or with numbers and empty cells, is read at once."""
    present: list[Cell] = cells
    if None in cells or "" in cells:
        present = [cell for cell in cells if cell is not None and cell != ""]
    numbers = _all_numbers(present)
    if numbers is not None:
        return Read(numbers, len(cells) - len(present), [])
    numbers, others = [], []
    texts = {cell: _read_one(cell) for cell in {cell for cell in present if type(cell) is str}}
    for cell in present:
        number = texts[cell] if type(cell) is str else _read_one(cell)
        if number is None:
            others.append(cell)
        elif number == number:  # NaN is not
            numbers.append(number)
    return Read(numbers, len(cells) - len(numbers) - len(others), others)


def _read_one(cell: Cell) -> float | None:
    """The number, NaN for a missing value, None for what is neither."""
    return math.nan if is_missing(cell) else number_of(cell)


def _all_numbers(cells: list[Cell]) -> list[float] | None:
    """All cells as numbers, if each is one for sure."""
    kinds = set(map(type, cells))
    if kinds == {str}:
        if "_" in "".join(cells):  # type: ignore[arg-type]  # all are str
            return None
    elif not kinds <= {int, float}:
        return None
    try:
        numbers = list(map(float, cells))  # type: ignore[arg-type]  # str, int or float
    except (ValueError, OverflowError):
        return None
    # A sum is finite only if no term is infinite or NaN.
    fine = not numbers or (
        math.isfinite(sum(numbers)) and min(numbers) >= -LARGEST and max(numbers) <= LARGEST
    )
    return numbers if fine else None


def is_missing(cell: Cell) -> bool:
    """Whether there is no value."""
    if cell is None:
        return True
    if isinstance(cell, str):
        bare = cell.strip()
        return not bare or bare.lower() == "nan"
    return isinstance(cell, float) and math.isnan(cell)


def number_of(cell: object) -> float | None:
    """The number that a cell is; None where it is none, a boolean among them."""
    if isinstance(cell, bool) or not isinstance(cell, str | int | float):
        return None
    if isinstance(cell, str) and "_" in cell:
        return None
    try:
        number = float(cell)
    except (ValueError, OverflowError):
        return None
    return number if abs(number) <= LARGEST else None


def category_of(cell: Cell) -> str:
    """The cell as a category: the same however its format writes it, "1" for 1, 1.0 and "1.0"."""
    if isinstance(cell, bool):
        return _BOOLEANS[0] if cell else _BOOLEANS[1]
    text = cell.strip() if isinstance(cell, str) else str(cell)
    if text.lower() in _BOOLEANS:
        return text.lower()
    whole = _WHOLE.fullmatch(text)
    return (whole.group(1) if whole else text)[:LONGEST_TEXT]
