"""How many records a chunk has, and whether each is what the columns say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ...core.runtime.store import write_json
from .chunks import Chunk, ObjectChanged, count, lines
from .problems import DEFINITE, InputChanged, write_problem
from .rows import Column, rows
from .run_files import Run, counts_key


def inspect_all(run: Run, chunks: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The chunks of one call; the answer is small, for a map collects it."""
    return {"records": sum(inspect(run, each) for each in chunks)}


def inspect(run: Run, given: Mapping[str, Any]) -> int:
    """Write what a chunk has into ``counts/``; how many records that are.

    :raises BadRecord: for the first record of what sinks read that is none.
    :raises InputChanged: where the object is another than the run was planned with.
    :raises ObjectChanged: where an output is another than when the lists were made.
    :raises UnreadableObject: for a broken gzip file, or a line beyond all measure.
    """
    chunk = Chunk.from_json(given)
    try:
        records, nulls = _looked_through(run, chunk)
    except DEFINITE as error:
        told = InputChanged(str(error)) if chunk.what == "in" and isinstance(error, ObjectChanged) else error
        write_problem(run, "inspect", chunk.n, told, chunk.uri)
        raise told from error
    found = {
        "n": chunk.n,
        "what": chunk.what,
        "key": chunk.key,
        "start": chunk.start,
        "records": records,
        "bytes": chunk.length,
        "nulls": nulls,
    }
    write_json(run.store, counts_key(chunk.n), found, compact=True)
    return records


def _looked_through(run: Run, chunk: Chunk) -> tuple[int, int]:
    """The records, and how many of their values are null. Without columns nothing is taken apart."""
    settings = run.settings
    if chunk.what != settings.facing_sinks or not settings.columns:
        return count(run.client, chunk), 0
    columns = [Column.from_json(each) for each in settings.columns]
    records = nulls = 0
    for row in rows(lines(run.client, chunk), chunk, columns, settings.format):
        records += 1
        nulls += row.values.count(None)
    return records, nulls
