"""Two assemblies side by side: what a deployment would add, change, replace and remove.

A replacement is what CloudFormation says: another logical id, another type, or a change of a property that can only be
set when the resource is made. What such a resource's name is put into changes with it. Custom resources decide for
themselves, and of types whose schemas are not known here a change may be a replacement: both are said.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TypeAlias, cast

Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"
Template: TypeAlias = Mapping[str, Json]
Resources: TypeAlias = Mapping[str, Mapping[str, Json]]

ADDED, CHANGED, REPLACED, MAYBE, REMOVED = "added", "changed", "replaced", "may be replaced", "removed"

_REFERENCES = ("Ref", "Fn::GetAtt")
_IGNORED = ("Metadata",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What happens to one resource."""

    stack: str
    logical_id: str
    type: str
    what: str
    """``added``, ``changed``, ``replaced``, ``may be replaced`` or ``removed``."""
    properties: tuple[str, ...] = ()
    """What changes of it."""
    because: tuple[str, ...] = ()
    """What makes it a replacement: properties, or resources that it names and that are replaced."""

    def __str__(self) -> str:
        what = f"{self.what} {self.type} {self.logical_id}"
        parts = [f"({', '.join(self.properties)})"] if self.properties else []
        if self.because:
            parts.append(f"because of {', '.join(self.because)}")
        return " ".join([what, *parts])


@cache
def create_only() -> Mapping[str, tuple[str, ...]]:
    """The paths of properties that can only be set at creation, by type; made by ``tools.create_only``."""
    text = files(__package__).joinpath("create_only.json").read_text(encoding="utf-8")
    return {type: tuple(paths) for type, paths in json.loads(text).items()}


def compare(stack: str, before: Template, after: Template) -> list[Change]:
    """What deploying `after` over `before` would do to each resource of `stack`, by logical id."""
    old, new = _resources(before), _resources(after)
    gone = [_plain(stack, id, each, REMOVED) for id, each in old.items() if id not in new]
    come = [_plain(stack, id, each, ADDED) for id, each in new.items() if id not in old]
    both = {id: _changes(stack, id, old[id], new[id]) for id in new if id in old}
    changed = {id: each for id, each in both.items() if each is not None}
    _spread(stack, new, changed)
    return sorted([*gone, *come, *changed.values()], key=lambda each: each.logical_id)


def _resources(template: Template) -> Resources:
    return cast("Resources", template.get("Resources") or {})


def _plain(stack: str, id: str, resource: Mapping[str, Json], what: str) -> Change:
    return Change(stack=stack, logical_id=id, type=str(resource["Type"]), what=what)


def _changes(stack: str, id: str, old: Mapping[str, Json], new: Mapping[str, Json]) -> Change | None:
    type = str(new["Type"])
    if old["Type"] != type:
        return Change(
            stack=stack, logical_id=id, type=type, what=REPLACED, because=(f"its type was {old['Type']}",)
        )
    differing = sorted(_differences(old.get("Properties") or {}, new.get("Properties") or {}))
    besides = sorted(
        key
        for key in {*old, *new} - {"Type", "Properties", "DependsOn", *_IGNORED}
        if old.get(key) != new.get(key)
    )
    if not differing and not besides:
        return None
    properties = tuple(sorted({path.split(".")[0] for path in differing}) + besides)
    what, because = _kind(type, differing)
    return Change(stack=stack, logical_id=id, type=type, what=what, properties=properties, because=because)


def _kind(type: str, differing: list[str]) -> tuple[str, tuple[str, ...]]:
    if not differing:
        return CHANGED, ()
    fixed = create_only().get(type)
    if fixed is None:
        own = type.startswith("Custom::") or type == "AWS::CloudFormation::CustomResource"
        return MAYBE, ("a custom resource, which decides itself" if own else "a type not known here",)
    hit = sorted({path for path in fixed for each in differing if _overlap(path, each)})
    return (REPLACED, tuple(hit)) if hit else (CHANGED, ())


def _overlap(fixed: str, differing: str) -> bool:
    """Whether a change at one path is one of what lies at, below or above another."""
    # An asterisk stands for the items of a list, whose changes are told of the list.
    path = fixed.split(".*")[0]
    return path == differing or differing.startswith(f"{path}.") or path.startswith(f"{differing}.")


def _differences(old: Json, new: Json, path: str = "") -> Iterator[str]:
    if isinstance(old, dict) and isinstance(new, dict) and not _is_function(old) and not _is_function(new):
        for key in {*old, *new}:
            yield from _differences(old.get(key), new.get(key), f"{path}.{key}" if path else key)
    elif old != new:
        yield path


def _is_function(value: dict[str, Json]) -> bool:
    return len(value) == 1 and next(iter(value)).startswith(("Fn::", "Ref"))


def _spread(stack: str, new: Resources, changed: dict[str, Change]) -> None:
    """What names a replaced resource changes with it, and is replaced where it does so in a fixed property."""
    waiting = [id for id, each in changed.items() if each.what == REPLACED]
    while waiting:
        replaced = waiting.pop()
        for id, resource in new.items():
            properties = cast("dict[str, Json]", resource.get("Properties") or {})
            named = sorted(key for key, value in properties.items() if replaced in set(_named(value)))
            if not named or id == replaced:
                continue
            type, before = str(resource["Type"]), changed.get(id)
            if before is not None and before.what == REPLACED:
                continue
            what = REPLACED if set(_fixed(type)) & set(named) else (before.what if before else CHANGED)
            changed[id] = Change(
                stack=stack,
                logical_id=id,
                type=type,
                what=what,
                properties=tuple(sorted({*(before.properties if before else ()), *named})),
                because=tuple(dict.fromkeys([*(before.because if before else ()), replaced])),
            )
            if what == REPLACED:
                waiting.append(id)


def _fixed(type: str) -> Iterator[str]:
    """The top-level properties that can only be set at creation."""
    return (path for path in create_only().get(type, ()) if "." not in path)


def _named(value: Json) -> Iterator[str]:
    """The logical ids that a value refers to."""
    if isinstance(value, list):
        for each in value:
            yield from _named(each)
    elif isinstance(value, dict):
        for key, each in value.items():
            if key in _REFERENCES:
                yield str(each[0]) if isinstance(each, list) and each else str(each).split(".")[0]
            yield from _named(each)
