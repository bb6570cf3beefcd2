"""Bodies to arrays and back: what fits is taken as it was meant, and what does not is refused in one sentence."""

from __future__ import annotations

import io
import json
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from constructs_lib.edge.runtime.device.codec import CSV, JSON, NPY, decode, encode
from constructs_lib.edge.runtime.device.errors import BadRequest
from constructs_lib.edge.runtime.device.predictor import _TYPES, Mapped, Port

FLOATS = Port("X", "tensor(float)", (None, 3))
WHOLE = Port("n", "tensor(int8)", (None, 1))
WORDS = Port("word", "tensor(string)", (None, 1))
IMAGE = Port("image", "tensor(uint8)", (1, 2, 2))


def _json(document: Any) -> bytes:
    return json.dumps(document).encode()


def _npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


class TestIn:
    @pytest.mark.parametrize(
        ("body", "kind"),
        [
            (_json({"instances": [[1, 2.5, -3], [4, 5, None]]}), "application/json; charset=utf-8"),
            (_json({"instances": [[1, 2.5, -3], [4, 5, None]]}), ""),
            (_json({"instances": [{"X": [1, 2.5, -3]}, {"X": [4, 5, None]}]}), JSON),
            (_json({"inputs": {"X": [[1, 2.5, -3], [4, 5, None]]}}), JSON),
            (b"1,2.5,-3\n4,5,\n", CSV),
            (b"\xef\xbb\xbf1,2.5,-3\r\n\r\n4, 5,nan", "text/csv;header=absent"),
            (_npy(np.array([[1, 2.5, -3], [4, 5, np.nan]])), NPY),
            (_npy(np.asfortranarray(np.array([[1, 2.5, -3], [4, 5, np.nan]], ">f4"))), NPY),
        ],
    )
    def test_each_way_to_say_it(self, body: bytes, kind: str) -> None:
        found = decode(body, kind, [FLOATS])["X"]
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, np.array([[1, 2.5, -3], [4, 5, np.nan]], np.float32))

    @pytest.mark.parametrize("port_type", [each for each in _TYPES if each != "tensor(string)"])
    def test_each_type(self, port_type: str) -> None:
        port = Port("x", port_type, (None, 2))
        wanted = np.array([[1, 0]], port.dtype)
        for body, kind in [
            (_json({"instances": [[1, 0]]}), JSON),
            (_json({"instances": [[True, False]]}), JSON),
            (_json({"instances": [[1.0, 0.0]]}), JSON),
            (b"1,0", CSV),
            (_npy(np.array([[1, 0]], np.int16)), NPY),
            (_npy(wanted), NPY),
        ]:
            found = decode(body, kind, [port])["x"]
            assert found.dtype == port.dtype
            np.testing.assert_array_equal(found, wanted)

    def test_whole_numbers_keep_all_their_digits(self) -> None:
        port = Port("n", "tensor(int64)", (None, 1))
        for body, kind in [(_json({"instances": [[2**62 + 1]]}), JSON), (f"{2**62 + 1}".encode(), CSV)]:
            assert decode(body, kind, [port])["n"].tolist() == [[2**62 + 1]]

    def test_several_inputs(self) -> None:
        wanted = {"X": [[1.0, 2.0, 3.0]], "n": [[4]], "word": [["a"]]}
        ports = [FLOATS, WHOLE, WORDS]
        for body, kind in [
            (_json({"inputs": wanted}), JSON),
            (_json({"instances": [{name: rows[0] for name, rows in wanted.items()}]}), JSON),
            (b"1,2,3,4,a", CSV),
        ]:
            assert {k: v.tolist() for k, v in decode(body, kind, ports).items()} == wanted

    def test_rows_of_csv_take_the_shape_of_the_input(self) -> None:
        assert decode(b"1,2,3,4", CSV, [IMAGE])["image"].tolist() == [[[1, 2], [3, 4]]]

    @pytest.mark.parametrize(
        ("body", "kind", "port", "reason"),
        [
            (b"{", JSON, FLOATS, "no JSON"),
            (b"[" * 100_000, JSON, FLOATS, "no JSON"),
            (b"\xff", JSON, FLOATS, "no JSON"),
            (b"[1]", JSON, FLOATS, "neither instances nor inputs"),
            (_json({"instances": [], "inputs": {}}), JSON, FLOATS, "or both"),
            (_json({"instances": []}), JSON, FLOATS, "empty"),
            (_json({"instances": [[1, 2]]}), JSON, FLOATS, "X has shape 1×2"),
            (_json({"instances": [1, 2, 3]}), JSON, FLOATS, "X has shape 3"),
            (_json({"instances": [[1, 2, 3], [1, 2]]}), JSON, FLOATS, "no regular array"),
            (_json({"instances": [["1", "2", "3"]]}), JSON, FLOATS, "no numbers"),
            (_json({"instances": [[1, "2", 3]]}), JSON, FLOATS, "no numbers"),
            (_json({"instances": [[1, 10**400, 3]]}), JSON, FLOATS, "too large"),
            (_json({"instances": [[1, 1e300, 3]]}), JSON, FLOATS, "too large"),
            (_json({"instances": [[1, 1e300, None]]}), JSON, FLOATS, "too large"),
            (b"1,2,1e300", CSV, FLOATS, "too large"),
            (_json({"instances": [[1, {}, 3]]}), JSON, FLOATS, "no numbers"),
            (_json({"inputs": {"Y": [[1]]}}), JSON, FLOATS, "inputs has Y"),
            (_json({"inputs": [[1]]}), JSON, FLOATS, "inputs has list"),
            (_json({"instances": [[128]]}), JSON, WHOLE, "beyond -128…127"),
            (_json({"instances": [[1.5]]}), JSON, WHOLE, "no whole numbers"),
            (_json({"instances": [[None]]}), JSON, WHOLE, "no numbers"),
            (_json({"instances": [[1]]}), JSON, WORDS, "no strings"),
            (
                _json({"instances": [[2]]}),
                JSON,
                Port("b", "tensor(bool)", (None, 1)),
                "neither true nor false",
            ),
            (b"", CSV, FLOATS, "no row"),
            (b"1,2", CSV, FLOATS, "row 1 has 2 columns"),
            (b"1,2,3\n1,2", CSV, FLOATS, "row 2 has 2 columns"),
            (b"a,b,c", CSV, FLOATS, "no number"),
            (b"\xff", CSV, FLOATS, "no CSV"),
            (b"", NPY, FLOATS, "no npy array"),
            (_npy(np.zeros((1, 3)))[:-1], NPY, FLOATS, "no npy array"),
            (_npy(np.array([[object()]])), NPY, FLOATS, "no npy array"),
            (_npy(np.zeros((1, 3), [("a", "f4")])), NPY, FLOATS, "no npy array"),
            (_npy(np.zeros((1, 2))), NPY, FLOATS, "X has shape 1×2"),
            (_npy(np.array([["a", "b", "c"]])), NPY, FLOATS, "no numbers"),
        ],
    )
    def test_what_does_not_fit_is_refused(self, body: bytes, kind: str, port: Port, reason: str) -> None:
        with pytest.raises(BadRequest, match=reason) as told:
            decode(body, kind, [port])
        assert told.value.status == 400

    def test_an_npy_header_allocates_nothing(self) -> None:
        body = _npy(np.zeros((1, 3), np.float32)).replace(b"(1, 3), }            ", b"(1, 3000000000000), }")
        with pytest.raises(BadRequest, match="3000000000000"):
            decode(body, NPY, [FLOATS])

    def test_other_types_are_named(self) -> None:
        with pytest.raises(BadRequest) as told:
            decode(b"", "image/jpeg", [FLOATS])
        assert (told.value.status, told.value.allowed) == (415, (JSON, CSV, NPY))

    @settings(max_examples=300, deadline=None)
    @given(
        st.binary(max_size=60),
        st.sampled_from([JSON, CSV, NPY]),
        st.sampled_from([FLOATS, WHOLE, WORDS, IMAGE]),
    )
    def test_no_body_does_worse_than_a_refusal(self, body: bytes, kind: str, port: Port) -> None:
        try:
            found = decode(body, kind, [port])[port.name]
        except BadRequest:
            return
        assert found.dtype == port.dtype

    @settings(max_examples=300, deadline=None)
    @given(
        st.recursive(
            st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=3),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.just("X"), inner, max_size=1),
            max_leaves=8,
        ),
        st.sampled_from([FLOATS, WHOLE, WORDS, IMAGE]),
    )
    def test_no_document_does_worse_than_a_refusal(self, document: Any, port: Port) -> None:
        for body in ({"instances": document}, {"inputs": {port.name: document}}):
            try:
                found = decode(_json(body), JSON, [port])[port.name]
            except BadRequest:
                continue
            assert (found.dtype, found.ndim) == (port.dtype, len(port.shape))


