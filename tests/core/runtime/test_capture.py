"""Records of data capture: what is in them, and what is none."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from constructs_lib.core.runtime.capture import (
    UnparsableError,
    document,
    followed,
    is_csv,
    leaves,
    record,
    text,
)


def line(sides: object = None, **metadata: Any) -> bytes:
    told = {"eventId": "e", "inferenceTime": "2026-11-22T14:00:01Z", **metadata}
    return json.dumps({"captureData": {} if sides is None else sides, "eventMetadata": told}).encode()


def test_a_record_tells_when_who_and_what() -> None:
    read = record(line({"endpointInput": {"data": "1"}}, inferenceId="mine"))
    assert (read.at, read.event_id, read.inference_id, read.key) == (1795356001, "e", "mine", "mine")
    assert read.sides == {"endpointInput": {"data": "1"}}
    assert record(line()).key == "e"
    assert record(line(inferenceId=None)).key == "e"
    assert record(line(inferenceId=7)).key == "7"


def test_a_byte_order_mark_and_blanks_around_a_record_are_nothing() -> None:
    assert record(b"\xef\xbb\xbf" + line() + b"\r") == record(line())


@pytest.mark.parametrize(
    "given",
    [
        *(b"", b"{", b"[]", b"null", b"5", b'"text"', b"{}", b"\xff\xfe", b"[" * 100_000, b"9" * 5000),
        b'{"captureData": {}, "eventMetadata": []}',
        line([]),
        line("text"),
        line(inferenceTime="yesterday"),
        line(inferenceTime=5),
        line(inferenceTime=None),
        line().replace(b"eventId", b"event"),
    ],
)
def test_what_is_no_record_says_so(given: bytes) -> None:
    with pytest.raises(UnparsableError, match="no record of data capture"):
        record(given)


def test_the_text_of_a_side_is_decoded() -> None:
    assert text({"data": "1,2", "encoding": "CSV"}) == "1,2"
    assert text({"data": base64.b64encode("é☃".encode()).decode(), "encoding": "BASE64"}) == "é☃"


@pytest.mark.parametrize(
    "side",
    [
        {},
        {"data": 5},
        {"data": None},
        {"data": "!", "encoding": "BASE64"},
        {"data": "/w==", "encoding": "BASE64"},
    ],
)
def test_what_is_no_text_says_so(side: dict[str, Any]) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        text(side)


@pytest.mark.parametrize(
    ("encoding", "type", "expected"),
    [
        ("CSV", "application/octet-stream", True),
        ("BASE64", "text/csv; charset=utf-8", True),
        ("BASE64", "text/plain", True),
        ("JSON", "application/json", False),
        ("BASE64", "application/jsonlines", False),
        (None, None, False),
    ],
)
def test_its_encoding_or_its_type_make_it_csv(encoding: str | None, type: str | None, expected: bool) -> None:
    assert is_csv({"encoding": encoding, "observedContentType": type}) is expected
    assert not is_csv({})


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("1", 1),
        ('{\n"a": 1\n}', {"a": 1}),
        ('{"a": 1}\n\n{"a": 2}\r\n', [{"a": 1}, {"a": 2}]),
        # A separator to Python, and an ordinary character to JSON.
        ('"one\u2028line"\n"two\x85"', ["one\u2028line", "two\x85"]),
        ("", []),
    ],
)
def test_json_is_a_document_or_a_line_each(given: str, expected: object) -> None:
    assert document(given) == expected


@pytest.mark.parametrize("given", ["{", "{}\n{", "a,b"])
def test_what_is_no_json_says_so(given: str) -> None:
    with pytest.raises(json.JSONDecodeError):
        document(given)


WHOLE = {"rows": [{"a": [1, 2]}, {"a": [3, 4]}], "*": 5}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("rows.a", [[1, 2], [3, 4]]),
        ("rows.1.a.0", 3),
        ("rows.*.a", [[1, 2], [3, 4]]),
        # A key applies to each item, and so does what comes after it.
        ("rows.a.1", [2, 4]),
        ("rows.*.a.0", [1, 3]),
        ("*", 5),
    ],
)
def test_a_path_is_followed(path: str, expected: object) -> None:
    assert followed(WHOLE, path.split(".")) == expected


@pytest.mark.parametrize("path", ["absent", "rows.9", "rows.0.a.0.b", "rows.-1"])
def test_a_path_to_nowhere_says_so(path: str) -> None:
    with pytest.raises((KeyError, IndexError, TypeError)):
        followed(WHOLE, path.split("."))


def test_leaves_come_in_an_order_of_their_own() -> None:
    assert list(leaves({"b": [1, [2]], "a": {"z": None, "y": True}})) == [True, None, 1, 2]
