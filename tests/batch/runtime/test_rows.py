"""Lines as typed records, and what is none."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from constructs_lib.batch.runtime.chunks import Chunk
from constructs_lib.batch.runtime.rows import BadRecord, Column, Value, path_steps, rows

CHUNK = Chunk(n=0, what="out", bucket="b", key="out/1.csv.out", start=0, end=-1, size=9)


def _one(line: str | bytes, columns: Sequence[Column], format: str = "csv") -> list[Value]:
    body = line if isinstance(line, bytes) else line.encode()
    ((offset, values),) = rows([(17, body)], CHUNK, columns, format)
    assert offset == 17
    return values


def _cell(type: str, text: str) -> Value:
    """The value of a field of CSV, quoted as csv.writer does where it must be."""
    return _one(f"k,{text}", [Column(name="id", type="string", role="key"), Column(name="x", type=type)])[1]


def _member(type: str, value: object) -> Value:
    return _one(json.dumps({"x": value}), [Column(name="x", type=type)], "jsonl")[0]


@pytest.mark.parametrize(
    ("type", "text", "value"),
    [
        ("string", " a ", " a "),
        ("string", "", None),
        ("string", "NaN", "NaN"),
        ("string", '"a,""b"""', 'a,"b"'),
        ("string", "5' 11", "5' 11"),
        ("int", " 7 ", 7),
        ("int", "007", 7),
        ("int", "-2147483648", -(2**31)),
        ("int", "1.0", 1),
        ("int", "1e5", 100_000),
        ("int", "0e99999", 0),
        ("int", "", None),
        ("int", "NaN", None),
        ("bigint", "9223372036854775807", 2**63 - 1),
        ("bigint", "9007199254740993.0", 2**53 + 1),
        ("double", "3", 3.0),
        ("double", "1e5", 1e5),
        ("double", " .5", 0.5),
        ("double", "5.", 5.0),
        ("double", "-nan", None),
        ("double", " ", None),
        ("double", "1e-400", 0.0),
        ("boolean", "TRUE", True),
        ("boolean", " 0", False),
        ("boolean", "", None),
    ],
)
def test_fields_of_csv(type: str, text: str, value: Value) -> None:
    found = _cell(type, text)
    assert (found, found.__class__) == (value, value.__class__)


@pytest.mark.parametrize(
    ("type", "text", "reason"),
    [
        ("int", "2147483648", "32 bits"),
        ("int", "-2147483649", "32 bits"),
        ("int", "1.5", "no integer"),
        ("int", "1_000", "no integer"),
        ("int", "٣", "no integer"),
        ("int", "inf", "no integer"),
        ("int", "1e999999", "64 bits"),
        ("bigint", "9223372036854775808", "64 bits"),
        ("bigint", "1" * 5000, "64 bits"),
        ("double", "inf", "no finite number"),
        ("double", "-Infinity", "no finite number"),
        ("double", "1e400", "no finite number"),
        ("double", "1_0", "no finite number"),
        ("double", "0x10", "no finite number"),
        ("double", "None", "no finite number"),
        ("boolean", "yes", "no boolean"),
        ("boolean", "1.0", "no boolean"),
        ("string", "a\0b", "NUL"),
    ],
)
def test_fields_that_are_not_what_they_should_be(type: str, text: str, reason: str) -> None:
    with pytest.raises(BadRecord, match=rf"s3://b/out/1.csv.out, byte 17: x is '.*{reason}"):
        _cell(type, text)


@pytest.mark.parametrize(
    ("type", "given", "value"),
    [
        ("string", "a", "a"),
        ("string", "", ""),
        ("string", 12, "12"),
        ("string", 0.1, "0.1"),
        ("string", False, "false"),
        ("string", math.nan, None),
        ("int", 7, 7),
        ("int", 7.0, 7),
        ("int", "7", 7),
        ("int", None, None),
        ("int", math.nan, None),
        ("bigint", -(2**63), -(2**63)),
        ("double", 1, 1.0),
        ("double", "1.5", 1.5),
        ("double", math.nan, None),
        ("boolean", True, True),
        ("boolean", 0, False),
        ("boolean", "False", False),
    ],
)
def test_members_of_json(type: str, given: object, value: Value) -> None:
    found = _member(type, given)
    assert (found, found.__class__) == (value, value.__class__)


