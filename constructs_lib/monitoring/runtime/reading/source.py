"""What a monitor reads of a window: the captured files, in one process or in several."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from typing import TypeVar

from ....core.runtime.store import Item, Store, store_at
from ....core.runtime.windows import HOUR, Window
from ..run.description import Description
from .captured import captured_items, shards
from .lines import lines
from .rows import Reading, chunks
from .table import Chunk
from .tally import Tally

Part = TypeVar("Part")

WORKERS = "MONITOR_WORKERS"
"""The variable of the environment that says how many processes read. Default: one."""


@dataclass(frozen=True, slots=True)
class Source:
    """The captured files of a window. It goes from process to process, so it holds no connection."""

    place: str
    """Where the store of captured data begins."""
    window: Window
    items: tuple[Item, ...]

    @classmethod
    def of(cls, monitor: Description, window: Window) -> Source:
        """The files that the window's records may lie in."""
        prefix, _, endpoint = monitor.captured.prefix.rpartition("/")
        place = f"s3://{monitor.captured.bucket}/{prefix}"
        variants = () if monitor.variant is None else (monitor.variant,)
        late = max(HOUR, monitor.settle)
        items = captured_items(store_at(place), endpoint, window, variants=variants, late=late)
        return cls(place, window, tuple(items))

    def chunks(self, reading: Reading, tally: Tally) -> Iterator[Chunk]:
        """The rows of the window."""
        return chunks(lines(self.store, self.items), self.window, reading, tally)

    @property
    def store(self) -> Store:
        """Where the files lie."""
        return store_at(self.place)

    def each(self, work: Callable[[Source], Part]) -> list[Part]:
        """What `work` makes of the source: of the whole, or in a process each of a part of the files.

        :param work: to be called in another process, so it and what it returns must be picklable.
        """
        workers = min(int(os.environ.get(WORKERS, "1")), len(self.items))
        if workers <= 1:
            return [work(self)]
        parts = [replace(self, items=tuple(part)) for part in shards(self.items, workers)]
        with ProcessPoolExecutor(workers) as pool:
            return list(pool.map(work, parts))
