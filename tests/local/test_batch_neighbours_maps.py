"""Distributed maps over the items of a file, and the Lambda tasks of their children."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tools.embedded_aws import LocalAws

from .hosting import BUCKET, Hosting
from .neighbours import INVOKE, function
from .test_step_functions import Machine, task

RETRIED = {"ErrorEquals": ["Busy"], "IntervalSeconds": 1, "MaxAttempts": 2, "BackoffRate": 1}


@pytest.fixture(scope="module")
def worker(aws: LocalAws) -> str:
    return function(aws)


def put_items(aws: LocalAws, content: Any) -> str:
    key = f"{Hosting.name('chunks')}.json"
    body = content if isinstance(content, str) else json.dumps(content)
    aws.client("s3").put_object(Bucket=BUCKET, Key=key, Body=body.encode())
    return key


def distributed(worker: str, *, child: Mapping[str, Any] | None = None, **members: Any) -> dict[str, Any]:
    """A map as a batch transform has it."""
    parameters = {"FunctionName": worker, "Payload.$": "$"}
    work = {**task(INVOKE, parameters, ResultSelector={"doubled.$": "$.Payload.doubled"}), **(child or {})}
    return {
        "Type": "Map",
        "Label": "Inspect",
        "ItemReader": {
            "Resource": "arn:aws:states:::s3:getObject",
            "ReaderConfig": {"InputType": "JSON"},
            "Parameters": {"Bucket.$": "$.bucket", "Key.$": "$.outlined.key"},
        },
        "ItemSelector": {"chunk.$": "$$.Map.Item.Value", "n.$": "$$.Map.Item.Value.n", "run.$": "$.run"},
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"},
            "StartAt": "Work",
            "States": {"Work": work},
        },
        "MaxConcurrency": 4,
        "ToleratedFailureCount": 0,
        "ResultPath": "$.mapped",
        "End": True,
        **members,
    }


def run(aws: LocalAws, state: Mapping[str, Any], items: Any, **states: Mapping[str, Any]) -> dict[str, Any]:
    machine = Machine(aws, Only=state, **states)
    return machine.run(run="r1", bucket=BUCKET, outlined={"key": put_items(aws, items)})


def test_each_item_of_a_file_is_worked_on_with_the_members_selected(aws: LocalAws, worker: str) -> None:
    whole = {"Payload.$": "$", "FunctionName": worker}
    state = distributed(worker, child={"Parameters": whole, "ResultSelector": {"seen.$": "$.Payload.given"}})
    ended = run(aws, state, [{"n": 1, "start": 0}, {"n": 2, "start": 10}])
    assert ended["status"] == "SUCCEEDED", ended
    output = json.loads(ended["output"])
    assert output["run"] == "r1"
    assert output["mapped"] == [
        {"seen": {"chunk": {"n": 1, "start": 0}, "n": 1, "run": "r1"}},
        {"seen": {"chunk": {"n": 2, "start": 10}, "n": 2, "run": "r1"}},
    ]


def test_a_map_without_a_result_hands_its_input_on(aws: LocalAws, worker: str) -> None:
    ended = run(aws, distributed(worker, ResultPath=None), [{"n": n} for n in range(9)])
    assert set(json.loads(ended["output"])) == {"run", "bucket", "outlined"}
    assert json.loads(run(aws, distributed(worker), [])["output"])["mapped"] == []


def test_one_failed_child_fails_the_map(aws: LocalAws, worker: str) -> None:
    raised = {"FunctionName": worker, "Payload": {"raise": "customers/7.csv: not a number"}}
    ended = run(aws, distributed(worker, child={"Parameters": raised}), [{"n": 1}])
    assert (ended["status"], ended["error"]) == ("FAILED", "States.ExceedToleratedFailureThreshold")


def test_children_that_have_not_begun_do_not_begin_when_one_has_failed(
    aws: LocalAws, worker: str, tmp_path: Path
) -> None:
    attempts = tmp_path / "attempts"
    always = {"FunctionName": worker, "Payload": {"count": str(attempts), "until": 99}}
    state = distributed(worker, child={"Parameters": always}, MaxConcurrency=1)
    ended = run(aws, state, [{"n": n} for n in range(5)])
    assert ended["error"] == "States.ExceedToleratedFailureThreshold"
    assert attempts.read_text() == "1"


def test_a_child_tries_again_on_the_named_error_of_its_function(
    aws: LocalAws, worker: str, tmp_path: Path
) -> None:
    attempts = tmp_path / "attempts"
    busy = {"FunctionName": worker, "Payload": {"count": str(attempts), "until": 2}}
    child = {"Parameters": busy, "ResultSelector": {"attempts.$": "$.Payload.attempts"}, "Retry": [RETRIED]}
    ended = run(aws, distributed(worker, child=child), [{"n": 1}])
    assert json.loads(ended["output"])["mapped"] == [{"attempts": 2}]


def test_a_failed_map_can_be_tried_again_and_caught(aws: LocalAws, worker: str, tmp_path: Path) -> None:
    attempts = tmp_path / "attempts"
    always = {"FunctionName": worker, "Payload": {"count": str(attempts), "until": 99}}
    failed = ["States.ExceedToleratedFailureThreshold"]
    state = distributed(
        worker,
        child={"Parameters": always},
        Retry=[{"ErrorEquals": failed, "IntervalSeconds": 1, "MaxAttempts": 1}],
        Catch=[{"ErrorEquals": failed, "ResultPath": "$.failure", "Next": "Caught"}],
    )
    ended = run(aws, state, [{"n": 1}], Caught={"Type": "Pass", "End": True})
    assert ended["status"] == "SUCCEEDED", ended
    output = json.loads(ended["output"])
    assert output["failure"]["Error"] == failed[0]
    assert output["run"] == "r1"
    assert attempts.read_text() == "2"


@pytest.mark.parametrize("content", ["{}", "7", "no JSON"])
def test_a_file_without_a_list_of_items_fails_the_reader(aws: LocalAws, worker: str, content: str) -> None:
    ended = run(aws, distributed(worker), content)
    assert (ended["status"], ended["error"]) == ("FAILED", "States.ItemReaderFailed")


def test_a_missing_file_fails_the_reader(aws: LocalAws, worker: str) -> None:
    machine = Machine(aws, Only=distributed(worker))
    ended = machine.run(run="r1", bucket=BUCKET, outlined={"key": "no such key"})
    assert (ended["status"], ended["error"]) == ("FAILED", "States.ItemReaderFailed")


def test_maps_run_beside_each_other(aws: LocalAws, worker: str) -> None:
    branch = distributed(worker, ResultPath="$", ResultSelector={"all.$": "$"})
    parallel = {
        "Type": "Parallel",
        "Branches": [{"StartAt": "Map", "States": {"Map": branch}}] * 2,
        "ResultPath": "$.published",
        "End": True,
    }
    ended = run(aws, parallel, [{"n": 3}])
    assert json.loads(ended["output"])["published"] == [{"all": [{"doubled": 6}]}] * 2


def test_a_map_run_tells_how_many_children_did_what(aws: LocalAws, worker: str) -> None:
    ended = run(aws, distributed(worker), [{"n": 1}, {"n": 2}])
    client = aws.client("stepfunctions")
    (listed,) = client.list_map_runs(executionArn=ended["executionArn"])["mapRuns"]
    described = client.describe_map_run(mapRunArn=listed["mapRunArn"])
    assert (described["status"], described["itemCounts"]["succeeded"]) == ("SUCCEEDED", 2)
