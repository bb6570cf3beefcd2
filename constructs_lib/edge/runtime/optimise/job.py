"""The job: reads, converts, checks, quantises, compares, decides; publishes last, or not at all."""

from __future__ import annotations

import hashlib
import sys
from importlib.metadata import version
from typing import Any

from .archive import ARCHIVE, only_file, packed, put, read_model
from .comparison import Comparison, compared, require_alike, truth_of
from .errors import BadHeldOut, BadModel, OptimiseError
from .golden import Golden, golden
from .held_out import HeldOut, read_held_out
from .onnx_model import OnnxModel
from .options import Options
from .quantisation import Quantised, quantised
from .report import JSON, PUBLISHED, TEXT, advice, as_json, described, failed, in_words, last_words
from .source import Source, source_of, told_by
from .timing import timed

FORMAT = 1
_TOOLS = ("numpy", "onnx", "onnxruntime", "scikit-learn", "skl2onnx")


def run(options: Options) -> int:
    """Do it; the exit status. The report is written either way, the archive only if all is well."""
    report: dict[str, Any] = {"format": FORMAT}
    try:
        archive = optimise(options, report)
    except OptimiseError as error:
        _tell(options, failed(error, report), error.told)
        print(error.told, file=sys.stderr)
        return error.status
    except Exception as error:
        unexpected = OptimiseError(f"{type(error).__name__}: {error}")
        _tell(options, failed(unexpected, report), unexpected.told)
        raise
    told = last_words(report)
    put(options.output, ARCHIVE, archive)
    _tell(options, report, told)
    print(told)
    return 0


def _tell(options: Options, report: dict[str, Any], message: str) -> None:
    put(options.report, JSON, as_json(report))
    put(options.report, TEXT, in_words(report).encode())
    if options.message is not None:
        put(options.message.parent, options.message.name, message.encode())


def optimise(options: Options, report: dict[str, Any]) -> bytes:
    """The archive for devices.

    :param report: gets what is found as it is found, so that a refusal has its figures.
    :raises OptimiseError: the model is not to be published.
    """
    held_out, source = _read(options)
    report["source"] = {"kind": source.kind, "sha256": source.digest}
    report["held_out"] = {"rows": held_out.rows, "sha256": held_out.digest}
    report["warnings"] = list(source.warnings)
    truth = truth_of(held_out.labels, source.predictions, source.classes, options)
    if source.kind != "onnx":
        report["converted_alike"] = require_alike(
            source.predictions, told_by(source.model, held_out, options), truth
        )
    found = quantised(source.model.content, options)
    report["quantisation"] = _told(found, options)
    model = OnnxModel(found.content) if found.applied else source.model
    predictions = told_by(model, held_out, options)
    comparison = compared(truth, source.predictions, predictions, options)
    report["comparison"] = described(comparison)
    sizes = (len(source.model.content), len(found.content))
    report["size"] = {"before": sizes[0], "after": sizes[1], "ratio": sizes[1] / sizes[0]}
    feed = model.feed(held_out.inputs)
    timing = timed(source.model, model, feed, batch=options.batch)
    report["latency_ms"] = {
        "before": timing.before,
        "after": timing.after,
        "ratio": timing.ratio,
        "rounds": timing.rounds,
    }
    report["warnings"] += advice(comparison, found, timing, sizes)
    comparison.require_within_limit()
    sample = golden(model, feed, predictions, count=options.golden, in_8_bits=found.applied)
    metadata = as_json(_metadata(options, source, held_out, model, found, comparison, sample))
    archive = packed({"model.onnx": found.content, "metadata.json": metadata, "golden.npz": sample.content})
    report["archive"] = {
        "name": ARCHIVE,
        "bytes": len(archive),
        "sha256": hashlib.sha256(archive).hexdigest(),
        "golden_rows": sample.rows,
        "tolerance": sample.tolerance,
    }
    report["result"] = PUBLISHED
    return archive


def _read(options: Options) -> tuple[HeldOut, Source]:
    if (options.output / ARCHIVE).exists():
        raise BadModel(f"{options.output} has a {ARCHIVE} already: what devices read is not written twice")
    model, held_out = only_file(options.model), only_file(options.held_out)
    if model is None:
        raise BadModel("there is no archive")
    if held_out is None:
        raise BadHeldOut("there is no file")
    records = read_held_out(held_out, options)
    return records, source_of(read_model(model), records, options)


def _told(found: Quantised, options: Options) -> dict[str, Any]:
    return {
        "applied": found.applied,
        "why": found.why,
        "operators": dict(found.operators),
        "weight_type": options.weight_type if found.applied else None,
        "per_channel": options.per_channel and found.applied,
        "reduce_range": options.reduce_range and found.applied,
    }


def _metadata(
    options: Options,
    source: Source,
    held_out: HeldOut,
    model: OnnxModel,
    found: Quantised,
    comparison: Comparison,
    sample: Golden,
) -> dict[str, Any]:
    """What goes with the model. Nothing of it depends on the time or on how fast a machine is."""
    return {
        "format": FORMAT,
        "inputs": [port.told() for port in model.inputs],
        "outputs": [port.told() for port in model.outputs],
        "classes": None if source.classes is None else source.classes.tolist(),
        "features": None if held_out.features is None else list(held_out.features),
        "batch": model.batch_of(options.batch),
        "metric": described(comparison),
        "quantisation": _told(found, options),
        "tolerance": sample.tolerance,
        "golden_rows": sample.rows,
        "source": {"kind": source.kind, "sha256": source.digest},
        "held_out": {"rows": held_out.rows, "sha256": held_out.digest},
        "tools": {name: version(name) for name in _TOOLS},
    }
