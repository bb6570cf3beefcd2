"""What is told of inferences, and what of them is too large to be told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from constructs_lib.edge.runtime.device.buffer import DiskBuffer
from constructs_lib.edge.runtime.device.recorder import Recorder
from constructs_lib.edge.runtime.device.sampling import Sampler
from constructs_lib.edge.runtime.device.server import Inference
from constructs_lib.edge.runtime.device.summary import Counts


@pytest.fixture
def buffer(tmp_path: Path) -> Iterator[DiskBuffer]:
    made = DiskBuffer(tmp_path / "buffer", max_bytes=1 << 20)
    yield made
    made.close()


def told(buffer: DiskBuffer, *inferences: Inference) -> list[dict[str, Any]]:
    recorder = Recorder(buffer, Counts(), Sampler(100), thing="cam-1", inputs=True)
    recorder.start()
    for each in inferences:
        recorder.answered(each)
    recorder.stop(5)
    return [json.loads(each)["body"] for each in buffer.peek(1 << 30)[0]]


def inference(inputs: np.ndarray, outputs: np.ndarray) -> Inference:
    made = Inference("cam-1-0-1", "mine", "v1")
    made.inputs, made.outputs = {"X": inputs}, {"Y": outputs}
    return made


def words(count: int, length: int) -> np.ndarray:
    return np.array([["x" * length]] * count, dtype=object)


def test_values_are_told_until_they_are_too_many(buffer: DiskBuffer) -> None:
    little, much = np.zeros((1, 6400)), np.zeros((1, 6401))
    first, second = told(buffer, inference(little, much), inference(much, little))
    assert (len(first["input"]["X"][0]), first["output"]) == (6400, None)
    assert (second["input"], len(second["output"]["Y"][0])) == (None, 6400)


@pytest.mark.parametrize(("count", "length"), [(1, 500_000), (2000, 100), (6401, 0)])
def test_strings_are_told_until_they_are_too_long(buffer: DiskBuffer, count: int, length: int) -> None:
    """Otherwise one of megabytes would drive all others out of the buffer, and be cut from its message in the end."""
    one = told(buffer, inference(words(count, length), words(3, 10)))[0]
    assert (one["input"], one["output"]) == (None, {"Y": [["x" * 10]] * 3})


def test_some_strings_of_some_length_are_told(buffer: DiskBuffer) -> None:
    one = told(buffer, inference(words(1000, 100), words(1, 0)))[0]
    assert len(one["input"]["X"]) == 1000
