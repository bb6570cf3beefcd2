"""An ONNX model, loaded: arrays in, arrays out.

Inputs are tensors of numbers, of booleans or of strings. Outputs are such tensors, sequences of maps from a class to a
score (what skl2onnx gives of a classifier with its ZipMap), and sequences of tensors.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime

from .errors import BadModel, BadRequest
from .models import GOLDEN, METADATA, MODEL

Array = npt.NDArray[Any]

_TYPES: Mapping[str, np.dtype[Any]] = {
    "tensor(float)": np.dtype(np.float32),
    "tensor(float16)": np.dtype(np.float16),
    "tensor(double)": np.dtype(np.float64),
    "tensor(int8)": np.dtype(np.int8),
    "tensor(int16)": np.dtype(np.int16),
    "tensor(int32)": np.dtype(np.int32),
    "tensor(int64)": np.dtype(np.int64),
    "tensor(uint8)": np.dtype(np.uint8),
    "tensor(uint16)": np.dtype(np.uint16),
    "tensor(uint32)": np.dtype(np.uint32),
    "tensor(uint64)": np.dtype(np.uint64),
    "tensor(bool)": np.dtype(np.bool_),
    "tensor(string)": np.dtype(np.object_),
}
_MAPS = frozenset(f"seq(map({key},tensor(float)))" for key in ("int64", "string"))
_TOLERANCE = 1e-3
"""Where the metadata has none."""


@dataclass(frozen=True, slots=True)
class Mapped:
    """A score for each class, of each record."""

    classes: tuple[int | str, ...]
    scores: Array
    """Records × classes."""


Output = Array | Mapped | list[Array]


@dataclass(frozen=True, slots=True)
class Port:
    """An input or an output, as the model declares it."""

    name: str
    type: str
    shape: tuple[int | None, ...]
    """None where only a request tells. Empty: one value, or any shape: ONNX Runtime does not tell them apart."""

    @staticmethod
    def of(given: Any) -> Port:
        """That of ONNX Runtime."""
        shape = tuple(each if isinstance(each, int) else None for each in given.shape or ())
        return Port(given.name, given.type, shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """What arrays for it have."""
        return _TYPES[self.type]

    def told(self) -> dict[str, Any]:
        """For people and metadata."""
        return {"name": self.name, "type": self.type, "shape": list(self.shape)}

    def __str__(self) -> str:
        sizes = "×".join("any" if each is None else str(each) for each in self.shape) or "any"
        return f"{self.type} of shape {sizes}"


class Predictor:
    """A session of ONNX Runtime. Threads may share it."""

    def __init__(self, folder: Path, *, threads: int) -> None:
        """Load it.

        :param folder: has ``model.onnx``, and what it refers to.
        :param threads: that one inference computes with.
        :raises BadModel: ONNX Runtime cannot load it, or it has inputs or outputs that are not supported.
        """
        path = folder / MODEL
        try:
            self._session = onnxruntime.InferenceSession(
                str(path), _options(threads), providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # ONNX Runtime's have no common class
            raise BadModel(
                f"ONNX Runtime {onnxruntime.__version__} cannot load it: {_line(error)}"
            ) from error
        self.inputs = tuple(Port.of(each) for each in self._session.get_inputs())
        """What it takes."""
        self.outputs = tuple(Port.of(each) for each in self._session.get_outputs())
        """What it gives."""
        self._names = [each.name for each in self.outputs]
        self._refuse_unsupported()

    def _refuse_unsupported(self) -> None:
        for port in self.inputs:
            if port.type not in _TYPES:
                raise BadModel(f"its input {port.name} is {port.type}; supported are {', '.join(_TYPES)}")
        for port in self.outputs:
            known = port.type in _TYPES or port.type in _MAPS or port.type.removeprefix("seq(")[:-1] in _TYPES
            if not known:
                raise BadModel(f"its output {port.name} is {port.type}, which is not supported")
        if not self.outputs:
            raise BadModel("it has no output")

    def predict(self, arrays: Mapping[str, Array]) -> dict[str, Output]:
        """What it says, each output by its name.

        :param arrays: each input by its name, of its type and shape.
        :raises BadRequest: 400, where the model refuses these values (sizes that do not go together).
        :raises MemoryError: there is not enough.
        """
        try:
            found = self._session.run(self._names, dict(arrays))
        except Exception as error:  # ONNX Runtime's have no common class
            told = _line(error)
            if "bad allocation" in told or "bad_alloc" in told or "Failed to allocate memory" in told:
                raise MemoryError(told) from error
            if "INVALID_ARGUMENT" in told:
                raise BadRequest(400, f"the model does not take these inputs: {told}") from error
            raise
        return {port.name: _plain(port, value) for port, value in zip(self.outputs, found, strict=True)}

    # --- whether it is right --------------------------------------------------------------------------

    def check(self, folder: Path) -> str:
        """Hold it against what was handed over with it: how it was checked.

        :raises BadModel: its inputs or outputs are not those of ``metadata.json``, or its answers not those of
            ``golden.npz``.
        """
        metadata = _metadata(folder / METADATA)
        for what, ports in (("inputs", self.inputs), ("outputs", self.outputs)):
            _require_alike(what, ports, metadata.get(what))
        if (folder / GOLDEN).exists():
            return self._check_golden(folder / GOLDEN, metadata)
        return self._warm()

    def _check_golden(self, path: Path, metadata: Mapping[str, Any]) -> str:
        tolerance = metadata.get("tolerance", _TOLERANCE)
        is_number = isinstance(tolerance, (int, float)) and not isinstance(tolerance, bool)
        if not is_number or not 0 <= tolerance <= sys.float_info.max:
            raise BadModel(f"{METADATA} has the tolerance {tolerance!r:.80}, and a number from 0 is needed")
        inputs, wanted = _golden(path)
        if set(inputs) != {each.name for each in self.inputs}:
            raise BadModel(f"{GOLDEN} is for other inputs: {', '.join(sorted(inputs))}")
        fed = {each.name: _as_fed(each, inputs[each.name]) for each in self.inputs}
        try:
            found = self.predict(fed)
        except Exception as error:
            raise BadModel(f"it cannot answer its golden sample: {_line(error)}") from error
        for name, expected in wanted.items():
            if name not in found:
                raise BadModel(f"{GOLDEN} is for another output: {name}")
            _require_same(name, found[name], expected, float(tolerance))
        return f"its golden sample is answered within {tolerance:g}"

    def _warm(self) -> str:
        """Run it once: what is made at the first inference is made before a request waits for it."""
        sizes = {each.name: tuple(1 if size is None else size for size in each.shape) for each in self.inputs}
        fed = {each.name: np.full(sizes[each.name], _nothing(each), each.dtype) for each in self.inputs}
        try:
            self.predict(fed)
        except MemoryError:
            raise
        except Exception as error:  # zeros may be no input of this model: that says nothing of it
            return f"it has no golden sample, and does not take zeros: {_line(error)}"
        return "it has no golden sample, and takes zeros"


def _options(threads: int) -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Waiting threads sleep: a device has other work, or a battery.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # An arena keeps what the largest request ever took, for years.
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 4
    return options


def _plain(port: Port, value: Any) -> Output:
    if isinstance(value, np.ndarray):
        return value
    if port.type in _MAPS:
        classes = tuple(value[0]) if value else ()
        return Mapped(classes, np.array([[each[key] for key in classes] for each in value], np.float32))
    return [np.asarray(each) for each in value] if isinstance(value, list) else np.asarray(value)


def _line(error: Exception) -> str:
    """An error in one line of bounded length."""
    return " ".join(str(error).split())[:500] or type(error).__name__


# --- what was handed over with it -------------------------------------------------------------------------


def _metadata(path: Path) -> Mapping[str, Any]:
    if not path.exists():
        return {}
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise BadModel(f"{METADATA} cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise BadModel(f"{METADATA} is no object")
    return found


def _require_alike(what: str, ports: Sequence[Port], told: object) -> None:
    """Names, types, and sizes where both say one."""
    if told is None:
        return
    if not isinstance(told, list) or not all(
        isinstance(each, dict) and isinstance(each.get("name"), str | None) for each in told
    ):
        raise BadModel(f"{what} of {METADATA} are no list of objects with names")
    expected = {each.get("name"): each for each in told}
    if set(expected) != {port.name for port in ports}:
        names = ", ".join(sorted(str(each) for each in expected))
        raise BadModel(f"its {what} are {', '.join(port.name for port in ports)}; {METADATA} says {names}")
    for port in ports:
        one = expected[port.name]
        shape = one.get("shape", list(port.shape))
        fits = isinstance(shape, list) and len(shape) == len(port.shape)
        fits = fits and all(
            not isinstance(a, int) or b is None or a == b for a, b in zip(shape, port.shape, strict=True)
        )
        if one.get("type", port.type) != port.type or not fits:
            raise BadModel(f"its {port.name} is {port}; {METADATA} says {one.get('type')} of shape {shape}")


def _golden(path: Path) -> tuple[dict[str, Array], dict[str, Array]]:
    try:
        with np.load(path, allow_pickle=False) as found:
            arrays = {name: found[name] for name in found.files}
    except MemoryError:
        raise
    except Exception as error:  # of numpy, of zip, of each way to compress
        raise BadModel(f"{GOLDEN} cannot be read: {_line(error)}") from error
    inputs = {name.removeprefix("input_"): each for name, each in arrays.items() if name.startswith("input_")}
    outputs = {
        name.removeprefix("output_"): each for name, each in arrays.items() if name.startswith("output_")
    }
    if not inputs or not outputs:
        raise BadModel(f"{GOLDEN} has no input_… or no output_…")
    return inputs, outputs


def _as_fed(port: Port, array: Array) -> Array:
    wanted = "U" if port.type == "tensor(string)" else port.dtype.kind
    if array.dtype.kind != wanted:
        raise BadModel(f"{GOLDEN} has {array.dtype} for the input {port.name}, which is {port}")
    return array.astype(port.dtype)


def _nothing(port: Port) -> object:
    return "" if port.type == "tensor(string)" else 0


def _require_same(name: str, found: Output, wanted: Array, tolerance: float) -> None:
    given = found.scores if isinstance(found, Mapped) else np.asarray(found)
    if given.shape != wanted.shape:
        raise BadModel(f"its golden sample's {name} has shape {given.shape}, and {wanted.shape} was expected")
    if given.dtype.kind == "f" and wanted.dtype.kind == "f":
        a, b = given.astype(np.float64), wanted.astype(np.float64)
        off = np.where((a == b) | (np.isnan(a) & np.isnan(b)), 0.0, np.abs(a - b))
        worst = float(np.max(off, initial=0.0))
        if not worst <= tolerance:
            raise BadModel(f"its golden sample's {name} is off by {worst:.4g}, and {tolerance:g} is allowed")
    elif not (given.astype(np.str_) == wanted.astype(np.str_)).all():
        raise BadModel(f"its golden sample's {name} is not what was expected")
