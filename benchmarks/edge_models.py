"""Models that take about as long as is asked for on this machine, and requests for them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

Record = npt.NDArray[np.float32]

_CHANNELS = 32
_FEW, _MANY = 4, 24
"""Layers, by whose times it is told how long one takes."""


class Request(Enum):
    """What one record is, by its sizes."""

    ROW = (30,)
    """Numbers of a table."""
    WINDOW = (6, 50)
    """Of sensors: six axes, a second at 50 Hz."""
    IMAGE = (3, 64, 64)
    """More numbers than a result is told of with."""

    def record(self) -> Record:
        """One, always the same."""
        return np.random.default_rng(1).normal(size=(1, *self.value)).astype(np.float32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A model, and what it is asked."""

    name: str
    request: Request
    milliseconds: float | None
    """About so long an inference is to take; None: one layer, whatever it takes."""

    def made(self) -> bytes:
        """The model: as many layers as its time asks for."""
        if self.milliseconds is None:
            return stacked(self.request, 1)
        few, many = (_milliseconds(stacked(self.request, count), self.request) for count in (_FEW, _MANY))
        return stacked(self.request, layers(self.milliseconds, few, many))


KINDS = (
    Kind(name="a row, one layer", request=Request.ROW, milliseconds=None),
    Kind(name="a window, 1 ms", request=Request.WINDOW, milliseconds=1),
    Kind(name="a window, 5 ms", request=Request.WINDOW, milliseconds=5),
    Kind(name="an image, 5 ms", request=Request.IMAGE, milliseconds=5),
)


def layers(milliseconds: float, few: float, many: float) -> int:
    """So many take about so long, where `_FEW` take `few` and `_MANY` take `many` milliseconds."""
    one = (many - few) / (_MANY - _FEW)
    return max(1, _FEW + round((milliseconds - few) / one)) if one > 0 else _MANY


def session(model: bytes) -> onnxruntime.InferenceSession:
    """As one would make it: ONNX Runtime's defaults, but for the threads, which the program has one of."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def stacked(request: Request, count: int) -> bytes:
    """Layer upon layer, each followed by what keeps only the positive."""
    flat = request is Request.ROW
    inner = request.value[1:]
    sizes = [request.value[0], *[_CHANNELS] * count]
    random = np.random.default_rng(0)
    nodes, weights, last = [], [], "X"
    for at, (before, after) in enumerate(pairwise(sizes)):
        shape = (before, after) if flat else (after, before, *[3] * len(inner))
        scale = np.sqrt(2 / (before * 3 ** len(inner)))
        weights.append(
            numpy_helper.from_array(random.normal(0, scale, shape).astype(np.float32), f"weights{at}")
        )
        padding = {} if flat else {"pads": [1] * (2 * len(inner))}
        made = helper.make_node(
            "MatMul" if flat else "Conv", [last, f"weights{at}"], [f"sums{at}"], **padding
        )
        nodes += [made, helper.make_node("Relu", [f"sums{at}"], [f"kept{at}"])]
        last = f"kept{at}"
    nodes.append(helper.make_node("Identity" if flat else "GlobalAveragePool", [last], ["y"]))
    graph = helper.make_graph(
        nodes,
        "stacked",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, [None, *request.value])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, _CHANNELS, *[1] * len(inner)])],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    content: bytes = model.SerializeToString()
    return content


def _milliseconds(model: bytes, request: Request) -> float:
    made, record = session(model), request.record()
    taken = []
    for _ in range(40):
        begun = time.perf_counter()
        made.run(None, {"X": record})
        taken.append(time.perf_counter() - begun)
    return 1000 * min(taken)
