"""Captured records and ground truth as they lie in files."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from constructs_lib.core.runtime.windows import Window, seconds
from constructs_lib.monitoring.runtime.reading.lines import Line
from constructs_lib.monitoring.runtime.reading.table import Cell, Chunk

WINDOW = Window(seconds("2026-11-22T14:00:00"), seconds("2026-11-22T15:00:00"))
AT = "2026-11-22T14:30:00Z"


def side(data: str, type: str = "text/csv", *, encoded: bool = False) -> dict[str, str]:
    """One side of a record, as SageMaker captures it by its content type; `encoded`: as base64."""
    encoding = "CSV" if type == "text/csv" else "JSON"
    if encoded:
        data, encoding = base64.b64encode(data.encode()).decode(), "BASE64"
    return {"observedContentType": type, "mode": "INPUT", "data": data, "encoding": encoding}


def of_json(value: Any, type: str = "application/json") -> dict[str, str]:
    """A side of JSON."""
    return side(json.dumps(value), type)


def captured(
    given: dict[str, str] | str | None = "1,2",
    answered: dict[str, str] | str | None = "0.5",
    *,
    at: str = AT,
    id: str = "",
    event: str = "e",
) -> bytes:
    """A line of a captured file; a text is CSV, and None is not captured."""
    sides = {
        name: side(each) if isinstance(each, str) else each
        for name, each in (("endpointInput", given), ("endpointOutput", answered))
        if each is not None
    }
    metadata = {"eventId": event, "inferenceTime": at, **({"inferenceId": id} if id else {})}
    whole = {"captureData": sides, "eventMetadata": metadata, "eventVersion": "0"}
    return json.dumps(whole, ensure_ascii=False).encode()


def truth(data: str, id: str, encoding: str = "CSV") -> bytes:
    """A line of ground truth."""
    return json.dumps(
        {
            "groundTruthData": {"data": data, "encoding": encoding},
            "eventMetadata": {"eventId": id},
            "eventVersion": "0",
        }
    ).encode()


def write(path: Path, told: Iterable[Line]) -> None:
    """A file of lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(each + b"\n" for each in told if isinstance(each, bytes)))


def whole(chunks: Iterable[Chunk]) -> dict[str, list[Cell]]:
    """The columns of all chunks; each has all its cells."""
    found: dict[str, list[Cell]] = {}
    rows = 0
    for chunk in chunks:
        for name, cells in chunk.columns.items():
            assert len(cells) == chunk.size
            # A column that came later was missing before.
            found.setdefault(name, [None] * rows).extend(cells)
        rows += chunk.size
    return found
