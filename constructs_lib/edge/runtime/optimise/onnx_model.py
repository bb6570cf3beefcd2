"""An ONNX model as a device runs it: ONNX Runtime, one thread, records in batches of a device's size."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime

from .errors import BadHeldOut, BadModel
from .held_out import X
from .metrics import Predictions

Array = npt.NDArray[Any]
Feed = Mapping[str, Array]

_TYPES: Mapping[str, type[np.generic]] = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(float16)": np.float16,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(int8)": np.int8,
    "tensor(uint8)": np.uint8,
    "tensor(bool)": np.bool_,
}


@dataclass(frozen=True, slots=True)
class Port:
    """An input or an output, as the model declares it."""

    name: str
    type: str
    shape: tuple[int | None, ...]
    """Without the sizes that only a record tells."""

    @staticmethod
    def of(given: Any) -> Port:
        """That of ONNX Runtime."""
        return Port(
            given.name, given.type, tuple(each if isinstance(each, int) else None for each in given.shape)
        )

    def told(self) -> dict[str, Any]:
        """As the metadata has it."""
        return {"name": self.name, "type": self.type, "shape": list(self.shape)}


class OnnxModel:
    """A model that is loaded."""

    def __init__(self, content: bytes) -> None:
        """Load it.

        :raises BadModel: ONNX Runtime cannot, or a device could not serve it.
        """
        options = onnxruntime.SessionOptions()
        # Sums in one order: the same records give the same numbers.
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4
        try:
            self._session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime's have no common class
            raise BadModel(f"ONNX Runtime {onnxruntime.__version__} cannot load it: {error}") from error
        self.content = content
        self.inputs = [Port.of(each) for each in self._session.get_inputs()]
        """What it takes."""
        self.outputs = [Port.of(each) for each in self._session.get_outputs()]
        """What it gives."""
        for port in (*self.inputs, *self.outputs):
            _refuse_unserved(
                port, "export it with zipmap=False" if "map" in port.type else "tensors are served"
            )

    # --- records --------------------------------------------------------------------------------------

    def feed(self, inputs: Feed) -> dict[str, Array]:
        """The records of a held-out set, of the types and shapes that it takes.

        :raises BadHeldOut: they are not for this model.
        """
        given = dict(inputs)
        if len(self.inputs) == 1 and set(given) == {X}:
            given = {self.inputs[0].name: given[X]}
        wanted = [port.name for port in self.inputs]
        if sorted(given) != sorted(wanted):
            raise BadHeldOut(
                f"the model takes {', '.join(wanted)}, and the held-out set has {', '.join(given)}"
            )
        return {port.name: _fitted(given[port.name], port) for port in self.inputs}

    def run(self, feed: Feed, *, batch: int) -> dict[str, Array]:
        """What it says of the records, `batch` of them at once, or as many as it is made for."""
        rows = len(next(iter(feed.values())))
        parts = [self.at_once(part) for part in self._parts(feed, rows, self.batch_of(batch))]
        found = {port.name: np.concatenate([part[port.name] for part in parts]) for port in self.outputs}
        return {name: _plain(array[:rows]) for name, array in found.items()}

    def batch_of(self, wanted: int) -> int:
        """How many records it takes at once: its own number, where it has one."""
        fixed = [port.shape[0] for port in self.inputs if port.shape and port.shape[0] is not None]
        return fixed[0] if fixed and fixed[0] is not None else wanted

    def first(self, feed: Feed, *, batch: int) -> dict[str, Array]:
        """The records of its first call."""
        rows = len(next(iter(feed.values())))
        return next(self._parts(feed, rows, self.batch_of(batch)))

    def _parts(self, feed: Feed, rows: int, size: int) -> Iterator[dict[str, Array]]:
        for start in range(0, rows, size):
            part = {name: array[start : start + size] for name, array in feed.items()}
            lacking = size - len(next(iter(part.values())))
            if lacking and self.batch_of(0):
                # Made for a number of records: the last of them is repeated, and what is said of it let go.
                part = {
                    name: np.concatenate([each, each[-1:].repeat(lacking, axis=0)])
                    for name, each in part.items()
                }
            yield part

    def at_once(self, part: Feed) -> dict[str, Array]:
        """What it says of records in one call."""
        try:
            answers = self._session.run([port.name for port in self.outputs], dict(part))
        except Exception as error:  # ONNX Runtime's have no common class
            raise BadModel(f"ONNX Runtime cannot run it: {error}") from error
        found = dict(zip([port.name for port in self.outputs], map(np.asarray, answers), strict=True))
        count = len(next(iter(part.values())))
        for name, array in found.items():
            if not array.ndim or len(array) != count:
                raise BadModel(f"its output {name} has shape {array.shape} for {count} records: not one each")
        return found

    # --- what they mean -------------------------------------------------------------------------------

    def classes_told(self, outputs: Feed) -> Predictions:
        """Classes, and their scores if it gives any.

        :raises BadModel: no output tells a class.
        """
        scores = next((each for each in outputs.values() if each.dtype.kind == "f" and _wide(each)), None)
        told = next(
            (_flat(each) for each in outputs.values() if each.dtype.kind in "iuU" and _one(each)), None
        )
        if told is not None:
            return Predictions(
                values=told.astype(np.int64) if told.dtype.kind in "iu" else told, scores=scores
            )
        if scores is not None:
            return Predictions(values=np.argmax(scores, axis=1).astype(np.int64), scores=scores)
        single = next(
            (_flat(each) for each in outputs.values() if each.dtype.kind == "f" and _one(each)), None
        )
        if single is None:
            raise BadModel(f"no output of {', '.join(outputs)} tells a class")
        if ((single < 0) | (single > 1)).any():
            raise BadModel("its one score a record is not from 0 to 1: end the model with a sigmoid")
        return Predictions(
            values=(single >= 0.5).astype(np.int64), scores=np.stack([1 - single, single], axis=1)
        )

    def numbers_told(self, outputs: Feed) -> Predictions:
        """One number a record.

        :raises BadModel: no output is one.
        """
        found = next(
            (_flat(each) for each in outputs.values() if each.dtype.kind == "f" and _one(each)), None
        )
        if found is None:
            raise BadModel(f"no output of {', '.join(outputs)} is one number a record")
        return Predictions(values=found.astype(np.float64))


def _refuse_unserved(port: Port, fix: str) -> None:
    if port.type not in _TYPES and port.type != "tensor(string)":
        raise BadModel(f"{port.name} is of type {port.type}, which devices do not serve: {fix}")


def _fitted(array: Array, port: Port) -> Array:
    """`array` in the type and shape of an input; a flat record takes the shape of one with as many values."""
    wanted = port.shape[1:]
    flat = int(np.prod(array.shape[1:], dtype=np.int64))
    known = [size for size in wanted if size is not None]
    if len(known) == len(wanted) and int(np.prod(known, dtype=np.int64)) == flat:
        array = array.reshape(len(array), *known)
    fits = len(array.shape) == len(port.shape) and all(
        size is None or size == given for size, given in zip(wanted, array.shape[1:], strict=True)
    )
    if not fits:
        told = "×".join("?" if size is None else str(size) for size in wanted) or "one"
        raise BadHeldOut(
            f"a record has {'×'.join(map(str, array.shape[1:])) or 'one'} values, and {port.name} takes {told}"
        )
    if port.type == "tensor(string)":
        return array.astype(np.str_).astype(object)
    return array.astype(_TYPES[port.type])


def _times(sizes: Sequence[int | None]) -> str:
    return "×".join("?" if size is None else str(size) for size in sizes) or "one"


def _plain(array: Array) -> Array:
    """Texts as numpy has them without pickling."""
    return array.astype(np.str_) if array.dtype.kind == "O" else array


def _one(array: Array) -> bool:
    return array.ndim == 1 or (array.ndim == 2 and array.shape[1] == 1)


def _wide(array: Array) -> bool:
    return array.ndim == 2 and array.shape[1] > 1


def _flat(array: Array) -> Array:
    return array.reshape(len(array))
