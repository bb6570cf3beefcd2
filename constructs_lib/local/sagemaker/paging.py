"""List operations: filters, order, pages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .errors import RefusedError

_DEFAULT_PAGE = 100
_SORT_KEYS = {"Name": "name", "CreationTime": "created", "LastModifiedTime": "modified", "Status": "status"}


def page(records: Sequence[Any], request: dict[str, Any]) -> tuple[list[Any], dict[str, str]]:
    """The records of one page and, when there are more, the NextToken member of the answer."""
    chosen = [record for record in records if _matches(record, request)]
    key = _SORT_KEYS[request.get("SortBy", "CreationTime")]
    chosen.sort(key=lambda record: getattr(record, key))
    if request.get("SortOrder", "Descending") == "Descending":
        chosen.reverse()
    start, size = _start(request), request.get("MaxResults", _DEFAULT_PAGE)
    more = {"NextToken": str(start + size)} if start + size < len(chosen) else {}
    return chosen[start : start + size], more


def _start(request: dict[str, Any]) -> int:
    token = request.get("NextToken", "0")
    if not token.isdigit():
        raise RefusedError("The NextToken is invalid.")
    return int(token)


def _matches(record: Any, request: dict[str, Any]) -> bool:
    limits: dict[str, Callable[[float], bool]] = {
        "CreationTimeAfter": lambda at: record.created > at,
        "CreationTimeBefore": lambda at: record.created < at,
        "LastModifiedTimeAfter": lambda at: record.modified > at,
        "LastModifiedTimeBefore": lambda at: record.modified < at,
    }
    in_time = all(holds(request[name]) for name, holds in limits.items() if name in request)
    status = request.get("StatusEquals")
    return (
        in_time
        and request.get("NameContains", "") in record.name
        and (status is None or record.status == status)
    )