@pytest.mark.parametrize(
    ("type", "given", "reason"),
    [
        ("string", ["a"], "no text"),
        ("string", math.inf, "no finite number"),
        ("string", "\ud800", "half a character"),
        ("int", True, "no integer"),
        ("int", 1.5, "no integer"),
        ("int", 2.0**60, "no integer"),
        ("int", 2**31, "32 bits"),
        ("double", math.inf, "no finite number"),
        ("double", 10**400, "no finite number"),
        ("double", True, "no number"),
        ("double", {}, "no number"),
        ("boolean", 2, "no boolean"),
        ("boolean", 1.0, "no boolean"),
        ("boolean", [], "no boolean"),
    ],
)
def test_members_that_are_not_what_they_should_be(type: str, given: object, reason: str) -> None:
    with pytest.raises(BadRecord, match=f"x is .*{reason}"):
        _member(type, given)


def test_paths() -> None:
    columns = [
        Column(name="id", type="string", role="key"),
        Column(name="score", type="double", path="SageMakerOutput.predictions[0].score"),
        Column(name="dotted.name", type="int"),
        Column(name="second", type="int", path="$.list[1]"),
    ]
    whole = {
        "id": "c",
        "SageMakerOutput": {"predictions": [{"score": 0.5}]},
        "dotted.name": 1,
        "list": [1, 2],
    }
    assert _one(json.dumps(whole), columns, "jsonl") == ["c", 0.5, 1, 2]
    assert _one(json.dumps({**whole, "SageMakerOutput": None}), columns, "jsonl")[1] is None
    for changed in (
        {"SageMakerOutput": {}},
        {"SageMakerOutput": {"predictions": []}},
        {"SageMakerOutput": 3},
    ):
        with pytest.raises(BadRecord, match="score is not there"):
            _one(json.dumps({**whole, **changed}), columns, "jsonl")
    assert _one("[[1, 2]]", [Column(name="x", type="int", path="[0][1]")], "jsonl") == [2]
    with pytest.raises(BadRecord, match="x is not there"):
        _one("[1]", [Column(name="x", type="int")], "jsonl")


@pytest.mark.parametrize("path", ["", "$", "a..b", "a[", "a[x]", "a[-1]", "a[0]b", "a.", "$."])
def test_what_is_no_path(path: str) -> None:
    if path == "$":
        assert path_steps(path) == ["$"]
        return
    with pytest.raises(ValueError, match="no path"):
        path_steps(path)


@pytest.mark.parametrize(
    ("line", "format", "reason"),
    [
        ("a", "csv", "1 fields, and there are 2 columns"),
        ("a,1,2", "csv", "3 fields"),
        ('a,"b', "csv", "no CSV"),
        ('a,"b"c', "csv", "no CSV"),
        (b"a,\xff", "csv", "no UTF-8"),
        ("{", "jsonl", "no JSON"),
        ("[" * 100_000, "jsonl", "no JSON"),
        (b'{"id": "\xff"}', "jsonl", "no UTF-8"),
        ('{"id": "a"}', "jsonl", "x is not there"),
        (",1", "csv", "id is a key, and empty"),
        (",1\0", "csv", "id is a key, and empty"),
        ('{"id": null, "x": 1}', "jsonl", "id is a key, and empty"),
        ('{"id": "", "x": 1}', "jsonl", "id is a key, and empty"),
    ],
)
def test_lines_that_are_no_records(line: str | bytes, format: str, reason: str) -> None:
    columns = [Column(name="id", type="string", role="key"), Column(name="x", type="string")]
    with pytest.raises(BadRecord, match=reason) as raised:
        _one(line, columns, format)
    assert raised.value.problem["object"] == "s3://b/out/1.csv.out"
    assert raised.value.problem["offset"] == 17
    assert len(str(raised.value)) < 200


def test_a_long_value_is_shortened() -> None:
    with pytest.raises(BadRecord) as raised:
        _cell("int", "x" * 10_000)
    assert len(str(raised.value)) < 120


@settings(deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_doubles_come_as_they_were_written(value: float) -> None:
    assert _cell("double", repr(value)) == value
    assert _member("double", value) == value


@settings(deadline=None)
@given(st.integers(-(2**63), 2**63 - 1))
def test_integers_come_as_they_were_written(value: int) -> None:
    assert _cell("bigint", str(value)) == value
    assert _member("bigint", value) == value
