"""Documents against the schema: what does not fit, in words, at the place it stands."""

from __future__ import annotations

import difflib
import types
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, TypeVar, Union, cast, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from .problems import FIELD_RULE, KIND_RULE, PINNED_RULE, Mark, Problem
from .reading import Node, Path
from .schema.base import Part
from .schema.document import API_VERSION, KINDS, AnyDeployment, Environment

Checked = TypeVar("Checked", bound=Part)

_PATTERNS = {
    "duration": ("([0-9]+d)?", "a length of time such as 30s, 5m, 1h30m or 7d"),
    "size": ("KiB|MiB|GiB|TiB", "a size such as 512MiB or 2GiB"),
    "package": (
        "model-package/",
        "the ARN of a model package with its version, …:model-package/<group>/<version>",
    ),
    "path": (r"\.\.", "a path below the folder that holds deployments/, without leading slash or .."),
    "object": ("^s3://", "s3://bucket/key"),
    "digest": ("sha256:", "sha256: and 64 hexadecimal digits"),
    "instance": (r"^ml\.", "ml.<family>.<size>, such as ml.m5.large"),
    "key": ("new|none", "new, none or the ARN of a KMS key"),
    "tag": (
        r"[\w .:/=+@-]",
        "a tag of AWS: letters, digits, spaces and _ . : / = + - @, no key with aws: ahead",
    ),
    "account": ("^[0-9]{12}$", "12 digits in quotes"),
    "name": ("^[a-z][a-z0-9]*(-", "lower-case letters, digits and single hyphens, beginning with a letter"),
}
"""What patterns mean, by a part of them."""

_LEAST = {"greater_than_equal": "at least", "greater_than": "more than"}
_MOST = {"less_than_equal": "at most", "less_than": "less than"}
_BOUNDS = {"ge": "greater_than_equal", "gt": "greater_than", "le": "less_than_equal", "lt": "less_than"}


def path_text(path: Path) -> str:
    """``spec.variants[0].model``."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def shown(value: object) -> str:
    """A value as a problem quotes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return f"a map of {', '.join(value)}" if value else "an empty map"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:99]}…"


def nearest(given: str, allowed: list[str]) -> str:
    """A hint at what was probably meant."""
    lowered = {each.lower(): each for each in allowed}
    close = difflib.get_close_matches(given.lower(), list(lowered), n=1, cutoff=0.6)
    return f"did you mean {lowered[close[0]]}?" if close else ""


def deployment(node: Node, name: str) -> tuple[AnyDeployment | None, tuple[Problem, ...]]:
    """The deployment that `node` describes, in a file called `name`; or what is wrong with it."""
    problems = list(_header(node, API_VERSION, list(KINDS)))
    kind = node.child("kind")
    if problems or kind is None:
        return None, tuple(problems)
    found, problems = _checked(KINDS[str(kind.value)], node)
    problems += _misnamed(node, name, "as the file is called")
    return (None if problems else found), tuple(problems)


def environment(node: Node, name: str) -> tuple[Environment | None, tuple[Problem, ...]]:
    """The environment that `node` describes, in a folder called `name`; or what is wrong with it."""
    problems = list(_header(node, API_VERSION, ["Environment"]))
    if problems:
        return None, tuple(problems)
    found, problems = _checked(Environment, node)
    problems += _misnamed(node, name, "as the folder is called")
    defaults = node.at(("spec", "defaults"))
    for kind in [] if defaults is None or not isinstance(defaults.value, dict) else defaults.value:
        if kind not in KINDS:
            path = ("spec", "defaults", kind)
            hint = nearest(kind, list(KINDS))
            problems.append(_problem(node.place(path), path, shown(kind), ", ".join(KINDS), KIND_RULE, hint))
    return (None if problems else found), tuple(problems)


def _misnamed(node: Node, name: str, reason: str) -> list[Problem]:
    path = ("metadata", "name")
    named = node.at(path)
    if named is None or not isinstance(named.value, str) or named.value == name:
        return []
    return [_problem(named.mark, path, shown(named.value), f"{name!r}, {reason}", KIND_RULE)]


def no_map(node: Node) -> Problem:
    """A document that is something else."""
    return _problem(
        node.mark, (), shown(node.plain()), "a map with apiVersion, kind, metadata and spec", KIND_RULE
    )


def _header(node: Node, version: str, kinds: list[str]) -> list[Problem]:
    if not isinstance(node.value, dict):
        return [no_map(node)]
    problems = []
    for key, allowed in (("apiVersion", [version]), ("kind", kinds)):
        given = node.child(key)
        if given is None or given.value is None:
            problems.append(_problem(node.mark, (key,), "nothing", ", ".join(allowed), KIND_RULE))
        elif given.value not in allowed:
            hint = nearest(str(given.value), allowed)
            problems.append(
                _problem(given.mark, (key,), shown(given.plain()), ", ".join(allowed), KIND_RULE, hint)
            )
    return problems


def _problem(mark: Mark, path: Path, given: str, allowed: str, rule: str, fix: str = "") -> Problem:
    return Problem(mark=mark, path=path_text(path), given=given, allowed=allowed, rule=rule, fix=fix)


def _checked(model: type[Checked], node: Node) -> tuple[Checked | None, list[Problem]]:
    try:
        return model.model_validate(node.plain()), []
    except ValidationError as error:
        problems = [_told(model, node, each) for each in error.errors(include_url=False)]
        return None, _once(problems)


