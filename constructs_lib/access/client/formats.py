"""How data become the bytes of a request, and the bytes of an answer data.

Each format is a small object that does both. Another one is a class with the two methods and the two names of
`Serializer` and `Deserializer`; nothing has to be inherited.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from dataclasses import dataclass
from email.message import Message
from typing import Protocol, TypeAlias, TypeVar

Read = TypeVar("Read", covariant=True)

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"
"""What JSON can say."""


class Serializer(Protocol):
    """Makes the body of a request."""

    @property
    def content_type(self) -> str:
        """What the body is, for the model's container."""

    def dump(self, data: object) -> bytes:
        """The body.

        :raises ValueError: the data cannot be said in this format.
        :raises TypeError: they are not of a kind that it knows.
        """


class Deserializer(Protocol[Read]):
    """Reads the body of an answer."""

    @property
    def accept(self) -> str:
        """What the model is asked to answer in."""

    def load(self, body: bytes, content_type: str) -> Read:
        """The data.

        :raises ValueError: the body is not in this format.
        """


@dataclass(frozen=True, slots=True)
class Raw:
    """Bytes as they are; text is sent as UTF-8."""

    content_type: str = "application/octet-stream"
    accept: str = "*/*"

    def dump(self, data: object) -> bytes:
        """The bytes themselves."""
        if isinstance(data, str):
            return data.encode()
        if isinstance(data, bytes | bytearray | memoryview):
            return bytes(data)
        raise TypeError(f"{type(data).__name__} is sent as it is: bytes or text.")

    def load(self, body: bytes, content_type: str) -> bytes:
        """The bytes themselves."""
        return body


@dataclass(frozen=True, slots=True)
class Json:
    """JSON. NumPy's arrays and numbers are written as lists and numbers.

    NaN and infinity, which JSON has not, are refused in requests, and read where a model answers them.
    """

    content_type: str = "application/json"
    accept: str = "application/json"

    def dump(self, data: object) -> bytes:
        """The data, without spaces."""
        return _json(data)

    def load(self, body: bytes, content_type: str) -> JsonValue:
        """What was written."""
        return _parsed(body)


@dataclass(frozen=True, slots=True)
class JsonLines:
    """One JSON value a line."""

    content_type: str = "application/jsonlines"
    accept: str = "application/jsonlines"

    def dump(self, data: object) -> bytes:
        """A line for each of `data`."""
        return b"".join(_json(each) + b"\n" for each in _each(data, "values"))

    def load(self, body: bytes, content_type: str) -> list[JsonValue]:
        """What the lines say; empty ones say nothing."""
        return [_parsed(line) for line in body.split(b"\n") if line.strip()]


@dataclass(frozen=True, slots=True)
class Csv:
    """Rows of cells, without a header. A single row may be given as it is; arrays too.

    Answers are text: `CsvNumbers` reads them as numbers.
    """

    content_type: str = "text/csv"
    accept: str = "text/csv"

    def dump(self, data: object) -> bytes:
        """A line for each row."""
        rows = list(_each(data, "rows"))
        if rows and not any(_has_cells(row) for row in rows):
            rows = [rows]
        return "".join(_line(row) + "\n" for row in rows).encode()

    def load(self, body: bytes, content_type: str) -> list[list[str]]:
        """The rows; empty lines are none."""
        text = body.decode(_charset(content_type))
        try:
            return [row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row]
        except csv.Error as error:
            raise ValueError(f"not CSV: {error}") from error


@dataclass(frozen=True, slots=True)
class CsvNumbers:
    """Rows of cells, as `Csv`; an answer's cells are numbers."""

    content_type: str = "text/csv"
    accept: str = "text/csv"

    def dump(self, data: object) -> bytes:
        """A line for each row."""
        return Csv().dump(data)

    def load(self, body: bytes, content_type: str) -> list[list[float]]:
        """The rows; empty lines are none."""
        return [[float(cell) for cell in row] for row in Csv().load(body, content_type)]


def _json(data: object) -> bytes:
    text = json.dumps(data, allow_nan=False, separators=(",", ":"), ensure_ascii=False, default=_plain)
    return text.encode()


def _parsed(body: bytes) -> JsonValue:
    value: JsonValue = json.loads(body)
    return value


def _plain(data: object) -> object:
    """Arrays and numbers of NumPy (and of others that do it so) as Python's own."""
    convert = getattr(data, "tolist", None)
    if convert is None:
        raise TypeError(f"{type(data).__name__} cannot be written as JSON.")
    return convert()


def _each(data: object, what: str) -> Iterable[object]:
    listed = getattr(data, "tolist", None)
    found = data if listed is None else listed()
    if isinstance(found, str | bytes | dict) or not isinstance(found, Iterable):
        raise TypeError(f"{type(data).__name__} is no sequence of {what}.")
    return found


def _has_cells(row: object) -> bool:
    return hasattr(row, "tolist") or (isinstance(row, Iterable) and not isinstance(row, str | bytes))


def _line(row: object) -> str:
    cells = [_cell(cell) for cell in _each(row, "cells")]
    if cells == [""]:
        return '""'  # an empty line would be no row
    return ",".join(cells)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if not isinstance(value, str | int | float):
        raise TypeError(f"{type(value).__name__} is no cell: text or a number.")
    text = str(value)
    if any(each in text for each in ',"\r\n'):
        return '"' + text.replace('"', '""') + '"'
    return text


def _charset(content_type: str) -> str:
    head = Message()
    head["Content-Type"] = content_type
    return str(head.get_content_charset("utf-8"))
