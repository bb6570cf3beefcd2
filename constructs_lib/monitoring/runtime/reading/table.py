"""Rows as the engine passes them on: in chunks, column by column, the cells as they came."""

from __future__ import annotations

from dataclasses import dataclass

Cell = str | int | float | bool | None
"""Of CSV a text, of JSON what it is. ``None``, blank text and NaN are missing values."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some thousand rows at the most."""

    columns: dict[str, list[Cell]]
    """Each with `size` cells."""
    size: int
