"""Tells EventBridge what a look has found, for whoever wants more than an alarm tells."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

SOURCE, DETAIL_TYPE = "constructs-lib.monitoring", "Monitoring Result"
_LONGEST = 200_000
"""Bytes; an event of EventBridge has at most 256 KiB with all that surrounds it."""


def detail_of(result: Mapping[str, Any]) -> str:
    """The result as JSON without what is long: of the features, only those that have drifted.

    Where that is too long still, notes are left out, then features, then values: they are empty.
    """
    drifted = {name: told for name, told in result.get("features", {}).items() if told.get("drifted")}
    detail = {**result, "features": drifted}
    for name in ("notes", "features", "values"):
        if len(_json(detail)) <= _LONGEST:
            break
        detail[name] = {}
    return _json(detail).decode()


def _json(detail: Mapping[str, Any]) -> bytes:
    """In UTF-8: of half a surrogate pair, which has no place there, a question mark is left."""
    return json.dumps(detail, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace")


def announce(events: Any, result: Mapping[str, Any]) -> None:
    """Put the event on the account's default bus."""
    entry = {"Source": SOURCE, "DetailType": DETAIL_TYPE, "Detail": detail_of(result)}
    answer = events.put_events(Entries=[entry])
    if answer["FailedEntryCount"]:
        raise RuntimeError(f"EventBridge took no event: {answer['Entries'][0]['ErrorMessage']}")
