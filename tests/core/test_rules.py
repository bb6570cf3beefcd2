"""The mechanism of rules, the one error, and that every rule of the catalogue has a test."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from constructs_lib import ConstraintError, Violation
from constructs_lib.core.rules import (
    CATALOGUE,
    Broken,
    RuleEntry,
    Rules,
    enforce_together,
    listed,
    violations_of,
)
from tests.support.synth import fresh_app
from tools.rule_catalogue import rules as every_rule

every_rule()  # CATALOGUE lists the rules of what has been imported
TESTS = Path(__file__).parents[1]
ROOMS = (
    "core",
    "model",
    "hosting",
    "experiments",
    "monitoring",
    "monitoring/model_monitor",
    "batch",
    "edge",
    "delivery",
    "access",
    "rules",
)


@pytest.fixture
def catalogue(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Rules made in a test leave the catalogue with it."""
    before = dict(CATALOGUE)
    yield
    CATALOGUE.clear()
    CATALOGUE.update(before)


def texts() -> str:
    return "\n".join(
        file.read_text(encoding="utf-8") for room in ROOMS for file in sorted((TESTS / room).glob("*.py"))
    )


def ids(severity: str) -> list[str]:
    return sorted(each.id for each in CATALOGUE.values() if each.severity == severity)


@pytest.mark.parametrize("id", ids("error"))
def test_every_rule_is_broken_by_some_test(id: str) -> None:
    broken = re.findall(r'Refusal\(\s*"(SM-[A-Z]+-\d{3})"', texts())
    # What needs a file system or a stack of its own is not in a table.
    apart = re.findall(r'(?:rules|rule|violation\.rule)\b[^\n]*"(SM-[A-Z]+-\d{3})"', texts())
    assert id in {*broken, *apart}


@pytest.mark.parametrize("id", ids("warning"))
def test_every_advice_is_given_in_some_test(id: str) -> None:
    assert id in re.findall(r'Advised\(\s*"(SM-[A-Z]+-\d{3})"', texts())


def test_no_test_names_a_rule_that_does_not_exist() -> None:
    assert (
        set(re.findall(r"SM-[A-Z]+-\d{3}", texts())) - set(CATALOGUE) - {"SM-TEST-001", "SM-TEST-002"}
        == set()
    )


@pytest.mark.parametrize("entry", CATALOGUE.values(), ids=CATALOGUE.keys())
def test_every_rule_says_in_a_sentence_what_it_asks_and_who_says_so(entry: object) -> None:
    assert re.fullmatch(r"SM-[A-Z]+-\d{3}", entry.id)
    assert re.fullmatch(r"[A-Z].*\.", entry.summary)
    # What is a rule of statistics and not of AWS cites the literature.
    assert re.match(r"https://(docs\.aws\.amazon\.com|doi\.org|arxiv\.org)/\S+$", entry.source)
    assert (entry.severity == "warning") == (int(entry.id[-3:]) >= 100)


VIOLATION = Violation(
    rule="SM-TEST-001",
    property="size",
    given=51,
    allowed="1–50",
    fix="size=50",
    source="https://docs.aws.amazon.com/x",
)


def test_the_error_names_path_rule_property_given_allowed_fix_and_source() -> None:
    assert str(ConstraintError("Stack/Endpoint", [VIOLATION])) == (
        "Stack/Endpoint: 1 broken constraint\n"
        "  [SM-TEST-001] size: got 51; allowed: 1–50\n"
        "    fix: size=50\n"
        "    see: https://docs.aws.amazon.com/x"
    )


def test_the_error_counts_its_violations_and_leaves_out_what_is_empty() -> None:
    bare = Violation(rule="SM-TEST-002", property="name", given="", allowed="a name")
    error = ConstraintError("Stack/Endpoint", [VIOLATION, bare])
    lines = str(error).splitlines()
    assert lines[0] == "Stack/Endpoint: 2 broken constraints"
    assert lines[-1] == "  [SM-TEST-002] name: got ''; allowed: a name"
    assert error.rules == ("SM-TEST-001", "SM-TEST-002")
    assert error.violations == (VIOLATION, bare)


def test_the_error_is_a_value_error() -> None:
    assert isinstance(ConstraintError("x", [VIOLATION]), ValueError)


def test_a_long_value_is_shortened_and_an_object_is_named() -> None:
    def shown(value: object) -> str:
        return str(Violation(rule="SM-TEST-001", property="p", given=value, allowed="less"))

    assert shown("x" * 500) == f"[SM-TEST-001] p: got '{'x' * 118}…; allowed: less"
    assert shown(fresh_app()) == "[SM-TEST-001] p: got a App; allowed: less"


