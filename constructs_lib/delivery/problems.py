"""What is wrong with a manifest: where it stands, what was given, what is allowed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

YAML_RULE = "SM-DELIVERY-001"
KIND_RULE = "SM-DELIVERY-002"
FIELD_RULE = "SM-DELIVERY-003"
PINNED_RULE = "SM-DELIVERY-004"
COLLISION_RULE = "SM-DELIVERY-005"
FILE_RULE = "SM-DELIVERY-006"
FOLDER_RULE = "SM-DELIVERY-007"
LOCK_RULE = "SM-DELIVERY-008"
LIMIT_RULE = "SM-DELIVERY-009"

FORMATS = ("text", "json", "github")
"""How problems can be printed."""


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """A place in a file; lines and columns are counted from 1."""

    file: str
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong, and how it would be right."""

    mark: Mark
    path: str
    """The field as the manifest spells it, for example ``spec.scaling.maxCapacity``; empty: the whole file."""
    given: str
    allowed: str
    rule: str
    fix: str = ""
    source: str = ""
    """The AWS page the rule comes from, where it is one of AWS's."""

    def __str__(self) -> str:
        where = f"{self.mark} {self.path}:" if self.path else f"{self.mark}:"
        fix = f" ({self.fix})" if self.fix else ""
        return f"{where} {self.given}; allowed: {self.allowed}{fix} [{self.rule}]"


class ManifestError(ValueError):
    """Manifests that cannot be deployed, with everything that is wrong in all of them."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        """Report `problems`, by file and line."""
        self.problems: tuple[Problem, ...] = in_order(problems)
        count = len(self.problems)
        head = "1 problem" if count == 1 else f"{count} problems"
        super().__init__("\n".join([f"{head} in manifests", *(f"  {each}" for each in self.problems)]))


def in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Each once, by file and line."""
    return tuple(sorted(dict.fromkeys(problems), key=lambda each: (each.mark, each.path, each.rule)))


def printed(problems: Sequence[Problem], format: str) -> str:
    """Problems for people (``text``), for programs (``json``) or for a pull request's lines (``github``)."""
    if format == "json":
        return json.dumps({"problems": [_as_json(each) for each in problems]}, indent=2)
    if format == "github":
        return "\n".join(_annotation(each) for each in problems)
    return "\n".join(str(each) for each in problems)


def _as_json(problem: Problem) -> dict[str, object]:
    return {
        "file": problem.mark.file,
        "line": problem.mark.line,
        "column": problem.mark.column,
        "path": problem.path,
        "given": problem.given,
        "allowed": problem.allowed,
        "fix": problem.fix,
        "rule": problem.rule,
        "source": problem.source,
    }


def _annotation(problem: Problem) -> str:
    """A workflow command of GitHub Actions, which shows the problem at its line."""
    place = f"file={_property(problem.mark.file)},line={problem.mark.line},col={problem.mark.column}"
    fix = f" ({problem.fix})" if problem.fix else ""
    where = f"{problem.path}: " if problem.path else ""
    message = _message(f"{where}{problem.given}; allowed: {problem.allowed}{fix}")
    return f"::error {place},title={_property(problem.rule)}::{message}"


def _message(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")
