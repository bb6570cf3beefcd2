"""What was read, and what could not be: counts, with a few examples."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

MOST_REASONS = 10
MOST_NAMES = 1000
_LONGEST_REASON = 200
_OTHERS = "other reasons"
_OTHER_NAMES = "…"


class UnreadError(ValueError):
    """A record, or a row of it, that cannot be read."""


@dataclass(slots=True, kw_only=True)
class Tally:
    """Of a reading; it takes bounded memory, whatever is read."""

    records: int = 0
    """Records of the window that were read; of training data, rows."""
    rows: int = 0
    unread: int = 0
    """Lines that are no record, records of the window without what is asked of them, rows of another shape.

    Of what time a line is that is no record nobody knows: it counts in each window whose files have it.
    """
    outside: int = 0
    """Records of another time."""
    own: int = 0
    """Records of the monitor's own questions to the endpoint."""
    reasons: dict[str, int] = field(default_factory=dict)
    """Why what is unread could not be read, at most `MOST_REASONS`, and how often."""
    extra: dict[str, int] = field(default_factory=dict)
    """Columns that rows had and that none asked for: in how many rows."""
    missing: dict[str, int] = field(default_factory=dict)
    """Columns that rows had not: in how many."""

    def not_read(self, reason: str, count: int = 1) -> None:
        """Count what cannot be read."""
        self.unread += count
        _count(self.reasons, reason[:_LONGEST_REASON], count, MOST_REASONS, _OTHERS)

    def had_extra(self, name: str, count: int = 1) -> None:
        """Count rows with a column that none asked for."""
        _count(self.extra, name, count, MOST_NAMES, _OTHER_NAMES)

    def had_not(self, name: str, count: int = 1) -> None:
        """Count rows without a column."""
        _count(self.missing, name, count, MOST_NAMES, _OTHER_NAMES)

    def merge(self, other: Tally) -> None:
        """Add what another shard counted."""
        self.records += other.records
        self.rows += other.rows
        self.outside += other.outside
        self.own += other.own
        for reason, count in other.reasons.items():
            self.not_read(reason, count)
        for name, count in other.extra.items():
            self.had_extra(name, count)
        for name, count in other.missing.items():
            self.had_not(name, count)

    def described(self) -> dict[str, Any]:
        """For a report, as JSON."""
        return asdict(self)


def _count(counts: dict[str, int], name: str, count: int, most: int, others: str) -> None:
    if name not in counts and len(counts) >= most:
        name = others
    counts[name] = counts.get(name, 0) + count