def _once(problems: list[Problem]) -> list[Problem]:
    """A value that fits none of several types is told by pydantic once for each of them."""
    found: dict[tuple[Mark, str], Problem] = {}
    for each in problems:
        first = found.setdefault((each.mark, each.path), each)
        if each.allowed not in first.allowed.split(", or "):
            either = replace(first, allowed=f"{first.allowed}, or {each.allowed}", fix=first.fix or each.fix)
            found[each.mark, each.path] = either
    return list(found.values())


def _told(model: type[Part], node: Node, error: ErrorDetails) -> Problem:
    kind, given = error["type"], error["input"]
    context = cast("Mapping[str, object]", error.get("ctx", {}))
    path = _existing(node, error["loc"], missing=kind == "missing")
    at = node.at(path)
    if kind == "missing":
        above = node.place(path[:-1])
        return _problem(above, path, "nothing", _needed(model, path), FIELD_RULE)
    if kind == "extra_forbidden":
        names = _fields(model, path[:-1])
        key = str(path[-1])
        allowed = f"{', '.join(names)}" if names else "no further fields"
        return _problem(
            node.place(path), path, f"the unknown field {key!r}", allowed, FIELD_RULE, nearest(key, names)
        )
    if kind == "floating":
        below = (*path, str(context["field"]))
        value = node.at(below)
        quoted = shown(value.plain()) if value is not None else "nothing"
        return _problem(node.value_place(below), below, quoted, error["msg"], PINNED_RULE)
    if kind in ("together", "needed"):
        below = (*path, str(context["field"]))
        value = node.at(below)
        quoted = shown(value.plain()) if value is not None else "nothing"
        return _problem(node.place(below), below, quoted, error["msg"], FIELD_RULE)
    mark = node.value_place(path)
    fix = _hint(kind, given, at)
    rule = PINNED_RULE if "model-package/" in str(context.get("pattern", "")) else FIELD_RULE
    return _problem(mark, path, shown(given), _allowed(error, context), rule, fix)


def _existing(node: Node, path: Path, *, missing: bool) -> Path:
    """`path` without what is no key of the document: pydantic names the members of unions too."""
    known: Path = ()
    for step in path:
        if node.at((*known, step)) is None:
            return (*known, step) if missing and step == path[-1] else known
        known = (*known, step)
    return known


def _allowed(error: ErrorDetails, context: Mapping[str, object]) -> str:
    kind = error["type"]
    if kind == "string_pattern_mismatch":
        pattern = str(context["pattern"])
        meant = (meaning for part, meaning in _PATTERNS.values() if part in pattern)
        return next(meant, f"text that matches {pattern}")
    if kind == "literal_error":
        return str(context["expected"]).replace("'", "")
    if kind in _LEAST or kind in _MOST:
        bound = next(value for key, value in context.items() if key in _BOUNDS)
        return f"{(_LEAST | _MOST)[kind]} {bound}"
    if kind in ("too_short", "too_long"):
        least = kind == "too_short"
        return f"at least {context['min_length']}" if least else f"at most {context['max_length']}"
    simple = {
        "string_type": "text",
        "int_type": "a whole number",
        "int_from_float": "a whole number",
        "float_type": "a number",
        "bool_type": "true or false",
        "list_type": "a list",
        "dict_type": "a map",
        "model_type": "a map",
        "finite_number": "a number",
    }
    return simple.get(kind, error["msg"])


def _hint(kind: str, given: object, at: Node | None) -> str:
    if kind == "string_type" and at is not None and isinstance(given, bool | int | float):
        return f'in quotes it is text: "{at.written}"'
    if kind == "bool_type" and isinstance(given, str) and given.lower() in ("yes", "no", "on", "off"):
        return "true" if given.lower() in ("yes", "on") else "false"
    if kind in ("int_type", "float_type") and isinstance(given, str) and given.isdigit():
        return f"without quotes: {given}"
    return ""


def _needed(model: type[Part], path: Path) -> str:
    field = _field(model, path)
    described = getattr(field, "description", None) if field is not None else None
    return f"required: {' '.join(described.split())}" if described else "required"


def _fields(model: type[Part], path: Path) -> list[str]:
    found = _model_at(model, path)
    return [] if found is None else [field.alias or name for name, field in found.model_fields.items()]


def _field(model: type[Part], path: Path) -> object | None:
    above = _model_at(model, path[:-1])
    fields = {} if above is None else above.model_fields
    return next((each for name, each in fields.items() if (each.alias or name) == path[-1]), None)


def _model_at(model: type[Part], path: Path) -> type[BaseModel] | None:
    """The model of what stands at `path`."""
    here: object = model
    for step in path:
        if isinstance(here, type) and issubclass(here, BaseModel):
            fields = {field.alias or name: field.annotation for name, field in here.model_fields.items()}
            here = _inner(fields.get(str(step)))
        else:
            # An item of a list, or a value of a map.
            here = _inner(get_args(here)[-1]) if get_args(here) else None
    return here if isinstance(here, type) and issubclass(here, BaseModel) else None


def _inner(annotation: object) -> object:
    """An annotation without `| None` and without what it is annotated with."""
    if get_origin(annotation) is Annotated:
        return _inner(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return _inner(next(each for each in get_args(annotation) if each is not type(None)))
    return annotation
