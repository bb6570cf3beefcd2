"""Reading what others have written: a value of the wrong kind is as good as none, and never an error."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any


def number(given: object) -> float | None:
    """A finite number; analyzers write those that are none as texts such as "NaN"."""
    if isinstance(given, bool) or not isinstance(given, int | float | str):
        return None
    try:
        value = float(given)
    except (ValueError, OverflowError):
        return None
    return value if math.isfinite(value) else None


def text(given: object) -> str:
    """A text; numbers and truths as they are written, anything else is none."""
    if isinstance(given, bool):
        return str(given).lower()
    return str(given) if isinstance(given, str | int | float) else ""


def mapping(given: object) -> Mapping[str, Any]:
    """An object; an empty one where there is none."""
    return given if isinstance(given, dict) else {}


def items(given: object) -> Sequence[Any]:
    """A list; an empty one where there is none."""
    return given if isinstance(given, list) else ()


def numbers(given: object) -> list[float]:
    """The finite numbers of a list."""
    return [value for value in map(number, items(given)) if value is not None]


def moment(given: object) -> float | None:
    """A time in seconds: an ISO 8601 text, in UTC where it does not say; or None."""
    try:
        at = datetime.fromisoformat(text(given))
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
