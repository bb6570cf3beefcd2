"""The monitor of quality: is what is answered still right?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ....core.runtime.windows import iso
from ..quality.quality import Kind, judge, overridden, statistics_file, suggest, values_of
from ..quality.quality_binary import BinaryQuality
from ..quality.quality_multiclass import MulticlassQuality
from ..quality.quality_regression import RegressionQuality
from ..reading.join import JoinTally
from ..reading.source import Source
from ..reading.table import Cell, Chunk
from ..run.description import Description
from ..run.result import Found
from .predictions import PREDICTION, PROBABILITY, TRUTH, column, labelled, reading_of, told_by_baseline
from .schema import Features

KINDS: dict[str, Kind] = {
    "binary": "binary_classification",
    "multiclass": "multiclass_classification",
    "regression": "regression",
}
Quality = BinaryQuality | MulticlassQuality | RegressionQuality


def baseline(monitor: Description, spec: Mapping[str, Any], chunks: Iterable[Chunk]) -> dict[str, Any]:
    """The quality in the training data, and that it must not be worse; nothing where there is no data."""
    quality, columns = _quality(monitor.options), spec.get("options", {})
    features = Features(spec)
    for chunk in features.of(chunks):
        for truth, prediction, probability in told_by_baseline(chunk, columns):
            _add(quality, truth, prediction, probability)
    if spec.get("data") is None:
        return {"constraints.json": suggest(quality.kind, {})}
    told = columns.get("prediction", {})
    features.must_have([columns.get("truth"), told.get("label"), told.get("probability")])
    if not quality.size:
        raise ValueError("no row has a label and a prediction that can be read")
    return {
        "statistics.json": {"version": 0.0, "dataset": {"item_count": quality.size}}
        | {f"{quality.kind}_metrics": quality.statistics()},
        "constraints.json": suggest(quality.kind, quality.statistics()),
    }


def look(monitor: Description, files: Mapping[str, Any], source: Source) -> Found:
    """Compare the answers of a window with what was right."""
    quality, tally = _quality(monitor.options), JoinTally()
    for chunk in _labelled(monitor, source, tally):
        cells = (column(chunk, name) for name in (TRUTH.column, PREDICTION, PROBABILITY))
        for truth, prediction, probability in zip(*cells, strict=True):
            _add(quality, truth, prediction, probability)
    options = monitor.options
    constraints = overridden(quality.kind, files["constraints.json"], options.get("thresholds") or {})
    window = source.window
    return Found(
        records=quality.size,
        unread=tally.captured.unread + tally.truth.unread + quality.unread,
        statistics=statistics_file(
            quality,
            start=iso(window.start),
            end=iso(window.end),
            evaluated=iso(window.end + monitor.due_after),
        ),
        violations=judge(constraints, quality, level=options.get("confidence", 0.99)) if quality.size else (),
        values={**(values_of(quality) if quality.size else {}), **_labelled_share(tally)},
        notes={
            "reading": tally.captured.described(),
            "labels": tally.truth.described(),
            "matched": tally.matched,
            "unlabelled": tally.unlabelled,
        },
    )


def _labelled(monitor: Description, source: Source, tally: JoinTally) -> Iterable[Chunk]:
    """The rows that have a label."""
    truth = monitor.ground_truth
    if truth is None:
        raise ValueError("the quality of a model takes ground truth")
    return labelled(monitor, truth, source, reading_of(monitor.options, inputs=False), tally)


def _labelled_share(tally: JoinTally) -> dict[str, float]:
    rows = tally.matched + tally.unlabelled
    return {"LabelledShare": tally.matched / rows} if rows else {}


def _quality(options: Mapping[str, Any]) -> Quality:
    problem = options["problem"]
    if problem == "binary":
        threshold = options["prediction"].get("threshold", 0.5)
        return BinaryQuality(options.get("positive", "1"), threshold=threshold)
    return MulticlassQuality() if problem == "multiclass" else RegressionQuality()


def _add(quality: Quality, truth: Cell, prediction: Cell, probability: Cell) -> None:
    if isinstance(quality, RegressionQuality):
        quality.add(truth, prediction)
    else:
        quality.add(truth, prediction, probability)
