"""Tables for the tests: chunks from columns, profiles from chunks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from constructs_lib.monitoring.runtime.drift.feature import Feature
from constructs_lib.monitoring.runtime.drift.profile import Profile
from constructs_lib.monitoring.runtime.reading.table import Cell, Chunk


def chunk(columns: Mapping[str, Sequence[Cell]]) -> Chunk:
    """All of it."""
    size = len(next(iter(columns.values()), []))
    return Chunk({name: list(cells) for name, cells in columns.items()}, size)


def filled(profile: Profile, columns: Mapping[str, Sequence[Cell]], rows: int = 1000) -> Profile:
    """The profile, after the columns went in some rows at a time."""
    size = len(next(iter(columns.values()), []))
    for start in range(0, size, rows):
        profile.add(chunk({name: cells[start : start + rows] for name, cells in columns.items()}))
    return profile


def profiled(columns: Mapping[str, Sequence[Cell]], types: Mapping[str, str] | None = None) -> Profile:
    """A profile of the columns."""
    return filled(Profile(types), columns)


def feature(cells: Sequence[Cell], type: str | None = None, rows: int = 1000) -> Feature:
    """One column."""
    types = {} if type is None else {"x": type}
    return filled(Profile(types), {"x": cells}, rows).features["x"]
