"""Executions of state machines, as AWS starts, limits, ends and announces them.

ministack refuses each name that it has seen, knows no timeout of a machine, tells no error of an aborted
execution, and lets payloads of any size through.

Sources: https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html,
https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html,
https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html,
https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
"""

from __future__ import annotations

import contextvars
import json
import re
import threading
from collections.abc import Mapping
from typing import Any

from . import emulator_executions as step_functions
from .emulator import Response
from .emulator_executions import Execution

_MOST_BYTES = 262_144
"""Of an input or a result, in UTF-8."""
_TOO_MUCH = "States.DataLimitExceeded"
_BEYOND_WILDCARDS = frozenset({_TOO_MUCH, "States.Runtime"})
_WILDCARDS = frozenset({"States.ALL", "States.TaskFailed"})
_NAME = re.compile(r'[^\s<>{}\[\]?*"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f]{1,80}')
_EVENT_MOST = 248 * 1024


def install() -> None:
    """Mend how executions start and end."""
    step_functions.after_start(_watch)
    step_functions.before_start(_answer)
    step_functions.tell_of_ends(_end_detail)
    step_functions.match_errors(_matches)
    step_functions.check_outputs(_check_output)


def too_large(payload: Any) -> bool:
    """Whether a payload is larger than Step Functions hands on."""
    return len(json.dumps(payload, ensure_ascii=False).encode()) > _MOST_BYTES


def require_small(payload: Any, what: str) -> None:
    """Fail the state whose result is too large."""
    if too_large(payload):
        message = f"{what} returned a result with a size exceeding the maximum number of bytes service limit."
        raise step_functions.failure(_TOO_MUCH, message)


def _answer(request: Mapping[str, Any], named: Execution | None) -> Response | None:
    """StartExecution: refuses what AWS refuses; the same name with the same input is the same execution."""
    given, name = request.get("input", "{}"), request.get("name")
    if name is not None and not _NAME.fullmatch(name):
        return step_functions.refused("InvalidName", f"Invalid Name: '{name}'")
    if len(given.encode()) > _MOST_BYTES:
        limit = f"Member must have length less than or equal to {_MOST_BYTES}"
        message = f"1 validation error detected: Value at 'input' failed to satisfy constraint: {limit}"
        return step_functions.refused("ValidationException", message)
    try:
        json.loads(given)
    except ValueError as error:
        return step_functions.refused(
            "InvalidExecutionInput", f"Invalid State Machine Execution Input: '{error}'"
        )
    if named is not None and named["status"] == "RUNNING" and named["input"] == given:
        return step_functions.started(named)
    return None


def _watch(execution: Execution, definition: Mapping[str, Any]) -> None:
    """Let the timeout of the whole machine end the execution."""
    seconds = definition.get("TimeoutSeconds")
    if seconds is None:
        return
    context = contextvars.copy_context()
    timer = threading.Timer(seconds, context.run, (_time_out, execution))
    timer.daemon = True
    timer.start()


def _time_out(execution: Execution) -> None:
    if execution["status"] == "RUNNING":
        step_functions.end(execution, "TIMED_OUT", "ExecutionTimedOut")


def _end_detail(execution: Execution) -> dict[str, Any] | None:
    """The event of an end that is neither success nor failure: what DescribeExecution tells.

    That an execution that timed out has neither error nor cause is inferred from the examples on AWS's page.
    """
    status = execution["status"]
    if status not in ("ABORTED", "TIMED_OUT"):
        return None
    small = len(execution["input"]) <= _EVENT_MOST
    return {
        **{name: execution[name] for name in ("executionArn", "stateMachineArn", "name", "status")},
        "startDate": step_functions.milliseconds(execution["startDate"]),
        "stopDate": step_functions.milliseconds(execution["stopDate"]),
        "input": execution["input"] if small else None,
        "inputDetails": {"included": small},
        "output": None,
        "outputDetails": None,
        "stateMachineVersionArn": None,
        "stateMachineAliasArn": None,
        "redriveCount": 0,
        "redriveDate": None,
        "redriveStatus": "REDRIVABLE",
        "redriveStatusReason": None,
        "error": execution.get("error"),
        "cause": execution.get("cause"),
    }


def _matches(error_equals: list[str], error: str) -> bool | None:
    """The names that stand for all errors do not stand for those that end an execution for good."""
    if error not in _BEYOND_WILDCARDS:
        return None
    return error in set(error_equals) - _WILDCARDS


def _check_output(state: str, output: Any) -> None:
    require_small(output, f"The state/task '{state}'")
