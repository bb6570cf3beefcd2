"""How often each category occurs, with a bound on how many are told apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from ..reading.cells import category_of
from ..reading.table import Cell

FREE_TEXT_FROM = 50
"""With more distinct values than this, of which each occurs less than twice on average, a text is no category."""


class Categories:
    """Counts of categories: exact up to `most`; what comes new after that is counted together, as `other`.

    Those `known` from a baseline have a place besides: so the counts that a window is judged by are exact.
    """

    __slots__ = ("_known", "_most", "_strangers", "counts", "distinct", "other")

    counts: dict[str, int]
    other: int
    distinct: int
    """How many there are; where some are counted as `other`, there are more than this."""

    def __init__(self, most: int, known: Iterable[str] = ()) -> None:
        self._most = most
        self._known = frozenset(known)
        self.counts = {}
        self.other = 0
        self.distinct = 0
        self._strangers = 0

    @property
    def total(self) -> int:
        """Of all cells."""
        return sum(self.counts.values()) + self.other

    @property
    def overflowed(self) -> bool:
        """Whether there are more than are told apart."""
        return self.other > 0

    @property
    def free_text(self) -> bool:
        """Whether the values are names, numbers of orders, sentences: their distribution says nothing."""
        rare = self.distinct > FREE_TEXT_FROM and self.distinct * 2 > self.total
        return self.overflowed or rare

    @property
    def singletons(self) -> int:
        """Categories seen once: over the total, about the chance that the next one is new (Good, 1953)."""
        return sum(count == 1 for count in self.counts.values())

    def add(self, cells: list[Cell]) -> None:
        """Count cells that are not missing."""
        # Counted raw where that is safe: True == 1 == 1.0 would be one key.
        raw = cells if set(map(type, cells)) == {str} else map(category_of, cells)
        for cell, count in Counter(raw).items():
            category = cell if cell in self.counts else category_of(cell)
            self._count(category, count)

    def add_other(self, count: int) -> None:
        """Count cells whose categories no longer matter."""
        self.other += count

    def _count(self, category: str, count: int) -> None:
        if category in self.counts:
            self.counts[category] += count
        elif category in self._known or self._strangers < self._most:
            self.counts[category] = count
            self.distinct += 1
            self._strangers += category not in self._known
        else:
            self.other += count

    def merge(self, other: Categories) -> None:
        """Take in the counts of a shard; of those not known the most frequent are kept."""
        together = Counter(self.counts)
        together.update(other.counts)
        strangers = [name for name in together if name not in self._known]
        strangers.sort(key=lambda name: (-together[name], name))
        left_out = set(strangers[self._most :])
        self.counts = {name: count for name, count in together.items() if name not in left_out}
        self.other += other.other + sum(together[name] for name in left_out)
        self.distinct = max(self.distinct, other.distinct, len(together))
        self._strangers = len(strangers) - len(left_out)

    @classmethod
    def of_counts(cls, counts: dict[str, int], *, total: int, distinct: int, most: int) -> Categories:
        """As a statistics file has them: what its buckets leave out is `other`."""
        found = cls(most, counts)
        found.counts = dict(counts)
        found.other = max(0, total - sum(counts.values()))
        found.distinct = max(distinct, len(counts))
        return found
