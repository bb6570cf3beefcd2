"""The catalogue of rules: what a rule is, what it finds wrong, and the list of all.

Imports no CDK, so that templates can be checked (`constructs_lib.rules`) where there is none.
"""

from __future__ import annotations

from dataclasses import dataclass

from .errors import ConstraintError, Violation

DEVELOPER_GUIDE = "https://docs.aws.amazon.com/sagemaker/latest/dg/"
API_REFERENCE = "https://docs.aws.amazon.com/sagemaker/latest/APIReference/"
SCALING_GUIDE = "https://docs.aws.amazon.com/autoscaling/application/"


@dataclass(frozen=True, slots=True)
class Broken:
    """What a rule finds wrong: the property, what was given, what is allowed, how to mend it."""

    property: str
    given: object
    allowed: str
    fix: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleEntry:
    """A line of the catalogue of rules."""

    id: str
    summary: str
    source: str
    severity: str = "error"

    def violation(self, broken: Broken) -> Violation:
        """What `broken` is of this rule."""
        return Violation(
            rule=self.id,
            property=broken.property,
            given=broken.given,
            allowed=broken.allowed,
            fix=broken.fix,
            source=self.source,
        )

    def error(self, path: str, *broken: Broken) -> ConstraintError:
        """The error for a rule that is checked where its subject is found, not in a `Rules`."""
        return ConstraintError(path, [self.violation(each) for each in broken])


CATALOGUE: dict[str, RuleEntry] = {}
"""Every rule of every imported room, by id."""


def listed(*, id: str, summary: str, source: str, severity: str = "error") -> RuleEntry:
    """A new line of the catalogue."""
    if id in CATALOGUE:
        raise AssertionError(f"two rules share the id {id}")
    CATALOGUE[id] = RuleEntry(id=id, summary=summary, source=source, severity=severity)
    return CATALOGUE[id]
