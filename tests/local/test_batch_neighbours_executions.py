"""Executions of state machines: started once, ended in four ways, and told of."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tools.embedded_aws import LocalAws, until

from .hosting import Hosting, error_of
from .neighbours import function
from .test_step_functions import Machine

WAIT = {"Type": "Wait", "Seconds": 30, "End": True}
FAIL = {"Type": "Fail", "Error": "CountMismatch", "Cause": "1,000 records in, 998 out"}
LISTENER = """
import json, os, pathlib
def handle(event, context):
    folder = pathlib.Path(os.environ["FOLDER"])
    (folder / f"{event['detail']['status']}-{event['detail']['name']}.json").write_text(json.dumps(event))
"""
ENDS = ["FAILED", "TIMED_OUT", "ABORTED"]


class Heard:
    """The events that a rule has handed to a function."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def all(self) -> list[dict[str, Any]]:
        return [
            json.loads(each.read_text()) for each in sorted(self._folder.iterdir()) if each.stat().st_size
        ]

    def one(self) -> dict[str, Any]:
        (event,) = until(self.all, what="the event")
        return event


@pytest.fixture
def heard(aws: LocalAws, tmp_path: Path) -> Iterator[Heard]:
    events, rule = aws.client("events"), Hosting.name("rule")
    pattern = {
        "source": ["aws.states"],
        "detail-type": ["Step Functions Execution Status Change"],
        "detail": {"status": ENDS},
    }
    events.put_rule(Name=rule, EventPattern=json.dumps(pattern))
    target = function(aws, LISTENER, FOLDER=str(tmp_path))
    events.put_targets(Rule=rule, Targets=[{"Id": "fail", "Arn": target}])
    yield Heard(tmp_path)
    events.remove_targets(Rule=rule, Ids=["fail"])
    events.delete_rule(Name=rule)


def begin(machine: Machine, name: str, **given: Any) -> str:
    started = machine.client.start_execution(stateMachineArn=machine.arn, name=name, input=json.dumps(given))
    return str(started["executionArn"])


def test_the_same_name_with_the_same_input_is_the_same_execution_while_it_runs(aws: LocalAws) -> None:
    machine, name = Machine(aws, Only=WAIT), Hosting.name("run")
    first = machine.client.start_execution(stateMachineArn=machine.arn, name=name, input='{"a": 1}')
    again = machine.client.start_execution(stateMachineArn=machine.arn, name=name, input='{"a": 1}')
    assert again["executionArn"] == first["executionArn"]
    assert again["startDate"] == first["startDate"]
    assert error_of(lambda: begin(machine, name, a=2))[0] == "ExecutionAlreadyExists"
    machine.client.stop_execution(executionArn=first["executionArn"])
    assert error_of(lambda: begin(machine, name, a=1))[0] == "ExecutionAlreadyExists"
    assert len(machine.client.list_executions(stateMachineArn=machine.arn)["executions"]) == 1


@pytest.mark.parametrize(
    ("name", "given", "code"),
    [
        ("a:b", "{}", "InvalidName"),
        ("n" * 81, "{}", "InvalidName"),
        ("fine", "no JSON", "InvalidExecutionInput"),
        ("fine", json.dumps("x" * 262_144), "ValidationException"),
    ],
)
def test_what_aws_does_not_start_is_refused(aws: LocalAws, name: str, given: str, code: str) -> None:
    machine = Machine(aws, Only=WAIT)

    def start() -> None:
        machine.client._make_api_call(
            "StartExecution", {"stateMachineArn": machine.arn, "name": name, "input": given}
        )

    assert error_of(start)[0] == code


def test_a_failed_execution_tells_why(aws: LocalAws, heard: Heard) -> None:
    ended = Machine(aws, Only=FAIL).run(run="r1")
    event = heard.one()
    detail = event["detail"]
    assert event["resources"] == [ended["executionArn"]]
    assert (detail["status"], detail["error"], detail["cause"]) == ("FAILED", FAIL["Error"], FAIL["Cause"])
    assert (ended["error"], ended["cause"]) == (FAIL["Error"], FAIL["Cause"])
    assert json.loads(detail["input"]) == {"run": "r1"}
    assert detail["stateMachineArn"] == ended["stateMachineArn"]
    assert detail["name"] == ended["name"]
    assert detail["startDate"] == round(ended["startDate"].timestamp() * 1000)


def test_a_machine_that_takes_too_long_times_out(aws: LocalAws, heard: Heard) -> None:
    client = aws.client("stepfunctions")
    machine = Machine(aws, Only=WAIT)
    definition = {"StartAt": "Only", "States": {"Only": WAIT}, "TimeoutSeconds": 1}
    client.update_state_machine(stateMachineArn=machine.arn, definition=json.dumps(definition))
    ended = machine.run(run="r1")
    assert ended["status"] == "TIMED_OUT"
    assert {"error", "cause", "output"}.isdisjoint(ended)
    detail = heard.one()["detail"]
    assert (detail["status"], detail["error"], detail["cause"]) == ("TIMED_OUT", None, None)
    assert detail["stopDate"] - detail["startDate"] >= 1000
    history = client.get_execution_history(executionArn=ended["executionArn"])["events"]
    assert history[-1]["type"] == "ExecutionTimedOut"


def test_a_stopped_execution_tells_what_it_was_stopped_with(aws: LocalAws, heard: Heard) -> None:
    machine = Machine(aws, Only=WAIT)
    execution = machine.start(run="r1")
    machine.client.stop_execution(executionArn=execution, error="Stopped", cause="by hand")
    detail = heard.one()["detail"]
    assert (detail["status"], detail["error"], detail["cause"]) == ("ABORTED", "Stopped", "by hand")
    assert machine.status(execution)["status"] == "ABORTED"
    assert machine.status(execution)["cause"] == "by hand"


def test_a_success_is_no_end_of_these(aws: LocalAws, heard: Heard) -> None:
    assert Machine(aws, Only={"Type": "Pass", "End": True}).run()["status"] == "SUCCEEDED"
    Machine(aws, Only=FAIL).run()
    assert heard.one()["detail"]["status"] == "FAILED"
