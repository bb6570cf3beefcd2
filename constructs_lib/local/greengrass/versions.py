"""Semantic versions, and the requirements that recipes put on them.

Source: https://docs.aws.amazon.com/greengrass/v2/developerguide/component-recipe-reference.html
(ComponentVersion, VersionRequirement: "npm-style semantic version constraints").
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import total_ordering

_NUMBER = r"(?:0|[1-9]\d{0,5})"
_VERSION = re.compile(
    rf"(?P<major>{_NUMBER})\.(?P<minor>{_NUMBER})\.(?P<patch>{_NUMBER})"
    r"(?:-(?P<pre>[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?"
)
_PART = re.compile(
    rf"(?P<operator>\^|~|>=|<=|>|<|=)?\s*v?(?P<major>{_NUMBER}|[*xX])"
    rf"(?:\.(?P<minor>{_NUMBER}|[*xX]))?(?:\.(?P<patch>{_NUMBER}|[*xX]))?(?P<pre>-[0-9A-Za-z.-]+)?"
)
_ANY = frozenset({None, "*", "x", "X"})


@total_ordering
@dataclass(frozen=True, slots=True)
class Version:
    """A semantic version. Its build (`+…`) does not count."""

    numbers: tuple[int, int, int]
    before: tuple[str, ...] = ()

    @classmethod
    def of(cls, text: str) -> Version:
        """The version in a text; ValueError when there is none. Each number has six digits at most."""
        match = _VERSION.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is not a semantic version, major.minor.patch")
        numbers = int(match["major"]), int(match["minor"]), int(match["patch"])
        return cls(numbers, tuple(match["pre"].split(".")) if match["pre"] else ())

    def __lt__(self, other: Version) -> bool:
        return self._key() < other._key()

    def _key(self) -> tuple[object, ...]:
        parts = tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in self.before)
        # A pre-release comes before its release.
        return (self.numbers, not self.before, parts)


@dataclass(frozen=True, slots=True)
class Bound:
    """One comparison: `>=`, `<` and their like, with a version."""

    operator: str
    version: Version

    def holds(self, version: Version) -> bool:
        """Whether the version is on the right side."""
        if self.operator == "<":
            return version < self.version
        if self.operator == "<=":
            return version <= self.version
        if self.operator == ">":
            return version > self.version
        if self.operator == ">=":
            return version >= self.version
        return version == self.version


@dataclass(frozen=True, slots=True)
class Requirement:
    """Alternatives (`||`) of comparisons that must all hold."""

    alternatives: tuple[tuple[Bound, ...], ...]

    @classmethod
    def of(cls, text: str) -> Requirement:
        """The requirement in a text, for example `>=1.0.0 <2.0.0`, `^1.2`, `~2.0.0`, `1.x`, `*`; ValueError."""
        return cls(tuple(_alternative(part) for part in text.split("||")))

    def allows(self, text: str) -> bool:
        """Whether a version meets it."""
        version = Version.of(text)
        return any(all(bound.holds(version) for bound in bounds) for bounds in self.alternatives)


def _alternative(text: str) -> tuple[Bound, ...]:
    rest, bounds = text.strip(), []
    if not rest:
        raise ValueError("an empty version requirement")
    while rest:
        match = _PART.match(rest)
        if match is None:
            raise ValueError(f"{text.strip()!r} is not a version requirement")
        bounds += _bounds(match)
        rest = rest[match.end() :].lstrip(" ,")
    return tuple(bounds)


def _bounds(match: re.Match[str]) -> list[Bound]:
    given = [None if match[name] in _ANY else int(match[name]) for name in ("major", "minor", "patch")]
    known = [number for number in given if number is not None]
    low = Version(_filled(known), tuple(match["pre"][1:].split(".")) if match["pre"] else ())
    operator = match["operator"] or "="
    if operator in ("<", "<=", ">", ">="):
        return [Bound(operator, low)]
    if not known:
        return [Bound(">=", Version((0, 0, 0)))]
    if operator == "^":
        return [Bound(">=", low), Bound("<", _next(known, _first_that_counts(known)))]
    if operator == "~":
        return [Bound(">=", low), Bound("<", _next(known, min(1, len(known) - 1)))]
    if len(known) == 3:
        return [Bound("=", low)]
    return [Bound(">=", low), Bound("<", _next(known, len(known) - 1))]


def _first_that_counts(numbers: list[int]) -> int:
    """What `^` keeps: all up to the first number that is not 0."""
    return next((place for place, number in enumerate(numbers) if number), len(numbers) - 1)


def _next(numbers: list[int], place: int) -> Version:
    return Version(_filled([*numbers[:place], numbers[place] + 1]))


def _filled(numbers: list[int]) -> tuple[int, int, int]:
    major, minor, patch = (*numbers, 0, 0, 0)[:3]
    return major, minor, patch