class TestOut:
    OUTPUTS: ClassVar = {
        "label": np.array([1, 0]),
        "scores": Mapped((0, 1), np.array([[0.25, 0.75], [0.5, 0.5]], np.float32)),
    }

    def test_json_has_all_by_name(self) -> None:
        body, kind = encode(self.OUTPUTS, "")
        assert kind == JSON
        assert json.loads(body) == {
            "outputs": {"label": [1, 0], "scores": [{"0": 0.25, "1": 0.75}, {"0": 0.5, "1": 0.5}]}
        }

    def test_json_has_no_nan(self) -> None:
        body, _ = encode({"y": np.array([[1, np.nan], [np.inf, -np.inf]], np.float32)}, "*/*")
        assert json.loads(body, parse_constant=pytest.fail) == {"outputs": {"y": [[1.0, None], [None, None]]}}

    def test_sequences_and_strings(self) -> None:
        body, _ = encode({"s": [np.array([1]), np.array([2, 3])], "w": np.array(["é"], object)}, JSON)
        assert json.loads(body) == {"outputs": {"s": [[1], [2, 3]], "w": ["é"]}}

    def test_csv_has_a_row_each(self) -> None:
        body, kind = encode(self.OUTPUTS, "text/csv, application/json")
        assert (body, kind) == (b"1,0.25,0.75\n0,0.5,0.5\n", CSV)

    def test_npy_has_one(self) -> None:
        body, kind = encode(self.OUTPUTS, f"{NPY}; output=scores")
        assert kind == NPY
        np.testing.assert_array_equal(np.load(io.BytesIO(body)), self.OUTPUTS["scores"].scores)  # type: ignore[union-attr]
        body, _ = encode({"y": np.array(["a"], object)}, NPY)
        assert np.load(io.BytesIO(body)).tolist() == ["a"]

    @pytest.mark.parametrize(
        ("accept", "outputs", "reason"),
        [
            ("image/png", OUTPUTS, "Accept is image/png"),
            (NPY, OUTPUTS, "name the output"),
            (CSV, {"a": np.zeros(1), "b": np.zeros(2)}, "several lengths"),
            (CSV, {"a": np.zeros(())}, "no row for each record"),
            (NPY, {"a": [np.zeros(1)]}, "a sequence"),
        ],
    )
    def test_what_cannot_be_given_is_refused(self, accept: str, outputs: Any, reason: str) -> None:
        with pytest.raises(BadRequest, match=reason) as told:
            encode(outputs, accept)
        assert told.value.status == 415
        assert told.value.allowed
