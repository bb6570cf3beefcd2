"""Which summaries of a device have been counted: messages come at least once, and not in their order.

A program that starts chooses a name (its boot) and numbers what it tells. Of each boot the highest number is kept, and
which of those before it have come, so that one that was overtaken in the queue is counted, and one that comes twice
is not.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

WINDOW = 512
"""Numbers before the highest that are told apart: eight hours of summaries that a device sends at once after an outage.
What comes later than that is taken for one that was counted."""
_BOOTS = 4
_MASK = (1 << WINDOW) - 1


@dataclass(frozen=True, slots=True)
class Boot:
    """What was counted of one start of the program."""

    name: str
    highest: int
    counted: int
    """A bit for each number, from the highest down."""

    def has(self, number: int) -> bool:
        """Whether it was counted, or is too old to know."""
        back = self.highest - number
        return back >= 0 and (back >= WINDOW or bool(self.counted >> back & 1))

    def joined(self, other: Boot) -> Boot:
        """What either of them has."""
        low, high = sorted((self, other), key=lambda each: each.highest)
        moved = low.counted << (high.highest - low.highest) if high.highest - low.highest < WINDOW else 0
        return Boot(self.name, high.highest, (high.counted | moved) & _MASK)


@dataclass(frozen=True, slots=True)
class Seen:
    """What was counted of a device: of its last starts, the latest at the end."""

    boots: tuple[Boot, ...] = ()

    def has(self, boot: str, number: int) -> bool:
        """Whether a summary was counted."""
        return any(each.name == boot and each.has(number) for each in self.boots)

    def counting(self, boot: str, number: int) -> Seen:
        """With one more summary."""
        return self.joined([Boot(boot, number, 1)])

    def joined(self, boots: Iterable[Boot]) -> Seen:
        """With what others have counted; the earliest starts are forgotten."""
        found = {each.name: each for each in self.boots}
        for each in boots:
            there = found.pop(each.name, None)
            found[each.name] = each if there is None else there.joined(each)
        return Seen(tuple(found.values())[-_BOOTS:])

    def told(self) -> str:
        """As an attribute of the device's item."""
        return json.dumps(
            [[each.name, each.highest, f"{each.counted:x}"] for each in self.boots], separators=(",", ":")
        )

    @classmethod
    def of(cls, told: str) -> Seen:
        """As it was told."""
        return cls(
            tuple(Boot(name, highest, int(counted, 16)) for name, highest, counted in json.loads(told))
        )
