"""Texts and values to rows of cells, under the columns that they have."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from constructs_lib.monitoring.runtime.reading.layout import MOST_COLUMNS, Layout, distinct
from constructs_lib.monitoring.runtime.reading.parsing import csv_rows, flattened, scalar
from constructs_lib.monitoring.runtime.reading.tally import MOST_NAMES, MOST_REASONS, Tally, UnreadError

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(alphabet="ab", max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None)
@given(st.text(alphabet='a1é\u2028\x0b ,"\n\r', max_size=40))
def test_csv_is_what_the_module_reads(text: str) -> None:
    def by_module() -> list[list[str]]:
        return [row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row]

    try:
        expected = by_module()
    except csv.Error:
        with pytest.raises(csv.Error):
            csv_rows(text)
    else:
        assert csv_rows(text) == expected


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("", []),
        ("\n\r\n", []),
        ("\ufeff1,2\r\n3,4\r\n", [["1", "2"], ["3", "4"]]),
        ("1,\n", [["1", ""]]),
        (" 1 ,x", [[" 1 ", "x"]]),
        ('"a,b","say ""hi""","two\nlines"', [["a,b", 'say "hi"', "two\nlines"]]),
        ("\u2028,\x85", [["\u2028", "\x85"]]),
    ],
)
def test_rows_of_csv(text: str, rows: list[list[str]]) -> None:
    assert csv_rows(text) == rows


@pytest.mark.parametrize("text", ['"open', '"a"b', '"' + "x" * 131_073 + '"'])
def test_quotes_that_are_not_as_they_should_be_say_so(text: str) -> None:
    # Python's own; it is the whole process's, and other code may have raised it.
    before = csv.field_size_limit(131_072)
    try:
        with pytest.raises(csv.Error):
            csv_rows(text)
    finally:
        csv.field_size_limit(before)


def test_what_lies_deeper_has_a_longer_name() -> None:
    given = {"a": 1, "b": {"c": [True, {"d": None}], "e": {}}, "f": []}
    assert flattened(given) == {"a": 1, "b.c.0": True, "b.c.1.d": None, "b.e": None, "f": None}


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from("abc"), JSON_VALUES))
def test_flat_values_are_scalars(value: dict[str, Any]) -> None:
    assert all(not isinstance(each, dict | list) for each in flattened(value).values())


def test_one_value_is_one() -> None:
    assert [scalar(each) for each in (1, "a", None, [[2.5]])] == [1, "a", None, 2.5]
    for several in ([], [1, 2], {"a": 1}, [[1, 2]]):
        with pytest.raises(UnreadError):
            scalar(several)


def test_columns_that_are_given_stay_and_others_are_reported() -> None:
    layout, tally = Layout(["a", "b.c"]), Tally()
    assert layout.placed(["1", "2"]) == ["1", "2"]
    assert layout.named({"b": {"c": 2}, "a": 1}, tally) == [1, 2]
    assert layout.named({"b.c": 2, "a": 1}, tally) == [1, 2]
    assert (tally.extra, tally.missing) == ({}, {})
    assert layout.named({"a": 1, "b": 5, "z": [1]}, tally) == [1, None]
    assert (tally.extra, tally.missing) == ({"b": 1, "z.0": 1}, {"b.c": 1})
    for cells in (["1"], ["1", "2", "3"], []):
        with pytest.raises(UnreadError, match="2 columns"):
            layout.placed(list(cells))
    assert layout.names == ("a", "b.c")


def test_null_is_a_missing_value_and_no_missing_column() -> None:
    tally = Tally()
    assert Layout(["a"]).named({"a": None}, tally) == [None]
    assert tally.missing == {}


def test_without_columns_they_are_those_that_come() -> None:
    layout, tally = Layout(), Tally()
    rows = [layout.named(each, tally) for each in ({"a": 1}, {"b": 2, "a": 3}, {"c": {"d": 4}})]
    assert layout.chunk(rows).columns == {"a": [1, 3, None], "b": [None, 2, None], "c.d": [None, None, 4]}
    assert (tally.extra, tally.missing) == ({}, {})
    by_position = Layout()
    assert by_position.chunk([by_position.placed(["x", "y"])]).columns == {"_c0": ["x"], "_c1": ["y"]}


def test_keys_without_end_are_not_columns_without_end() -> None:
    layout, tally = Layout(), Tally()
    layout.named({f"key {number}": 1 for number in range(MOST_COLUMNS + 2 * MOST_NAMES)}, tally)
    assert len(layout.names) == MOST_COLUMNS
    assert len(tally.extra) == MOST_NAMES + 1
    assert sum(tally.extra.values()) == 2 * MOST_NAMES


def test_columns_before_are_the_callers() -> None:
    layout, tally = Layout(before=["label"]), Tally()
    row = ["yes", *layout.named({"label": "its own", "a": 1}, tally)]
    assert layout.chunk([row]).columns == {"label": ["yes"], "a": [1]}
    assert tally.extra == {"label": 1}


@pytest.mark.parametrize(("names", "before"), [(["a", "a"], []), (["a"], ["a"]), (["a"], ["b", "b"])])
def test_columns_have_names_of_their_own(names: list[str], before: list[str]) -> None:
    with pytest.raises(ValueError, match="column"):
        Layout(names, before=before)


def test_below_a_header_cells_are_by_name() -> None:
    layout, tally = Layout(["a", "b"]), Tally()
    assert layout.under(["a", "b"], ["1", "2"], tally) == ["1", "2"]
    assert layout.under(["b", "c", "a"], ["2", "3", "1"], tally) == ["1", "2"]
    assert layout.under(["b"], ["2"], tally) == [None, "2"]
    assert (tally.extra, tally.missing) == ({"c": 1}, {"a": 1})
    with pytest.raises(UnreadError, match="header of 2"):
        layout.under(["a", "b"], ["1"], tally)
    assert Layout(before=["a"]).under(["a", "b"], ["1", "2"], tally) == ["2"]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ([" a ", "b"], ["a", "b"]),
        (["a", "a", "a"], ["a", "a.1", "a.2"]),
        (["a", "a.1", "a"], ["a", "a.1", "a.2"]),
        (["", ""], ["", ".1"]),
    ],
)
def test_the_names_of_a_header_are_distinct(names: list[str], expected: list[str]) -> None:
    assert distinct(names) == expected


def test_reasons_and_names_are_counted_in_bounded_memory() -> None:
    tally = Tally()
    for number in range(1000):
        tally.not_read(f"{number} " + "x" * 10_000)
        tally.had_not(f"column {number}", 2)
    assert tally.unread == sum(tally.reasons.values()) == 1000
    assert len(tally.reasons) == MOST_REASONS + 1
    assert max(map(len, tally.reasons)) == 200
    assert tally.missing["column 7"] == 2


def test_what_shards_count_is_what_one_counts() -> None:
    one, other, both = Tally(records=1, rows=2, outside=3, own=4), Tally(records=5), Tally()
    for tally in (one, both):
        tally.not_read("a")
        tally.had_extra("x")
    for tally in (other, both):
        tally.not_read("a", 2)
        tally.not_read("b")
        tally.had_not("y")
    both.records, both.rows, both.outside, both.own = 6, 2, 3, 4
    one.merge(other)
    assert one == both
    assert json.loads(json.dumps(one.described()))["reasons"] == {"a": 3, "b": 1}
