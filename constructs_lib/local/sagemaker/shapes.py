"""Requests checked against botocore's model of the service, with the words AWS uses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from functools import cache
from typing import Any

import botocore.session
import regex  # type: ignore[import-untyped]  # it has no stubs
from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StructureShape

from .errors import RefusedError, UnknownOperationError


@cache
def service_model(name: str = "sagemaker") -> ServiceModel:
    """botocore's model of a service."""
    return botocore.session.get_session().get_service_model(name)


def operation(name: str) -> OperationModel:
    """The model of an operation; UnknownOperationError when SageMaker has none of that name."""
    if name not in service_model().operation_names:
        raise UnknownOperationError(f"The operation {name} is unknown to SageMaker")
    return service_model().operation_model(name)


def check_request(name: str, request: Any) -> None:
    """Raise RefusedError for whatever in the request the model does not allow."""
    problems = list(_problems(operation(name).input_shape, request, ""))
    if not problems:
        return
    plural = "s" if len(problems) > 1 else ""
    raise RefusedError(f"{len(problems)} validation error{plural} detected: {'; '.join(problems)}")


def _problems(shape: Shape | None, value: Any, path: str) -> Iterator[str]:
    """What is wrong with a value of a shape, one sentence each."""
    if shape is None:
        return
    expected, fits = _TYPES[shape.type_name]
    if not fits(value):
        yield f"Value {_shown(value)} at '{path}' failed to satisfy constraint: Member must be of type {expected}"
        return
    yield from _broken_constraints(shape, value, path)
    if isinstance(shape, StructureShape):
        yield from _structure_problems(shape, value, path)
    elif isinstance(shape, ListShape):
        for number, item in enumerate(value, 1):
            yield from _problems(shape.member, item, f"{path}.{number}.member")
    elif isinstance(shape, MapShape):
        for key, item in value.items():
            yield from _problems(shape.key, key, f"{path}.key")
            yield from _problems(shape.value, item, f"{path}.{key}.member")


def _structure_problems(shape: StructureShape, value: dict[str, Any], path: str) -> Iterator[str]:
    for name in sorted(value.keys() - shape.members.keys()):
        known = ", ".join(shape.members)
        yield f"Unknown parameter in input: '{_below(path, name)}', must be one of: {known}"
    for name in shape.required_members:
        if value.get(name) is None:
            yield (
                f"Value null at '{_below(path, name)}' failed to satisfy constraint: Member must not be null"
            )
    for name, item in value.items():
        if name in shape.members and item is not None:
            yield from _problems(shape.members[name], item, _below(path, name))


def _below(path: str, name: str) -> str:
    """AWS names members in camel case, from the top of the request."""
    member = name[:1].lower() + name[1:]
    return f"{path}.{member}" if path else member


def _broken_constraints(shape: Shape, value: Any, path: str) -> Iterator[str]:
    for rule in _RULES:
        demand = rule(shape, value)
        if demand:
            yield f"Value {_shown(value)} at '{path}' failed to satisfy constraint: Member must {demand}"


def _enum_rule(shape: Shape, value: Any) -> str | None:
    allowed = shape.metadata.get("enum")
    if allowed and value not in allowed:
        return f"satisfy enum value set: [{', '.join(allowed)}]"
    return None


def _pattern_rule(shape: Shape, value: Any) -> str | None:
    pattern = shape.metadata.get("pattern")
    if pattern and isinstance(value, str) and not _compiled(pattern).fullmatch(value):
        return f"satisfy regular expression pattern: {pattern}"
    return None


def _minimum_rule(shape: Shape, value: Any) -> str | None:
    minimum = shape.metadata.get("min")
    if minimum is None or _measure(value) >= minimum:
        return None
    return f"have {_measured(value)} greater than or equal to {minimum}"


def _maximum_rule(shape: Shape, value: Any) -> str | None:
    maximum = shape.metadata.get("max")
    if maximum is None or _measure(value) <= maximum:
        return None
    return f"have {_measured(value)} less than or equal to {maximum}"


_RULES = (_enum_rule, _pattern_rule, _minimum_rule, _maximum_rule)


def _measure(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else len(value)


def _measured(value: Any) -> str:
    return "value" if isinstance(value, int | float) else "length"


@cache
def _compiled(pattern: str) -> regex.Pattern[str]:
    # Java's classes: \p{ASCII} and \p{Print} are not spelled so in Python.
    return regex.compile(pattern.replace(r"\p{ASCII}", r"\x00-\x7F").replace(r"\p{Print}", r"\x20-\x7E"))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_timestamp(value: Any) -> bool:
    return _is_number(value) or isinstance(value, str | datetime)


_TYPES: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "structure": ("structure", lambda value: isinstance(value, dict)),
    "list": ("list", lambda value: isinstance(value, list)),
    "map": ("map", lambda value: isinstance(value, dict)),
    "string": ("String", lambda value: isinstance(value, str)),
    "integer": ("Integer", _is_whole),
    "long": ("Long", _is_whole),
    "float": ("Float", _is_number),
    "double": ("Double", _is_number),
    "boolean": ("Boolean", lambda value: isinstance(value, bool)),
    "timestamp": ("Timestamp", _is_timestamp),
    "blob": ("Blob", lambda value: isinstance(value, str)),
}


def _shown(value: Any) -> str:
    return f"'{value}'"
