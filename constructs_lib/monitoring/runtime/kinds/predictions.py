"""Predictions: where they stand in answers, and in a baseline's data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ....core.runtime.store import store_at
from ..reading.join import JoinTally, Truth, joined
from ..reading.labels import label_items
from ..reading.lines import lines
from ..reading.rows import Reading
from ..reading.source import Source
from ..reading.table import Cell, Chunk
from ..run.description import Description, GroundTruth

PREDICTION, PROBABILITY = "constructs.prediction", "constructs.probability"
"""Columns of answers, beside features of whatever names."""
TRUTH = Truth(column="constructs.label")
"""The column of labels: a feature may well be called ``label``."""


def reading_of(options: Mapping[str, Any], *, columns: tuple[str, ...] = (), inputs: bool = True) -> Reading:
    """How the records of a window are read, with the predictions of each row."""
    paths = {
        PREDICTION: options["prediction"].get("label"),
        PROBABILITY: options["prediction"].get("probability"),
    }
    outputs = {name: path for name, path in paths.items() if path is not None}
    return Reading(columns=columns, path=options.get("path") or "", inputs=inputs, outputs=outputs)


def column(chunk: Chunk, name: str | None) -> list[Cell]:
    """The cells of a column; missing ones where there is no such column."""
    found = None if name is None else chunk.columns.get(name)
    return [None] * chunk.size if found is None else found


def told_by_baseline(chunk: Chunk, options: Mapping[str, Any]) -> Iterator[tuple[Cell, Cell, Cell]]:
    """Of each row of a baseline's data the truth, the prediction and the probability."""
    prediction = options.get("prediction", {})
    yield from zip(
        column(chunk, options.get("truth")),
        column(chunk, prediction.get("label")),
        column(chunk, prediction.get("probability")),
        strict=True,
    )


def labelled(
    monitor: Description, truth: GroundTruth, source: Source, reading: Reading, tally: JoinTally
) -> Iterator[Chunk]:
    """The rows that have a label. In one process: labels and rows are joined by key, not by file."""
    store = store_at(f"s3://{truth.place.bucket}")
    labels = label_items(store, truth.place.prefix, source.window, within=truth.within + monitor.every)
    captured = lines(source.store, source.items)
    return joined(captured, lines(store, labels), source.window, reading, tally, of=TRUTH)
