"""CloudFormation's registry schemas, as cfn-lint bundles them, and the check against them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import cfnlint
import jsonschema
import regex  # type: ignore[import-untyped]  # it has no stubs
from jsonschema import ValidationError

_SCHEMAS = Path(cfnlint.__file__).parent / "data" / "schemas"
_PREFIX = "/properties/"
_REGION = "us-east-1"


@cache
def schema(type_name: str) -> dict[str, Any]:
    """The registry schema of a resource type."""
    providers = json.loads((_SCHEMAS / "providers" / f"{_REGION}.json").read_text())
    found: dict[str, Any] = json.loads((_SCHEMAS / "resources" / f"{providers[type_name]}.json").read_text())
    return found


def create_only_properties(type_name: str) -> frozenset[str]:
    """The properties whose change replaces the resource."""
    pointers = schema(type_name).get("createOnlyProperties", [])
    return frozenset(pointer.removeprefix(_PREFIX).split("/")[0] for pointer in pointers)


def checked_properties(type_name: str, properties: dict[str, Any]) -> dict[str, Any]:
    """The properties with the types the schema asks for; ValueError, in AWS's words, when they break it.

    CloudFormation takes "1" for 1 and "true" for true: parameters are always strings.
    """
    typed: dict[str, Any] = _typed(schema(type_name), schema(type_name), properties)
    problems = sorted(_problems(type_name, typed))
    if problems:
        raise ValueError(
            f"Properties validation failed for resource of type {type_name} with message: "
            + "; ".join(problems)
        )
    return typed


def _problems(type_name: str, properties: dict[str, Any]) -> Iterator[str]:
    for pointer in schema(type_name).get("readOnlyProperties", []):
        yield from _read_only(pointer.removeprefix(_PREFIX).split("/"), properties, "#")
    validator = _Validator(schema(type_name))
    for error in validator.iter_errors(properties):
        yield from _in_aws_words(error)


def _read_only(path: list[str], value: Any, where: str) -> Iterator[str]:
    """The complaint about a member that only AWS sets, wherever the path (`*`: each item) leads to it."""
    name, *rest = path
    if isinstance(value, list):
        for number, item in enumerate(value):
            yield from _read_only(rest, item, f"{where}/{number}")
    elif isinstance(value, dict) and name in value:
        if rest:
            yield from _read_only(rest, value[name], f"{where}/{name}")
        else:
            yield f"{where}: read-only key [{name}] is not permitted"


def _in_aws_words(error: ValidationError) -> Iterator[str]:
    where = "#" + "".join(f"/{part}" for part in error.absolute_path)
    if error.validator == "additionalProperties":
        for name in sorted(error.instance.keys() - error.schema.get("properties", {}).keys()):
            yield f"{where}: extraneous key [{name}] is not permitted"
    elif error.validator == "required":
        for name in error.validator_value:
            if name not in error.instance:
                yield f"{where}: required key [{name}] not found"
    else:
        yield f"{where}: {error.message}"


def _pattern(_validator: Any, pattern: str, value: Any, _schema: Any) -> Iterator[ValidationError]:
    # The registry's patterns are Java's: \p{L} is not known to Python's own module.
    if isinstance(value, str) and not regex.search(pattern, value):
        yield ValidationError(f"string [{value}] does not match pattern {pattern}")


_Validator: Any = jsonschema.validators.extend(jsonschema.Draft7Validator, {"pattern": _pattern})


def _typed(root: dict[str, Any], part: dict[str, Any], value: Any) -> Any:
    """The value with strings turned into the numbers and booleans that the schema wants."""
    while "$ref" in part:
        part = root["definitions"][part["$ref"].rsplit("/", 1)[-1]]
    if isinstance(value, dict):
        members = part.get("properties", {})
        return {name: _typed(root, members.get(name, {}), item) for name, item in value.items()}
    if isinstance(value, list):
        return [_typed(root, part.get("items", {}), item) for item in value]
    return _converted(part.get("type"), value)


def _converted(wanted: Any, value: Any) -> Any:
    if wanted == "string" and isinstance(value, bool):
        return str(value).lower()
    if wanted == "string" and isinstance(value, int | float):
        return str(value)
    if not isinstance(value, str):
        return value
    if wanted == "boolean" and value in ("true", "false"):
        return value == "true"
    if wanted in ("integer", "number"):
        return _number(value, whole=wanted == "integer")
    return value


def _number(text: str, *, whole: bool) -> Any:
    """The number in the text, or the text when there is none: the schema then says what is wrong."""
    try:
        return int(text) if whole else float(text)
    except ValueError:
        return text
