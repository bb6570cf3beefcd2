"""Requests checked against botocore's models of the services, with the words AWS uses."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import botocore.session
import regex  # type: ignore[import-untyped]  # it has no stubs
from botocore.model import ListShape, MapShape, ServiceModel, Shape, StructureShape

#: botocore's types → what their JSON values are in Python.
_TYPES: dict[str, type | tuple[type, ...]] = {
    "structure": dict,
    "map": dict,
    "list": list,
    "string": str,
    "blob": str,
    "boolean": bool,
    "integer": int,
    "long": int,
    "float": (int, float),
    "double": (int, float),
    # Seconds since 1970: what botocore sends in the JSON protocols.
    "timestamp": (int, float),
}
#: Parts of the models' Java patterns that `regex` reads differently, and what they are there.
_FROM_JAVA = {
    # A range of characters beyond \uFFFF, which Java writes with pairs of surrogates.
    r"\uD800\uDC00-\uDBFF\uDFFF": r"\U00010000-\U0010FFFF",
    r"[\p{Print}]": r"[ -~]",
    r"\p{Print}": r"[ -~]",
}


@cache
def service_model(service: str) -> ServiceModel:
    """botocore's model of a service."""
    return botocore.session.get_session().get_service_model(service)


@dataclass(frozen=True, slots=True, kw_only=True)
class Requests:
    """The requests of one service. The services do not word everything alike: that is given here."""

    service: str
    unknown_member: Callable[[str, str, Iterable[str]], str]
    """The sentence about a member that there is not: from the path to it, its name, the names there are."""
    type_names: Mapping[str, str] = field(default_factory=dict)
    """What the service calls botocore's types, where it has names of its own for them."""

    def has(self, operation: str) -> bool:
        """Whether AWS has an operation of that name."""
        return operation in service_model(self.service).operation_names

    def complaint(self, operation: str, request: object) -> str | None:
        """The message about all that the operation's model does not allow; None when it allows the request."""
        shape = service_model(self.service).operation_model(operation).input_shape
        problems = list(self._problems(shape, request, "")) if shape is not None else []
        if not problems:
            return None
        plural = "s" if len(problems) > 1 else ""
        return f"{len(problems)} validation error{plural} detected: {'; '.join(problems)}"

    def _problems(self, shape: Shape, value: Any, path: str) -> Iterator[str]:
        """What is wrong with a value of a shape, one sentence each."""
        if not _has_type(shape, value):
            name = self.type_names.get(shape.type_name, shape.type_name)
            yield _failed(value, path, f"be of type {name}")
            return
        for demand in _broken_constraints(shape, value):
            yield _failed(value, path, demand)
        yield from self._problems_inside(shape, value, path)

    def _problems_inside(self, shape: Shape, value: Any, path: str) -> Iterator[str]:
        if isinstance(shape, StructureShape):
            yield from self._structure_problems(shape, value, path)
        elif isinstance(shape, ListShape):
            for number, item in enumerate(value, start=1):
                yield from self._problems(shape.member, item, f"{path}.{number}.member")
        elif isinstance(shape, MapShape):
            for key, item in value.items():
                yield from self._problems(shape.key, key, f"{path}.key")
                yield from self._problems(shape.value, item, f"{path}.{key}.member")

    def _structure_problems(self, shape: StructureShape, value: dict[str, Any], path: str) -> Iterator[str]:
        for name in sorted(value.keys() - shape.members.keys()):
            yield self.unknown_member(path, name, shape.members)
        for name in shape.required_members:
            if value.get(name) is None:
                yield _failed(None, below(path, name), "not be null")
        for name, item in value.items():
            if name in shape.members and item is not None:
                yield from self._problems(shape.members[name], item, below(path, name))


def below(path: str, name: str) -> str:
    """The path of a member: AWS names members in camel case, from the top of the request."""
    member = name[:1].lower() + name[1:]
    return f"{path}.{member}" if path else member


def _has_type(shape: Shape, value: object) -> bool:
    if isinstance(value, bool):
        # In Python a bool is an int; in JSON it is not a number.
        return shape.type_name == "boolean"
    return isinstance(value, _TYPES[shape.type_name])


def _broken_constraints(shape: Shape, value: Any) -> Iterator[str]:
    """What AWS demands of the value and does not get."""
    limits = shape.metadata
    if limits.get("enum") and value not in limits["enum"]:
        yield f"satisfy enum value set: [{', '.join(limits['enum'])}]"
    what, size = ("value", value) if isinstance(value, int | float) else ("length", len(value))
    if "min" in limits and size < limits["min"]:
        yield f"have {what} greater than or equal to {limits['min']}"
    if "max" in limits and size > limits["max"]:
        yield f"have {what} less than or equal to {limits['max']}"
    pattern = limits.get("pattern")
    if pattern and isinstance(value, str) and not _compiled(pattern).fullmatch(value):
        yield f"satisfy regular expression pattern: {pattern}"


@cache
def _compiled(pattern: str) -> regex.Pattern[str]:
    for java, ours in _FROM_JAVA.items():
        pattern = pattern.replace(java, ours)
    return regex.compile(pattern)


def _failed(value: object, path: str, demand: str) -> str:
    shown = "null" if value is None else f"'{value}'"
    return f"Value {shown} at '{path}' failed to satisfy constraint: Member must {demand}"
