"""Rules: small named functions with a stable id that say what is wrong with a subject.

A room gathers the rules of one subject in a `Rules` and enforces them in one go::

    scaling_rules = Rules[AutoScaling]()

    @scaling_rules.rule("SM-SCALING-001", source=AAS + "…")
    def min_not_above_max(scaling: AutoScaling) -> Iterator[Broken]:
        \"\"\"The minimum capacity is not above the maximum.\"\"\"
        ...

The docstring is the rule's line in the catalogue (`docs/rules.md`).
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import aws_cdk as cdk
import constructs

from .catalogue import (
    API_REFERENCE,
    CATALOGUE,
    DEVELOPER_GUIDE,
    SCALING_GUIDE,
    Broken,
    RuleEntry,
    listed,
)
from .errors import ConstraintError, Violation
from .shapes import misfits

__all__ = [
    "API_REFERENCE",
    "CATALOGUE",
    "DEVELOPER_GUIDE",
    "SCALING_GUIDE",
    "TYPES",
    "Advice",
    "Broken",
    "Check",
    "RuleEntry",
    "Rules",
    "enforce_together",
    "listed",
    "violations_of",
]

Subject = TypeVar("Subject")

TYPES = listed(
    id="SM-TYPE-001",
    summary="Every property has the type it is documented with.",
    source="https://docs.aws.amazon.com/cdk/v2/guide/work-with-cdk-python.html",
)

Check = Callable[[Subject], Iterable[Broken]]


def _tolerant(check: Check[Subject], subject: Subject) -> Iterator[Broken]:
    """What `check` finds up to where a property of a wrong type, reported anyway, makes it stumble."""
    with contextlib.suppress(TypeError, AttributeError, ValueError):
        yield from check(subject)


def _base(property: str) -> str:
    """``steps[1].lower`` → ``steps``."""
    return re.split(r"[.\[]", property, maxsplit=1)[0]


class Rules(Generic[Subject]):
    """The rules of one kind of subject."""

    def __init__(
        self,
        *,
        including: Rules[Any] | None = None,
        spelled: Callable[[Subject], Mapping[str, str]] = lambda _: {},
    ) -> None:
        """Gather rules.

        :param including: rules of what the subject is a kind of; they hold for it too.
        :param spelled: how callers spell fields that are called otherwise inside.
        """
        self._checks: list[tuple[RuleEntry, Check[Subject]]] = []
        self._including = including
        self._spelled = spelled

    def rule(self, id: str, *, source: str) -> Callable[[Check[Subject]], Check[Subject]]:
        """Register the decorated function under a stable `id`; `source` is the AWS page it comes from."""

        def register(check: Check[Subject]) -> Check[Subject]:
            self.add(
                listed(id=id, summary=(check.__doc__ or "").strip().splitlines()[0], source=source), check
            )
            return check

        return register

    def add(self, entry: RuleEntry, check: Check[Subject]) -> None:
        """Register a check whose line in the catalogue was made apart from it."""
        self._checks.append((entry, check))

    def _every_check(self) -> Iterator[tuple[RuleEntry, Check[Subject]]]:
        if self._including is not None:
            yield from self._including._every_check()
        yield from self._checks

    def violations(self, subject: Subject) -> tuple[Violation, ...]:
        """Every rule that `subject` breaks; and properties of a wrong type that no rule has named."""
        spelled = self._spelled(subject)
        misfit = {spelled.get(where, where): (given, allowed) for where, given, allowed in misfits(subject)}
        found = [
            entry.violation(broken)
            for entry, check in self._every_check()
            for broken in (_tolerant(check, subject) if misfit else check(subject))
        ]
        named = {_base(violation.property) for violation in found}
        mistyped = (
            TYPES.violation(Broken(where, given, allowed))
            for where, (given, allowed) in misfit.items()
            if _base(where) not in named
        )
        return (*found, *mistyped)

    def enforce(self, subject: Subject, *, path: str | Callable[[], str]) -> None:
        """Raise one `ConstraintError` with all that `subject` breaks.

        :param path: the construct (or value object) at fault; asked for only when something is wrong.
        :raises ConstraintError: naming `path`.
        """
        found = self.violations(subject)
        if found:
            raise ConstraintError(path if isinstance(path, str) else path(), found)


def violations_of(make: Callable[[], object]) -> tuple[Violation, ...]:
    """What is wrong with a value object that `make` makes."""
    try:
        make()
    except ConstraintError as error:
        return error.violations
    return ()


def enforce_together(*found: Iterable[Violation], path: Callable[[], str]) -> None:
    """Raise one `ConstraintError` with what several looks found; of a property, what the first found.

    :raises ConstraintError: naming `path`.
    """
    all_found: list[Violation] = []
    for look in found:
        named = {violation.property for violation in all_found}
        all_found += [violation for violation in look if violation.property not in named]
    if all_found:
        raise ConstraintError(path(), all_found)


@dataclass(frozen=True, slots=True)
class Advice:
    """A warning with a stable id: deployable, but a platform engineer should decide on purpose.

    Silence it where it is right with ``Annotations.of(construct).acknowledge_warning(id, reason)``.
    """

    id: str
    summary: str
    source: str

    def __post_init__(self) -> None:
        """List it."""
        listed(id=self.id, summary=self.summary, source=self.source, severity="warning")

    def warn(self, scope: constructs.IConstruct, message: str) -> None:
        """Attach the warning to `scope`; the CDK CLI shows it with its path."""
        cdk.Annotations.of(scope).add_warning_v2(self.id, f"{message} ({self.source})")
