"""What is selected of an answer: one value for each row."""

from __future__ import annotations

import json
from typing import Any

import pytest

from constructs_lib.monitoring.runtime.reading.answers import selected
from constructs_lib.monitoring.runtime.reading.rows import UNREADABLE
from tests.support.capturing import of_json, side


@pytest.mark.parametrize(
    ("answer", "path", "rows", "values"),
    [
        (0.5, "", 1, [0.5]),
        ([0.5], "", 1, [0.5]),
        ([[0.5], [0.6]], "", 2, [0.5, 0.6]),
        ({"score": 0.5}, "score", 1, [0.5]),
        ({"predictions": [{"score": 1}, {"score": None}]}, "predictions.score", 2, [1, None]),
        ({"predictions": [{"label": "a"}]}, "predictions.0.label", 1, ["a"]),
        ({"p": [[0.1, 0.9], [0.8, 0.2]]}, "p.*.1", 2, [0.9, 0.2]),
        ({"p": [[0.1, 0.9], [0.8, 0.2]]}, "p.max", 2, [0.9, 0.8]),
        ({"p": [[0.1, 0.9], [0.8, 0.2]]}, "p.argmax", 2, [1, 0]),
        ([0.1, 0.7, 0.2], "argmax", 1, [1]),
        ({"outputs": [{"p": [0.1, 0.9]}, {"p": [0.5, 0.5]}]}, "outputs.p.argmax", 2, [1, 0]),
        (True, "", 1, [True]),
    ],
)
def test_paths_of_json(answer: Any, path: str, rows: int, values: list[Any]) -> None:
    assert selected(of_json(answer), [path], rows) == [values]
    assert selected(of_json(answer), [path]) == [values]


def test_json_lines_have_an_answer_each() -> None:
    told = side('{"score": 1}\n{"score": 2}\n', "application/jsonlines")
    assert selected(told, ["score"], 2) == [[1, 2]]


@pytest.mark.parametrize(
    ("answer", "path", "rows", "values"),
    [
        ("0.5\n", "0", 1, ["0.5"]),
        ("a,0.5\r\nb,0.6\r\n", "1", 2, ["0.5", "0.6"]),
        ("a,0.5\nb,0.6", "", 2, ["a", "b"]),
        # As XGBoost's container answers several rows.
        ("0.1,0.2,0.3", "0", 3, ["0.1", "0.2", "0.3"]),
        ("0.1,0.2,0.3", "1", 1, ["0.2"]),
        ("0.1,0.7\n0.9,0.1", "argmax", 2, [1, 0]),
        ("0.1,0.7\n0.9,0.1", "max", 2, [0.7, 0.9]),
        ('"a,b",1', "0", 1, ["a,b"]),
    ],
)
def test_columns_of_csv(answer: str, path: str, rows: int, values: list[Any]) -> None:
    assert selected(side(answer), [path], rows) == [values]
    assert selected(side(answer, encoded=True), [path], rows) == [values]


def test_several_are_selected_at_once() -> None:
    assert selected(side("a,1\nb,2"), ["0", "1"], 2) == [["a", "b"], ["1", "2"]]
    assert selected(side("a,1\nb,2"), []) == []


@pytest.mark.parametrize(
    ("told", "paths"),
    [
        (of_json({"score": 1}), ["absent"]),
        (of_json([1, 2]), [""]),
        (of_json({"p": [0.1, 0.9]}), ["p"]),
        (of_json({"p": {"q": 1}}), ["p"]),
        (of_json({"p": [0.1, 0.9]}), ["p.9"]),
        (of_json({"p": ["a", "b"]}), ["p.argmax"]),
        (of_json({"p": []}), ["p.max"]),
        (of_json({"p": 5}), ["p.max"]),
        (side("{", "application/json"), [""]),
        (side("[" * 100_000, "application/json"), [""]),
        (side("9" * 5000, "application/json"), [""]),
        (side("a"), ["1"]),
        (side("a"), ["score"]),
        (side("a"), ["-1"]),
        (side("a\nb"), ["0"]),
        (side(""), ["0"]),
        (side("a,b"), ["max"]),
        ({**side("!"), "encoding": "BASE64"}, ["0"]),
        ({"observedContentType": "text/csv"}, ["0"]),
        ({"data": 5}, ["0"]),
    ],
)
def test_what_has_not_one_value_for_the_row_says_so(told: dict[str, Any], paths: list[str]) -> None:
    with pytest.raises(UNREADABLE):
        selected(told, paths, 1)


def test_without_a_number_of_rows_columns_are_as_long_as_the_first() -> None:
    with pytest.raises(ValueError, match="1 answers at 'b' to 2 rows"):
        selected(of_json(json.loads('{"a": [1, 2], "b": 3}')), ["a", "b"])
