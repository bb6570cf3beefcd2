"""Captured requests as SageMaker writes them, as many as asked for, and the training data they are compared with."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from constructs_lib.core.runtime.store import store_at
from constructs_lib.core.runtime.windows import iso
from constructs_lib.monitoring.runtime.kinds import data_quality
from constructs_lib.monitoring.runtime.reading.tabular import table
from constructs_lib.monitoring.runtime.reading.tally import Tally

from .captured_window import BASELINE, CAPTURED, COLUMNS, FEATURES, MONITOR, REFERENCE, WINDOW

DRIFTED = ["feature_3", "feature_14", "feature_25"]
"""One of each kind of column, moved by one standard deviation."""
REFERENCE_ROWS = 10_000
FEWEST_FILES = 4
RECORDS_A_FILE = 100_000

_BLOCK = 10_000
_ROW = ",".join(["%.4f"] * 10 + ["%.6g"] * 10 + ["%d"] * 10)
_LINE = (
    '{"captureData":{"endpointInput":{"observedContentType":"text/csv","mode":"INPUT","data":"%s","encoding":"CSV"},'
    '"endpointOutput":{"observedContentType":"application/json","mode":"OUTPUT","data":"{\\"score\\": 0.%06d}",'
    '"encoding":"JSON"}},"eventMetadata":{"eventId":"00000000-0000-4000-8000-%012d","inferenceTime":"%s"},'
    '"eventVersion":"0"}\n'
)


def make(folder: Path, values: int) -> None:
    """Files with requests of about so many values, the reference, and our baseline of it; the same every time."""
    folder.mkdir(parents=True, exist_ok=True)
    _write_reference(folder)
    (folder / BASELINE).write_text(json.dumps(_baseline(folder)))
    records = max(1, values // FEATURES)
    files = max(FEWEST_FILES, -(-records // RECORDS_A_FILE))
    place = folder / CAPTURED
    place.mkdir()
    for number in range(files):
        first, last = records * number // files, records * (number + 1) // files
        _write_captured(place / f"{number:05}.jsonl", first, last)


def _rows(seed: int, count: int, *, moved: bool) -> Iterator[str]:
    """Ten columns of a normal distribution, ten of a skewed one, ten of counts; as CSV."""
    rng = np.random.default_rng(seed)
    normal = rng.normal(100, 15, (count, 10))
    skewed = rng.gamma(2.0, 50.0, (count, 10))
    counts = rng.poisson(20, (count, 10))
    if moved:
        normal[:, 3] += 15
        skewed[:, 4] += 50 * 2**0.5
        counts[:, 5] += 4
    for row in zip(normal.tolist(), skewed.tolist(), counts.tolist(), strict=True):
        yield _ROW % (*row[0], *row[1], *row[2])


def _write_reference(folder: Path) -> None:
    rows = _rows(0, REFERENCE_ROWS, moved=False)
    (folder / REFERENCE).write_text("\n".join([",".join(COLUMNS), *rows]) + "\n")


def _baseline(folder: Path) -> dict[str, object]:
    store = store_at(str(folder))
    return data_quality.baseline(MONITOR, {}, table(store, list(store.items(REFERENCE)), Tally()))


def _write_captured(path: Path, first: int, last: int) -> None:
    """The records from `first` until before `last`; each file has random numbers of its own."""
    with path.open("w") as file:
        for start in range(first, last, _BLOCK):
            rows = _rows(1 + start, min(_BLOCK, last - start), moved=True)
            file.writelines(
                _LINE % (row, number % 1_000_000, number, iso(WINDOW.start + number % 3600))
                for number, row in enumerate(rows, start)
            )
