"""The part of JSONPath that the filters of a transform job know.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform-data-processing.html
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_STEP = re.compile(
    r"""\.\*                                             # .*
    |\.(?P<name>[^.\[\]'"*,\s()?@$]+)                    # .name
    |\.?\[(?P<inside>(?:'[^']*'|[^\]'])*)\]              # ['a','b'], [0,-1], [1:], [*]; a dot before it does no harm
    """,
    re.VERBOSE,
)
_NAMES = re.compile(r"\s*'[^']*'(\s*,\s*'[^']*')*\s*")
_PICK = re.compile(r"(?P<start>-?\d+)?(?P<slice>:(?P<end>-?\d+)?)?")


class PathError(Exception):
    """It is no such expression, or it selects something that is not there."""


class _Step(ABC):
    """From one value to those that a part of the expression selects in it."""

    definite = True
    """Whether it always selects one value."""

    @abstractmethod
    def of(self, value: Any) -> Iterator[Any]:
        """What is selected; PathError when it is not there."""


@dataclass(frozen=True, slots=True)
class _Child(_Step):
    name: str

    def of(self, value: Any) -> Iterator[Any]:
        yield _member(value, self.name)


@dataclass(frozen=True, slots=True)
class _Children(_Step):
    names: tuple[str, ...]

    def of(self, value: Any) -> Iterator[Any]:
        yield {name: _member(value, name) for name in self.names}


class _Every(_Step):
    definite = False

    def of(self, value: Any) -> Iterator[Any]:
        if not isinstance(value, dict | list):
            raise PathError("* selects the members of an object or an array")
        yield from value.values() if isinstance(value, dict) else value


@dataclass(frozen=True, slots=True)
class _Index(_Step):
    number: int

    def of(self, value: Any) -> Iterator[Any]:
        yield _element(value, self.number)


@dataclass(frozen=True, slots=True)
class _Picks(_Step):
    parts: tuple[int | slice, ...]
    definite = False

    def of(self, value: Any) -> Iterator[Any]:
        for part in self.parts:
            if isinstance(part, int):
                yield _element(value, part)
            else:
                # Inferred: what a slice has beyond the array is nothing, as in other languages.
                yield from _array(value)[part]


@dataclass(frozen=True, slots=True)
class Path:
    """An expression."""

    _steps: tuple[_Step, ...] = ()

    @classmethod
    def of(cls, text: str) -> Path:
        """Read an expression; PathError for what SageMaker does not know."""
        if not text.startswith("$"):
            raise PathError("it must begin with $")
        steps: list[_Step] = []
        position = 1
        while position < len(text):
            found = _STEP.match(text, position)
            if found is None:
                raise PathError(f"it cannot be understood from {text[position:]!r} on")
            if steps and isinstance(steps[-1], _Children):
                # Inferred: AWS's guide says that nothing is nested within the names, and shows nothing after them.
                raise PathError("nothing can follow several names")
            steps.append(_step(found))
            position = found.end()
        return cls(tuple(steps))

    @property
    def is_all(self) -> bool:
        """Whether it is `$`, which selects everything."""
        return not self._steps

    def select(self, value: Any) -> Any:
        """What it selects; an array of that when it may be more than one value. PathError when it is not there."""
        found = [value]
        for step in self._steps:
            found = [each for one in found for each in step.of(one)]
        return found[0] if all(step.definite for step in self._steps) else found


EVERYTHING = Path()
"""`$`."""


def _step(found: re.Match[str]) -> _Step:
    if found["name"] is not None:
        return _Child(found["name"])
    inside = found["inside"]
    if inside is None or inside.strip() == "*":
        return _Every()
    if _NAMES.fullmatch(inside):
        names = tuple(re.findall("'([^']*)'", inside))
        return _Child(names[0]) if len(names) == 1 else _Children(names)
    parts = tuple(_part(each.strip()) for each in inside.split(","))
    if len(parts) == 1 and isinstance(parts[0], int):
        return _Index(parts[0])
    return _Picks(parts)


def _part(text: str) -> int | slice:
    found = _PICK.fullmatch(text)
    if not text or found is None:
        raise PathError(f"[{text}] is no index, no slice and no quoted name")
    start = None if found["start"] is None else int(found["start"])
    if found["slice"] is None:
        return int(text)
    return slice(start, None if found["end"] is None else int(found["end"]))


def _member(value: Any, name: str) -> Any:
    if not isinstance(value, dict) or name not in value:
        raise PathError(f"there is no member {name!r}")
    return value[name]


def _array(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise PathError("an index selects in an array, and there is none")
    return value


def _element(value: Any, number: int) -> Any:
    array = _array(value)
    if not -len(array) <= number < len(array):
        raise PathError(f"there is no element {number} among {len(array)}")
    return array[number]
