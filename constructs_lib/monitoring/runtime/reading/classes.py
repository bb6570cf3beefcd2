"""What a cell says: the class it names, the probability it is.

A label comes from a CSV file as ``"1"``, from JSON as ``1`` or ``true`` and from a model as ``1.0``. They are one
class. What names none is a row that cannot be read: it is counted, and not raised.
"""

from __future__ import annotations

import math
from functools import lru_cache

from .cells import number_of
from .table import Cell

LONGEST_CLASS = 256
"""Characters. A longer text is no class: the names of classes are kept in memory."""


def class_of(cell: object) -> str | None:
    """The name of the class: of ``True``, ``1``, ``1.0``, ``"1"``, ``" 1.0 "`` and ``"true"`` it is ``"1"``.

    Whole numbers are written without a fraction, other texts as they are, without blanks around them. None for what
    is missing, infinite, longer than `LONGEST_CLASS`, or no cell at all.
    """
    return _class_of(cell) if isinstance(cell, str | int | float) else None


@lru_cache(maxsize=4096)
def _class_of(cell: str | int | float) -> str | None:
    if isinstance(cell, str):
        text = cell.strip()
        if text.lower() in ("true", "false"):
            return str(int(text.lower() == "true"))
        number = _parsed(text)
        if number is None:
            return text if 0 < len(text) <= LONGEST_CLASS and text.lower() != "nan" else None
        return _written(number)
    return _written(cell) if abs(cell) < math.inf else None


def _written(number: int | float) -> str | None:
    """Exact for integers of any size a name may have."""
    if isinstance(number, float) and number.is_integer():
        number = int(number)
    if isinstance(number, int):
        return str(int(number)) if abs(number) < 10**LONGEST_CLASS else None
    return repr(number)


def _parsed(text: str) -> int | float | None:
    """A finite number, as JSON and CSV write them. Python's ``1_000`` is a text."""
    if "_" in text or len(text) > LONGEST_CLASS:
        return None
    try:
        return int(text)
    except ValueError:
        pass
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def share_of(cell: Cell) -> float | None:
    """The number from 0 to 1 that a cell is, as a probability; None where it is none."""
    number = number_of(cell)
    return number if number is not None and 0 <= number <= 1 else None
