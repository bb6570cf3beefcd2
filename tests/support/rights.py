"""What roles may do, read of a template."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from .synth import Template, flat, resources


def rights(template: Template, role: str) -> set[tuple[str, str]]:
    """Each action and what it is on, of the role with this beginning of its id; of lists, with the prefixes."""
    found = set()
    for policy in resources(template, "AWS::IAM::Policy").values():
        if any(flat(each).startswith(f"<{role}") for each in policy["Properties"]["Roles"]):
            for each in policy["Properties"]["PolicyDocument"]["Statement"]:
                found |= set(_pairs(each))
    return found


def _pairs(statement: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    assert statement["Effect"] == "Allow"
    actions, on = (_listed(statement[each]) for each in ("Action", "Resource"))
    prefixes = statement.get("Condition", {}).get("StringLike", {}).get("s3:prefix", [])
    for action in actions:
        for each in on:
            yield action, " ".join([_shown(flat(each)), *map(flat, _listed(prefixes))])


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _shown(resource: str) -> str:
    return "<logs>" if re.fullmatch(r"<\w+Logs[0-9A-F]{8}\.Arn>", resource) else resource
