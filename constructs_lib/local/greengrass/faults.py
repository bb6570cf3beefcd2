"""Failures that a test asks for: what becomes of a component now and then through no fault of its recipe.

`POST /` with the header `X-Amz-Target: GreengrassLocal.FailNextComponents` and a JSON body, for example
`{"Count": 1, "Reason": "…"}`: the next `Count` versions that are created come to FAILED with that reason, in
whichever account and region. The next such request takes the place of this one. It is no operation of AWS's.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from .errors import InvalidError

TARGET_PREFIX = "GreengrassLocal"
TARGET = f"{TARGET_PREFIX}.FailNextComponents"


@dataclass(slots=True)
class _Waiting:
    count: int = 0
    reason: str = ""


_waiting = _Waiting()


def ask(body: bytes) -> dict[str, Any]:
    """Let the next components fail, as the request says."""
    try:
        given = json.loads(body)
    except ValueError:
        given = {}
    count, reason = (given.get("Count"), given.get("Reason")) if isinstance(given, dict) else (None, None)
    if not isinstance(count, int) or count < 0 or not isinstance(reason, str) or not reason:
        raise InvalidError(f"{TARGET} needs Count (0 or more) and Reason (a text)")
    _waiting.count, _waiting.reason = count, reason
    return {}


def take() -> str | None:
    """Why the component that is created now fails, if it is to."""
    if not _waiting.count:
        return None
    _waiting.count -= 1
    return _waiting.reason


def clear() -> None:
    """Let nothing fail any more."""
    _waiting.count = 0
