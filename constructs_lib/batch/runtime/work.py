"""The function that does the steps of a run between its jobs; the state machine calls it with one of them.

The event has ``step``, ``run`` (the state machine's ``$``) and ``batch`` (how the transform is set up). ``inspect``
has ``chunks`` too, ``verify`` has ``sinks``; ``judge`` has ``failure``, ``attempt`` and ``most``; ``tell`` has
``chunks``, the ``failure`` of their worker, and which step it is ``of``. Every step may be done once more: it writes
the same files again, and answers the same.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from ...core.runtime.clients import client
from .complete import complete, verify
from .gather import gather, list_planned
from .inspect_chunk import inspect_all
from .outline import outline
from .problems import write_failure
from .reconcile import reconcile
from .run_files import Run
from .verdict import verdict

log = logging.getLogger()
log.setLevel(logging.INFO)

Event = Mapping[str, Any]


def handle(event: Event, _context: object) -> dict[str, Any]:
    """Entry point of the function."""
    step = event["step"]
    if step not in _STEPS:
        raise ValueError(f"{step!r} is no step: {', '.join(_STEPS)}")
    answer = _STEPS[step](event)
    log.info("%s of %s: %s", step, event.get("run", {}).get("run"), answer)
    return answer


def _run(event: Event) -> Run:
    return Run.of(event, client("s3"))


def _judge(event: Event) -> dict[str, Any]:
    return verdict(event["failure"], event["attempt"], event["most"]).told()


_STEPS: Mapping[str, Callable[[Event], dict[str, Any]]] = {
    "list": lambda event: list_planned(_run(event)),
    "gather": lambda event: gather(_run(event)),
    "judge": _judge,
    "outline": lambda event: outline(_run(event)),
    "inspect": lambda event: inspect_all(_run(event), event["chunks"]),
    "tell": lambda event: write_failure(_run(event), event["of"], event["chunks"], event["failure"]),
    "reconcile": lambda event: reconcile(_run(event), time.time()),
    "verify": lambda event: verify(_run(event), event["sinks"]),
    "complete": lambda event: complete(_run(event), client("cloudwatch"), time.time()),
}
