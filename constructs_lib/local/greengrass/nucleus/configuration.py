"""The configuration of a component on a device: defaults, what was there, what a deployment changes."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

Configuration = dict[str, Any]


def updated(
    current: Mapping[str, Any] | None, defaults: Mapping[str, Any], update: Mapping[str, Any] | None
) -> Configuration:
    """What a component is configured with after a deployment.

    A component that is new has its defaults. One that is there keeps what it has, also with a new version, whose
    defaults count for what is new. `reset` puts the defaults back at its JSON pointers, and comes before `merge`.
    """
    result: Configuration = copy.deepcopy(dict(defaults if current is None else current))
    for pointer in (update or {}).get("reset") or ():
        _reset(result, defaults, pointer)
    _merge(result, (update or {}).get("merge") or {})
    return _merge(copy.deepcopy(dict(defaults)), result)


def _merge(into: Configuration, given: Mapping[str, Any]) -> Configuration:
    for key, value in given.items():
        if isinstance(value, Mapping) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = copy.deepcopy(value)
    return into


def _reset(result: Configuration, defaults: Mapping[str, Any], pointer: str) -> None:
    path = _path(pointer)
    if not path:
        result.clear()
        return
    *parents, last = path
    here: Any = result
    for name in parents:
        here = here.get(name) if isinstance(here, dict) else None
    if isinstance(here, dict):
        here.pop(last, None)
        found, value = at(defaults, pointer)
        if found:
            here[last] = copy.deepcopy(value)


def at(configuration: Any, pointer: str) -> tuple[bool, Any]:
    """Whether there is something at a JSON pointer, and what."""
    here = configuration
    for name in _path(pointer):
        if isinstance(here, Mapping) and name in here:
            here = here[name]
        elif isinstance(here, list) and name.isdigit() and int(name) < len(here):
            here = here[int(name)]
        else:
            return False, None
    return True, here


def _path(pointer: str) -> list[str]:
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
