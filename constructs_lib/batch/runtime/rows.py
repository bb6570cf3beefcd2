"""What a model gave, line by line, as typed records.

A column is null where a field of CSV is empty, and where JSON has null; a number is null where it is NaN. What
lies nowhere in a line of JSON is a mistake, and so is what is of another type, infinite, or out of range:
`BadRecord`. So that nothing is guessed, text is taken as it is, with its blanks; numbers may have blanks around
them, zeros before them, and as integers be written as ``1.0`` or ``1e5``, for that is how models write classes.
"""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from .causes import shortened
from .chunks import LONGEST_LINE, Chunk

Value = str | int | float | bool | None

_BITS = {"int": 31, "bigint": 63}
_EXACT = 2**53
"""Up to it a double is the integer that was written."""
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,6})?", re.ASCII)
_NOT_A_NUMBER = re.compile(r"[+-]?nan", re.IGNORECASE)
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]", re.ASCII)
_SHOWN = 40

csv.field_size_limit(LONGEST_LINE)  # its own is 128 KiB, and what a model explains may be longer


class BadRecord(ValueError):  # noqa: N818 - the name is what the state machine and people see
    """A record that is definitely not what the columns say: no retry makes it better."""

    def __init__(self, uri: str, offset: int, reason: str) -> None:
        super().__init__(f"{uri}, byte {offset:,}: {reason}")
        self.problem = {"object": uri, "offset": offset, "reason": reason}
        """As it lies among the problems of a run."""


class _WrongError(ValueError):
    """A line or a value is not what it should be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A value that each record has."""

    name: str
    type: str
    """``string``, ``int`` (32 bits), ``bigint`` (64 bits), ``double`` or ``boolean``."""
    role: str = "other"
    """``key``, ``feature``, ``prediction`` or ``other``. A key is never null or empty."""
    path: str | None = None
    """Where it lies in a line of JSON, as ``SageMakerOutput.predictions[0].score``; by default its name."""

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> Column:
        """Read a column of the settings; TypeError where a member is missing or unknown."""
        return cls(**given)


class Row(NamedTuple):
    """A record. A tuple, for there are millions of them."""

    offset: int
    """Of its first byte."""
    values: list[Value]
    """In the order of the columns."""


def rows(
    lines: Iterable[tuple[int, bytes]], chunk: Chunk, columns: Sequence[Column], format: str
) -> Iterator[Row]:
    """The records of a chunk's lines.

    :param format: ``csv`` or ``jsonl``.
    :raises BadRecord: for the first line that is none.
    """
    read = reader(columns, format)
    for offset, line in lines:
        try:
            yield Row(offset, read(line))
        except _WrongError as wrong:
            raise BadRecord(chunk.uri, offset, str(wrong)) from wrong


def reader(columns: Sequence[Column], format: str) -> Callable[[bytes], list[Value]]:
    """What reads the values of a line, in the order of the columns; it raises ValueError where there is none."""
    fields = _csv_fields(len(columns)) if format == "csv" else _json_fields(columns)
    kinds = {**_READINGS, "string": _csv_string} if format == "csv" else _READINGS
    readings = [kinds[each.type] for each in columns]
    keys = [at for at, each in enumerate(columns) if each.role == "key"]

    def read(line: bytes) -> list[Value]:
        given = fields(line)
        try:
            found = [reading(each) for reading, each in zip(readings, given, strict=True)]
        except _WrongError:
            raise _told(columns, readings, given) from None
        for at in keys:
            if _is_empty(found[at]):
                raise _told(columns, readings, given)
        return found

    return read


def _told(
    columns: Sequence[Column], readings: Sequence[Callable[[Any], Value]], given: Sequence[Any]
) -> _WrongError:
    """The error of the first value that is wrong. They are read once more, for those that are right have no name."""
    for each, reading, value in zip(columns, readings, given, strict=True):
        try:
            found = reading(value)
        except _WrongError as wrong:
            return _WrongError(f"{each.name} is {_shown(value)}, which is {wrong}")
        if each.role == "key" and _is_empty(found):
            return _WrongError(f"{each.name} is a key, and empty")
    raise AssertionError("one of them is wrong")


def _is_empty(value: Value) -> bool:
    return value is None or value == ""


def path_steps(path: str) -> list[str | int]:
    """The names and indexes of a path as ``a.b[0].c``, with or without ``$`` before it.

    :raises ValueError: where it is no path.
    """
    rest = path[1:] if path.startswith(("$.", "$[")) else path if path.startswith("[") else f".{path}"
    steps: list[str | int] = []
    at = 0
    while at < len(rest):
        found = _STEP.match(rest, at)
        if found is None:
            raise ValueError(f"{path!r} is no path: write names with dots between them, and indexes in []")
        steps.append(found[1] if found[2] is None else int(found[2]))
        at = found.end()
    return steps


# --- lines -----------------------------------------------------------------------------------------------


