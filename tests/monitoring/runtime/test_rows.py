"""Captured records to chunks: features and answers in columns."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from constructs_lib.monitoring.runtime.reading.lines import Line
from constructs_lib.monitoring.runtime.reading.rows import MOST_CELLS, MOST_ROWS, Reading, chunks
from constructs_lib.monitoring.runtime.reading.table import Cell
from constructs_lib.monitoring.runtime.reading.tally import Tally
from tests.support.capturing import WINDOW, captured, of_json, side, whole

AB = ("a", "b")


def read(*told: Line, **reading: Any) -> tuple[dict[str, list[Cell]], Tally]:
    tally = Tally()
    return whole(chunks(told, WINDOW, Reading(**reading), tally)), tally


def test_csv_is_by_position() -> None:
    columns, tally = read(captured("1,2"), captured("3,4\r\n5,6\r\n"), columns=AB)
    assert columns == {"a": ["1", "3", "5"], "b": ["2", "4", "6"]}
    assert tally == Tally(records=2, rows=3)


def test_without_columns_it_is_numbered() -> None:
    assert read(captured("1,2"))[0] == {"_c0": ["1"], "_c1": ["2"]}


def test_below_a_header_it_is_by_name() -> None:
    columns, tally = read(captured("b,a\n1,2\n3,4"), captured("a,c\n5,6"), columns=AB, header=True)
    assert columns == {"a": ["2", "4", "5"], "b": ["1", "3", None]}
    assert tally == Tally(records=2, rows=3, extra={"c": 1}, missing={"b": 1})


@pytest.mark.parametrize(
    ("given", "path"),
    [
        (of_json({"a": 1, "b": "x"}), ""),
        (of_json([{"a": 1, "b": "x"}]), ""),
        (of_json([1, "x"]), ""),
        (of_json([[1, "x"]]), ""),
        (of_json({"instances": [{"b": "x", "a": 1}]}), "instances"),
        (of_json({"instances": [{"features": [1, "x"]}]}), "instances.features"),
        (of_json({"deep": {"rows": [[1, "x"]]}}), "deep.rows"),
        (side('{"a": 1, "b": "x"}\n', "application/jsonlines"), ""),
        (side('{"features": [1, "x"]}\n', "application/jsonlines"), "features"),
        (side('{"a": 1, "b": "x"}', "application/json", encoded=True), ""),
    ],
)
def test_json_comes_in_many_shapes(given: dict[str, str], path: str) -> None:
    columns, tally = read(captured(given), columns=AB, path=path)
    assert columns == {"a": [1], "b": ["x"]}
    assert tally == Tally(records=1, rows=1)


def test_several_rows_of_json() -> None:
    rows = [{"a": 1, "b": 2}, {"a": 3, "b": 4}]
    expected = {"a": [1, 3], "b": [2, 4]}
    told = "\n".join(map(json.dumps, rows))
    assert read(captured(of_json(rows)), columns=AB)[0] == expected
    assert read(captured(side(told, "application/jsonlines")), columns=AB)[0] == expected
    assert read(captured(of_json([[1, 2], [3, 4]])), columns=AB)[0] == expected


def test_one_value_is_a_row_of_one() -> None:
    assert read(captured(of_json("text")))[0] == {"_c0": ["text"]}


def test_nested_values_are_columns_by_their_paths() -> None:
    given = of_json({"customer": {"age": 30, "tags": ["x", "y"]}})
    columns = ("customer.age", "customer.tags.1")
    found, tally = read(captured(given), columns=columns)
    assert found == {"customer.age": [30], "customer.tags.1": ["y"]}
    assert tally.extra == {"customer.tags.0": 1}


def test_answers_lie_beside_the_features() -> None:
    told = [
        captured("1,2\n3,4", of_json({"predictions": [{"l": "x", "p": 0.1}, {"l": "y", "p": 0.2}]})),
        captured(of_json({"a": 5, "b": 6}), of_json({"predictions": [{"l": "z", "p": 0.3}]})),
    ]
    columns, _ = read(*told, columns=AB, outputs={"label": "predictions.l", "score": "predictions.p"})
    assert columns == {
        "label": ["x", "y", "z"],
        "score": [0.1, 0.2, 0.3],
        "a": ["1", "3", 5],
        "b": ["2", "4", 6],
    }


def test_answers_alone_need_no_request() -> None:
    told = [captured(None, "0.1\n0.2"), captured("binary", "0.3")]
    columns, tally = read(*told, inputs=False, outputs={"score": "0"})
    assert columns == {"score": ["0.1", "0.2", "0.3"]}
    assert tally == Tally(records=2, rows=3)


def test_a_row_of_another_shape_is_unread_and_those_after_it_keep_their_answers() -> None:
    told = captured("1,2\n3\n5,6", "x\ny\nz")
    columns, tally = read(told, columns=AB, outputs={"answer": "0"})
    assert columns == {"answer": ["x", "z"], "a": ["1", "5"], "b": ["2", "6"]}
    assert tally == Tally(records=1, rows=2, unread=1, reasons={"1 cells where there are 2 columns": 1})


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        (captured("1,2", "x\ny"), "2 answers at '0' to 1 rows"),
        (captured("1,2", None), "an answer that cannot be read: KeyError('endpointOutput')"),
        (captured(None), "a request that cannot be read: KeyError('endpointInput')"),
        (captured("", ""), "a record without rows"),
        (captured(of_json([]), ""), "a record without rows"),
        (captured("1,2", of_json({"score": 1})), "an answer that cannot be read: KeyError('0')"),
        (captured('"1,2'), "unexpected end of data"),
        (captured(side("{", "application/json")), "JSONDecodeError"),
        (captured(side("[" * 100_000, "application/json")), "RecursionError"),
        (captured({"observedContentType": "text/csv", "data": "!", "encoding": "BASE64"}), "Error"),
        (captured({"observedContentType": "text/csv"}), "KeyError('data')"),
        (captured(side("1,2,3")), "3 cells where there are 2 columns"),
        (captured(of_json([[[1], 2]])), "values in each other"),
        (captured(of_json(5)), "1 cells"),
        (captured().replace(b'"1,2"', b"12"), "TypeError"),
        (captured().replace(b'"endpointInput": {', b'"endpointInput": 5, "x": {'), "AttributeError"),
    ],
)
def test_a_record_that_cannot_be_read_is_counted_and_stops_nothing(told: bytes, reason: str) -> None:
    columns, tally = read(captured("7,8", "9"), told, captured("7,8", "9"), columns=AB, outputs={"o": "0"})
    assert columns == {"o": ["9", "9"], "a": ["7", "7"], "b": ["8", "8"]}
    assert (tally.records, tally.rows, tally.unread) == (2, 2, 1)
    assert reason in next(iter(tally.reasons))


@pytest.mark.parametrize(
    "reading",
    [
        {"columns": ("a", "a")},
        {"columns": ("a",), "outputs": {"a": "0"}},
        {"inputs": False},
    ],
)
def test_a_reading_that_makes_no_sense_says_so(reading: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        Reading(**reading)


def test_chunks_have_some_thousand_rows_whatever_a_record_has() -> None:
    told = [captured("\n".join(["1,2"] * 5001)), *[captured()] * 10]
    sizes = [each.size for each in chunks(told, WINDOW, Reading(columns=AB), Tally())]
    assert sum(sizes) == 5011
    assert max(sizes) <= MOST_ROWS


def test_wide_rows_make_short_chunks() -> None:
    told = [captured(",".join(["1"] * 5000))] * 100
    found = list(chunks(told, WINDOW, Reading(), Tally()))
    assert sum(each.size for each in found) == 100
    assert max(each.size for each in found) * 5000 <= MOST_CELLS


def test_long_texts_make_short_chunks() -> None:
    told = [captured("x" * 1_000_000 + ",1")] * 20
    found = list(chunks(told, WINDOW, Reading(columns=AB), Tally()))
    assert sum(each.size for each in found) == 20
    assert max(each.size for each in found) <= 5


def test_nothing_is_no_chunk() -> None:
    assert read() == ({}, Tally())


CELLS = st.text(alphabet='a1é☃," \n', max_size=5)


@settings(deadline=None)
@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=6), st.booleans())
def test_cells_come_out_as_they_were_written(rows: list[tuple[str, str]], encoded: bool) -> None:
    quoted = "".join(",".join('"' + cell.replace('"', '""') + '"' for cell in row) + "\r\n" for row in rows)
    columns, tally = read(captured(side(quoted, encoded=encoded)), columns=AB)
    assert list(zip(columns["a"], columns["b"], strict=True)) == rows
    assert tally == Tally(records=1, rows=len(rows))


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=10,
)


@settings(deadline=None)
@given(st.lists(st.tuples(JSON, JSON), max_size=4), st.sampled_from(["", "a", "0", "*"]), st.booleans())
def test_whatever_was_captured_nothing_is_raised_and_columns_are_even(
    given: list[tuple[Any, Any]], path: str, fixed: bool
) -> None:
    told = [captured(of_json(one), of_json(other)) for one, other in given]
    tally = Tally()
    reading = Reading(columns=AB if fixed else (), path=path, outputs={"o": path})
    for chunk in chunks(told, WINDOW, reading, tally):
        assert {len(cells) for cells in chunk.columns.values()} == {chunk.size}
        assert not any(isinstance(cell, dict | list) for cells in chunk.columns.values() for cell in cells)
    assert tally.records <= len(told)
