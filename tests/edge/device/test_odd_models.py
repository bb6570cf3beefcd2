"""Models, samples and values that hardly anybody has: each is served, or refused in a sentence."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, TypeProto, ValueInfoProto, helper

from constructs_lib.edge.runtime.device.codec import CSV, JSON, NPY, decode, encode
from constructs_lib.edge.runtime.device.errors import BadModel, BadRequest
from constructs_lib.edge.runtime.device.predictor import Predictor

from .support import ROWS, classifier, golden

Value = ValueInfoProto


def value(name: str, type: int, shape: list[int | None] | None) -> Value:
    """Without a shape, of any."""
    if shape is not None:
        return helper.make_tensor_value_info(name, type, shape)
    return Value(name=name, type=TypeProto(tensor_type=TypeProto.Tensor(elem_type=type)))


def echo(folder: Path, type: int, shape: list[int | None] | None, *, outputs: bool = True) -> Predictor:
    """What it is given comes back."""
    node = helper.make_node("Identity", ["X"], ["Y"])
    found = [value("Y", type, shape)] if outputs else []
    graph = helper.make_graph([node], "echo", [value("X", type, shape)], found)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    (folder / "model.onnx").write_bytes(made.SerializeToString())
    return Predictor(folder, threads=1)


def echoed(predictor: Predictor, body: bytes, kind: str = JSON) -> Any:
    content, _ = encode(predictor.predict(decode(body, kind, predictor.inputs)), JSON)
    return json.loads(content)["outputs"]["Y"]


class TestShapes:
    def test_a_size_of_minus_one_is_any(self, tmp_path: Path) -> None:
        predictor = echo(tmp_path, TensorProto.FLOAT, [-1, 2])
        predictor.check(tmp_path)
        assert echoed(predictor, b'{"instances": [[1, 2], [3, 4], [5, 6]]}') == [[1, 2], [3, 4], [5, 6]]

    @pytest.mark.parametrize("given", [2.5, [1, 2], [[1, 2], [3, 4]]])
    def test_without_a_shape_any_is_taken(self, tmp_path: Path, given: Any) -> None:
        predictor = echo(tmp_path, TensorProto.FLOAT, None)
        assert echoed(predictor, json.dumps({"inputs": {"X": given}}).encode()) == given

    def test_without_a_shape_rows_of_csv_are_rows(self, tmp_path: Path) -> None:
        predictor = echo(tmp_path, TensorProto.FLOAT, None)
        assert echoed(predictor, b"1,2\n3,4\n", CSV) == [[1, 2], [3, 4]]

    def test_a_single_value_is_taken(self, tmp_path: Path) -> None:
        predictor = echo(tmp_path, TensorProto.FLOAT, [])
        assert echoed(predictor, b'{"inputs": {"X": 2}}') == 2

    def test_no_rows_are_no_answers(self, tmp_path: Path) -> None:
        file = io.BytesIO()
        np.save(file, np.zeros((0, 2), np.float32))
        predictor = echo(tmp_path, TensorProto.FLOAT, [None, 2])
        assert echoed(predictor, file.getvalue(), NPY) == []

    def test_a_model_that_answers_nothing_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(BadModel, match="no output"):
            echo(tmp_path, TensorProto.FLOAT, [None, 2], outputs=False)


class TestStrings:
    @pytest.mark.parametrize("text", ["", "\0", "a\0b", "😀", "\ufffd"])
    def test_text_comes_back(self, tmp_path: Path, text: str) -> None:
        predictor = echo(tmp_path, TensorProto.STRING, [None, 1])
        assert echoed(predictor, json.dumps({"instances": [[text]]}).encode()) == [[text]]

    @pytest.mark.parametrize(
        ("body", "kind"),
        [
            (b'{"instances": [["\\ud800"]]}', JSON),
            (b'{"instances": [["a"], ["\\udfff"]]}', JSON),
        ],
    )
    def test_what_is_no_text_is_refused(self, tmp_path: Path, body: bytes, kind: str) -> None:
        predictor = echo(tmp_path, TensorProto.STRING, [None, 1])
        with pytest.raises(BadRequest, match="X has a string that is no text") as refused:
            predictor.predict(decode(body, kind, predictor.inputs))
        assert refused.value.status == 400

    @pytest.mark.parametrize("beyond", [0xD800, 0x110000, 0xFFFFFFFF])
    def test_characters_that_are_none_are_refused_in_npy(self, tmp_path: Path, beyond: int) -> None:
        file = io.BytesIO()
        np.save(file, np.array([["ab"]]))
        raw = file.getvalue()[:-8] + beyond.to_bytes(4, "little") * 2
        predictor = echo(tmp_path, TensorProto.STRING, [None, 1])
        with pytest.raises(BadRequest, match="no text") as refused:
            predictor.predict(decode(raw, NPY, predictor.inputs))
        assert refused.value.status == 400


class TestSamples:
    def refused(self, folder: Path, reason: str, **files: bytes) -> None:
        (folder / "model.onnx").write_bytes(classifier())
        for name, content in files.items():
            (folder / name.replace("_", ".")).write_bytes(content)
        predictor = Predictor(folder, threads=1)
        with pytest.raises(BadModel, match=reason):
            predictor.check(folder)

    def test_an_array_alone_is_no_sample(self, tmp_path: Path) -> None:
        file = io.BytesIO()
        np.save(file, ROWS[:2])
        self.refused(tmp_path, r"golden.npz cannot be read", golden_npz=file.getvalue())

    def test_a_sample_that_is_damaged_within(self, tmp_path: Path) -> None:
        file = io.BytesIO()
        np.savez_compressed(file, input_X=ROWS[:50])
        with zipfile.ZipFile(file) as archive:
            at = archive.infolist()[0].header_offset + 60
        spoilt = bytearray(file.getvalue())
        spoilt[at : at + 200] = b"\xff" * 200
        self.refused(tmp_path, r"golden.npz cannot be read", golden_npz=bytes(spoilt))

    @pytest.mark.parametrize(
        ("metadata", "reason"),
        [
            (b'{"tolerance": 1' + b"0" * 400 + b"}", "tolerance"),
            (b'{"inputs": [{"name": ["X"]}]}', "no list of objects"),
            (b'{"inputs": [{"name": {}}]}', "no list of objects"),
            (b'{"inputs": [{"name": "X", "shape": [[], 30]}], "outputs": 5}', "no list of objects"),
            (b"[" * 100_000, "cannot be read"),
            (b"\xff", "cannot be read"),
            (b"[]", "no object"),
        ],
        ids=range(7),
    )
    def test_odd_metadata(self, tmp_path: Path, metadata: bytes, reason: str) -> None:
        sample = golden({"X": ROWS[:4] / 1000}, {"label": np.zeros(4, np.int64)})
        self.refused(tmp_path, reason, metadata_json=metadata, golden_npz=sample)
