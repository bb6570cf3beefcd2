"""Records of data capture, as SageMaker writes them: a JSON document a line. Pure functions."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from .windows import seconds


class UnparsableError(ValueError):
    """What was captured is no record, or has not what is asked of it."""


class Record(NamedTuple):
    """One captured call. A tuple, for there are millions of them."""

    at: float
    """Seconds since 1970; SageMaker tells whole ones."""
    event_id: str
    inference_id: str
    """The caller's own; empty where the caller gave none."""
    sides: Mapping[str, Any]
    """``endpointInput`` and ``endpointOutput``, those of them that are captured."""

    @property
    def key(self) -> str:
        """What ground truth names it by: the caller's id, or else SageMaker's."""
        return self.inference_id or self.event_id


def record(line: bytes) -> Record:
    """Read a line of a captured file; UnparsableError where it is none."""
    try:
        whole = json.loads(line)
        metadata, sides = whole["eventMetadata"], whole["captureData"]
        if not isinstance(sides, dict):
            raise TypeError("captureData is no object")
        at, given = seconds(metadata["inferenceTime"]), metadata.get("inferenceId")
        if given:
            return Record(at, str(metadata.get("eventId", "")), str(given), sides)
        return Record(at, str(metadata["eventId"]), "", sides)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UnparsableError(f"no record of data capture: {error!r}") from error


def text(side: Mapping[str, Any]) -> str:
    """What was sent or answered. ValueError, TypeError or KeyError where that is no text."""
    data = side["data"]
    if not isinstance(data, str):
        raise TypeError("the data of a record is text")
    if side.get("encoding") != "BASE64":
        return data
    return base64.b64decode(data, validate=True).decode("utf-8")


def is_csv(side: Mapping[str, Any]) -> bool:
    """Whether its text is CSV; otherwise it is JSON."""
    if side.get("encoding") == "CSV":
        return True
    return str(side.get("observedContentType", "")).split(";")[0].strip() in ("text/csv", "text/plain")


def document(text: str) -> Any:
    """A JSON document, or JSON Lines as a list of them; ValueError where it is neither."""
    try:
        return json.loads(text)
    except ValueError:
        lines = [line for line in text.split("\n") if line.strip()]
        if len(lines) == 1:
            raise
        return [json.loads(line) for line in lines]


def followed(value: Any, steps: list[str]) -> Any:
    """What lies at a path of keys and positions; a key applies to every item of a list, and so does ``*``.

    KeyError, IndexError or TypeError where nothing lies there.
    """
    if not steps:
        return value
    step, *rest = steps
    if isinstance(value, list):
        if step == "*":
            return [followed(item, rest) for item in value]
        if not step.isdecimal():
            return [followed(item, steps) for item in value]
        return followed(value[int(step)], rest)
    if not isinstance(value, dict):
        raise TypeError(f"{step!r} is asked of what is no object")
    return followed(value[step], rest)


def leaves(value: Any) -> Iterator[Any]:
    """All that is below, of objects by name."""
    if isinstance(value, dict):
        for name in sorted(value):
            yield from leaves(value[name])
    elif isinstance(value, list):
        for item in value:
            yield from leaves(item)
    else:
        yield value