def test_all_broken_rules_are_found_in_the_order_they_were_registered(catalogue: None) -> None:
    rules = Rules[int]()

    @rules.rule("SM-TEST-001", source="https://docs.aws.amazon.com/")
    def is_even(number: int) -> Iterator[Broken]:
        """A number is even."""
        if number % 2:
            yield Broken("number", number, "an even number")

    @rules.rule("SM-TEST-002", source="https://docs.aws.amazon.com/")
    def is_small(number: int) -> Iterator[Broken]:
        """A number is small."""
        if number > 10:
            yield Broken("number", number, "at most 10")

    rules.enforce(2, path="Numbers")
    with pytest.raises(ConstraintError) as caught:
        rules.enforce(11, path="Numbers")
    assert caught.value.rules == ("SM-TEST-001", "SM-TEST-002")
    assert CATALOGUE["SM-TEST-001"].summary == "A number is even."


def test_two_rules_cannot_share_an_id(catalogue: None) -> None:
    listed(id="SM-TEST-001", summary="One.", source="https://docs.aws.amazon.com/")
    with pytest.raises(AssertionError, match="two rules share the id SM-TEST-001"):
        listed(id="SM-TEST-001", summary="Two.", source="https://docs.aws.amazon.com/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A subject with two properties."""

    width: int
    height: int


def test_included_rules_hold_too_and_come_first(catalogue: None) -> None:
    every, flat = Rules[Box](), Rules[Box]()
    every.add(
        listed(id="SM-TEST-001", summary="One.", source="https://docs.aws.amazon.com/"),
        lambda box: [Broken("width", box.width, "less")] if box.width > 1 else [],
    )
    flat_and_every = Rules[Box](including=every)
    for rules in (flat, flat_and_every):
        rules.add(
            RuleEntry(id="SM-TEST-002", summary="Two.", source="https://docs.aws.amazon.com/"),
            lambda box: [Broken("height", box.height, "less")] if box.height > 1 else [],
        )
    box = Box(width=2, height=2)
    assert [each.rule for each in flat_and_every.violations(box)] == ["SM-TEST-001", "SM-TEST-002"]
    assert [each.rule for each in flat.violations(box)] == ["SM-TEST-002"]
    assert [each.rule for each in every.violations(box)] == ["SM-TEST-001"]


def test_rules_may_be_added_to_what_others_include_already(catalogue: None) -> None:
    every = Rules[Box]()
    including = Rules[Box](including=every)
    every.add(
        listed(id="SM-TEST-001", summary="One.", source="https://docs.aws.amazon.com/"),
        lambda box: [Broken("width", box.width, "less")],
    )
    assert [each.rule for each in including.violations(Box(width=1, height=1))] == ["SM-TEST-001"]


def test_a_wrong_type_is_told_once_by_the_rule_that_names_it_or_as_a_type(catalogue: None) -> None:
    every = Rules[Box]()
    every.add(
        listed(id="SM-TEST-001", summary="One.", source="https://docs.aws.amazon.com/"),
        lambda box: [Broken("width", box.width, "a number")] if not isinstance(box.width, int) else [],
    )
    wrong = Rules[Box](including=every).violations(Box(width="2", height="2"))
    assert [(each.rule, each.property) for each in wrong] == [
        ("SM-TEST-001", "width"),
        ("SM-TYPE-001", "height"),
    ]


def violation(rule: str, property: str) -> Violation:
    return Violation(rule=rule, property=property, given=1, allowed="less")


def test_several_looks_are_told_together_and_of_a_property_what_the_first_found() -> None:
    first = [violation("SM-TEST-001", "width"), violation("SM-TEST-002", "width")]
    second = [violation("SM-TEST-002", "width"), violation("SM-TEST-002", "height")]
    with pytest.raises(ConstraintError) as caught:
        enforce_together(first, iter(second), path=lambda: "Stack/Box")
    assert [(each.rule, each.property) for each in caught.value.violations] == [
        ("SM-TEST-001", "width"),
        ("SM-TEST-002", "width"),
        ("SM-TEST-002", "height"),
    ]
    assert caught.value.path == "Stack/Box"


def test_where_no_look_finds_anything_nobody_asks_where_it_is() -> None:
    def path() -> str:
        raise AssertionError("asked")

    enforce_together((), [], path=path)


def test_what_is_wrong_with_a_value_is_what_its_making_is_refused_for() -> None:
    def refused() -> object:
        raise ConstraintError("Box", [VIOLATION])

    def broken() -> object:
        raise ValueError("no constraint")

    assert violations_of(refused) == (VIOLATION,)
    assert violations_of(object) == ()
    with pytest.raises(ValueError, match="no constraint"):
        violations_of(broken)
