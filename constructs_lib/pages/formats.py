"""Numbers and times as people read them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TypeVar

NOTHING = "–"
MOST_MOMENTS = 200
"""As many as can be told apart with a pointer."""
_MINUS = "−"
_SMALL = 0.0001
_Each = TypeVar("_Each")


def number(value: float, *, decimals: int = 0) -> str:
    """With commas, and a minus that is one."""
    text = f"{value:,.{decimals}f}"
    if not text.strip("-0.,"):
        text = text.removeprefix("-")
    return text.replace("-", _MINUS)


def count(value: float) -> str:
    """Of things; weighted counts are no whole numbers."""
    return number(value, decimals=0 if abs(value - round(value)) < 0.05 else 1)


def given(value: float) -> str:
    """A number that a person has chosen, such as a bound: as it was given."""
    return f"{value:g}".replace("-", _MINUS)


def significant(value: float, digits: int = 3) -> str:
    """A measure of any size, with so many digits that mean something."""
    size = math.floor(math.log10(abs(value))) if value else 0
    if -4 <= size < 7:
        return number(value, decimals=max(digits - 1 - size, 0) if value else 0)
    return f"{value:.{digits - 1}e}".replace("-", _MINUS)


def chance(p: float) -> str:
    """A p-value: how small, and that it is no equation where it is tiny."""
    return "p\u00a0<\u00a00.0001" if p < _SMALL else f"p\u00a0=\u00a0{significant(p, 2)}"


def percent(share: float) -> str:
    """A share of the traffic, or a probability."""
    if 0 < share < 0.001:
        return "<0.1 %"
    if 0.999 < share < 1:
        return ">99.9 %"
    return f"{number(share * 100, decimals=1).removesuffix('.0')} %"


def moment(at: float | None) -> str:
    """A time, in UTC, to the minute."""
    if at is None:
        return NOTHING
    when = datetime.fromtimestamp(at, UTC)
    return f"{when.day} {when:%b %Y, %H:%M}"


def machine_time(at: float) -> str:
    """A time for machines."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def duration(seconds: float) -> str:
    """A length of time in its greatest whole unit, or two."""
    seconds = max(round(seconds), 0)
    parts: list[str] = []
    for name, unit in (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1)):
        whole, seconds = divmod(seconds, unit)
        if whole:
            parts.append(f"{whole} {name}{'s' if whole != 1 else ''}")
        if len(parts) == 2:
            break
    return " ".join(parts) or "0 seconds"


def listing(names: list[str]) -> str:
    """Names as a sentence has them."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else ""


def thinned(moments: Sequence[_Each], most: int = MOST_MOMENTS) -> list[_Each]:
    """At most so many, evenly spaced, the first and the last among them."""
    if len(moments) <= most:
        return list(moments)
    return [moments[round(number * (len(moments) - 1) / (most - 1))] for number in range(most)]
