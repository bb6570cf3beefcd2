"""The private names of ministack's Step Functions that tasks need; emulator.py's companion."""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ministack.services import stepfunctions

Input = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Task:
    """The task state that is being worked on, of which ministack tells its services nothing."""

    role: str | None
    """The state machine's role."""
    timeout: float | None
    """After so many seconds the state gives up."""
    _execution: Mapping[str, Any]

    @property
    def wanted(self) -> bool:
        """Whether the execution still runs: it may have been stopped, or have failed in another branch."""
        run = stepfunctions._map_runs.get(self._execution.get("mapRunArn", ""), {})
        parent = stepfunctions._executions.get(run.get("executionArn", ""), {})
        return all(each.get("status", "RUNNING") == "RUNNING" for each in (self._execution, parent))


class TaskError(Exception):
    """A task failed: the name of the error and its cause, for Retry and Catch."""

    def __init__(self, error: str, cause: str) -> None:
        super().__init__(f"{error}: {cause}")
        self.error = error
        self.cause = cause


Perform = Callable[[str, Input, Task], Any]
_NO_TASK = Task(None, None, {})
_current: contextvars.ContextVar[Task] = contextvars.ContextVar("current_task", default=_NO_TASK)


def follow_tasks() -> None:
    """Know which task is being worked on, whenever a service is asked for."""
    plain = stepfunctions._execute_task

    def execute(state: Mapping[str, Any], raw_input: Any, execution: Any, context: Any) -> Any:
        token = _current.set(_task(state, execution or {}))
        try:
            return plain(state, raw_input, execution, context)
        finally:
            _current.reset(token)

    stepfunctions._execute_task = execute


def keep_ends() -> None:
    """Leave an execution that has ended as it is: ministack lets a stopped one fail when its task does."""
    plain = stepfunctions._fail_execution

    def fail(execution: Mapping[str, Any], error: str, cause: str) -> None:
        if execution["status"] == "RUNNING":
            plain(execution, error, cause)

    stepfunctions._fail_execution = fail


def _task(state: Mapping[str, Any], execution: Mapping[str, Any]) -> Task:
    return Task(role_of(execution), state.get("TimeoutSeconds"), execution)


def role_of(execution: Mapping[str, Any]) -> str | None:
    """The role of the machine; the children of a distributed map have that of their parent's."""
    arn, _slash, _label = execution.get("stateMachineArn", "").partition("/")
    machine = stepfunctions._state_machines.get(arn)
    return None if machine is None else str(machine["roleArn"])


def current_task() -> Task:
    """The task that is being worked on in this thread."""
    return _current.get()


def perform_tasks(prefix: str, perform: Perform) -> None:
    """Answer the tasks whose resource begins with `prefix`, on a thread of the execution."""

    def handle(resource: str, given: Input | None) -> Any:
        task = _current.get()
        if not task.wanted:
            # Retry goes on in an execution that was stopped.
            raise stepfunctions._ExecutionError("States.TaskFailed", "The execution has ended.")
        try:
            return perform(resource, given or {}, task)
        except TaskError as error:
            raise stepfunctions._ExecutionError(error.error, error.cause) from error

    stepfunctions._SERVICE_DISPATCH[prefix] = handle


def add_sdk_service(name: str, target_prefix: str, error_prefix: str, error_names: Mapping[str, str]) -> None:
    """Let `aws-sdk` tasks call a service of ours, and name its errors as the SDK does."""
    stepfunctions._AWS_SDK_SERVICE_MAP[name] = {"target_prefix": target_prefix, "protocol": "json"}
    stepfunctions._AWS_SDK_ERROR_PREFIX[name] = error_prefix
    stepfunctions._AWS_SDK_ERROR_CODE_OVERRIDES[name] = dict(error_names)


def call_sdk(resource: str, given: Input) -> Any:
    """What an `aws-sdk` task does, on this thread."""
    return stepfunctions._invoke_aws_sdk_integration(resource, given)
