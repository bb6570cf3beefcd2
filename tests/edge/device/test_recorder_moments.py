"""When results are written: at moments that hold up no request, and all of them in the end."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from constructs_lib.edge.runtime.device import recorder as module
from constructs_lib.edge.runtime.device.buffer import DiskBuffer
from constructs_lib.edge.runtime.device.recorder import Recorder
from constructs_lib.edge.runtime.device.sampling import Sampler
from constructs_lib.edge.runtime.device.server import Inference
from constructs_lib.edge.runtime.device.summary import Counts

from .support import until


@pytest.fixture
def buffer(tmp_path: Path) -> Iterator[DiskBuffer]:
    made = DiskBuffer(tmp_path / "buffer", max_bytes=1_000_000)
    yield made
    made.close()


@pytest.fixture
def recorder(buffer: DiskBuffer) -> Iterator[Recorder]:
    made = Recorder(buffer, Counts(), Sampler(100), thing="cam-1", inputs=True)
    made.start()
    yield made
    made.stop(5)


def tell(recorder: Recorder) -> None:
    inference = Inference(recorder.new_id(), "mine", "1.0.0")
    inference.inputs = inference.outputs = {"x": np.ones(2, np.float32)}
    recorder.answered(inference)


def test_a_result_is_written_though_no_model_computes(recorder: Recorder, buffer: DiskBuffer) -> None:
    tell(recorder)
    until(lambda: buffer.records == 1)
    (record,), _ = buffer.peek(10_000)
    body = json.loads(record)["body"]
    assert body["id"] == f"cam-1-{recorder.boot}-1"
    assert body["input"] == body["output"] == {"x": [1.0, 1.0]}


def test_a_result_waits_until_a_model_computes(
    recorder: Recorder, buffer: DiskBuffer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PATIENCE", 600)
    recorder.computing()  # of its own request: that moment is over when it is answered
    tell(recorder)
    time.sleep(0.2)
    assert buffer.records == 0
    recorder.computing()
    until(lambda: buffer.records == 1)


def test_where_many_wait_they_are_written_whatever_the_moment(
    recorder: Recorder, buffer: DiskBuffer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PATIENCE", 600)
    for _ in range(module.WAITING // 2 + 2):
        tell(recorder)
    until(lambda: buffer.records == module.WAITING // 2 + 2)


def test_stopping_writes_what_waits(
    recorder: Recorder, buffer: DiskBuffer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PATIENCE", 600)
    for _ in range(100):
        tell(recorder)
    recorder.stop(30)
    assert buffer.records == 100
