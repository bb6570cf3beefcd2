"""Ground truth: what was right, as users upload it for Model Monitor's merge, and late."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ....core.runtime.store import Item, Store
from ....core.runtime.windows import Window, hours
from .answers import selected
from .lines import Line, Unread
from .rows import UNREADABLE
from .table import Cell
from .tally import Tally


@dataclass(frozen=True, slots=True)
class Label:
    """What was right for one record."""

    key: str
    values: list[Cell]
    """One for each of its rows."""
    size: int
    """Bytes of its line."""


def label_items(store: Store, under: str, window: Window, *, within: float) -> list[Item]:
    """The files that labels of a window may lie in, below ``<under>/yyyy/mm/dd/hh/``, in the order of time.

    :param within: seconds from the start of the window in which labels are waited for; at least the window.
    """
    until = max(window.end, window.start + within)
    return [item for hour in hours(window.start, until) for item in store.items(f"{under}/{hour}/")]


def labels(lines: Iterable[Line], tally: Tally, *, path: str = "") -> Iterator[Label]:
    """The labels that lines of ground truth have; what is none is counted and left out.

    A line is ``{"groundTruthData": {"data": "1", "encoding": "CSV"}, "eventMetadata": {"eventId": "…"},
    "eventVersion": "0"}``. The id is the caller's inference id where there was one, or else the record's event id.
    A record of several rows has a line each in its data, or all in one line, or a list in JSON.

    :param path: where in the data a label is, as `answers.selected` takes it.
    """
    for line in lines:
        if isinstance(line, Unread):
            tally.not_read(line.reason)
            continue
        if not line or line.isspace():
            continue
        try:
            found = _label(line, path)
        except UNREADABLE as error:
            tally.not_read(f"no ground truth: {error!r}")
        else:
            tally.records += 1
            tally.rows += len(found.values)
            yield found


def _label(line: bytes, path: str) -> Label:
    whole = json.loads(line)
    metadata, side = whole["eventMetadata"], whole["groundTruthData"]
    key = str(metadata.get("inferenceId") or metadata["eventId"])
    (values,) = selected(side, [path])
    if not values:
        raise ValueError("it has no label")
    return Label(key, values, len(line))
