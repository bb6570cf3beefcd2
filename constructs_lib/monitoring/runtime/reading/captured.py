"""The captured records of a window."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ....core.runtime.capture import Record, UnparsableError, record
from ....core.runtime.store import Item, Store
from ....core.runtime.windows import HOUR, Window, hours
from .lines import Line, Unread
from .tally import Tally

OWN = "constructs-monitor-"
"""How the inference ids of the monitor's own questions begin: no traffic, so nothing to be monitored."""


def captured_items(
    store: Store, endpoint: str, window: Window, *, variants: Sequence[str] = (), late: float = HOUR
) -> list[Item]:
    """The files that records of a window may lie in: below ``<endpoint>/<variant>/yyyy/mm/dd/hh/``.

    The hour of a folder is when a file was written, so that records come up to `late` seconds after the window.

    :param endpoint: the folder of the endpoint.
    :param variants: by default all that are there.
    """
    folders = list(hours(window.start, window.end + late))
    return [
        item
        for variant in (variants or store.folders(endpoint))
        for hour in folders
        for item in store.items(f"{endpoint}/{variant}/{hour}/")
    ]


def records(lines: Iterable[Line], window: Window, tally: Tally) -> Iterator[tuple[Record, int]]:
    """The records of a window with the bytes of their lines; what is none is counted and left out."""
    start, end = window.start, window.end
    for line in lines:
        if isinstance(line, Unread):
            tally.not_read(line.reason)
            continue
        if not line or line.isspace():
            continue
        try:
            found = record(line)
        except UnparsableError as error:
            tally.not_read(str(error))
            continue
        if not start <= found.at < end:
            tally.outside += 1
        elif found.inference_id.startswith(OWN):
            tally.own += 1
        else:
            yield found, len(line)


def shards(items: Iterable[Item], count: int) -> list[list[Item]]:
    """The files in `count` parts of about the same size: the largest first, each to the part with the least.

    The same parts for the same files, in whatever order they are given. Within a part they are in the order of
    their keys; parts may be empty.
    """
    parts: list[list[Item]] = [[] for _ in range(count)]
    sizes = [0] * count
    for item in sorted(items, key=lambda each: (-each.size, each.key)):
        least = sizes.index(min(sizes))
        parts[least].append(item)
        sizes[least] += item.size
    return [sorted(part, key=lambda each: each.key) for part in parts]
