"""The function that writes a chunk of a run to a sink, and what makes all of a run seen there at once.

The same chunk may be written any number of times, by calls that broke off anywhere: what is there, and what is
counted, is the same as after one.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from typing import Any

from ...core.runtime import clients
from ...core.runtime.store import write_json
from ...core.runtime.windows import seconds
from . import to_capture, to_dynamodb, to_rds, to_table
from .problems import DEFINITE, write_problem
from .run_files import Run, written_key
from .sinks import Work

SINK = "SINK"
"""The variable of the environment that has the sink, as JSON: its kind, its name, and its target's members."""

_CHILD_SECONDS = 300.0
"""Of the map's children, with all tries: they are express executions."""
_RESERVE_SECONDS = 30.0
"""For what is under way when time runs short."""
_KINDS: Mapping[str, Any] = {
    "dynamodb": to_dynamodb,
    "rds": to_rds,
    "table": to_table,
    "capture": to_capture,
}
_CONFIGS = {"dynamodb": to_dynamodb.CONFIG, "rds-data": to_rds.CONFIG}


def handle(event: Mapping[str, Any], context: Any) -> int | dict[str, Any]:
    """Entry point of the function. A chunk's answer is tiny, for a map keeps all of them."""
    sink = json.loads(os.environ[SINK])
    if event["step"] == "commit":
        return commit(sink, event)
    for chunk in event["chunks"]:
        left = seconds_left(event, context.get_remaining_time_in_millis() / 1000, time.time())
        write(sink, {**event, "chunk": chunk}, left)
    return 1


def seconds_left(event: Mapping[str, Any], of_function: float, now: float) -> float:
    """How long a chunk may take: until its function or its child of the map would be ended, whichever is first.

    The event's ``began``, when the child began, is ISO text; without it, the function is taken for its first.
    """
    of_child = _CHILD_SECONDS - (now - seconds(event["began"]) if "began" in event else 0.0)
    return min(of_child, of_function) - _RESERVE_SECONDS


def client(service: str) -> Any:
    """The client of a service, as its sink needs it."""
    return clients.client(service, _CONFIGS.get(service, clients.PATIENT))


def write(
    sink: Mapping[str, Any],
    event: Mapping[str, Any],
    left: float,
    client: Callable[[str], Any] = client,
) -> None:
    """Write a chunk, and then how many records of it were written.

    What is definitely wrong lies among the run's problems too.

    :param left: seconds that there are for it.
    :raises BadRecord: for a record that is none, whose key another one of the run has, or that the sink cannot take.
    :raises ObjectChanged: where an output is another than when the lists were made.
    :raises UnreadableObject: for a line beyond all measure.
    :raises ChunkTooLarge: when time runs short.
    """
    work, run = Work.of(event, left), Run.of(event, client("s3"))
    n, name = work.chunk.n, sink["name"]
    try:
        tally = _KINDS[sink["kind"]].write(work, sink, client)
    except DEFINITE as error:
        write_problem(run, f"write-{name}", n, error, work.chunk.uri)
        raise
    counted = {"n": n, "written": tally.written, "stale": tally.stale}
    write_json(run.store, written_key(name, n), counted, compact=True)


def commit(
    sink: Mapping[str, Any], event: Mapping[str, Any], client: Callable[[str], Any] = client
) -> dict[str, Any]:
    """Make what was written of a run seen, where a sink has a way to do so; it tells what it did."""
    return to_table.commit(event, sink, client) if sink["kind"] == "table" else {}
