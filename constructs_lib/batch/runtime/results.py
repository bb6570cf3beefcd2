"""What workers wrote, one small file a chunk, read many at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ...core.runtime.store import read_json
from .found import WORKERS
from .problems import MissingResult
from .run_files import Run

_WHERE = ("what", "key", "start")


def results(run: Run, chunks: Sequence[Mapping[str, Any]], key: Callable[[int], str]) -> list[dict[str, Any]]:
    """The result of each chunk of a list, in its order.

    :param key: Where the result of the chunk of a number lies.
    :raises MissingResult: where there is none, or that of a chunk of another list.
    """
    with ThreadPoolExecutor(WORKERS) as pool:
        return list(pool.map(lambda chunk: _result(run, chunk, key(chunk["n"])), chunks))


def _result(run: Run, chunk: Mapping[str, Any], key: str) -> dict[str, Any]:
    found = read_json(run.store, key)
    if found is None:
        raise MissingResult(f"there is no {run.store.uri(key)}, though all its chunks are said to be done")
    # What is told of where it belongs must be so.
    if any(found[name] != chunk[name] for name in ("n", *_WHERE) if name in found):
        raise MissingResult(f"{run.store.uri(key)} is not of {chunk['key']} from byte {chunk['start']:,}")
    return found
