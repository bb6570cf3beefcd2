"""What a look at a window has found: the one shape that files, metrics, events and reports stand on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

PASSED, VIOLATED = "passed", "violated"
TOO_FEW, NO_DATA, NO_BASELINE = "too_few", "no_data", "no_baseline"
UNREADABLE = "unreadable"
"""There were records, and not one could be read: nobody has looked, so there is no heartbeat."""
JUDGED = frozenset({PASSED, VIOLATED})

_MOST_NAMED = 5
_LONGEST_NAME = 100
"""Characters. A client that sends JSON chooses the names of its columns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a kind of monitor has found in a window."""

    records: int
    """That were read, and for monitors that need labels, that had one."""
    unread: int = 0
    """That could not be read."""
    statistics: Mapping[str, Any]
    """The analyzer's statistics.json."""
    violations: Sequence[Mapping[str, Any]] = ()
    """The analyzer's, as they would be if there were enough records."""
    values: Mapping[str, float] = field(default_factory=dict)
    """Metrics of the window, by name."""
    features: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """What is told of each feature."""
    notes: Mapping[str, Any] = field(default_factory=dict)
    """What else the result tells, such as why lines could not be read."""


def status_of(found: Found, least: int) -> str:
    """How the window is judged, if it is."""
    if found.records == 0:
        return UNREADABLE if found.unread else NO_DATA
    if found.records < least:
        return TOO_FEW
    return VIOLATED if found.violations else PASSED


def text_of(status: str, found: Found, least: int) -> str:
    """The verdict in a sentence."""
    if status == NO_DATA:
        return "no records"
    if status == UNREADABLE:
        return f"no records, and {found.unread} that could not be read"
    if status == TOO_FEW:
        return f"{found.records} records, of which it takes {least} to judge"
    if status == PASSED:
        return f"{found.records} records, nothing wrong"
    names = list(dict.fromkeys(map(named, found.violations)))
    shown = ", ".join(map(_shown, names[:_MOST_NAMED]))
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    count = len(found.violations)
    return f"{count} {'violation' if count == 1 else 'violations'} in {found.records} records: {shown}{more}"


def named(violation: Mapping[str, Any]) -> str:
    """What a violation of any of the analyzers is about."""
    if "facet" in violation:
        return f"{violation['metric_name']} of {violation['facet']}"
    for key in ("feature_name", "metric_name", "label"):
        if violation.get(key):
            return str(violation[key])
    return str(violation.get("constraint_check_type", "?"))


def _shown(name: str) -> str:
    """The name, short, and without what no text may have: half of a surrogate pair."""
    short = name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}…"
    return short.encode("utf-8", "replace").decode()
