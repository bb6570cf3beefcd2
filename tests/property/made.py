"""Values that are described first and made later: printable, changeable, and made anew in any stack."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import aws_cdk as cdk

Path = tuple[str | int, ...]
"""How to get from a description to something in it: ``("variants", 0, "scaling", "min_capacity")``."""

THEN = "then"
"""The step of a `Path` from a description to the methods called afterwards."""


@dataclass(frozen=True)
class Made:
    """A call that is yet to be made: ``Made(Variant, given={"name": "A", …})``."""

    factory: Callable[..., Any]
    args: tuple[Any, ...] = ()
    given: Mapping[str, Any] = field(default_factory=dict)
    then: tuple[Made, ...] = ()
    """Methods to call on it once it is made: ``Made(ComponentEndpoint.add_component, ("A",), …)``."""

    @property
    def name(self) -> str:
        """``Variant``, ``Rollout.canary``."""
        return self.factory.__qualname__

    def __repr__(self) -> str:
        named = [f"{name}={value!r}" for name, value in self.given.items()]
        made = f"{self.name}({', '.join([*map(repr, self.args), *named])})"
        return " then ".join([made, *map(repr, self.then)])

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """For Hypothesis's reports."""
        printer.text(repr(self))


@dataclass(frozen=True)
class InStack:
    """Something of the stack the values are made in, for example its model ``A``."""

    name: str
    make: Callable[[cdk.Stack, str], Any]

    def __repr__(self) -> str:
        return f"<{self.name}>"


def make(value: Any, stack: cdk.Stack) -> Any:
    """What `value` describes; plain values are themselves."""
    if isinstance(value, Made):
        made = value.factory(*make(value.args, stack), **make(dict(value.given), stack))
        for each in value.then:
            each.factory(made, *make(each.args, stack), **make(dict(each.given), stack))
        return made
    if isinstance(value, InStack):
        found = _of(stack).get(value.name)
        if found is None:
            found = _of(stack)[value.name] = value.make(stack, value.name)
        return found
    if type(value) in (list, tuple):
        return type(value)(make(item, stack) for item in value)
    if type(value) is dict:
        return {name: make(item, stack) for name, item in value.items()}
    return value


_SHARED: dict[int, tuple[cdk.Stack, dict[str, Any]]] = {}


def _of(stack: cdk.Stack) -> dict[str, Any]:
    """What was made once for all of the stack; only the newest stack is remembered."""
    if id(stack) not in _SHARED or _SHARED[id(stack)][0] is not stack:
        _SHARED.clear()
        _SHARED[id(stack)] = (stack, {})
    return _SHARED[id(stack)][1]


def parts(value: Any, path: Path = ()) -> Iterator[tuple[Path, Made]]:
    """Every `Made` within `value`, itself included, and where it is."""
    if isinstance(value, Made):
        yield path, value
        for name, item in value.given.items():
            yield from parts(item, (*path, name))
        for index, item in enumerate(value.then):
            yield from parts(item, (*path, THEN, index))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from parts(item, (*path, index))


def changed(value: Any, path: Path, new: Any) -> Any:
    """`value` with `new` at `path`."""
    if not path:
        return new
    step, rest = path[0], path[1:]
    if isinstance(value, Made) and step == THEN:
        return replace(value, then=changed(value.then, rest, new))
    if isinstance(value, Made):
        return replace(value, given={**value.given, step: changed(value.given.get(step), rest, new)})
    items = list(value)
    items[step] = changed(items[step], rest, new)
    return type(value)(items)
