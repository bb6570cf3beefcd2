"""How wrong input is tested: what was tried, and exactly what the one error must say of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import pytest

from constructs_lib import ConstraintError, Violation


@dataclass(frozen=True, slots=True)
class Refusal:
    """An attempt that breaks exactly one rule."""

    rule: str
    attempt: Callable[[], object]
    property: str
    given: object
    allowed: str
    """Part of what the error says is allowed."""

    def check(self) -> None:
        """The attempt is refused, for this reason and no other."""
        violation = sole_violation(self.attempt)
        assert violation.rule == self.rule
        assert violation.property == self.property
        assert violation.given == self.given
        assert self.allowed in violation.allowed


def refused(attempt: Callable[[], object]) -> ConstraintError:
    """The error that `attempt` raises."""
    with pytest.raises(ConstraintError) as caught:
        attempt()
    return caught.value


def sole_violation(attempt: Callable[[], object]) -> Violation:
    """The one violation that `attempt` is refused for."""
    error = refused(attempt)
    assert len(error.violations) == 1, str(error)
    return error.violations[0]


def as_parameters(refusals: Iterable[Refusal]) -> list[object]:
    """One test for each, named after the rule and the property."""
    return [
        pytest.param(each, id=f"{each.rule} {each.property} {named(each.given):.40}") for each in refusals
    ]


def named(value: object) -> str:
    """`value` in a test's name, the same in every process: an object's address is not."""
    text = repr(value)
    return f"a {type(value).__name__}" if " at 0x" in text or " object at " in text else text


NAN = float("nan")
INFINITY = float("inf")
WRONG_WHOLE_NUMBERS: tuple[object, ...] = ("2", True, 1.5, NAN, INFINITY, [2], {})
WRONG_NUMBERS: tuple[object, ...] = ("2", True, NAN, INFINITY, [2], {})
WRONG_DURATIONS: tuple[object, ...] = (60, 60.0, "60", True, NAN, [60])
WRONG_SWITCHES: tuple[object, ...] = ("yes", 0, 1, None, [])
WRONG_LISTS: tuple[object, ...] = ("text", 5, None, {"a": 1}, ["text"], [5], [None])
WRONG_TEXTS: tuple[object, ...] = (5, 1.5, True, NAN, ["text"], {})
WRONG_OBJECTS: tuple[object, ...] = ("text", 5, True, NAN, [], {})


@dataclass(frozen=True, slots=True)
class WrongType:
    """A property given a value of a type, or of a kind, that it does not take."""

    factory: Callable[..., object]
    property: str
    value: object

    def check(self) -> None:
        """Refused by a rule that names the property."""
        assert_refused_for(lambda: self.factory(**{self.property: self.value}), self.property)


def wrong_types(
    factory: Callable[..., object], label: str = "", /, **wrong: Iterable[object]
) -> list[object]:
    """One test for each wrong value of each property, named after them; `label` tells factories apart."""
    return [
        pytest.param(WrongType(factory, property, value), id=f"{label} {property}={named(value):.30}".strip())
        for property, values in wrong.items()
        for value in values
    ]


def assert_refused_for(attempt: Callable[[], object], property: str) -> None:
    """Refused by a rule that names `property` (or an item of it): no TypeError, no error from inside."""
    named = {violation.property for violation in refused(attempt).violations}
    assert any(name == property or name.startswith((f"{property}[", f"{property}.")) for name in named), named
