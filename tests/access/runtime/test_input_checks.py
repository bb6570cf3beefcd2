"""Bodies are what they say they are before a model sees them."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constructs_lib.access.runtime.input_checks import check
from constructs_lib.access.runtime.refusals import Refusal
from tests.support.served import settings

CSV, JSON, LINES = "text/csv", "application/json", "application/jsonlines"


def code(body: bytes, media_type: str, **limits: Any) -> str:
    try:
        check(body, media_type, settings(**limits))
    except Refusal as refusal:
        return refusal.code
    return "OK"


@pytest.mark.parametrize(
    ("body", "media_type", "found"),
    [
        (b"1,2\n3,4\n", CSV, "OK"),
        (b"\xef\xbb\xbf1,2", CSV, "OK"),
        (b'"a,b",2', CSV, "OK"),
        (b'"a', CSV, "InvalidInput"),
        (b"\xff", CSV, "InvalidInput"),
        (b"", CSV, "InvalidInput"),
        (b"\n\n", CSV, "InvalidInput"),
        (b'"' + b"x" * 200_000 + b'",2', CSV, "OK"),
        (b'{"instances": [[1, 2], [3, 4]]}', JSON, "OK"),
        (b"[]", JSON, "InvalidInput"),
        (b'{"instances": []}', JSON, "InvalidInput"),
        (b"{", JSON, "InvalidInput"),
        (b"[" * 100_000, JSON, "InvalidInput"),
        (b"{}", JSON, "OK"),
        (b'{"a": 1}\n\n{"a": 2}', LINES, "OK"),
        ('["a\u2028b"]'.encode(), LINES, "OK"),
        (b'{"a": 1}\n{"a"', LINES, "InvalidInput"),
        (b"\xff\x00", "application/octet-stream", "OK"),
        (b"", "application/octet-stream", "OK"),
    ],
)
def test_form(body: bytes, media_type: str, found: str) -> None:
    assert code(body, media_type, most_bytes=1_000_000) == found


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        (b"1,2\n3,4\n", CSV),
        (b"[[1, 2], [3, 4]]", JSON),
        (b'{"inputs": [[1, 2], [3, 4]]}', JSON),
        (b"[1, 2]\n[3, 4]", LINES),
    ],
)
def test_rows_and_columns_are_counted_in_every_format(body: bytes, media_type: str) -> None:
    assert code(body, media_type, most_rows=2, columns=2) == "OK"
    assert code(body, media_type, most_rows=1) == "InvalidInput"
    assert code(body, media_type, columns=3) == "InvalidInput"
    assert code(body, media_type, columns=3, well_formed=False) == "InvalidInput"


def test_a_flat_list_is_a_row_and_an_object_has_no_columns() -> None:
    assert code(b"[1, 2, 3]", JSON, most_rows=1, columns=3) == "OK"
    assert code(b'{"a": 1}', JSON, most_rows=1, columns=3) == "OK"


def test_size_and_type_come_first() -> None:
    assert code(b"1" * 1000, CSV) == "OK"
    assert code(b"1" * 1001, CSV) == "PayloadTooLarge"
    assert code(b"{", JSON, content_types=(CSV,)) == "UnsupportedMediaType"
    assert code(b"{", JSON, well_formed=False) == "OK"


def test_what_is_wrong_says_where_and_not_what() -> None:
    with pytest.raises(Refusal) as caught:
        check(b'{"secret": nope}', JSON, settings())

    assert str(caught.value) == "InvalidInput: the body is no JSON at character 11"


@given(st.binary(max_size=300), st.sampled_from([CSV, JSON, LINES, "x/y"]))
def test_whatever_comes_is_taken_or_refused(body: bytes, media_type: str) -> None:
    with contextlib.suppress(Refusal):
        check(body, media_type, settings(most_rows=2, columns=2))


@given(
    st.lists(st.lists(st.floats(allow_nan=False), min_size=1, max_size=4), min_size=1, max_size=4).filter(
        lambda rows: len({len(row) for row in rows}) == 1
    )
)
def test_what_is_well_formed_is_let_in(rows: list[list[float]]) -> None:
    limits = {"most_rows": len(rows), "columns": len(rows[0]), "most_bytes": 100_000}
    assert code("\n".join(",".join(map(str, row)) for row in rows).encode(), CSV, **limits) == "OK"
    assert code(json.dumps(rows).encode(), JSON, **limits) == "OK"
    assert code("\n".join(map(json.dumps, rows)).encode(), LINES, **limits) == "OK"
