"""Lists in pages, as the Describe operations give them."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Any

from constructs_lib.local.autoscaling.errors import ApiError, invalid

_LARGEST_PAGE = 50


def page(name: str, items: Sequence[dict[str, Any]], request: dict[str, Any]) -> dict[str, Any]:
    """The part of ``items`` that the request's MaxResults and NextToken ask for, as the answer's ``name``."""
    size = request.get("MaxResults", _LARGEST_PAGE)
    if not 1 <= size <= _LARGEST_PAGE:
        raise invalid(f"Max results must be between 1 and {_LARGEST_PAGE}")
    start = _position(request.get("NextToken"))
    answer: dict[str, Any] = {name: list(items[start : start + size])}
    if start + size < len(items):
        answer["NextToken"] = base64.urlsafe_b64encode(str(start + size).encode()).decode()
    return answer


def _position(token: str | None) -> int:
    if token is None:
        return 0
    try:
        return int(base64.urlsafe_b64decode(token.encode()))
    except (binascii.Error, ValueError) as error:
        raise ApiError("InvalidNextTokenException", "The next token is invalid") from error
