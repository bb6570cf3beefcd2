"""Types at run time: does each property of a props object have the type it is annotated with?

Python checks no annotation, and jsii finds out late, in words of its own, or (NaN, infinity) not at all:
they end its process. So every subject of rules is looked through first. Tokens pass.
"""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from .tokens import is_token, offered_by

Misfit = tuple[str, object, str]
"""Where, what was given, what is allowed."""

Look = Callable[[str, object], Iterator[Misfit]]


def misfits(subject: object) -> Iterator[Misfit]:
    """The properties of a dataclass instance that do not have their types."""
    for name, look in _looks(type(subject)):
        yield from look(name, getattr(subject, name))


_LOOKS: dict[type, list[tuple[str, Look]]] = {}


def _looks(subject: type) -> list[tuple[str, Look]]:
    if subject not in _LOOKS:
        hints = typing.get_type_hints(subject)
        fields = dataclasses.fields(subject) if dataclasses.is_dataclass(subject) else ()
        _LOOKS[subject] = [(field.name, _look_for(hints[field.name])) for field in fields]
    return _LOOKS[subject]


@cache
def _look_for(wanted: Hashable) -> Look:
    origin, arguments = typing.get_origin(wanted), typing.get_args(wanted)
    if wanted in (Any, object):
        return lambda _where, _value: iter(())
    if origin in (typing.Union, types.UnionType):
        return _union(arguments)
    if origin in (Sequence, tuple):
        return _sequence(arguments[0])
    if origin is Mapping:
        return _mapping(*arguments)
    return _single(_fits(wanted), _named(wanted))


def _single(fits: Callable[[object], bool], allowed: str) -> Look:
    def look(where: str, value: object) -> Iterator[Misfit]:
        if not fits(value) and not is_token(value):
            yield where, value, allowed

    return look


def _union(choices: Sequence[Any]) -> Look:
    rest = [choice for choice in choices if choice is not types.NoneType]
    optional = len(rest) < len(choices)

    def look(where: str, value: object) -> Iterator[Misfit]:
        if value is None and optional:
            return
        found = [list(_look_for(choice)(where, value)) for choice in rest]
        if all(found):
            # Of one choice tell what exactly is wrong with it; of several name them.
            whole = " or ".join(_named(choice) for choice in rest)
            yield from found[0] if len(rest) == 1 else [(where, value, whole)]

    return look


def _sequence(item: Any) -> Look:
    def look(where: str, value: object) -> Iterator[Misfit]:
        if not isinstance(value, list | tuple):
            yield where, value, f"a list, of {_named(item)} each"
            return
        for index, each in enumerate(value):
            yield from _look_for(item)(f"{where}[{index}]", each)

    return look


def _mapping(key: Any, value_type: Any) -> Look:
    def look(where: str, value: object) -> Iterator[Misfit]:
        if not isinstance(value, Mapping):
            if not is_token(value):
                yield where, value, f"a mapping of {_named(key)} to {_named(value_type)}"
            return
        for name, each in value.items():
            yield from _look_for(key)(where, name)
            yield from _look_for(value_type)(f"{where}[{name!r}]", each)

    return look


def _fits(wanted: Any) -> Callable[[object], bool]:
    if wanted is int:
        return lambda value: isinstance(value, int) and not isinstance(value, bool)
    if wanted is float:
        return lambda value: (
            isinstance(value, int | float)
            and not isinstance(value, bool)
            and (isinstance(value, int) or math.isfinite(value))
        )
    if getattr(wanted, "_is_protocol", False):
        members = frozenset(name for name in dir(wanted) if not name.startswith("_"))
        return lambda value: members <= offered_by(value)
    return lambda value: isinstance(value, wanted)


_NAMES = {int: "a whole number", float: "a number", str: "a string", bool: "True or False"}


def _named(wanted: Any) -> str:
    """The type in words."""
    if wanted in _NAMES:
        return _NAMES[wanted]
    if typing.get_origin(wanted) is not None:
        return str(wanted)
    name: str = wanted.__name__
    # jsii's interfaces are called IBucket: what a user makes is a Bucket.
    name = name[1:] if len(name) > 1 and name[0] == "I" and name[1].isupper() else name
    return f"{'an' if name[0] in 'AEIOU' else 'a'} {name}"
