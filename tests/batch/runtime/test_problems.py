"""Errors are called what people and alarms see, and what is wrong lies where the failure is told from."""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
from typing import Any

import pytest

from constructs_lib.batch import runtime, states
from constructs_lib.batch.runtime import pairing, problems
from constructs_lib.batch.runtime.failure import reason_of
from constructs_lib.batch.runtime.problems import DEFINITE, write_problem
from constructs_lib.batch.runtime.rows import BadRecord
from tests.support.batch_runs import BatchRun


@pytest.mark.parametrize("name", ["CountMismatch", "SinkMismatch", "InputChanged", "NothingPrepared"])
def test_errors_of_the_data_are_value_errors_by_their_names(name: str) -> None:
    assert issubclass(getattr(problems, name), ValueError)
    assert getattr(problems, name).__name__ == name


def test_a_missing_result_is_no_error_of_the_data() -> None:
    assert not issubclass(problems.MissingResult, ValueError)
    assert issubclass(pairing.MissingOutput, ValueError)
    assert problems.MissingResult not in DEFINITE


def test_a_problem_of_a_record_has_its_byte() -> None:
    run = BatchRun({})
    write_problem(run.run(), "inspect", 7, BadRecord("s3://b/k", 42, "no"), "s3://b/other")
    assert run.problems() == {
        "inspect-000007.json": {
            "step": "inspect",
            "error": "BadRecord",
            "object": "s3://b/k",
            "offset": 42,
            "reason": "no",
        }
    }


def test_the_same_piece_of_work_has_one_problem() -> None:
    run = BatchRun({})
    for _ in range(2):
        write_problem(run.run(), "inspect", 7, problems.InputChanged("changed"), "s3://b/k")
    assert len(run.problems()) == 1


# --- what a worker could not tell itself -----------------------------------------------------------------

CHUNKS = [{"n": 7, "bucket": "b", "key": "out/k"}, {"n": 8, "bucket": "b", "key": "out/l"}]
DENIED = {
    "Error": "ClientError",
    "Cause": json.dumps(
        {"errorType": "ClientError", "errorMessage": "AccessDenied: no PutItem", "trace": []}
    ),
}


def tell(run: BatchRun, **more: Any) -> Any:
    return run.step("tell", **{"of": "write-dynamodb", "chunks": CHUNKS, "failure": DENIED, **more})


def test_a_worker_that_came_to_nothing_leaves_its_error_as_a_problem() -> None:
    run = BatchRun({})
    assert tell(run) == {"told": True}
    told = {
        "step": "write-dynamodb",
        "error": "ClientError",
        "object": "s3://b/out/k",
        "offset": None,
        "reason": "AccessDenied: no PutItem",
    }
    assert run.problems() == {"write-dynamodb-000007.json": told}
    threshold = ("States.ExceedToleratedFailureThreshold", "The tolerated failure threshold was exceeded")
    assert reason_of("FAILED", *threshold, [told]) == (
        "ClientError",
        "AccessDenied: no PutItem (s3://b/out/k)",
    )


@pytest.mark.parametrize("n", [7, 8])
def test_a_worker_that_has_told_of_a_problem_is_not_told_of_again(n: int) -> None:
    run = BatchRun({})
    write_problem(run.run(), "write-dynamodb", n, BadRecord("s3://b/k", 42, "no"), "s3://b/k")
    before = run.problems()
    assert tell(run) == {"told": False}
    assert run.problems() == before


def test_what_another_worker_or_sink_has_told_is_another_problem() -> None:
    run = BatchRun({})
    write_problem(run.run(), "write-dynamodb", 9, BadRecord("s3://b/k", 42, "no"), "s3://b/k")
    write_problem(run.run(), "write-rds", 7, BadRecord("s3://b/k", 42, "no"), "s3://b/k")
    assert tell(run) == {"told": True}
    assert len(run.problems()) == 3


@pytest.mark.parametrize("failure", [{}, {"Error": "States.Timeout", "Cause": ""}])
def test_a_worker_that_gives_no_reason_is_told_of_with_one(failure: dict[str, str]) -> None:
    run = BatchRun({})
    tell(run, failure=failure, chunks=[], of="inspect")
    problem = run.problems()["inspect-000000.json"]
    assert problem["error"] == failure.get("Error", "Unknown")
    assert (problem["object"], problem["reason"]) == (run.run().store.uri(""), "It gives no reason.")


def test_a_long_reason_is_shortened() -> None:
    run = BatchRun({})
    tell(run, failure={"Error": "ClientError", "Cause": "x" * 30_000})
    (problem,) = run.problems().values()
    assert len(problem["reason"]) == 900


# --- the names that the state machine knows --------------------------------------------------------------

NOT_DEFINITE = {
    "MissingResult": "S3 may give what a worker wrote the next time",
    "InputError": "of the start function, which the state machine does not call",
    "UnknownRequestError": "of the function that tells of failures, which it does not call either",
    "_WrongError": "becomes a BadRecord",
}
"""Errors of the runtime that another try may mend, or that no state sees."""


def own_errors() -> dict[str, type[BaseException]]:
    """All classes of errors that modules of the runtime define, by their names."""
    modules = [
        importlib.import_module(f"{runtime.__name__}.{each.name}")
        for each in pkgutil.iter_modules(runtime.__path__)
    ]
    found = [
        each
        for module in modules
        for _, each in inspect.getmembers(module, inspect.isclass)
        if issubclass(each, BaseException) and each.__module__ == module.__name__
    ]
    assert len({each.__name__ for each in found}) == len(found)
    return {each.__name__: each for each in found}


def test_the_state_machine_tries_nothing_again_that_is_definite() -> None:
    """Lambda tells the name of an error's class as its type, and a state's Retry names just that, not its bases."""
    errors = own_errors()
    assert NOT_DEFINITE.keys() <= errors.keys()
    assert sorted(states.DEFINITE) == sorted(errors.keys() - NOT_DEFINITE.keys())
    assert {each.__name__: each for each in DEFINITE} == {name: errors[name] for name in states.DEFINITE}


def test_states_name_them_before_all_others() -> None:
    state = states.invoke("aws", "f", {}, after=None)
    first, others = state["Retry"]
    assert (first["ErrorEquals"], first["MaxAttempts"]) == (list(states.DEFINITE), 0)
    assert others["ErrorEquals"] == ["States.ALL"]


def test_what_is_definite_is_caught_by_no_other_name() -> None:
    """An error is raised as it is: a subclass would have another name."""
    for each in DEFINITE:
        assert {sub.__name__ for sub in each.__subclasses__()} <= set(states.DEFINITE)
