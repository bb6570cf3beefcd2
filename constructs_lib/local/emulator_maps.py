"""The private names of ministack's Step Functions that maps and Lambda tasks need; emulator.py's companion."""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Mapping
from typing import Any

from ministack.services import stepfunctions

from . import emulator_stepfunctions
from .emulator_executions import failure
from .emulator_stepfunctions import Task

_mapping_role: contextvars.ContextVar[str | None] = contextvars.ContextVar("mapping_role", default=None)
Given = Mapping[str, Any]


def guard_tasks(before: Callable[[str, Given, Task], None], after: Callable[[str, Any], None]) -> None:
    """Let `before` (resource, parameters, task) and `after` (resource, result) fail the attempt of a task."""
    plain = stepfunctions._invoke_resource

    def invoke(resource: str, given: Any) -> Any:
        before(resource, given if isinstance(given, dict) else {}, emulator_stepfunctions.current_task())
        result = plain(resource, given)
        after(resource, result)
        return result

    stepfunctions._invoke_resource = invoke


def guard_distributed_maps(before: Callable[[str, str | None], None]) -> None:
    """Let `before` (the machine's ARN, its role) fail a distributed map before it begins."""
    plain = stepfunctions._run_distributed_map

    def run(state: Given, raw: Any, effective: Any, iterator: Given, execution: Given, context: Given) -> Any:
        role = emulator_stepfunctions.role_of(execution)
        before(execution["stateMachineArn"].partition("/")[0], role)
        token = _mapping_role.set(role)
        try:
            return plain(state, raw, effective, iterator, execution, context)
        finally:
            _mapping_role.reset(token)

    stepfunctions._run_distributed_map = run


def guard_item_readers(before: Callable[[str, Given, str | None], None]) -> None:
    """Let `before` (resource, parameters, role) fail a reader; what is no list of items fails it too."""
    plain = stepfunctions._read_map_items

    def read(reader: Given, effective: Any, context: Given) -> Any:
        given = stepfunctions._resolve_params_obj(reader.get("Parameters") or {}, effective, context)
        before(reader.get("Resource", ""), given, _mapping_role.get())
        try:
            items = plain(reader, effective, context)
        except ValueError as error:
            raise failure(
                "States.ItemReaderFailed", f"The file is not what InputType says: {error}"
            ) from error
        if not isinstance(items, list):
            raise failure("States.ItemReaderFailed", "Attempting to map over non-iterable node.")
        return items

    stepfunctions._read_map_items = read


def end_children_early() -> None:
    """Begin no more children of a map that has failed, or whose execution has ended: AWS aborts them."""
    plain = stepfunctions._run_sub_machine

    def run(states: Given, start_at: str, given: Any, execution: dict[str, Any], context: Given) -> Any:
        if not Task(None, None, execution).wanted or _is_lost(execution):
            raise failure("States.TaskFailed", "The map run has ended.")
        return plain(states, start_at, given, execution, context)

    stepfunctions._run_sub_machine = run


def _is_lost(execution: Given) -> bool:
    run = stepfunctions._map_runs.get(execution.get("mapRunArn", ""))
    if run is None or run["toleratedFailurePercentage"]:
        return False
    return bool(run["itemCounts"]["failed"] > run["toleratedFailureCount"])


def function_arn(reference: Any) -> str:
    """The ARN that the FunctionName of a task means."""
    named = stepfunctions._resolve_lambda_function_ref(reference, optimized=True)
    return str(named)
