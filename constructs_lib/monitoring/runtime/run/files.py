"""The files of a monitor: of its baseline, and of each window."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ....core.runtime.store import Store, read_json, store_at, write_json
from .description import Description, Place

MONITOR = "monitor.json"
"""The description of the monitor, beside its baseline."""
SINCE = "since.json"
"""Since when there is the monitor."""
STATISTICS, CONSTRAINTS = "statistics.json", "constraints.json"
VIOLATIONS, RESULT = "constraint_violations.json", "result.json"
SPEC, SCHEMA, BACKGROUND = "spec.json", "schema.json", "background.json"
OF_A_BASELINE = (STATISTICS, CONSTRAINTS, SCHEMA, BACKGROUND)


class Files:
    """JSON objects below one place."""

    def __init__(self, place: Place) -> None:
        """Read and write below `place`."""
        self._store: Store = store_at(place.uri())

    def read(self, *key: str) -> dict[str, Any] | None:
        """An object; None where there is none."""
        return read_json(self._store, "/".join(key))

    def write(self, *key: str, value: Mapping[str, Any]) -> None:
        """Write an object. Statistics are nobody's to edit, and long: of a million rows 110 kB a numeric feature."""
        write_json(self._store, "/".join(key), value, compact=key[-1] == STATISTICS)

    def write_text(self, *key: str, text: str) -> None:
        """Write an object that is JSON already."""
        self._store.write("/".join(key), text.encode())


def baseline_files(monitor: Description) -> dict[str, Any]:
    """What there is of the baseline, by name."""
    files = Files(monitor.baseline_place)
    found = {name: files.read(name) for name in OF_A_BASELINE}
    return {name: value for name, value in found.items() if value is not None}
