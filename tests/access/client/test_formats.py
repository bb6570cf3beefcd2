"""What is written in a format is read back."""

from __future__ import annotations

import json
import math

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from constructs_lib.access.client import Csv, CsvNumbers, Json, JsonLines, Npy, Raw

SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)
CELLS = st.text(st.characters(codec="utf-8"), max_size=20)
ROWS = st.lists(st.lists(CELLS, min_size=1, max_size=4), max_size=5)
NUMBERS = st.lists(st.lists(st.floats(allow_nan=False), min_size=1, max_size=4), max_size=5)


@given(VALUES)
def test_json(value: object) -> None:
    assert Json().load(Json().dump(value), "") == value


@given(st.lists(VALUES, max_size=5))
def test_json_lines(values: list[object]) -> None:
    body = JsonLines().dump(values)
    assert body.count(b"\n") == len(values)
    assert JsonLines().load(body, "") == values


@given(ROWS)
def test_csv(rows: list[list[str]]) -> None:
    assert Csv().load(Csv().dump(rows), "text/csv; charset=utf-8") == rows


@given(NUMBERS)
def test_numbers(rows: list[list[float]]) -> None:
    assert CsvNumbers().load(CsvNumbers().dump(rows), "text/csv") == rows


@given(arrays.arrays(arrays.scalar_dtypes(), arrays.array_shapes(min_dims=0, min_side=0, max_side=4)))
def test_npy(array: numpy.ndarray) -> None:
    read = Npy().load(Npy().dump(array), "")
    assert (read.dtype, read.shape) == (array.dtype, array.shape)
    assert read.tobytes() == array.tobytes()


@given(st.binary())
def test_raw(body: bytes) -> None:
    assert Raw().load(Raw().dump(body), "") == body


@given(st.binary(max_size=200))
def test_bytes_that_are_no_array_are_a_value_error(body: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  numpy's own words
        Npy().load(body, "")


def test_one_row_may_be_given_as_it_is() -> None:
    assert Csv().dump([5.1, 3.5, None, "a,b"]) == b'5.1,3.5,,"a,b"\n'
    assert Csv().dump([[5.1], [3.5]]) == b"5.1\n3.5\n"
    assert Csv().dump([]) == b""


def test_arrays_are_rows_and_lists() -> None:
    array = numpy.array([[1, 2], [3, 4]], dtype="int32")
    assert Csv().dump(array) == b"1,2\n3,4\n"
    assert Csv().dump(array[0]) == b"1,2\n"
    assert Csv().dump(list(array)) == b"1,2\n3,4\n"
    assert Csv().dump([[numpy.float32(0.5), numpy.int64(7)]]) == b"0.5,7\n"
    assert json.loads(Json().dump({"rows": array, "one": numpy.float32(0.5)})) == {
        "rows": [[1, 2], [3, 4]],
        "one": 0.5,
    }
    assert JsonLines().dump(array) == b"[1,2]\n[3,4]\n"
    assert Npy().load(Npy().dump([[1.5]]), "").tolist() == [[1.5]]


@pytest.mark.parametrize(
    ("format", "data"),
    [
        (Json(), math.nan),
        (Json(), {1, 2}),
        (JsonLines(), "text"),
        (JsonLines(), 7),
        (Csv(), "a,b"),
        (Csv(), {"a": 1}),
        (Csv(), [[[1]]]),
        (Csv(), [[1], 2]),
        (Raw(), [1]),
        (Npy(), [object()]),
    ],
)
def test_what_a_format_cannot_say(format: Json | Npy, data: object) -> None:
    with pytest.raises((ValueError, TypeError)):
        format.dump(data)


def test_a_model_may_answer_nan_and_other_alphabets() -> None:
    value = Json().load(b"[NaN]", "")
    assert isinstance(value, list)
    assert str(value[0]) == "nan"
    assert Csv().load("é\n".encode("latin-1"), "text/csv; charset=latin-1") == [["é"]]


@pytest.mark.parametrize("body", [b'"open', b'"a"b'])
def test_csv_that_is_none(body: bytes) -> None:
    with pytest.raises(ValueError, match="not CSV"):
        Csv().load(body, "text/csv")


def test_arrays_of_objects_are_not_unpickled() -> None:
    import io

    buffer = io.BytesIO()
    numpy.save(buffer, numpy.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match="allow_pickle"):
        Npy().load(buffer.getvalue(), "")
