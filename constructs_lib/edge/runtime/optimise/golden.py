"""The golden sample: a few records with the model's own answers, by which a device checks it after loading."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .metrics import Predictions
from .onnx_model import OnnxModel

Array = npt.NDArray[Any]
EXACT, EIGHT_BITS = 1e-3, 2e-2
"""How far another processor's answers may be off, as a share of what they range over: its sums round in another order,
and those of 8 bits may saturate (older AVX2, ARM). Measured on x86 alone: *inferred* for ARM."""
_EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Golden:
    """The sample."""

    content: bytes
    """An npz file with ``input_<name>`` and ``output_<name>``."""
    tolerance: float
    """How far, in the outputs' own unit, a number may be off; classes are the same or wrong."""
    rows: int


def chosen(predictions: Predictions, count: int) -> list[int]:
    """The records that say most about a model and least about rounding: of each class the surest, in turns.

    For numbers, such as lie evenly from the least to the largest.
    """
    total = len(predictions.values)
    if predictions.scores is None:
        order = np.argsort(predictions.values, kind="stable")
        return sorted(
            {int(order[at]) for at in np.linspace(0, total - 1, min(count, total)).round().astype(int)}
        )
    ranked = np.sort(predictions.scores, axis=1)
    margin = ranked[:, -1] - ranked[:, -2]
    surest = np.argsort(-margin, kind="stable")
    queues = [
        [int(at) for at in surest if predictions.values[at] == each] for each in np.unique(predictions.values)
    ]
    in_turns = [queue[turn] for turn in range(total) for queue in queues if turn < len(queue)]
    return sorted(in_turns[:count])


def golden(
    model: OnnxModel, feed: Mapping[str, Array], predictions: Predictions, *, count: int, in_8_bits: bool
) -> Golden:
    """The sample of `model`, whose answers are those of all its records at once."""
    fixed = model.batch_of(0)
    rows = chosen(predictions, min(count, fixed) if fixed else count)
    if fixed:
        # A model for so many records takes no fewer.
        rows = (rows * fixed)[:fixed]
    sample = {name: array[rows] for name, array in feed.items()}
    outputs = model.run(sample, batch=len(rows))
    alone = outputs if fixed else model.run(sample, batch=1)
    arrays = {
        **{f"input_{name}": _plain(array) for name, array in sample.items()},
        **{f"output_{name}": array for name, array in outputs.items()},
    }
    tolerance = _tolerance(outputs, alone, EIGHT_BITS if in_8_bits else EXACT)
    return Golden(content=_npz(arrays), tolerance=tolerance, rows=len(rows))


def _tolerance(outputs: Mapping[str, Array], alone: Mapping[str, Array], share: float) -> float:
    """A share of what the outputs range over, and never less than what it makes to come alone or with others."""
    found = [share]
    for name, array in outputs.items():
        if array.dtype.kind == "f":
            found.append(share * float(np.ptp(array)))
            found.append(2 * float(np.max(np.abs(array - alone[name]))))
    return float(f"{max(found):.3g}")


def _plain(array: Array) -> Array:
    return array.astype(np.str_) if array.dtype.kind == "O" else array


def _npz(arrays: Mapping[str, Array]) -> bytes:
    """As numpy.savez writes it, but without the time."""
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w") as archive:
        for name, array in sorted(arrays.items()):
            written = io.BytesIO()
            np.lib.format.write_array(written, np.ascontiguousarray(array), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", _EPOCH), written.getvalue())
    return raw.getvalue()
