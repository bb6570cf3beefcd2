"""Numbers and times as people read them."""

from __future__ import annotations

import math
from datetime import UTC, datetime

from ..runtime.experiment import Reward

NOTHING = "–"
_MINUS = "−"
_MOST_DECIMALS = 6


class Amounts:
    """Amounts of a reward: percent where it is binary, plain numbers where it is numeric."""

    def __init__(self, reward: Reward) -> None:
        self.percent = reward.kind == "binary"
        self._unit = 100.0 if self.percent else 1.0

    def mean(self, value: float, *, width: float) -> str:
        """A mean, with the digits that an interval of this `width` leaves meaningful."""
        return self._number(value, width) + (" %" if self.percent else "")

    def interval(self, low: float, high: float) -> str:
        """From low to high."""
        width = high - low
        return f"{self._number(low, width)} to {self.mean(high, width=width)}"

    def difference(self, value: float, *, width: float) -> str:
        """How much more or less, with its sign."""
        number = self._number(value, width)
        sign = "+" if value > 0 and number.strip("0.,") else ""
        return f"{sign}{number}{self.points}"

    def differences(self, low: float, high: float) -> str:
        """Between which differences."""
        width = high - low
        ends = [self.difference(end, width=width).removesuffix(self.points) for end in (low, high)]
        return f"{ends[0]} to {ends[1]}{self.points}"

    @property
    def points(self) -> str:
        """The unit of a difference."""
        return " percentage points" if self.percent else ""

    def _number(self, value: float, width: float) -> str:
        value, width = value * self._unit, abs(width) * self._unit
        decimals = 1 - math.floor(math.log10(width)) if 0 < width < math.inf else 2
        return number(value, decimals=min(max(decimals, 0), _MOST_DECIMALS))


def number(value: float, *, decimals: int = 0) -> str:
    """With commas, and a minus that is one."""
    text = f"{value:,.{decimals}f}"
    if not text.strip("-0.,"):
        text = text.removeprefix("-")
    return text.replace("-", _MINUS)


def count(value: float) -> str:
    """Of things; weighted counts are no whole numbers."""
    return number(value, decimals=0 if abs(value - round(value)) < 0.05 else 1)


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
