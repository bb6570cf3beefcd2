"""The states that a batch transform is made of: judged failures, waits, errors with a reason, limits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tools.embedded_aws import LocalAws

from .neighbours import INVOKE, function
from .test_step_functions import Machine, task

LIMIT = 262_144


@pytest.fixture(scope="module")
def worker(aws: LocalAws) -> str:
    return function(aws)


def called(worker: str, payload: dict[str, Any], **members: Any) -> dict[str, Any]:
    return task(INVOKE, {"FunctionName": worker, "Payload": payload}, **members)


def test_a_failure_is_judged_waited_for_and_tried_again_until_it_is_final(aws: LocalAws, worker: str) -> None:
    """Transform, Catch, judge, Choice, Wait by a path, and Fail with the reason of the judge."""
    judged = {
        "Type": "Pass",
        "Parameters": {
            "retry.$": "$.again[0]",
            "again.$": "$.again[1:]",
            "wait": 1,
            "attempt.$": "States.MathAdd($.attempt, 1)",
            "error": "BadRecord",
            "reason.$": "States.Format('{} failed {} times', $.run, $.attempt)",
            "run.$": "$.run",
            "caught.$": "$.failure.Error",
        },
        "Next": "Choice",
    }
    choice = {"Variable": "$.retry", "BooleanEquals": True, "Next": "Wait"}
    caught = [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.failure", "Next": "Judge"}]
    raising = called(worker, {"raise": "x"}, Catch=caught)
    states = {
        "Work": raising,
        "Judge": judged,
        "Choice": {"Type": "Choice", "Choices": [choice], "Default": "Fail"},
        "Wait": {"Type": "Wait", "SecondsPath": "$.wait", "Next": "Work"},
        "Fail": {"Type": "Fail", "ErrorPath": "$.error", "CausePath": "$.reason"},
    }
    ended = Machine(aws, **states).run(run="r1", attempt=1, again=[True, False])
    assert (ended["status"], ended["error"], ended["cause"]) == ("FAILED", "BadRecord", "r1 failed 2 times")
    seconds = (ended["stopDate"] - ended["startDate"]).total_seconds()
    assert seconds >= 1, "it waited"


def test_the_class_of_an_exception_is_the_name_of_the_error(aws: LocalAws, worker: str) -> None:
    ended = Machine(aws, Only=called(worker, {"raise": "customers/7.csv"})).run()
    assert (ended["status"], ended["error"]) == ("FAILED", "BadRecord")
    cause = json.loads(ended["cause"])
    assert cause["errorMessage"] == "customers/7.csv"
    assert "index.py" in cause["stackTrace"][0]


def test_the_class_of_an_exception_is_answered_to_who_invokes_too(aws: LocalAws, worker: str) -> None:
    answer = aws.client("lambda").invoke(FunctionName=worker, Payload=b'{"raise": "why\\nso: long"}')
    payload = json.loads(answer["Payload"].read())
    assert answer["FunctionError"] == "Unhandled"
    assert (payload["errorType"], payload["errorMessage"]) == ("BadRecord", "why\nso: long")


def test_only_the_named_error_is_tried_again(aws: LocalAws, worker: str, tmp_path: Path) -> None:
    attempts = tmp_path / "attempts"
    always = {"count": str(attempts), "until": 99}
    other = [{"ErrorEquals": ["BadRecord"], "IntervalSeconds": 1, "MaxAttempts": 3}]
    assert Machine(aws, Only=called(worker, always, Retry=other)).run()["error"] == "Busy"
    assert attempts.read_text() == "1"
    named = [{"ErrorEquals": ["Busy"], "IntervalSeconds": 1, "MaxAttempts": 1}]
    assert Machine(aws, Only=called(worker, always, Retry=named)).run()["error"] == "Busy"
    assert attempts.read_text() == "3"


def test_results_are_selected_and_put_where_they_belong(aws: LocalAws, worker: str) -> None:
    selected = {"objects.$": "$.Payload.doubled"}
    gather = called(worker, {"n": 2}, ResultSelector=selected, ResultPath="$.gathered")
    gather = {**{name: gather[name] for name in gather if name != "End"}, "Next": "Complete"}
    complete = called(worker, {"n": 3}, ResultPath=None)
    ended = Machine(aws, Gather=gather, Complete=complete).run(run="r1")
    assert json.loads(ended["output"]) == {"run": "r1", "gathered": {"objects": 4}}


def test_a_function_that_takes_too_long_fails_the_task(aws: LocalAws, worker: str) -> None:
    ended = Machine(aws, Only=called(worker, {"sleep": 3}, TimeoutSeconds=1)).run()
    assert (ended["status"], ended["error"]) == ("FAILED", "States.Timeout")


def test_one_failed_branch_fails_the_whole(aws: LocalAws, worker: str) -> None:
    branches = [
        {"StartAt": "Only", "States": {"Only": called(worker, payload)}}
        for payload in ({"n": 1}, {"raise": "x"})
    ]
    ended = Machine(aws, Only={"Type": "Parallel", "Branches": branches, "End": True}).run()
    assert (ended["status"], ended["error"]) == ("FAILED", "BadRecord")


@pytest.mark.parametrize("error", ["States.ALL", "States.TaskFailed"])
def test_a_result_that_is_too_large_is_caught_by_its_name_only(
    aws: LocalAws, worker: str, error: str
) -> None:
    large = {"size": LIMIT}
    wildcard = [{"ErrorEquals": [error], "Next": "Caught"}]
    caught = {"Type": "Pass", "Result": "caught", "End": True}
    ended = Machine(aws, Only=called(worker, large, Catch=wildcard), Caught=caught).run()
    assert (ended["status"], ended["error"]) == ("FAILED", "States.DataLimitExceeded")
    named = [{"ErrorEquals": ["States.DataLimitExceeded"], "Next": "Caught"}]
    assert Machine(aws, Only=called(worker, large, Catch=named), Caught=caught).run()["status"] == "SUCCEEDED"
    small = called(worker, {"size": LIMIT - 1000})
    assert Machine(aws, Only=small).run()["status"] == "SUCCEEDED"


def test_a_state_that_grows_too_large_fails(aws: LocalAws, worker: str) -> None:
    half = called(worker, {"size": LIMIT // 2 + 1000}, ResultPath="$.first")
    first = {**{name: half[name] for name in half if name != "End"}, "Next": "Second"}
    ended = Machine(aws, First=first, Second={**half, "ResultPath": "$.second"}).run()
    assert (ended["status"], ended["error"]) == ("FAILED", "States.DataLimitExceeded")
