"""Whether an answer is as expected: pure functions, without AWS."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

PATH = re.compile(r'\$(?:\.[A-Za-z_][A-Za-z0-9_-]*|\[[0-9]{1,6}\]|\["[^"\\]{1,200}"\])*')
"""``$.labels[0]``, ``$["a key"]``: the part of JSONPath that names one place."""

_STEP = re.compile(r'\.([A-Za-z_][A-Za-z0-9_-]*)|\[([0-9]+)\]|\["([^"]+)"\]')
_SHOWN = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the endpoint said to one request."""

    status: int
    """200, or the status that the model answered with."""
    body: bytes
    content_type: str = ""
    seconds: float | None = None
    """How long it took; of asynchronous requests that tells nothing."""


@dataclass(frozen=True, slots=True)
class Found:
    """What is wrong with an answer."""

    problem: str
    only_slow: bool = False
    """Right, but late: a first request may wait for a container."""


class NoSuchPlaceError(Exception):
    """A document has nothing at a path; says where it ends."""


def findings(answer: Answer, expected: Mapping[str, Any]) -> list[Found]:
    """All that is not as expected; nothing where all is."""
    wanted = expected.get("Status", 200)
    if answer.status != wanted:
        return [Found(f"status {answer.status} where {wanted} was expected: {_shown(answer.body)}")]
    wrong = [
        Found(each) for each in (*_type(answer, expected), *_text(answer, expected), *_json(answer, expected))
    ]
    return wrong or [Found(each, only_slow=True) for each in _late(answer, expected)]


def _type(answer: Answer, expected: Mapping[str, Any]) -> Iterator[str]:
    wanted = expected.get("ContentType")
    given = answer.content_type.split(";")[0].strip().lower()
    if wanted is not None and given != wanted.lower():
        yield f"content type {answer.content_type!r} where {wanted!r} was expected"


def _text(answer: Answer, expected: Mapping[str, Any]) -> Iterator[str]:
    wanted = expected.get("Contains")
    if wanted is not None and wanted not in answer.body.decode("utf-8", "replace"):
        yield f"{wanted!r} is not in the answer: {_shown(answer.body)}"


def _json(answer: Answer, expected: Mapping[str, Any]) -> Iterator[str]:
    wanted: Mapping[str, Any] = expected.get("Json", {})
    if not wanted:
        return
    try:
        document = json.loads(answer.body)
    except ValueError:  # UnicodeDecodeError is one
        yield f"the answer is no JSON: {_shown(answer.body)}"
        return
    for path, value in wanted.items():
        try:
            given = at(document, path)
        except NoSuchPlaceError as missing:
            yield f"{path}: {missing}: {_shown(answer.body)}"
            continue
        if not same(given, value, expected.get("Tolerance", 0.0)):
            yield f"{path} is {json.dumps(given)[:_SHOWN]} where {json.dumps(value)} was expected"


def _late(answer: Answer, expected: Mapping[str, Any]) -> Iterator[str]:
    most = expected.get("MaxLatencySeconds")
    if most is not None and answer.seconds is not None and answer.seconds > most:
        yield f"the answer took {answer.seconds:.3f} s where at most {most:g} s was expected"


def at(document: Any, path: str) -> Any:
    """What stands at `path` of a document.

    :raises NoSuchPlaceError: when nothing does.
    """
    place, here = document, "$"
    for step in _STEP.finditer(path):
        name, index, quoted = step.groups()
        key: Any = int(index) if index is not None else name if name is not None else quoted
        wanted = list if isinstance(key, int) else dict
        if not isinstance(place, wanted):
            raise NoSuchPlaceError(f"{here} is no {'list' if wanted is list else 'object'}")
        if key not in (range(len(place)) if isinstance(place, list) else place):
            raise NoSuchPlaceError(f"{here} has no {key!r}")
        place = place[key]
        here += step.group()
    return place


def same(given: Any, wanted: Any, tolerance: float) -> bool:
    """Equal in type and value; numbers to a relative `tolerance`. True is no number."""
    if isinstance(given, bool) or isinstance(wanted, bool):
        return given is wanted
    if isinstance(given, int | float) and isinstance(wanted, int | float):
        return math.isclose(given, wanted, rel_tol=tolerance)
    return type(given) is type(wanted) and bool(given == wanted)


def _shown(body: bytes) -> str:
    """The beginning of an answer, for a person."""
    text = body.decode("utf-8", "replace")
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…")
