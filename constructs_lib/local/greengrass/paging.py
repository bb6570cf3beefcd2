"""Lists in pages, as the List operations give them."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any

from .errors import InvalidError

_USUAL_PAGE = 50


def page(name: str, items: Sequence[dict[str, Any]], request: Mapping[str, Any]) -> dict[str, Any]:
    """The part of `items` that the request's maxResults and nextToken ask for, as the answer's `name`."""
    size = int(request.get("maxResults", _USUAL_PAGE))
    start = _position(request.get("nextToken"))
    answer: dict[str, Any] = {name: list(items[start : start + size])}
    if start + size < len(items):
        answer["nextToken"] = base64.urlsafe_b64encode(str(start + size).encode()).decode()
    return answer


def _position(token: str | None) -> int:
    if token is None:
        return 0
    try:
        return int(base64.urlsafe_b64decode(token.encode()))
    except (binascii.Error, ValueError):
        raise InvalidError("The nextToken is invalid") from None
