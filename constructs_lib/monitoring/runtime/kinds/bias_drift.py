"""The monitor of bias: is a group treated worse than at the time of training?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..bias.bias import Bias, Rule
from ..bias.bias_metrics import DESCRIPTIONS
from ..bias.bias_verdict import judge, suggest
from ..reading.classes import share_of
from ..reading.join import JoinTally
from ..reading.source import Source
from ..reading.table import Cell, Chunk
from ..run.description import Description
from ..run.result import Found
from .predictions import PREDICTION, PROBABILITY, TRUTH, column, labelled, reading_of, told_by_baseline
from .schema import Features, columns_of

_NOT_WANTED = "not wanted"


def baseline(monitor: Description, spec: Mapping[str, Any], chunks: Iterable[Chunk]) -> dict[str, Any]:
    """The bias of the training data, and of predictions where it has them."""
    options, columns = monitor.options, spec.get("options", {})
    features, bias = Features(spec), _bias(monitor.options, columns.get("truth"))
    for chunk in features.of(chunks):
        rows = zip(_cells(chunk), told_by_baseline(chunk, columns), strict=True)
        for cells, (truth, prediction, probability) in rows:
            bias.add(cells, truth, _said(options, prediction, probability))
    told = columns.get("prediction", {})
    features.must_have([columns.get("truth"), told.get("label"), told.get("probability")])
    features.must_have([options.get("group"), *(each["column"] for each in options["facets"])], features=True)
    if not bias.size:
        raise ValueError("no row has a facet, and a label or a prediction, that can be read")
    judged = options.get("metrics")
    ignored = {} if judged is None else {name: None for name in DESCRIPTIONS if name not in judged}
    return {
        "statistics.json": bias.statistics(),
        "analysis.json": bias.statistics(),
        "constraints.json": suggest(bias, allowed=options["allowed_change"], by_metric=ignored),
        "schema.json": features.described(),
    }


def look(monitor: Description, files: Mapping[str, Any], source: Source) -> Found:
    """Compare the bias of a window's answers with that of the training data."""
    bias, tally = _bias(monitor.options, None), JoinTally()
    for chunk in _rows(monitor, files, source, tally):
        told = (column(chunk, name) for name in (TRUTH.column, PREDICTION, PROBABILITY))
        for cells, truth, prediction, probability in zip(_cells(chunk), *told, strict=True):
            bias.add(cells, truth, _said(monitor.options, prediction, probability))
    captured = tally.captured
    return Found(
        records=bias.size,
        unread=captured.unread + tally.truth.unread + bias.unread,
        statistics=bias.statistics(),
        violations=judge(files["constraints.json"], bias)["violations"] if bias.size else (),
        values=bias.values() if bias.size else {},
        notes={"reading": captured.described()},
    )


def _rows(
    monitor: Description, files: Mapping[str, Any], source: Source, tally: JoinTally
) -> Iterable[Chunk]:
    """The rows of the window: with labels those that have one, where labels are told at all."""
    reading = reading_of(monitor.options, columns=columns_of(files))
    truth = monitor.ground_truth
    if truth is None:
        return source.chunks(reading, tally.captured)
    return labelled(monitor, truth, source, reading, tally)


def _bias(options: Mapping[str, Any], truth: str | None) -> Bias:
    label = Rule(column=truth or TRUTH.column, values=tuple(options["positive"]))
    facets = [
        Rule(column=each["column"], values=tuple(each.get("values") or ()), threshold=each.get("above"))
        for each in options["facets"]
    ]
    return Bias(label, facets, group=options.get("group"))


def _said(options: Mapping[str, Any], prediction: Cell, probability: Cell) -> Cell:
    """The predicted label; of a probability alone, a wanted one from the threshold on."""
    if prediction is not None:
        return prediction
    share = share_of(probability)
    if share is None:
        return None
    wanted: str = options["positive"][0]
    return wanted if share >= options["prediction"].get("threshold", 0.5) else _NOT_WANTED


def _cells(chunk: Chunk) -> Iterable[dict[str, Cell]]:
    names = list(chunk.columns)
    for row in zip(*chunk.columns.values(), strict=True):
        yield dict(zip(names, row, strict=True))
