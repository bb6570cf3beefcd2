"""Requests checked against botocore's model of the service, with the messages AWS gives."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import Any

import botocore.session
from botocore.model import ListShape, MapShape, ServiceModel, Shape, StringShape, StructureShape

from constructs_lib.local.autoscaling.errors import ApiError, invalid

SERVICE = "application-autoscaling"

#: botocore types → what their JSON values are in Python.
_TYPES: dict[str, tuple[type, ...]] = {
    "structure": (dict,),
    "map": (dict,),
    "list": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "long": (int,),
    "double": (int, float),
    "float": (int, float),
    "timestamp": (int, float),
}
#: Parts of the model's Java patterns that Python's ``re`` does not know, and what they are there: the characters
#: of XML, which Java writes with pairs of surrogates, and the printable ones.
_JAVA_XML = r"[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\r\n\t]"
_FROM_JAVA = {
    _JAVA_XML: r"[\t\n\r -\uD7FF\uE000-\uFFFD\U00010000-\U0010FFFF]",
    r"\p{Print}": r"[ -~]",
}


@functools.cache
def service_model() -> ServiceModel:
    """botocore's model of Application Auto Scaling."""
    return botocore.session.get_session().get_service_model(SERVICE)


def check_request(operation: str, request: object) -> dict[str, Any]:
    """The request, if it is one that the operation's model allows."""
    shape = service_model().operation_model(operation).input_shape
    if shape is None or not isinstance(request, dict):
        raise ApiError("SerializationException", "The request is not a JSON object")
    problems = list(_problems(shape, request, ""))
    if problems:
        count = f"{len(problems)} validation error{'s' if len(problems) > 1 else ''} detected: "
        raise invalid(count + "; ".join(problems))
    return request


def _problems(shape: Shape, value: object, path: str) -> Iterator[str]:
    if value is None or not _has_type(shape, value):
        yield f"Value {_shown(value)} at '{path}' failed to satisfy constraint: {_wanted(shape)}"
        return
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        yield from _structure_problems(shape, value, path)
    elif isinstance(shape, ListShape) and isinstance(value, list):
        yield from _size_problems(shape, value, len(value), path)
        for number, member in enumerate(value, start=1):
            yield from _problems(shape.member, member, f"{path}.{number}.member")
    elif isinstance(shape, MapShape) and isinstance(value, dict):
        for key, member in value.items():
            yield from _problems(shape.key, key, f"{path}.key")
            yield from _problems(shape.value, member, f"{path}.{key}.value")
    elif isinstance(shape, StringShape) and isinstance(value, str):
        yield from _string_problems(shape, value, path)
    elif isinstance(value, int | float):
        yield from _size_problems(shape, value, value, path)


def _structure_problems(shape: StructureShape, value: dict[str, Any], path: str) -> Iterator[str]:
    for name in value:
        if name not in shape.members:
            yield f"Unknown parameter '{name}' at '{path or 'request'}'"
    for name in shape.required_members:
        if value.get(name) is None:
            yield _failed("null", _joined(path, name), "Member must not be null")
    for name, member in shape.members.items():
        if value.get(name) is not None:
            yield from _problems(member, value[name], _joined(path, name))


def _string_problems(shape: StringShape, value: str, path: str) -> Iterator[str]:
    if shape.enum and value not in shape.enum:
        allowed = ", ".join(shape.enum)
        yield _failed(_shown(value), path, f"Member must satisfy enum value set: [{allowed}]")
    yield from _size_problems(shape, value, len(value), path)
    pattern = shape.metadata.get("pattern")
    if pattern and not _compiled(pattern).fullmatch(value):
        yield _failed(_shown(value), path, f"Member must satisfy regular expression pattern: {pattern}")


@functools.cache
def _compiled(pattern: str) -> re.Pattern[str]:
    for java, python in _FROM_JAVA.items():
        pattern = pattern.replace(java, python)
    return re.compile(pattern)


def _size_problems(shape: Shape, value: object, size: float, path: str) -> Iterator[str]:
    what = "value" if isinstance(value, int | float) else "length"
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if low is not None and size < low:
        yield _failed(_shown(value), path, f"Member must have {what} greater than or equal to {low}")
    if high is not None and size > high:
        yield _failed(_shown(value), path, f"Member must have {what} less than or equal to {high}")


def _has_type(shape: Shape, value: object) -> bool:
    allowed = _TYPES.get(shape.type_name, (object,))
    # In Python a bool is an int; in JSON it is not a number.
    return isinstance(value, allowed) and (not isinstance(value, bool) or allowed == (bool,))


def _wanted(shape: Shape) -> str:
    return f"Member must be of type {shape.type_name}"


def _failed(value: str, path: str, constraint: str) -> str:
    return f"Value {value} at '{path}' failed to satisfy constraint: {constraint}"


def _joined(path: str, name: str) -> str:
    """AWS names members in lowerCamelCase."""
    camel = name[:1].lower() + name[1:]
    return f"{path}.{camel}" if path else camel


def _shown(value: object) -> str:
    return "null" if value is None else f"'{value}'"
