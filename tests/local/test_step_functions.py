"""Processing jobs as tasks of state machines."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from tools.embedded_aws import ACCOUNT, LocalAws, until

from .hosting import Hosting
from .processing import OUTPUT, Jobs, s3_output
from .test_iam import TRUST
from .test_processing import SLEEP_CODE, gone, running_pids, where

SYNC = "arn:aws:states:::sagemaker:createProcessingJob.sync"
PLAIN = "arn:aws:states:::sagemaker:createProcessingJob"
SDK = "arn:aws:states:::aws-sdk:sagemaker:"
FAILING = "import sys; sys.exit(3)"
MACHINE_ROLE = f"arn:aws:iam::{ACCOUNT}:role/Machine"
STATES_TRUST = {**TRUST, "Principal": {"Service": "states.amazonaws.com"}}


class Machine:
    """A state machine of the states given, begun at the first."""

    def __init__(self, aws: LocalAws, role: str = MACHINE_ROLE, **states: Mapping[str, Any]) -> None:
        self.client = aws.client("stepfunctions")
        definition = {"StartAt": next(iter(states)), "States": states}
        made = self.client.create_state_machine(
            name=Hosting.name("machine"), roleArn=role, definition=json.dumps(definition)
        )
        self.arn = made["stateMachineArn"]

    def start(self, **given: Any) -> str:
        execution = self.client.start_execution(stateMachineArn=self.arn, input=json.dumps(given))
        return str(execution["executionArn"])

    def status(self, execution: str) -> dict[str, Any]:
        return dict(self.client.describe_execution(executionArn=execution))

    def run(self, **given: Any) -> dict[str, Any]:
        """The execution, once it has ended."""
        execution = self.start(**given)
        return until(
            lambda: (found := self.status(execution))["status"] != "RUNNING" and found, what="the execution"
        )


def task(resource: str, parameters: Mapping[str, Any], **members: Any) -> dict[str, Any]:
    return {"Type": "Task", "Resource": resource, "Parameters": parameters, "End": True, **members}


@pytest.fixture
def jobs(aws: LocalAws) -> Jobs:
    return Jobs(aws)


def test_a_state_machine_waits_for_its_job(jobs: Jobs) -> None:
    target = where()
    request = jobs.request(
        "import os; open(os.environ['OUT'] + '/x', 'w').write('y')",
        outputs=[s3_output(target)],
        environment={"OUT": OUTPUT},
    )
    name = request.pop("ProcessingJobName")
    named = {**request, "ProcessingJobName.$": "$.name"}
    ended = Machine(jobs.aws, Only=task(SYNC, named)).run(name=name)
    assert ended["status"] == "SUCCEEDED", ended
    output = json.loads(ended["output"])
    described = jobs.describe(name)
    assert jobs.keys(target) == ["x"]
    assert output["ProcessingJobStatus"] == "Completed"
    assert output["ProcessingJobArn"] == described["ProcessingJobArn"]
    assert output["ProcessingEndTime"] == round(described["ProcessingEndTime"].timestamp() * 1000)


def test_a_failed_job_fails_the_task_with_what_became_of_it(jobs: Jobs) -> None:
    request = jobs.request(FAILING)
    ended = Machine(jobs.aws, Only=task(SYNC, request)).run()
    assert (ended["status"], ended["error"]) == ("FAILED", "States.TaskFailed")
    cause = json.loads(ended["cause"])
    assert cause["ProcessingJobStatus"] == "Failed"
    assert "exit code: 3" in cause["FailureReason"]


def test_a_failed_job_can_be_tried_again_and_caught(jobs: Jobs) -> None:
    request = jobs.request(FAILING)
    name = request.pop("ProcessingJobName")
    numbered = {**request, "ProcessingJobName.$": "States.Format('{}-{}', $.name, $$.State.RetryCount)"}
    machine = Machine(
        jobs.aws,
        Job=task(
            SYNC,
            numbered,
            Retry=[{"ErrorEquals": ["States.TaskFailed"], "IntervalSeconds": 1, "MaxAttempts": 1}],
            Catch=[{"ErrorEquals": ["States.ALL"], "Next": "Caught", "ResultPath": "$.error"}],
        ),
        Caught={"Type": "Pass", "End": True},
    )
    ended = machine.run(name=name)
    assert ended["status"] == "SUCCEEDED"
    caught = json.loads(ended["output"])["error"]
    assert caught["Error"] == "States.TaskFailed"
    assert json.loads(caught["Cause"])["ProcessingJobName"] == f"{name}-1", "the second attempt's job"
    assert jobs.describe(f"{name}-0")["ProcessingJobStatus"] == "Failed"


def sleeping(jobs: Jobs) -> dict[str, Any]:
    return jobs.request(SLEEP_CODE, outputs=[s3_output(where())], environment={"OUT": OUTPUT})


def test_a_stopped_execution_stops_its_job(jobs: Jobs) -> None:
    request = sleeping(jobs)
    name = request.pop("ProcessingJobName")
    numbered = {**request, "ProcessingJobName.$": "States.Format('{}-{}', $.name, $$.State.RetryCount)"}
    again = [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 1}]
    machine = Machine(jobs.aws, Only=task(SYNC, numbered, Retry=again))
    execution = machine.start(name=name)
    pids = running_pids(jobs, f"{name}-0")
    machine.client.stop_execution(executionArn=execution)
    assert jobs.ended(f"{name}-0")["ProcessingJobStatus"] == "Stopped"
    until(lambda: gone(pids), what="the processes are gone")
    history = machine.client.get_execution_history

    def given_up() -> bool:
        events = history(executionArn=execution)["events"]
        return sum(event["type"] == "TaskFailed" for event in events) == 2

    until(given_up, what="the second attempt, which starts nothing")
    assert machine.status(execution)["status"] == "ABORTED"
    listed = jobs.sagemaker.list_processing_jobs(NameContains=name)["ProcessingJobSummaries"]
    assert [each["ProcessingJobName"] for each in listed] == [f"{name}-0"]


def test_a_task_that_times_out_stops_its_job(jobs: Jobs) -> None:
    request = sleeping(jobs)
    ended = Machine(jobs.aws, Only=task(SYNC, request, TimeoutSeconds=1)).run()
    assert (ended["status"], ended["error"]) == ("FAILED", "States.Timeout")
    assert jobs.ended(request["ProcessingJobName"])["ProcessingJobStatus"] == "Stopped"


def test_a_job_that_is_stopped_fails_the_task(jobs: Jobs) -> None:
    request = sleeping(jobs)
    machine = Machine(jobs.aws, Only=task(SYNC, request))
    execution = machine.start()
    running_pids(jobs, request["ProcessingJobName"])
    jobs.sagemaker.stop_processing_job(ProcessingJobName=request["ProcessingJobName"])
    ended = until(
        lambda: (found := machine.status(execution))["status"] != "RUNNING" and found, what="the execution"
    )
    assert (ended["status"], ended["error"]) == ("FAILED", "States.TaskFailed")
    assert json.loads(ended["cause"])["ProcessingJobStatus"] == "Stopped"


def test_a_task_that_does_not_wait_starts_the_job(jobs: Jobs) -> None:
    for resource in (PLAIN, f"{SDK}createProcessingJob"):
        request = jobs.request("")
        ended = Machine(jobs.aws, Only=task(resource, request)).run()
        assert json.loads(ended["output"]) == {
            "ProcessingJobArn": jobs.describe(request["ProcessingJobName"])["ProcessingJobArn"]
        }
        jobs.ended(request["ProcessingJobName"])


def test_the_sdk_task_describes_a_job_too(jobs: Jobs) -> None:
    name = jobs.run("")["ProcessingJobName"]
    named = {"ProcessingJobName": name}
    ended = Machine(jobs.aws, Only=task(f"{SDK}describeProcessingJob", named)).run()
    assert json.loads(ended["output"])["ProcessingJobStatus"] == "Completed"


@pytest.mark.parametrize(
    ("resource", "members", "error"),
    [
        (SYNC, {}, "SageMaker.ResourceInUseException"),
        (PLAIN, {}, "SageMaker.ResourceInUseException"),
        (f"{SDK}createProcessingJob", {}, "SageMaker.ResourceInUseException"),
        (SYNC, {"RoleArn": "x"}, "SageMaker.AmazonSageMakerException"),
        (f"{SDK}createProcessingJob", {"RoleArn": "x"}, "SageMaker.SageMakerException"),
        ("arn:aws:states:::sagemaker:createTrainingJob.sync", {}, "States.Runtime"),
        ("arn:aws:states:::sagemaker:createModel.sync", {}, "States.Runtime"),
    ],
)
def test_a_refused_job_has_the_name_of_its_error(
    jobs: Jobs, resource: str, members: dict[str, Any], error: str
) -> None:
    taken = jobs.request("")
    jobs.sagemaker.create_processing_job(**taken)
    ended = Machine(jobs.aws, Only=task(resource, taken | members)).run()
    assert (ended["status"], ended["error"]) == ("FAILED", error)
