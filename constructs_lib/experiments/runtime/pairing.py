"""Which answer of the challenger belongs to which of production, in bounded memory. No AWS in it.

Where there are more answers than there is room for, those are kept whose keys hash lowest: the same ones on
both sides, so that what is left is a random sample of *pairs*, the same one at every look.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Literal

from .captured import Answer

Side = Literal["production", "challenger"]

_MOST_OF_A_KEY = 1000
"""Callers without inference ids may send one and the same request all the time."""
_ALL = 2**128


@dataclass(frozen=True, slots=True, order=True)
class _Kept:
    at: float
    labels: tuple[str, ...]
    numbers: tuple[float, ...]

    @property
    def answer(self) -> Answer:
        return Answer(labels=self.labels, numbers=self.numbers)


@dataclass(slots=True)
class _Slot:
    """What came under one key."""

    production: list[_Kept] = field(default_factory=list)
    challenger: list[_Kept] = field(default_factory=list)
    size: int = 0

    def pairs(self) -> Iterator[tuple[_Kept | None, _Kept | None]]:
        """One after the other in time; what has no partner stands alone."""
        return zip_longest(sorted(self.production), sorted(self.challenger))


@dataclass(frozen=True, slots=True, kw_only=True)
class Paired:
    """What came of it. All but `pairs` is counted within the window."""

    pairs: list[tuple[Answer, Answer]]
    """Production's answer and the challenger's, of requests that production answered in the window."""
    unpaired: int
    """Answers of the challenger without one of production."""
    not_copied: int
    """Answers of production without one of the challenger: not sampled, or failed."""
    sampled_share: float
    """Of all keys; below 1 where there was not room for all."""


class Pairing:
    """Takes the answers of both variants in any order."""

    def __init__(self, start: float, end: float, *, room: int) -> None:
        """For the window from `start` to `end`, with room for about `room` values."""
        self._start, self._end = start, end
        self._room = room
        self._used = 0
        self._slots: dict[int, _Slot] = {}
        self._highest: list[int] = []
        """The keys of the slots, negated: a heap whose first is the highest."""
        self._below = _ALL

    def add(self, side: Side, key: bytes, at: float, answer: Answer) -> None:
        """Take an answer. One that came shortly before or after the window is a partner only."""
        number = int.from_bytes(key, "big")
        if number >= self._below:
            return
        slot = self._slots.get(number)
        if slot is None:
            slot = self._slots[number] = _Slot()
            heapq.heappush(self._highest, -number)
        kept = slot.production if side == "production" else slot.challenger
        if len(kept) < _MOST_OF_A_KEY:
            kept.append(_Kept(at, answer.labels, answer.numbers))
            slot.size += 1 + answer.size
            self._used += 1 + answer.size
        self._make_room()

    def _make_room(self) -> None:
        while self._used > self._room and len(self._slots) > 1:
            self._below = -heapq.heappop(self._highest)
            self._used -= self._slots.pop(self._below).size

    def result(self) -> Paired:
        """The pairs, in the order of their keys."""
        pairs, unpaired, not_copied = [], 0, 0
        for number in sorted(self._slots):
            for production, challenger in self._slots[number].pairs():
                if production is None:
                    unpaired += challenger is not None and self._contains(challenger.at)
                elif self._contains(production.at):
                    if challenger is None:
                        not_copied += 1
                    else:
                        pairs.append((production.answer, challenger.answer))
        return Paired(pairs=pairs, unpaired=unpaired, not_copied=not_copied, sampled_share=self._below / _ALL)

    def _contains(self, at: float) -> bool:
        return self._start <= at < self._end
