"""What the answers in records of data capture say. Pure functions."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from ...core.runtime import capture
from ...core.runtime.capture import UnparsableError, document, followed, is_csv, leaves

MOST_VALUES = 1000
"""Of one answer, so many labels and so many numbers are compared; the rest is left out on both sides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What of an answer is compared.

    Paths are keys and positions with dots between them, such as ``predictions.label``; a key applies to
    every item of a list. Of CSV the path is the number of a column, from 0. With neither path the whole
    answer is compared: what is a number as a number, everything else as a label.
    """

    label: str | None = None
    number: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is compared of one answer."""

    labels: tuple[str, ...] = ()
    numbers: tuple[float, ...] = ()

    @property
    def size(self) -> int:
        """How many values it has."""
        return len(self.labels) + len(self.numbers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Captured:
    """One captured answer of one variant."""

    key: bytes
    """The same for a request and its copy."""
    at: float
    """Seconds since 1970, in whole seconds."""
    output: Mapping[str, Any]


def captured(line: bytes) -> Captured:
    """Read a line of a captured file; UnparsableError where it is none.

    A request and its copy have the caller's inference id in common. Without one the request itself tells:
    two requests of the same content get the same answer of a model, whichever is paired with which.
    """
    read = capture.record(line)
    try:
        return Captured(key=_key(read), at=read.at, output=read.sides["endpointOutput"])
    except (KeyError, TypeError, AttributeError) as error:
        raise UnparsableError(f"no record of data capture: {error!r}") from error


def _key(read: capture.Record) -> bytes:
    if read.inference_id:
        told = ["inference", read.inference_id]
    elif "endpointInput" in read.sides:
        given = read.sides["endpointInput"]
        told = ["request", str(given.get("observedContentType")), str(given["data"])]
    else:
        told = ["event", read.event_id]
    return hashlib.sha256(json.dumps(told).encode()).digest()[:16]


def answer(output: Mapping[str, Any], selection: Selection) -> Answer:
    """What is compared of a captured answer; UnparsableError where it is not there."""
    try:
        text = capture.text(output)
        if is_csv(output):
            return _of_csv(text, selection)
        return _of_json(text, selection)
    except (ValueError, KeyError, IndexError, TypeError, RecursionError, csv.Error) as error:
        raise UnparsableError(f"no answer to compare: {error!r}") from error


def _of_json(text: str, selection: Selection) -> Answer:
    whole = document(text)
    if selection.label is None and selection.number is None:
        return _sorted_out(leaves(whole))
    return Answer(labels=_labels(_at(whole, selection.label)), numbers=_numbers(_at(whole, selection.number)))


def _of_csv(text: str, selection: Selection) -> Answer:
    rows = [row for row in csv.reader(io.StringIO(text)) if row]
    if selection.label is None and selection.number is None:
        return _sorted_out(_as_number(cell) for row in rows for cell in row)
    return Answer(
        labels=_labels(_column(rows, selection.label)), numbers=_numbers(_column(rows, selection.number))
    )


def _column(rows: list[list[str]], path: str | None) -> Iterator[str]:
    return iter(()) if path is None else (row[int(path)].strip() for row in rows)


def _as_number(cell: str) -> str | float:
    try:
        return float(cell)
    except ValueError:
        return cell.strip()


def _at(whole: Any, path: str | None) -> Iterator[Any]:
    """The leaves below a path; none without a path."""
    return iter(()) if path is None else leaves(followed(whole, path.split(".")))


def _sorted_out(leaves: Iterator[Any]) -> Answer:
    labels: list[str] = []
    numbers: list[float] = []
    for leaf in leaves:
        if isinstance(leaf, int | float) and not isinstance(leaf, bool):
            numbers.append(_finite(leaf))
        else:
            labels.append(_label(leaf))
    return Answer(labels=tuple(labels[:MOST_VALUES]), numbers=tuple(numbers[:MOST_VALUES]))


def _labels(leaves: Iterator[Any]) -> tuple[str, ...]:
    return tuple(_label(leaf) for leaf in islice(leaves, MOST_VALUES))


def _numbers(leaves: Iterator[Any]) -> tuple[float, ...]:
    return tuple(_finite(leaf) for leaf in islice(leaves, MOST_VALUES))


def _label(leaf: Any) -> str:
    # "1" of one model is 1 of another; but true is neither.
    return leaf if isinstance(leaf, str) else json.dumps(leaf)


def _finite(leaf: Any) -> float:
    if isinstance(leaf, bool):
        raise TypeError("a truth value is no number")
    number = float(leaf)
    if not math.isfinite(number):
        raise ValueError(f"{number} cannot be compared")
    return number
