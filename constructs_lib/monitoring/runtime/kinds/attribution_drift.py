"""The monitor of attribution: does the model still decide by the same features?"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from typing import Any

from ..attribution.attribution import analysis, global_importance, judge, scores, shapley
from ..reading.rows import Reading
from ..reading.source import Source
from ..reading.table import Cell, Chunk
from ..reading.tally import Tally
from ..run.description import Description
from ..run.result import Found
from .asking import Endpoint
from .schema import Features, columns_of

Rows = list[list[Cell]]
_SHAP = "kernel_shap"


class Sample:
    """So many rows of many, each as likely as any other; the same for the same rows."""

    def __init__(self, size: int) -> None:
        """Keep `size` rows at the most."""
        self._size = size
        self._seen = 0
        self._draw = random.Random(0)  # noqa: S311 - not a secret, and the same each time
        self.rows: Rows = []

    def add(self, chunk: Chunk, columns: Iterable[str]) -> None:
        """Take in the rows of a chunk (Vitter's algorithm R)."""
        missing: list[Cell] = [None] * chunk.size
        for row in zip(*(chunk.columns.get(name, missing) for name in columns), strict=True):
            self._seen += 1
            if len(self.rows) < self._size:
                self.rows.append(list(row))
            else:
                place = self._draw.randrange(self._seen)
                if place < self._size:
                    self.rows[place] = list(row)


def baseline(monitor: Description, spec: Mapping[str, Any], chunks: Iterable[Chunk]) -> dict[str, Any]:
    """What the model that is in service now decides by, in the training data."""
    options = monitor.options
    features, drawn = Features(spec), Sample(options["sample"] + options["background"])
    for chunk in features.of(chunks):
        drawn.add(features.only(chunk), features.names)
    # A column of JSON may begin late: rows before it lack it.
    for row in drawn.rows:
        row += [None] * (len(features.names) - len(row))
    rows, background = drawn.rows[options["background"] :], drawn.rows[: options["background"]]
    if not rows:
        raise ValueError(
            f"{len(drawn.rows)} rows: it takes more than the {options['background']} of the background"
        )
    found = _explained(monitor, features.names, rows, background)
    return {
        "statistics.json": found,
        "analysis.json": found,
        "constraints.json": found,
        "schema.json": features.described(),
        "background.json": {"rows": background},
    }


def look(monitor: Description, files: Mapping[str, Any], source: Source) -> Found:
    """Compare what the model decides by in a window with the baseline."""
    columns = columns_of(files)
    tally, drawn = Tally(), Sample(monitor.options["sample"])
    for chunk in source.chunks(Reading(columns=columns, path=monitor.options.get("path") or ""), tally):
        drawn.add(chunk, columns)
    if tally.rows < monitor.least:
        return Found(records=tally.rows, unread=tally.unread, statistics=analysis({}, 0.0))
    before = files["constraints.json"]
    now = _explained(monitor, columns, drawn.rows, files["background.json"]["rows"])
    return Found(
        records=tally.rows,
        unread=tally.unread,
        statistics=now,
        violations=judge(before, now, threshold=monitor.options["threshold"])["violations"],
        values={"ndcg": min(scores(before, now).values(), default=1.0)},
        features=_importances(before, now),
        notes={"reading": tally.described(), "explained": len(drawn.rows)},
    )


def _explained(monitor: Description, columns: Iterable[str], rows: Rows, background: Rows) -> dict[str, Any]:
    names, options = list(columns), monitor.options
    endpoint = Endpoint(monitor, names)
    found = shapley(
        endpoint.predict, rows, background, permutations=options["permutations"], batch=options["rows_a_call"]
    )
    return analysis(global_importance(found.values, names), found.expected)


def _importances(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    told = [next(iter(each["explanations"][_SHAP].values()))["global_shap_values"] for each in (before, now)]
    return {name: {"baseline": value, "importance": told[1].get(name)} for name, value in told[0].items()}
