"""What a target is to run: the fleet's components among those that are there already.

A deployment replaces the whole set of its target. So what others have deployed there is taken along.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

Specifications = Mapping[str, Mapping[str, Any]]
"""By component: its version, and how it is configured, as CreateDeployment takes it."""


def merged(
    there: Specifications,
    ours: Mapping[str, str],
    *,
    own: Iterable[str],
    configuration: Mapping[str, Mapping[str, Any]],
) -> dict[str, dict[str, Any]]:
    """The set with `ours` in the place of what `own` were before; nothing else changes.

    :param there: what the target runs.
    :param ours: version by component. Empty: the fleet's components go.
    :param own: the names of all components that the fleet makes.
    :param configuration: by component, what is merged into its configuration; what the target has stays beside it.
    """
    owned = set(own)
    kept = {name: dict(told) for name, told in there.items() if name not in owned}
    for name, version in ours.items():
        before = {key: value for key, value in there.get(name, {}).items() if key != "componentVersion"}
        wanted = configuration.get(name)
        if wanted is not None:
            before["configurationUpdate"] = _configured(before.get("configurationUpdate", {}), wanted)
        kept[name] = {**before, "componentVersion": version}
    return kept


def _configured(before: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """An update of a configuration with `wanted` merged into what it merges."""
    there = json.loads(before.get("merge") or "{}")
    return {**before, "merge": json.dumps(_deep(there, wanted), sort_keys=True)}


def _deep(there: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(there)
    for name, value in wanted.items():
        inner = there.get(name)
        both = isinstance(value, Mapping) and isinstance(inner, Mapping)
        result[name] = _deep(inner, value) if both else value  # type: ignore[arg-type]
    return result
