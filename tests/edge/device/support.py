"""Real models for the device, archives of them, and programs that run them in processes of their own."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression

from tools.core_devices import UnixConnection

REPOSITORY = Path(__file__).parents[3]
MODULE = "constructs_lib.edge.runtime.device"
ROWS = load_breast_cancer().data.astype(np.float32)
LABELS = load_breast_cancer().target


@cache
def estimator(seed: int) -> LogisticRegression:
    """Another one for each seed."""
    chosen = np.random.default_rng(seed).choice(len(ROWS), 300, replace=False)
    return LogisticRegression(max_iter=50, C=0.01 * (seed + 1)).fit(ROWS[chosen] / 1000, LABELS[chosen])


@cache
def classifier(seed: int = 0, *, zipmap: bool = False) -> bytes:
    """A classifier of breast cancer, which takes rows of 30 thousandths."""
    types = [("X", FloatTensorType([None, 30]))]
    options = {"zipmap": zipmap}
    made = convert_sklearn(estimator(seed), initial_types=types, options={LogisticRegression: options})
    return made.SerializeToString()


def constant_model(number: float, *, folded_mb: int = 0, kills: bool = False) -> bytes:
    """Answers each row's sum, and `number` beside it.

    :param folded_mb: that ONNX Runtime makes of a few bytes while it loads them.
    :param kills: divides the least whole number by -1 while it is loaded, which ends the process (SIGFPE; x86).
    """
    x = helper.make_tensor_value_info("X", TensorProto.FLOAT, [None, 4])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 1])
    which = helper.make_tensor_value_info("which", TensorProto.FLOAT, [None, 1])
    values = {
        "ones": np.ones((4, 1), np.float32),
        "zeros": np.zeros((4, 1), np.float32),
        "offset": np.array([number], np.float32),
        "shape": np.array([folded_mb * 1024**2 // 4], np.int64),
        "least": np.array([-(2**31)], np.int32),
        "minus": np.array([-1], np.int32),
    }
    nodes = [
        helper.make_node("MatMul", ["X", "ones"], ["y"]),
        helper.make_node("MatMul", ["X", "zeros"], ["nothing"]),
        helper.make_node("Add", ["nothing", "offset"], ["which"]),
    ]
    outputs = [y, which]
    if folded_mb:
        nodes.append(helper.make_node("ConstantOfShape", ["shape"], ["wide"]))
        nodes.append(helper.make_node("Exp", ["wide"], ["large"]))
        outputs.append(helper.make_tensor_value_info("large", TensorProto.FLOAT, [None]))
    if kills:
        nodes.append(helper.make_node("Div", ["least", "minus"], ["none"]))
        outputs.append(helper.make_tensor_value_info("none", TensorProto.INT32, [1]))
    used = {each for node in nodes for each in node.input}
    initializers = [numpy_helper.from_array(value, name) for name, value in values.items() if name in used]
    graph = helper.make_graph(nodes, "constant", [x], outputs, initializers)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return made.SerializeToString()


def golden(inputs: Mapping[str, np.ndarray], outputs: Mapping[str, np.ndarray]) -> bytes:
    file = io.BytesIO()
    arrays = {f"input_{k}": v for k, v in inputs.items()} | {f"output_{k}": v for k, v in outputs.items()}
    np.savez(file, **arrays)
    return file.getvalue()


def packed(path: Path, files: Mapping[str, bytes]) -> Path:
    """A model.tar.gz."""
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def constant_archive(folder: Path, number: float, **more: bytes) -> Path:
    """One of a `constant_model` that is checked by a golden sample."""
    rows = np.arange(8, dtype=np.float32).reshape(2, 4)
    outputs = {"y": rows.sum(axis=1, keepdims=True), "which": np.full((2, 1), number, np.float32)}
    files = {"model.onnx": constant_model(number), "golden.npz": golden({"X": rows}, outputs)}
    files["metadata.json"] = json.dumps({"tolerance": 1e-3}).encode()
    return packed(
        folder / f"{number:g}.tar.gz", {**files, **{k.replace("_", "."): v for k, v in more.items()}}
    )


# --- processes --------------------------------------------------------------------------------------------


def until(what: Callable[[], Any], seconds: float = 20.0, every: float = 0.02) -> Any:
    """What it says, as soon as that is true."""
    end = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < end, f"it did not come to that within {seconds} s"
        time.sleep(every)
    return found


@dataclass
class Running:
    """A program in a process of its own."""

    root: Path
    settings: dict[str, Any] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def socket(self) -> Path:
        return self.root / "run" / "inference.sock"

    @property
    def out(self) -> Path:
        return self.root / "out"

    def start(self, **environment: str) -> Running:
        config = {
            "fleet": "cameras",
            "transport": {"kind": "file", "folder": str(self.out)},
            "batch_seconds": 0.2,
            "model_check_seconds": 0.1,
            "summary_seconds": 1,
            **self.settings,
        }
        self.root.mkdir(exist_ok=True, parents=True)
        with (self.root / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", MODULE, "--root", str(self.root)],
                cwd=REPOSITORY,
                env={
                    **os.environ,
                    "EDGE_CONFIG": json.dumps(config),
                    "AWS_IOT_THING_NAME": "cam-1",
                    **environment,
                },
                stdout=log,
                stderr=log,
            )
        return self

    def log(self) -> str:
        return (self.root / "log").read_text()

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, Any, Any]:
        connection = UnixConnection(self.socket)
        try:
            connection.request(method, path, body, {k.replace("_", "-"): v for k, v in headers.items()})
            answer = connection.getresponse()
            content = answer.read()
            kind = answer.headers["Content-Type"]
            return (
                answer.status,
                json.loads(content) if kind == "application/json" else content,
                answer.headers,
            )
        finally:
            connection.close()

    def infer(self, rows: list[list[float]]) -> tuple[int, Any, Any]:
        body = json.dumps({"instances": rows}).encode()
        return self.ask("POST", "/invocations", body, Content_Type="application/json")

    def status(self) -> dict[str, Any] | None:
        try:
            return self.ask("GET", "/status")[1]
        except OSError:
            return None

    def up(self) -> Running:
        until(self.status)
        return self

    def serves(self, version: str) -> Running:
        until(lambda: (self.status() or {"model": {}})["model"].get("version") == version)
        return self

    def hand_over(self, archive: Path, version: str, wait: float = 30) -> subprocess.CompletedProcess[str]:
        return hand_over(self.root, archive, version, wait=wait)

    def stop(self) -> int:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)

    def kill(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(30)


def hand_over(root: Path, archive: Path, version: str, wait: float = 0) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", f"{MODULE}.handover", "--root", str(root), "--archive", str(archive)]
    return subprocess.run(
        [*command, "--version", version, "--wait", str(wait)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=120,
    )


def read_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
