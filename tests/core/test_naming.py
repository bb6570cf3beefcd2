"""Physical names: short enough, legal, the same every time, and never shared."""

from __future__ import annotations

import re

import aws_cdk as cdk
import constructs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from constructs_lib.core.limits import NAME_PATTERN
from constructs_lib.core.naming import fitted_name, physical_name
from tests.support.synth import fresh_app


def name_of(*path: str, stack_name: str | None = None, stage: str | None = None, **options: object) -> str:
    """The name of the construct at `path`, whose first part is the stack's id."""
    scope: constructs.Construct = fresh_app()
    if stage is not None:
        scope = cdk.Stage(scope, stage)
    scope = cdk.Stack(scope, path[0], stack_name=stack_name)
    for id in path[1:]:
        scope = constructs.Construct(scope, id)
    return physical_name(scope, **options)


def test_a_short_path_is_its_own_name_in_lower_case() -> None:
    assert name_of("Fraud", "Endpoint") == "fraud-endpoint"


def test_a_suffix_follows_the_path() -> None:
    assert name_of("Fraud", "Endpoint", suffix="shadow").startswith("fraud-endpoint-shadow")


def test_the_stacks_name_leads_not_its_id() -> None:
    assert name_of("Fraud", "Endpoint", stack_name="Payments") == "payments-endpoint"


def test_the_same_path_gets_the_same_name_in_every_process() -> None:
    long = ["Fraud", *(f"Level{number}" for number in range(12)), "Endpoint"]
    assert name_of(*long) == "fraud-level0-level1-level2-level3-level4-level5-level6-0a4c14f0"


@pytest.mark.parametrize("length", [20, 32, 63])
def test_a_long_name_is_cut_and_hashed_within_its_length(length: int) -> None:
    names = {name_of("Fraud", "a" * 80, last, max_length=length) for last in ("One", "Two")}
    assert len(names) == 2, "the difference lies in what was cut"
    assert all(len(name) <= length for name in names)


def test_a_name_of_exactly_the_length_is_left_alone() -> None:
    assert fitted_name("a" * 63) == "a" * 63
    assert len(fitted_name("a" * 64)) == 63
    assert fitted_name("a" * 64) != fitted_name("a" * 65)


@pytest.mark.parametrize("odd", ["modèle", "模型", "a_b", "a b", "a--b", "-a", "a-", "🤖", "a.b"])
def test_what_had_to_be_replaced_is_hashed(odd: str) -> None:
    name = fitted_name(odd)
    assert NAME_PATTERN.fullmatch(name)
    assert re.fullmatch(r"(.*-)?[0-9a-f]{8}", name), "a hash tells it from what is written like the rest"


def test_a_name_without_any_letter_is_a_hash() -> None:
    assert fitted_name("模型") == fitted_name("模型")
    assert NAME_PATTERN.fullmatch(fitted_name("___"))
    assert fitted_name("___") != fitted_name("__")


@given(whole=st.text(min_size=1, max_size=120), length=st.integers(min_value=9, max_value=63))
def test_every_name_is_legal_lower_case_and_fits(whole: str, length: int) -> None:
    name = fitted_name(whole, max_length=length)
    assert len(name) <= length
    assert NAME_PATTERN.fullmatch(name)
    assert name == name.lower()


@given(st.sets(st.text(alphabet="ab-_é", min_size=1, max_size=6), min_size=2))
def test_different_texts_get_different_names(texts: set[str]) -> None:
    assert len({fitted_name(text) for text in texts}) == len(texts)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("Fraud", "A", "B"), ("Fraud", "A-B")),
        (("Fraud-A", "B"), ("Fraud", "A-B")),
        (("Fraud-A", "B"), ("Fraud", "A", "B")),
        (("Fraud", "A-B", "C"), ("Fraud", "A", "B-C")),
    ],
)
def test_paths_that_differ_in_their_hyphens_only_do_not_share_a_name(
    one: tuple[str, ...], other: tuple[str, ...]
) -> None:
    assert name_of(*one) != name_of(*other)


def test_stages_lead_to_different_names() -> None:
    assert name_of("Fraud", "Endpoint", stage="Dev") != name_of("Fraud", "Endpoint", stage="Prod")


def test_stacks_of_two_names_have_different_names_in_their_nested_stacks_too() -> None:
    names = set()
    for stack_name in ("blue", "green"):
        parent = cdk.Stack(fresh_app(), "Fraud", stack_name=stack_name)
        nested = cdk.NestedStack(parent, "Nested")
        names.add(physical_name(constructs.Construct(nested, "Endpoint")))
    assert len(names) == 2


def test_two_nested_stacks_have_different_names() -> None:
    parent = cdk.Stack(fresh_app(), "Fraud")
    names = {
        physical_name(constructs.Construct(scope, "Endpoint"))
        for scope in (parent, cdk.NestedStack(parent, "One"), cdk.NestedStack(parent, "Two"))
    }
    assert len(names) == 3
    assert all(NAME_PATTERN.fullmatch(name) for name in names)


def test_a_name_never_holds_a_token() -> None:
    stack = cdk.Stack(fresh_app(), "Fraud", stack_name="fraud")
    nested = cdk.NestedStack(stack, "Nested")
    assert "${" not in physical_name(constructs.Construct(nested, "Endpoint"))
