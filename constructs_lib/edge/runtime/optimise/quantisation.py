"""Weights in 8 bits: ONNX Runtime's dynamic quantisation, which needs no records to measure ranges by."""

from __future__ import annotations

import logging
import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import onnx
from onnxruntime.quantization import QuantType, quantize_dynamic

from .errors import BadModel
from .options import Options

_OPERATORS = ("MatMul", "Gemm", "Attention", "LSTM", "Gather", "EmbedLayerNormalization")
"""What is quantised: those with weights, of which ONNX Runtime has a version in 8 bits."""
_UNSIGNED_ONLY = "Conv"
"""ONNX Runtime's CPU has it for unsigned weights alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantised:
    """What became of a model."""

    content: bytes
    """As it was, where there was nothing to quantise."""
    applied: bool
    why: str
    """What was quantised, or why nothing was."""
    operators: Mapping[str, int]
    """How many of each kind the result has."""


def quantised(content: bytes, options: Options) -> Quantised:
    """The model with 8-bit weights, where it has any that can be.

    :raises BadModel: ONNX Runtime's quantiser cannot do it.
    """
    before = operators_of(content)
    if not options.quantise:
        return Quantised(content=content, applied=False, why="not asked for", operators=before)
    wanted = [*_OPERATORS, *([_UNSIGNED_ONLY] if options.weight_type == "uint8" else [])]
    if not any(each in before for each in wanted):
        why = f"nothing to quantise: its operators are {', '.join(sorted(before))}"
        if _UNSIGNED_ONLY in before:
            why += "; convolutions take weight type uint8"
        return Quantised(content=content, applied=False, why=why, operators=before)
    found = _quantise(content, wanted, options)
    after = operators_of(found)
    changed = Counter(before) - Counter(after)
    told = ", ".join(f"{count} {kind}" for kind, count in sorted(changed.items()) if kind in wanted)
    if not told:
        why = "nothing to quantise: its weights are not constant"
        return Quantised(content=content, applied=False, why=why, operators=before)
    return Quantised(content=found, applied=True, why=f"{told} in {options.weight_type}", operators=after)


def _quantise(content: bytes, wanted: list[str], options: Options) -> bytes:
    quiet = logging.getLogger()
    level = quiet.level
    with tempfile.TemporaryDirectory(prefix="optimise-") as folder:
        source, target = Path(folder, "source.onnx"), Path(folder, "target.onnx")
        source.write_bytes(content)
        try:
            # It asks on the root logger for a step before, which needs packages that devices' models do not.
            quiet.setLevel(logging.ERROR)
            quantize_dynamic(
                source,
                target,
                op_types_to_quantize=wanted,
                per_channel=options.per_channel,
                reduce_range=options.reduce_range,
                weight_type=QuantType.QInt8 if options.weight_type == "int8" else QuantType.QUInt8,
            )
        except Exception as error:  # the quantiser's have no common class
            raise BadModel(
                f"it cannot be quantised ({type(error).__name__}: {error}): turn quantisation off, or leave the "
                "operator out"
            ) from error
        finally:
            quiet.setLevel(level)
        return bytes(onnx.load(target).SerializeToString(deterministic=True))


def operators_of(content: bytes) -> dict[str, int]:
    """How many operators of each kind a model has, within its branches and loops too."""
    found: Counter[str] = Counter()
    graphs = [onnx.load_from_string(content).graph]
    while graphs:
        for node in graphs.pop().node:
            found[node.op_type] += 1
            graphs += [each.g for each in node.attribute if each.type == onnx.AttributeProto.GRAPH]
    return dict(sorted(found.items()))
