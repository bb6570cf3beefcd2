"""A model in memory, and the trial of one in a process of its own: it is what was handed over, or it is refused."""

from __future__ import annotations

import json
import platform
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from constructs_lib.edge.runtime.device.errors import BadModel, NoVerdict
from constructs_lib.edge.runtime.device.memory import rss_mb
from constructs_lib.edge.runtime.device.predictor import Mapped, Predictor
from constructs_lib.edge.runtime.device.trial import try_model

from .support import ROWS, classifier, constant_model, estimator, golden


class TestTrial:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        return tmp_path

    def test_a_good_model(self, folder: Path) -> None:
        (folder / "model.onnx").write_bytes(classifier())
        tried = try_model(folder, threads=1, memory_mb=None)
        assert 0 < tried.growth_mb < 100
        assert "takes zeros" in tried.checked

    @pytest.mark.skipif(platform.machine() != "x86_64", reason="other processors do not trap")
    def test_one_that_ends_its_process(self, folder: Path) -> None:
        (folder / "model.onnx").write_bytes(constant_model(1, kills=True))
        with pytest.raises(BadModel, match="SIGFPE"):
            try_model(folder, threads=1, memory_mb=None)

    @pytest.mark.parametrize("size", [300, 4000])
    def test_one_that_is_too_large(self, folder: Path, size: int) -> None:
        (folder / "model.onnx").write_bytes(constant_model(1, folded_mb=size))
        limit = int(rss_mb()) + 150
        with pytest.raises(BadModel, match=f"may take {limit} MiB, has 1[45]. MiB left"):
            try_model(folder, threads=1, memory_mb=limit)

    def test_one_that_does_not_come_to_an_end(self, folder: Path) -> None:
        (folder / "model.onnx").write_bytes(classifier())
        with pytest.raises(BadModel, match=r"within 0.01 s"):
            try_model(folder, threads=1, memory_mb=None, seconds=0.01)

    def test_without_onnxruntime_nothing_is_said_of_it(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (folder / "model.onnx").write_bytes(classifier())
        (folder / "onnxruntime.py").write_text("raise ImportError('libatomic.so.1 is missing')")
        monkeypatch.syspath_prepend(folder)
        with pytest.raises(NoVerdict, match=r"not there: libatomic.so.1 is missing"):
            try_model(folder, threads=1, memory_mb=None)

    def test_what_nobody_thought_of_is_told_in_a_sentence(self, folder: Path) -> None:
        (folder / "model.onnx").write_bytes(constant_model(1))
        sample = golden({"X": np.zeros((1, 4), np.float32)}, {"y": np.zeros((1, 1), "M8[s]")})
        (folder / "golden.npz").write_bytes(sample)
        with pytest.raises(BadModel) as refused:
            try_model(folder, threads=1, memory_mb=None)
        assert "Traceback" not in str(refused.value)

    def test_with_nothing_left_there_is_no_trial(self, folder: Path) -> None:
        with pytest.raises(BadModel, match="has 0 MiB left"):
            try_model(folder, threads=1, memory_mb=1)


class TestPredictor:
    def _predictor(self, folder: Path, model: bytes, **files: bytes) -> Predictor:
        (folder / "model.onnx").write_bytes(model)
        for name, content in files.items():
            (folder / name.replace("_", ".")).write_bytes(content)
        return Predictor(folder, threads=1)

    def test_scores_by_class_are_those_of_the_estimator(self, tmp_path: Path) -> None:
        found = self._predictor(tmp_path, classifier(zipmap=True)).predict({"X": ROWS / 1000})
        scores = found["probabilities"] if "probabilities" in found else found["output_probability"]
        assert isinstance(scores, Mapped)
        assert scores.classes == (0, 1)
        np.testing.assert_allclose(scores.scores, estimator(0).predict_proba(ROWS / 1000), atol=1e-5)

    @pytest.mark.parametrize(
        ("document", "reason"),
        [
            ({"inputs": [{"name": "X", "type": "tensor(float)", "shape": [None, 30]}]}, None),
            ({"inputs": [{"name": "X", "shape": [None, None]}]}, None),
            ({"inputs": [{"name": "Y"}]}, "its inputs are X; metadata.json says Y"),
            ({"inputs": [{"name": "X", "type": "tensor(double)"}]}, "metadata.json says tensor.double"),
            ({"inputs": [{"name": "X", "shape": [None, 31]}]}, "31"),
            ({"inputs": [{"name": "X", "shape": [None]}]}, "of shape"),
            ({"inputs": "X"}, "no list of objects"),
            ({"outputs": []}, "its outputs are"),
            ([], "no object"),
        ],
    )
    def test_a_model_is_what_its_metadata_says(
        self, tmp_path: Path, document: Any, reason: str | None
    ) -> None:
        predictor = self._predictor(tmp_path, classifier(), metadata_json=json.dumps(document).encode())
        if reason is None:
            predictor.check(tmp_path)
            return
        with pytest.raises(BadModel, match=reason):
            predictor.check(tmp_path)

    @pytest.mark.parametrize(
        ("inputs", "outputs", "tolerance", "reason"),
        [
            ({"X": ROWS[:4] / 1000}, {"probabilities": 0.0}, 1e-4, None),
            ({"X": ROWS[:4] / 1000}, {"probabilities": 0.01}, 1e-4, "off by 0.01, and 0.0001"),
            ({"X": ROWS[:4] / 1000}, {"probabilities": 0.01}, 0.02, None),
            ({"X": ROWS[:4] / 1000}, {"probabilities": np.nan}, 1e9, "off by nan"),
            ({"X": ROWS[:4] / 1000}, {"label": 1}, 1e9, "label is not what"),
            ({"Y": ROWS[:4] / 1000}, {"label": 0}, 0, "for other inputs: Y"),
            ({"X": ROWS[:4].astype(int)}, {"label": 0}, 0, "has int64 for the input X"),
            ({"X": ROWS[:4, :3]}, {"label": 0}, 0, "cannot answer its golden sample"),
            ({"X": ROWS[:4] / 1000}, {}, 0, "no input_… or no output_…"),
            ({"X": ROWS[:4] / 1000}, {"other": 0}, 0, "another output: other"),
            ({"X": ROWS[:4] / 1000}, {"label": 0}, "x", "tolerance 'x'"),
            ({"X": ROWS[:4] / 1000}, {"label": 0}, -1, "tolerance -1"),
        ],
    )
    def test_a_model_answers_as_its_golden_sample_says(
        self, tmp_path: Path, inputs: Any, outputs: dict[str, Any], tolerance: Any, reason: str | None
    ) -> None:
        rows = ROWS[:4] / 1000
        right = {
            "probabilities": estimator(0).predict_proba(rows).astype(np.float32),
            "label": estimator(0).predict(rows),
        }
        wanted = {name: right.get(name, np.zeros(4)) + off for name, off in outputs.items()}
        predictor = self._predictor(
            tmp_path,
            classifier(),
            golden_npz=golden(inputs, wanted),
            metadata_json=json.dumps({"tolerance": tolerance}).encode(),
        )
        if reason is None:
            assert "golden" in predictor.check(tmp_path)
            return
        with pytest.raises(BadModel, match=reason):
            predictor.check(tmp_path)

    def test_a_golden_sample_that_would_run_code_is_refused(self, tmp_path: Path) -> None:
        file = golden({"X": np.array([object()])}, {"label": np.array([object()])})
        with pytest.raises(BadModel, match=r"golden.npz cannot be read.*allow_pickle"):
            self._predictor(tmp_path, classifier(), golden_npz=file).check(tmp_path)
