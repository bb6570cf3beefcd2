"""The one error that wrong input gets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One broken rule: what was given, what is allowed, how to mend it."""

    rule: str
    """Stable id of the rule, for example ``SM-VARIANT-003``."""
    property: str
    """The property as the caller spells it, for example ``volume_size``."""
    given: object
    allowed: str
    fix: str = ""
    source: str = ""
    """The AWS page the rule comes from."""

    def __str__(self) -> str:
        lines = [f"[{self.rule}] {self.property}: got {_shown(self.given)}; allowed: {self.allowed}"]
        if self.fix:
            lines.append(f"    fix: {self.fix}")
        if self.source:
            lines.append(f"    see: {self.source}")
        return "\n".join(lines)


class ConstraintError(ValueError):
    """Input that AWS would refuse, or that would fail later and worse.

    All broken rules of one construct are reported together, before anything of it is made.
    """

    def __init__(self, path: str, violations: Sequence[Violation]) -> None:
        """Report `violations` of the construct (or value object) at `path`."""
        self.path = path
        self.violations = tuple(violations)
        count = (
            "1 broken constraint"
            if len(self.violations) == 1
            else f"{len(self.violations)} broken constraints"
        )
        listed = "\n".join(f"  {violation}" for violation in self.violations)
        super().__init__(f"{path}: {count}\n{listed}")

    @property
    def rules(self) -> tuple[str, ...]:
        """Ids of the broken rules, in the order they were found."""
        return tuple(violation.rule for violation in self.violations)


_LONGEST_SHOWN = 120


def _shown(value: object) -> str:
    """`value` as a user would recognise it: short, and never a multi-line jsii dump."""
    text = repr(value)
    if " object at 0x" in text:
        text = f"a {type(value).__name__}"
    return text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 1]}…"
