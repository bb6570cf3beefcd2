"""SageMaker in the state machines of Step Functions.

Source: https://docs.aws.amazon.com/step-functions/latest/dg/connect-sagemaker.html
"""

from __future__ import annotations

import json
import time
from typing import Any

from .. import emulator_stepfunctions as step_functions
from ..emulator import Scope
from ..emulator_stepfunctions import Input, Task, TaskError
from . import grants, iam
from .control import Control
from .errors import ApiError
from .grants import Grant
from .job import PROCESSING, RUNNING, TRANSFORM, JobKind, in_milliseconds

_OPTIMIZED = "arn:aws:states:::sagemaker:"
_SDK = "arn:aws:states:::aws-sdk:sagemaker:"
_SYNC = ".sync"
_POLL = 0.1
# What AWS's page lists, as far as it is emulated.
_OPERATIONS = (
    "CreateEndpoint", "CreateEndpointConfig", "CreateModel", "CreateProcessingJob", "CreateTransformJob",
    "UpdateEndpoint",
)  # fmt: skip
_WAITED_FOR = {kind.operation("Create"): kind for kind in (PROCESSING, TRANSFORM)}
# The errors as the SDKs for Java call them, whose names Step Functions shows; all others have the general name.
_ERRORS = {
    name: f"{name}Exception" for name in ("ResourceInUse", "ResourceLimitExceeded", "ResourceNotFound")
}
_SDK_ERRORS = _ERRORS | dict.fromkeys(("ValidationException", "AccessDeniedException"), "SageMakerException")
_RULE_ACTIONS = ("events:PutTargets", "events:PutRule", "events:DescribeRule")


class SageMakerTasks:
    """Answers the tasks of state machines that call SageMaker, with the rights of the state machine's role."""

    def __init__(self, control: Control) -> None:
        self._control = control

    def install(self) -> None:
        """Let state machines call SageMaker."""
        step_functions.follow_tasks()
        step_functions.keep_ends()
        step_functions.add_sdk_service("sagemaker", "SageMaker", "SageMaker", _SDK_ERRORS)
        step_functions.perform_tasks(_OPTIMIZED, self._perform)
        step_functions.perform_tasks(_SDK, _perform_sdk)

    def _perform(self, resource: str, given: Input, task: Task) -> Any:
        name, sync = resource.removeprefix(_OPTIMIZED), resource.endswith(_SYNC)
        operation = _pascal(name.removesuffix(_SYNC))
        if operation not in _OPERATIONS or (sync and operation not in _WAITED_FOR):
            raise TaskError("States.Runtime", f"{resource} is not emulated by constructs_lib.local")
        try:
            _require_grants(operation, given, task.role)
            if not sync:
                return self._control.call(operation, given)
            _require_rule(_WAITED_FOR[operation], task.role)
            return self._run(_WAITED_FOR[operation], given, task)
        except ApiError as error:
            raise _task_error(error) from error

    def _run(self, kind: JobKind, given: Input, task: Task) -> dict[str, Any]:
        """Start a job and wait for its end; nobody waits any more: stop it."""
        self._control.call(kind.operation("Create"), given)
        deadline = None if task.timeout is None else time.monotonic() + task.timeout
        describe, stop, status = kind.operation("Describe"), kind.operation("Stop"), kind.member("Status")
        named = {kind.member("Name"): given[kind.member("Name")]}
        _require_grants(describe, named, task.role)
        while (described := self._control.call(describe, named))[status] in RUNNING:
            if not task.wanted or (deadline is not None and time.monotonic() > deadline):
                _require_grants(stop, named, task.role)
                self._control.call(stop, named)
                raise TaskError("States.Timeout", "The task is not waited for any more.")
            time.sleep(_POLL)
        answer = in_milliseconds(described)
        if answer[status] != "Completed":
            raise TaskError("States.TaskFailed", json.dumps(answer))
        return answer


def _perform_sdk(resource: str, given: Input, task: Task) -> Any:
    operation = _pascal(resource.removeprefix(_SDK))
    try:
        _require_grants(operation, given, task.role)
    except ApiError as error:
        raise TaskError("SageMaker.SageMakerException", error.message) from error
    return step_functions.call_sdk(resource, given)


def _require_grants(operation: str, given: Input, role: str | None) -> None:
    resource = iam.resource_arn("/", {}, json.dumps(given).encode(), Scope.current())
    grants.require(role, Grant(f"sagemaker:{operation}", resource, {}))
    for grant in grants.needed_beside(operation, given):
        grants.require(role, grant)


def _require_rule(kind: JobKind, role: str | None) -> None:
    """The role must let Step Functions hear of the job's end. AWS looks when the state machine is made."""
    rule = Scope.current().arn("events", f"rule/StepFunctionsGetEventsForSageMaker{kind.noun}JobsRule")
    for action in _RULE_ACTIONS:
        grants.require(role, Grant(action, rule, {}))


def _pascal(action: str) -> str:
    return action[:1].upper() + action[1:]


def _task_error(error: ApiError) -> TaskError:
    name = _ERRORS.get(error.code, "AmazonSageMakerException")
    cause = (
        f"{error.message} (Service: AmazonSageMaker; Status Code: {error.status}; Error Code: {error.code})"
    )
    return TaskError(f"SageMaker.{name}", cause)
