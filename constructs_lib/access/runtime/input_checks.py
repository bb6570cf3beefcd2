"""Whether a body is what it says it is, before a model is asked. Pure, and schema-free: form, rows, columns."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

from .refusals import Refusal
from .settings import Settings

JSON = "application/json"
JSON_LINES = ("application/jsonlines", "application/x-jsonlines", "application/x-ndjson")
CSV = "text/csv"
_ROWS = ("instances", "inputs", "data")
"""Members under which objects of JSON carry their rows."""

csv.field_size_limit(1 << 24)  # a body is bounded already; 128 KB, the default, is less than a text may have


def check(body: bytes, media_type: str, settings: Settings) -> None:
    """Refuse what the model need not see.

    :raises Refusal: PayloadTooLarge, UnsupportedMediaType, InvalidInput.
    """
    if len(body) > settings.most_bytes:
        raise Refusal(
            "PayloadTooLarge", f"the body has {len(body)} bytes", f"at most {settings.most_bytes} bytes"
        )
    if settings.content_types and media_type not in settings.content_types:
        allowed = ", ".join(settings.content_types)
        raise Refusal("UnsupportedMediaType", f"{media_type} is not taken", allowed)
    if not settings.well_formed and settings.most_rows is None and settings.columns is None:
        return
    rows = _rows(body, media_type)
    if rows is not None:
        _count(rows, settings)


def _rows(body: bytes, media_type: str) -> Iterator[int | None] | None:
    """The number of fields of each row, None for rows without any; None where it cannot be told."""
    if media_type == CSV:
        return _csv_rows(_text(body))
    if media_type == JSON:
        return _json_rows(_parsed(_text(body), "the body"))
    if media_type in JSON_LINES:
        return _line_rows(_text(body))
    return None


def _count(rows: Iterator[int | None], settings: Settings) -> None:
    number = 0
    for number, fields in enumerate(rows, start=1):
        if settings.most_rows is not None and number > settings.most_rows:
            raise Refusal("InvalidInput", "there are too many rows", f"at most {settings.most_rows} rows")
        if settings.columns is not None and fields is not None and fields != settings.columns:
            found = f"row {number} has {fields} columns"
            raise Refusal("InvalidInput", found, f"{settings.columns} columns")
    if not number:
        raise Refusal("InvalidInput", "there is no row", "at least one")


def _csv_rows(text: str) -> Iterator[int | None]:
    try:
        yield from (len(row) for row in csv.reader(io.StringIO(text), strict=True) if row)
    except csv.Error as error:
        raise Refusal("InvalidInput", f"the body is no CSV: {error}") from error


def _json_rows(value: Any) -> Iterator[int | None]:
    """Rows of a list of lists, or of what an object has under one of the usual names; else one."""
    if isinstance(value, dict):
        value = next((value[name] for name in _ROWS if isinstance(value.get(name), list)), value)
    if not isinstance(value, list) or (value and not isinstance(value[0], list | dict)):
        yield _fields(value)  # a flat list is one row
    else:
        yield from (_fields(row) for row in value)


def _line_rows(text: str) -> Iterator[int | None]:
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield _fields(_parsed(line, f"line {number}"))


def _fields(row: Any) -> int | None:
    return len(row) if isinstance(row, list) else None


def _text(body: bytes) -> str:
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Refusal("InvalidInput", f"byte {error.start} of the body is no UTF-8") from error


def _parsed(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        # Of JSON's own message only where it is: the rest is the caller's data.
        at = f" at character {error.pos}" if isinstance(error, json.JSONDecodeError) else ""
        raise Refusal("InvalidInput", f"{where} is no JSON{at}") from error
