"""What ends a run for good, and how it is told: the names of the errors are what people and alarms see.

A worker that finds something definitely wrong writes a problem into the run's folder before it raises: the error
of one child of a map does not reach the end of the state machine, and the function that tells of failed runs
reads the problems instead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...core.runtime.store import read, write_json
from .causes import explained, shortened
from .chunks import ObjectChanged, UnreadableObject
from .pairing import MissingOutput
from .rows import BadRecord
from .run_files import Run, problem_key
from .sinks import ChunkTooLarge, DuplicateKey, ForeignRecord


class NothingPrepared(ValueError):  # noqa: N818 - Lambda tells the name as the error's type; so below
    """The pre-processing job wrote nothing that could be transformed."""


class InputChanged(ValueError):  # noqa: N818
    """An object of the input is not the one that the run was planned with."""


class CountMismatch(ValueError):  # noqa: N818
    """As many records did not come out as went in."""


class SinkMismatch(ValueError):  # noqa: N818
    """A sink has not all records, and not what is newer in their place either."""


class MissingResult(RuntimeError):  # noqa: N818
    """A worker's result is not there, or is of another chunk."""


DEFINITE = (
    BadRecord,
    ChunkTooLarge,
    CountMismatch,
    DuplicateKey,
    ForeignRecord,
    InputChanged,
    MissingOutput,
    NothingPrepared,
    ObjectChanged,
    SinkMismatch,
    UnreadableObject,
)
"""What no further try mends: the state machine knows them by their names, and makes none."""


def write_problem(run: Run, step: str, n: int, error: Exception, object: str) -> None:
    """Write the problem of a step's piece of work `n`.

    :param object: The URI of what it concerns.
    """
    told: dict[str, Any] = {"object": object, "offset": None, "reason": str(error)}
    if isinstance(error, BadRecord):
        told = error.problem
    write_json(run.store, problem_key(step, n), {"step": step, "error": type(error).__name__, **told})


def write_failure(
    run: Run, step: str, chunks: Sequence[Mapping[str, Any]], failure: Mapping[str, Any]
) -> dict[str, Any]:
    """Write why a worker came to nothing in all its tries, unless it has told of a problem itself.

    :param chunks: what it had in hand.
    :param failure: ``Error`` and ``Cause``, as a state machine catches them.
    """
    numbers = [int(each["n"]) for each in chunks] or [0]
    if any(read(run.store, problem_key(step, n)) is not None for n in numbers):
        return {"told": False}
    told = explained(failure.get("Error"), failure.get("Cause"))
    place = f"s3://{chunks[0]['bucket']}/{chunks[0]['key']}" if chunks else run.store.uri("")
    problem = {"step": step, "error": told.error, "object": place, "offset": None}
    reason = shortened(told.reason or "It gives no reason.")
    write_json(run.store, problem_key(step, numbers[0]), {**problem, "reason": reason})
    return {"told": True}
