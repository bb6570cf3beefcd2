"""The kinds of monitors: each makes a baseline, and looks at a window."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from ..reading.source import Source
from ..reading.table import Chunk
from ..run.description import Description
from ..run.result import Found
from . import attribution_drift, bias_drift, data_quality, model_quality


class Kind(Protocol):
    """A module with these two functions. Files go by name: ``statistics.json``, …"""

    def baseline(
        self, monitor: Description, spec: Mapping[str, Any], chunks: Iterable[Chunk], /
    ) -> dict[str, Any]:
        """The files of a baseline, of the rows of its data."""
        ...

    def look(self, monitor: Description, files: dict[str, Any], source: Source, /) -> Found:
        """What a window shows, compared with the files of the baseline."""
        ...


KINDS: dict[str, Kind] = {
    "data_quality": data_quality,
    "model_quality": model_quality,
    "bias": bias_drift,
    "attribution": attribution_drift,
}
