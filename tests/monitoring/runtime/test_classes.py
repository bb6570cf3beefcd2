"""What a cell says."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constructs_lib.monitoring.runtime.reading.cells import number_of
from constructs_lib.monitoring.runtime.reading.classes import LONGEST_CLASS, class_of, share_of


@pytest.mark.parametrize("cell", [1, 1.0, True, "1", "1.0", " 1 ", "1e0", "+1", "true", "True", "TRUE"])
def test_one_class_has_many_spellings(cell: object) -> None:
    assert class_of(cell) == "1"


@pytest.mark.parametrize("cell", [0, 0.0, -0.0, False, "0", "-0.0", "false", "00"])
def test_and_so_has_the_other(cell: object) -> None:
    assert class_of(cell) == "0"


@pytest.mark.parametrize(
    ("cell", "name"),
    [
        ("yes", "yes"),
        (" Yes ", "Yes"),
        ("1_000", "1_000"),
        ("ünïcødé 漢", "ünïcødé 漢"),
        (2.5, "2.5"),
        ("2.50", "2.5"),
        (-1, "-1"),
        (12345678901234567890, "12345678901234567890"),
        ("12345678901234567890", "12345678901234567890"),
        ("infinity", "infinity"),
        ("\ud800", "\ud800"),
    ],
)
def test_what_is_no_number_keeps_its_name(cell: object, name: str) -> None:
    assert class_of(cell) == name


@pytest.mark.parametrize(
    "cell", [None, "", "  ", "nan", "NaN", math.nan, math.inf, -math.inf, [1], {"a": 1}, b"1", 1e300, 10**300]
)
def test_what_names_no_class(cell: object) -> None:
    assert class_of(cell) is None


def test_a_name_has_a_longest_length() -> None:
    assert class_of("x" * LONGEST_CLASS) == "x" * LONGEST_CLASS
    assert class_of("x" * (LONGEST_CLASS + 1)) is None
    assert class_of("9" * (LONGEST_CLASS + 1)) == class_of("9" * 10_000) is None


@pytest.mark.parametrize(
    ("cell", "number"),
    [("1.5", 1.5), (" -2e3 ", -2000.0), (7, 7.0), (True, None), ("0x10", None), ("1_0", None)],
)
def test_a_number_is_read_from_text(cell: object, number: float | None) -> None:
    assert number_of(cell) == number


@pytest.mark.parametrize("cell", [None, "", "abc", math.nan, "inf", "nan", math.inf, 10**400, [1.0], "1e999"])
def test_what_is_no_finite_number(cell: object) -> None:
    assert number_of(cell) is None


@pytest.mark.parametrize(
    ("cell", "share"), [(0, 0.0), ("1", 1.0), (0.5, 0.5), (-1e-9, None), (1.0000001, None)]
)
def test_a_probability_is_between_0_and_1(cell: float, share: float | None) -> None:
    assert share_of(cell) == share


@given(st.integers(min_value=-(10**40), max_value=10**40))
def test_an_integer_is_the_same_class_as_its_text(number: int) -> None:
    assert class_of(number) == class_of(str(number)) == str(number)


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e200, max_value=1e200))
def test_a_fraction_is_the_same_class_as_its_text(number: float) -> None:
    assert class_of(number) == class_of(repr(number))
