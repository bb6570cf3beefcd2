"""The JSONPath of transform jobs, and their records, without a server."""

from __future__ import annotations

from typing import Any

import pytest

from constructs_lib.local.sagemaker.transform_path import Path, PathError
from constructs_lib.local.sagemaker.transform_records import (
    Batching,
    DataProcessing,
    Json,
    Payload,
    RecordError,
    assembled,
    payloads,
)

DOCUMENT = {"id": 7, "in": {"x": [1, 2, 3], "y": {"z": "end"}}, "of us": True}
ROW = ["a", "b", "c", "d", "e", "f"]


@pytest.mark.parametrize(
    ("text", "value", "selected"),
    [
        ("$", DOCUMENT, DOCUMENT),
        ("$.id", DOCUMENT, 7),
        ("$.in.y.z", DOCUMENT, "end"),
        ("$['of us']", DOCUMENT, True),
        ("$['in']['y'].z", DOCUMENT, "end"),
        ("$['id','of us']", DOCUMENT, {"id": 7, "of us": True}),
        ("$.['id', 'of us']", DOCUMENT, {"id": 7, "of us": True}),
        ("$.in['x','y']", DOCUMENT, DOCUMENT["in"]),
        ("$['a]b']", {"a]b": 1}, 1),
        ("$.in.*", DOCUMENT, [[1, 2, 3], {"z": "end"}]),
        ("$.in.x[*]", DOCUMENT, [1, 2, 3]),
        ("$.in.x[-1]", DOCUMENT, 3),
        ("$[*].n", [{"n": 1}, {"n": 2}], [1, 2]),
        ("$[1]", ROW, "b"),
        ("$[-1]", ROW, "f"),
        ("$[0,-1]", ROW, ["a", "f"]),
        ("$[0, 2, 4]", ROW, ["a", "c", "e"]),
        ("$[1:]", ROW, ROW[1:]),
        ("$[:2]", ROW, ["a", "b"]),
        ("$[2:5]", ROW, ["c", "d", "e"]),
        ("$[-2:]", ROW, ["e", "f"]),
        ("$[0,5:]", ROW, ["a", "f"]),
        ("$[4:99]", ROW, ["e", "f"]),
        ("$[1:].n", [{"n": 1}, {"n": 2}], [2]),
    ],
)
def test_what_an_expression_selects(text: str, value: Any, selected: Any) -> None:
    assert Path.of(text).select(value) == selected
    assert Path.of(text).is_all == (text == "$")


@pytest.mark.parametrize(
    "text",
    [
        "", "id", "$id", "$.", "$..id", "$[", "$[]", "$[a]", '$["id"]', "$[?(@.x)]", "$[0:4:2]", "$[1,]",
        "$['a','b'].c", "$['a',0]", "$.a b", "$.a.length()", "@.a",
    ],
)  # fmt: skip
def test_what_is_no_expression(text: str) -> None:
    with pytest.raises(PathError):
        print(Path.of(text))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$.none", DOCUMENT), ("$['id','none']", DOCUMENT), ("$.id.x", DOCUMENT), ("$[0]", DOCUMENT),
        ("$.id", ROW), ("$[6]", ROW), ("$[-7]", ROW), ("$[0,6]", ROW), ("$[1:]", "text"), ("$.id.*", DOCUMENT),
    ],
)  # fmt: skip
def test_what_is_not_there_is_an_error(text: str, value: Any) -> None:
    with pytest.raises(PathError):
        Path.of(text).select(value)


def lines(most: int, *, several: bool = True) -> Batching:
    return Batching(lines=True, several=several, most=most)


def test_requests_are_filled_up_and_no_further() -> None:
    made = list(payloads(b"aa\nbb\ncc\n\ndddd\ne", lines(5), DataProcessing()))
    assert [each.body for each in made] == [b"aa\nbb", b"cc", b"dddd", b"e"]
    assert made[0] == Payload(b"aa\nbb", (b"aa", b"bb"))
    with pytest.raises(RecordError, match="6 bytes is larger"):
        list(payloads(b"a\nbbbbbb\n", lines(5), DataProcessing()))
    assert [each.body for each in payloads(b"a\r\nb", lines(9, several=False), DataProcessing())] == [
        b"a\r",
        b"b",
    ]
    whole = Batching(lines=False, several=True, most=5)
    assert [each.body for each in payloads(b"a\nb\n", whole, DataProcessing())] == [b"a\nb\n"]


def test_what_fits_is_what_is_sent() -> None:
    processing = DataProcessing(given=Json(), made=Json(), input_path=Path.of("$.x"))
    (made,) = payloads(b'{"x": 1, "y": "long enough"}\n{"x": 2}\n', lines(3), processing)
    assert (made.body, len(made.records)) == (b"1\n2", 2)


def test_one_answer_of_many_lines_is_one_document() -> None:
    processing = DataProcessing(given=Json(), made=Json(), joins=True)
    assert processing.kept([b'{"a": 1}'], b'{\n "s": 2\n}\n') == b'{"a":1,"SageMakerOutput":{"s":2}}'
    with pytest.raises(RecordError, match="mismatched line count"):
        processing.kept([b"1", b"2"], b"[1, 2]")


def test_answers_end_with_one_newline_each() -> None:
    assert assembled([b"a", b"b\n", b"c\nd"], lines=True) == b"a\nb\nc\nd\n"
    assert assembled([b"a", b"b\n"], lines=False) == b"ab\n"
