"""The window that is looked at, and its monitor; what `captured_files` makes lies in a folder. It needs no numpy."""

from __future__ import annotations

from pathlib import Path

from constructs_lib.core.runtime.store import store_at
from constructs_lib.core.runtime.windows import Window, seconds
from constructs_lib.monitoring.runtime.reading.source import Source
from constructs_lib.monitoring.runtime.run.description import Description

FEATURES = 30
COLUMNS = [f"feature_{number}" for number in range(FEATURES)]
WINDOW = Window(seconds("2026-01-01T10:00:00"), seconds("2026-01-01T11:00:00"))
REFERENCE, BASELINE, CAPTURED = "reference.csv", "baseline.json", "captured"
MONITOR = Description.of(
    {
        "name": "Bench",
        "kind": "data_quality",
        "endpoint": "bench",
        "captured": {"bucket": "captured", "prefix": "capture/bench"},
        "results": {"bucket": "captured", "prefix": "monitoring/bench"},
        "baseline": "baseline",
        "every": 3600,
        "settle": 900,
        "least": 100,
    }
)


def source(folder: Path) -> Source:
    """The captured files that `make` has made there."""
    return Source(place=str(folder), window=WINDOW, items=tuple(store_at(str(folder)).items(CAPTURED)))
