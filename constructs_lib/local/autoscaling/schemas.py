"""Template properties checked against CloudFormation's registry schemas (bundled with cfn-lint)."""

from __future__ import annotations

import functools
import importlib.resources
import json
from collections.abc import Iterator
from typing import Any

import jsonschema
from jsonschema.exceptions import ValidationError

_SCHEMAS = "data/schemas"
#: Java's class of printable characters, which Python's ``re`` does not know.
_PRINTABLE = (r"\\p{Print}", r"[\\x20-\\x7E]")


@functools.cache
def registry_schema(type_name: str) -> dict[str, Any]:
    """The schema of a resource type."""
    root = importlib.resources.files("cfnlint") / _SCHEMAS
    index = json.loads((root / "providers" / "us-east-1.json").read_text())
    text = (root / "resources" / f"{index[type_name]}.json").read_text()
    schema: dict[str, Any] = json.loads(text.replace(*_PRINTABLE))
    return schema


def create_only(type_name: str) -> frozenset[str]:
    """The properties whose change replaces the resource."""
    paths = registry_schema(type_name).get("createOnlyProperties", ())
    return frozenset(path.split("/")[2] for path in paths)


def checked(type_name: str, properties: dict[str, Any]) -> dict[str, Any]:
    """The properties after CloudFormation's own conversions (``"2"`` for 2). A ValueError names what is wrong."""
    schema = registry_schema(type_name)
    _refuse_read_only(schema, properties)
    converted: dict[str, Any] = _converted(schema, schema, properties)
    problems = [_worded(error) for error in jsonschema.Draft7Validator(schema).iter_errors(converted)]
    problems += _exclusive_problems(schema, converted)
    if problems:
        raise ValueError(f"Model validation failed ({'; '.join(sorted(problems))})")
    return converted


def _refuse_read_only(schema: dict[str, Any], properties: dict[str, Any]) -> None:
    read_only = {path.split("/")[2] for path in schema.get("readOnlyProperties", ())}
    given = sorted(read_only & properties.keys())
    if given:
        raise ValueError(f"Encountered unsupported property {given[0]}")


def _converted(root: dict[str, Any], schema: dict[str, Any], value: Any) -> Any:
    """Strings become the numbers and booleans that the schema wants, and the other way round."""
    if "$ref" in schema:
        schema = root["definitions"][schema["$ref"].rpartition("/")[2]]
    if isinstance(value, dict):
        known = schema.get("properties", {})
        return {name: _converted(root, known.get(name, {}), one) for name, one in value.items()}
    if isinstance(value, list):
        return [_converted(root, schema.get("items", {}), one) for one in value]
    return _scalar(schema.get("type"), value)


def _scalar(wanted: object, value: Any) -> Any:
    if wanted == "boolean" and value in ("true", "false"):
        return value == "true"
    if wanted in ("integer", "number") and isinstance(value, str):
        return _number(value, whole=wanted == "integer")
    if wanted == "string" and isinstance(value, int | float):
        return str(value).lower() if isinstance(value, bool) else str(value)
    return value


def _number(text: str, *, whole: bool) -> int | float | str:
    """The number, or the text as it is: then it is the schema's turn to refuse it."""
    try:
        return int(text) if whole else float(text)
    except ValueError:
        return text


def _worded(error: ValidationError) -> str:
    """An error in CloudFormation's words."""
    path = "/".join(["#", *map(str, error.absolute_path)])
    if error.validator == "additionalProperties":
        unknown = ", ".join(sorted(error.instance.keys() - error.schema["properties"].keys()))
        return f"{path}: extraneous key [{unknown}] is not permitted"
    if error.validator == "required":
        missing = [name for name in error.validator_value if name not in error.instance]
        return f"{path}: required key [{', '.join(missing)}] not found"
    if error.validator == "enum":
        return f"{path}: {error.instance} is not a valid enum value"
    return f"{path}: {error.message}"


def _exclusive_problems(schema: dict[str, Any], properties: dict[str, Any]) -> Iterator[str]:
    """cfn-lint's two keywords beyond JSON schema, for rules that the handlers of AWS enforce."""
    alternatives = schema.get("requiredXor", ())
    if alternatives and sum(name in properties for name in alternatives) != 1:
        yield f"#: exactly one of [{', '.join(alternatives)}] is required"
    for name, companions in schema.get("dependentRequired", {}).items():
        missing = [other for other in companions if other not in properties]
        if name in properties and missing:
            yield f"#: required key [{', '.join(missing)}] not found, as {name} is given"
