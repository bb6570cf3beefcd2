"""Amounts of a reward as people read them."""

from __future__ import annotations

import math

from ...pages.formats import number
from ..runtime.experiment import Reward

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
