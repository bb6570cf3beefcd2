"""Starting of rollouts: one a request, however often it is made; the last one wins; what is wrong is told at once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from constructs_lib.edge.runtime.cloud.rollout import start
from constructs_lib.edge.runtime.cloud.rollout.start import SUPERSEDED, BadRequestError, Starter
from tests.support.edge_aws import FLEET, MACHINE, MODEL, EdgeAws, execution
from tests.support.fake_aws import EPOCH, Killed, Params
from tests.support.faults import FAULTS, Fault
from tests.support.receiver import Receiver
from tests.support.rollouts import settings, versions

BROUGHT = {"model": {"bucket": "artefacts", "key": "models/2.0.0/model.tar.gz"}}


def asked(aws: EdgeAws, **event: Any) -> dict[str, Any]:
    return Starter(settings(), aws.client("stepfunctions")).asked(event)


def running(aws: EdgeAws) -> list[str]:
    return [arn.rpartition(":")[2] for arn, told in aws.executions.items() if told["status"] == "RUNNING"]


def told(aws: EdgeAws, arn: str) -> Params:
    return dict(json.loads(aws.executions[arn]["input"]))


# --- what somebody wants -----------------------------------------------------------------------------------


def test_a_model_that_was_brought_is_rolled_out() -> None:
    aws = EdgeAws()
    found = asked(aws, **BROUGHT)
    assert found["started"]
    assert told(aws, found["execution"]) == BROUGHT


def test_versions_that_are_there_are_rolled_out_even_while_an_alarm_is_on() -> None:
    aws = EdgeAws()
    found = asked(aws, components={MODEL: "1.2.3"}, force="the alarm is about another thing")
    assert told(aws, found["execution"]) == {
        "components": {MODEL: "1.2.3"},
        "force": "the alarm is about another thing",
    }


def test_the_same_request_starts_one_rollout_and_another_another() -> None:
    aws = EdgeAws()
    first = asked(aws, **BROUGHT, request="pipeline-7")
    assert asked(aws, **BROUGHT, request="pipeline-7") == first
    # Step Functions knows executions of one name and input while they run; once they have ended, it refuses.
    aws.executions[first["execution"]]["status"] = "SUCCEEDED"
    assert asked(aws, **BROUGHT, request="pipeline-7") == {**first, "started": False}
    assert asked(aws, **BROUGHT, request="pipeline-8")["execution"] != first["execution"]
    assert len(aws.executions) == 2


def test_without_a_request_each_call_is_one_of_its_own() -> None:
    aws = EdgeAws()
    assert asked(aws, **BROUGHT)["execution"] != asked(aws, **BROUGHT)["execution"]


@pytest.mark.parametrize("request_", ["", "x" * 10_000, "ü/:*", 7])
def test_whatever_a_request_is_called_the_execution_has_a_name(request_: object) -> None:
    aws = EdgeAws()
    name = asked(aws, **BROUGHT, request=request_)["execution"].rpartition(":")[2]
    assert len(name) <= 80
    assert name.replace("-", "").isalnum()


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ({}, 'either "model"'),
        ({**BROUGHT, "components": {MODEL: "1.2.3"}}, 'either "model"'),
        (
            {**BROUGHT, "modle": 1, "when": "now"},
            "unknown: modle, when; known are components, model, force, request",
        ),
        ({"model": {"bucket": "b"}}, '"model" has "bucket" and "key"'),
        ({"model": {"bucket": "b", "key": 1}}, '"model" has "bucket" and "key"'),
        ({"model": {"bucket": "b", "key": "k", "version": "1"}}, '"model" has "bucket" and "key"'),
        ({"model": "s3://b/k"}, '"model" has "bucket" and "key"'),
        ({"model": None}, '"model" has "bucket" and "key"'),
        ({"model": {"bucket": "", "key": ""}}, '"model" has "bucket" and "key"'),
        ({"components": {"theirs": "1.2.3"}}, "theirs: versions of cameras.Runtime"),
        ({"components": {MODEL: 1}}, "cameras.Model: versions of"),
        ({"components": {}}, "components"),
        ({"components": [MODEL]}, "components"),
        ({"components": None}, "components"),
    ],
)
def test_what_cannot_be_is_refused_and_starts_nothing(event: Params, said: str) -> None:
    aws = EdgeAws()
    with pytest.raises(BadRequestError, match=said.replace("{", r"\{")):
        asked(aws, **event)
    assert aws.executions == {}


# --- the last one wins -------------------------------------------------------------------------------------


def test_what_runs_is_stopped_and_says_by_which() -> None:
    aws = EdgeAws()
    first = asked(aws, **BROUGHT)["execution"]
    second = asked(aws, **BROUGHT)["execution"]
    assert running(aws) == [second.rpartition(":")[2]]
    assert aws.executions[first] == {
        **aws.executions[first],
        "status": "ABORTED",
        "error": SUPERSEDED,
        "cause": f"by {second.rpartition(':')[2]}",
    }


def test_what_has_ended_is_left_as_it_is() -> None:
    aws = EdgeAws(executions={execution("old"): {"status": "FAILED", "input": "{}"}})
    asked(aws, **BROUGHT)
    assert aws.executions[execution("old")]["status"] == "FAILED"


def test_of_two_that_start_at_once_one_runs_on() -> None:
    """Each sees the other when it looks: both must not stop each other."""
    aws, other = EdgeAws(), execution("other")

    def another(operation: str) -> None:
        if operation == "ListExecutions" and other not in aws.executions:
            aws.executions[other] = {"status": "RUNNING", "input": "{}"}

    aws.meanwhile = another
    ours = asked(aws, **BROUGHT)["execution"]
    # It began later, and stops us; we do not stop it.
    assert aws.executions[other]["status"] == aws.executions[ours]["status"] == "RUNNING"
    Starter(settings(), aws.client("stepfunctions"))._stop_others(other)
    assert running(aws) == ["other"]


def test_one_that_begins_in_the_same_instant_is_ordered_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = execution("a"), execution("b")
    aws = EdgeAws(executions={each: {"status": "RUNNING", "input": "{}"} for each in (two, one)})
    monkeypatch.setattr("tests.support.edge_aws.timedelta", lambda **_: timedelta(0))
    starter = Starter(settings(), aws.client("stepfunctions"))
    starter._stop_others(one)
    assert sorted(running(aws)) == ["a", "b"]
    starter._stop_others(two)
    assert running(aws) == ["b"]


def test_one_of_many_pages_of_those_that_run_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    arns = [execution(f"r{number}") for number in range(5)]
    aws = EdgeAws(executions={each: {"status": "RUNNING", "input": "{}"} for each in arns})

    def page_of(stateMachineArn: str, statusFilter: str, nextToken: str = "0") -> Params:  # noqa: N803
        assert (stateMachineArn, statusFilter) == (MACHINE, "RUNNING")
        there, at = list(aws.executions), int(nextToken)
        shown = {
            "executionArn": there[at],
            "stateMachineArn": MACHINE,
            "name": "n",
            "status": "RUNNING",
            "startDate": EPOCH + timedelta(seconds=at),
        }
        more = {"nextToken": str(at + 1)} if at + 1 < len(there) else {}
        return {"executions": [shown], **more}

    monkeypatch.setattr(aws, "_ListExecutions", page_of, raising=False)
    found = asked(aws, **BROUGHT)["execution"]
    assert running(aws) == [found.rpartition(":")[2]]


# --- faults ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", FAULTS)
def test_whatever_call_goes_wrong_the_next_try_leaves_one_that_runs(fault: Fault) -> None:
    """That of the request, with what ran before stopped: also where the first try ended between start and stop."""
    for number, operation in enumerate(("StartExecution", "ListExecutions", "StopExecution")):
        aws = EdgeAws(executions={execution("old"): {"status": "RUNNING", "input": "{}"}})
        aws.spoiled = {number: fault}
        try:
            asked(aws, **BROUGHT, request="r")
        except (Exception, Killed):
            asked(aws, **BROUGHT, request="r")
        assert aws.calls[number] == operation
        (name,) = running(aws)
        assert name.startswith("asked-"), f"{fault} at {operation}"
        assert len(aws.executions) == 2, f"{fault} at {operation}"


# --- as a custom resource ----------------------------------------------------------------------------------


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> EdgeAws:
    made = EdgeAws()
    made.answers(monkeypatch)
    monkeypatch.setattr(start.Settings, "from_environment", settings)
    return made


def event(receiver: Receiver, type: str, request: str = "r1", number: int = 1) -> Params:
    return {
        "RequestType": type,
        "ResponseURL": receiver.url,
        "StackId": "s",
        "RequestId": request,
        "LogicalResourceId": "l",
        "PhysicalResourceId": f"{FLEET}-rollout",
        "ResourceProperties": {"ServiceToken": "t", "Components": versions(number)},
    }


def test_a_deployment_starts_a_rollout_of_all_that_it_published(aws: EdgeAws, receiver: Receiver) -> None:
    found = start.handle(event(receiver, "Create"), None)
    assert found["started"]
    assert found["execution"].rpartition(":")[2].startswith("1.0.1-")
    assert told(aws, found["execution"]) == {"components": versions(1)}
    assert receiver.answers[0]["Status"] == "SUCCESS"
    assert receiver.answers[0]["PhysicalResourceId"] == f"{FLEET}-rollout"


def test_a_request_of_cloudformation_that_comes_twice_starts_one(aws: EdgeAws, receiver: Receiver) -> None:
    for _ in range(2):
        start.handle(event(receiver, "Update"), None)
    assert len(aws.executions) == 1
    assert [each["Status"] for each in receiver.answers] == ["SUCCESS", "SUCCESS"]


def test_going_back_to_what_was_deployed_before_is_a_rollout_again(aws: EdgeAws, receiver: Receiver) -> None:
    for request, number in (("r1", 1), ("r2", 2), ("r3", 1)):
        start.handle(event(receiver, "Update", request, number), None)
    assert len(aws.executions) == 3
    (name,) = running(aws)
    assert told(aws, execution(name)) == {"components": versions(1)}


def test_a_deletion_starts_and_stops_nothing(aws: EdgeAws, receiver: Receiver) -> None:
    aws.executions[execution("r")] = {"status": "RUNNING", "input": "{}"}
    assert start.handle(event(receiver, "Delete"), None) == {}
    assert receiver.answers[0]["Status"] == "SUCCESS"
    assert aws.calls == []


def test_a_failure_is_an_answer(aws: EdgeAws, receiver: Receiver) -> None:
    broken = event(receiver, "Create")
    del broken["ResourceProperties"]["Components"][MODEL]
    assert start.handle(broken, None) == {}
    assert receiver.answers[0]["Status"] == "FAILED"
    assert MODEL in receiver.answers[0]["Reason"]


def test_anybody_who_may_invoke_it_starts_one_and_is_told_what_is_wrong(aws: EdgeAws) -> None:
    assert start.handle(BROUGHT, None)["started"]
    with pytest.raises(BadRequestError):
        start.handle({"model": "newest"}, None)