def _text(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError as error:
        raise _WrongError(f"the line is no UTF-8: {error.reason} at its byte {error.start}") from None


def _csv_fields(count: int) -> Callable[[bytes], Sequence[Any]]:
    """The fields of a line of CSV, quoted as in RFC 4180. A quoted field ends where its line does."""

    def fields(line: bytes) -> Sequence[Any]:
        text = _text(line)
        if '"' not in text:
            found = text.split(",")
        else:
            try:
                (found,) = csv.reader([text], strict=True)
            except csv.Error as error:
                raise _WrongError(f"the line is no CSV: {error}") from None
        if len(found) != count:
            raise _WrongError(f"the line has {len(found)} fields, and there are {count} columns")
        return found

    return fields


def _json_fields(columns: Sequence[Column]) -> Callable[[bytes], Sequence[Any]]:
    """What lies at the columns' paths in a line of JSON."""
    paths = [(each.name, [each.name] if each.path is None else path_steps(each.path)) for each in columns]

    def fields(line: bytes) -> Sequence[Any]:
        text = _text(line)
        try:
            whole = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise _WrongError(f"the line is no JSON: {error}") from None
        return [_followed(whole, name, steps) for name, steps in paths]

    return fields


def _followed(value: Any, name: str, steps: Sequence[str | int]) -> Any:
    """What lies at a path; null where null lies on the way."""
    for step in steps:
        if value is None:
            return None
        if not isinstance(value, list if isinstance(step, int) else dict):
            raise _WrongError(f"{name} is not there: {step!r} is asked of {_shown(value)}")
        try:
            value = value[step]  # type: ignore[index]
        except (KeyError, IndexError):
            raise _WrongError(f"{name} is not there: {step!r} is missing") from None
    return value


# --- values ----------------------------------------------------------------------------------------------


def _string(given: Any) -> Value:
    """Text; of what JSON has otherwise, numbers and booleans as JSON writes them."""
    if isinstance(given, str):
        if "\0" in given:
            raise _WrongError("text with a NUL character")
        if not given.isascii():
            _encodable(given)
        return given
    if isinstance(given, bool):
        return "true" if given else "false"
    if isinstance(given, float):
        if math.isnan(given):
            return None
        return repr(_finite(given))
    if given is None or isinstance(given, int):
        return None if given is None else str(given)
    raise _WrongError("no text")


def _csv_string(given: Any) -> Value:
    return None if given == "" else _string(given)


def _encodable(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise _WrongError("text with half a character") from None


def _integer(bits: int) -> Callable[[Any], Value]:
    least, most = -(2**bits), 2**bits - 1

    def reading(given: Any) -> Value:
        value = _whole_number(given)
        if value is not None and not least <= value <= most:
            raise _WrongError(f"out of the range of {bits + 1} bits")
        return value

    return reading


def _whole_number(given: Any) -> int | None:
    if isinstance(given, str):
        return _whole_number_in(given.strip())
    if isinstance(given, float):
        if math.isnan(given):
            return None
        if not _finite(given).is_integer() or abs(given) > _EXACT:
            raise _WrongError("no integer")
        return int(given)
    if given is None or (isinstance(given, int) and not isinstance(given, bool)):
        return given
    raise _WrongError("no integer")


def _whole_number_in(text: str) -> int | None:
    if text.isascii() and text.isdecimal() and len(text) < 20:
        return int(text)
    if not text or _NOT_A_NUMBER.fullmatch(text):
        return None
    if not _NUMBER.fullmatch(text):
        raise _WrongError("no integer")
    exact = Decimal(text)
    if not exact:
        return 0
    if exact.adjusted() > 20:
        raise _WrongError("out of the range of 64 bits")
    if exact != exact.to_integral_value():
        raise _WrongError("no integer")
    return int(exact)


def _double(given: Any) -> Value:
    if isinstance(given, str):
        text = given.strip()
        if _NUMBER.fullmatch(text):
            return _finite(float(text))
        if not text or _NOT_A_NUMBER.fullmatch(text):
            return None
        raise _WrongError("no finite number")
    if isinstance(given, float):
        return None if math.isnan(given) else _finite(given)
    if given is None:
        return None
    if isinstance(given, bool) or not isinstance(given, int):
        raise _WrongError("no number")
    try:
        return float(given)
    except OverflowError:
        raise _WrongError("no finite number") from None


def _finite(value: float) -> float:
    if math.isinf(value):
        raise _WrongError("no finite number")
    return value


def _boolean(given: Any) -> Value:
    if isinstance(given, bool) or given is None:
        return given
    if isinstance(given, str) and not given.strip():
        return None
    found = None if isinstance(given, float) else _BOOLEANS.get(str(given).strip().lower())
    if found is None:
        raise _WrongError("no boolean: true, false, 1 or 0")
    return found


def _shown(value: Any) -> str:
    """A value as a reason names it."""
    return shortened(repr(value) if isinstance(value, str) else json.dumps(value), _SHOWN)


_READINGS: dict[str, Callable[[Any], Value]] = {
    "string": _string,
    "int": _integer(_BITS["int"]),
    "bigint": _integer(_BITS["bigint"]),
    "double": _double,
    "boolean": _boolean,
}
