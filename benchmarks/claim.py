"""A line of a report: what was measured, and what it should be."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Claim:
    """A measured ratio and what it should be at most."""

    what: str
    ratio: float
    aim: float | None

    def __str__(self) -> str:
        """A line of the report."""
        verdict = (
            ""
            if self.aim is None
            else f"  aim ≤{self.aim:.2f}: {'met' if self.ratio <= self.aim else 'MISSED'}"
        )
        return f"  {self.what:<64} {self.ratio:6.2f}×{verdict}"
