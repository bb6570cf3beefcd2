"""The private names of ministack's Step Functions that executions need; emulator.py's companion.

Beside tasks (:mod:`constructs_lib.local.emulator_stepfunctions`): how an execution starts, ends and is told of.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from ministack.core import responses
from ministack.services import eventbridge, stepfunctions

from .emulator import Response

Execution = dict[str, Any]
ErrorNames = list[str]
_TERMINAL_STATES = ("_execute_task", "_execute_pass", "_execute_parallel", "_execute_map")


def before_start(answer: Callable[[Mapping[str, Any], Execution | None], Response | None]) -> None:
    """Let `answer` (request, the execution of this name if there is one) answer StartExecution, or let it go on."""
    plain = stepfunctions._start_execution

    def start(data: Mapping[str, Any]) -> Response:
        answered = answer(data, _named(data))
        return plain(data) if answered is None else answered

    stepfunctions._start_execution = start


def after_start(begun: Callable[[Execution, Mapping[str, Any]], None]) -> None:
    """Tell of each execution that has begun, with the definition of its machine."""
    plain = stepfunctions._start_execution

    def start(data: Mapping[str, Any]) -> Response:
        response: Response = plain(data)
        status, _headers, body = response
        if status == 200:
            execution = stepfunctions._executions[json.loads(body)["executionArn"]]
            machine = stepfunctions._state_machines[execution["stateMachineArn"]]
            begun(execution, json.loads(machine["definition"]))
        return response

    stepfunctions._start_execution = start


def _named(data: Mapping[str, Any]) -> Execution | None:
    machine = stepfunctions._resolve_state_machine_arn(data.get("stateMachineArn", ""))
    if machine is None or not data.get("name"):
        return None
    arn = machine.replace(":stateMachine:", ":execution:") + f":{data['name']}"
    found: Execution | None = stepfunctions._executions.get(arn)
    return found


def started(execution: Execution) -> Response:
    """What StartExecution answers."""
    answer = {name: execution[name] for name in ("executionArn", "startDate")}
    response: Response = responses.json_response(answer)
    return response


def refused(code: str, message: str) -> Response:
    """A refusal of the API."""
    response: Response = responses.error_response_json(code, message, 400)
    return response


def end(execution: Execution, status: str, history: str) -> None:
    """End an execution that runs, without an error of its own."""
    execution.update(status=status, stopDate=responses.now_iso())
    stepfunctions._add_event(execution, history)
    stepfunctions._emit_execution_status_event(execution)


def tell_of_ends(detail_of: Callable[[Execution], dict[str, Any] | None]) -> None:
    """Let `detail_of` write the event of a change of status; None: as ministack does."""
    plain = stepfunctions._emit_execution_status_event

    def emit(execution: Execution) -> None:
        detail = None if execution.get("sync") else detail_of(execution)
        if detail is None:
            plain(execution)
            return
        entry = {
            "Source": "aws.states",
            "DetailType": "Step Functions Execution Status Change",
            "Detail": json.dumps(detail),
            "Resources": [execution["executionArn"]],
        }
        eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)

    stepfunctions._emit_execution_status_event = emit


def milliseconds(moment: str | None) -> int | None:
    """A moment of an execution, as events have it."""
    found: int | None = stepfunctions._iso_to_epoch_ms(moment)
    return found


def match_errors(matches: Callable[[ErrorNames, str], bool | None]) -> None:
    """Let `matches` (ErrorEquals, error) say whether a retrier or a catcher is meant; None: as ministack does."""
    plain = stepfunctions._error_matches

    def match(error_equals: ErrorNames, error: str) -> bool:
        found = matches(error_equals, error)
        return bool(plain(error_equals, error)) if found is None else found

    stepfunctions._error_matches = match


def check_outputs(check: Callable[[str, Any], None]) -> None:
    """Let `check` (name of the state, its output) raise before the output goes on to the next state."""
    for name in _TERMINAL_STATES:
        setattr(stepfunctions, name, _checked(getattr(stepfunctions, name), check))


def _checked(plain: Callable[..., tuple[Any, str | None]], check: Callable[[str, Any], None]) -> Any:
    def execute(state: Mapping[str, Any], given: Any, *more: Any, **named: Any) -> tuple[Any, str | None]:
        output, following = plain(state, given, *more, **named)
        context = named.get("ctx") or (more[-1] if more else None) or {}
        check(str(context.get("State", {}).get("Name", "")), output)
        return output, following

    return execute


def failure(error: str, cause: str) -> Exception:
    """What a state raises to fail with an error, for Retry and Catch."""
    found: Exception = stepfunctions._ExecutionError(error, cause)
    return found
