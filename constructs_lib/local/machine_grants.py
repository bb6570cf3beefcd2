"""What IAM asks of the role of a state machine: for functions, for distributed maps and for their items.

ministack lets machines do everything. Checked where IAM is enforced: `lambda:invoke` tasks, the children of a
distributed map, and what its ItemReader reads. The tasks of other services, SageMaker's apart, are not checked.

Sources: https://docs.aws.amazon.com/step-functions/latest/dg/iam-policies-eg-dist-map.html,
https://docs.aws.amazon.com/step-functions/latest/dg/connect-lambda.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import emulator, executions
from . import emulator_maps as maps
from .emulator import Scope
from .emulator_executions import failure
from .emulator_stepfunctions import Task

_INVOKE = "states:::lambda:invoke"


def install() -> None:
    """Enforce the machine's role, and the most that a task may answer."""
    maps.guard_tasks(_before_task, _after_task)
    maps.guard_distributed_maps(_before_map)
    maps.guard_item_readers(_before_reader)
    maps.end_children_early()


def _before_task(resource: str, given: Mapping[str, Any], task: Task) -> None:
    if _INVOKE not in resource:
        return
    named = maps.function_arn(given.get("FunctionName", ""))
    arn = named if named.startswith("arn:") else Scope.current().arn("lambda", f"function:{named}")
    denied = _denied(task.role, "lambda:InvokeFunction", arn)
    if denied:
        raise failure("Lambda.AWSLambdaException", f"{denied} (Service: Lambda, Status Code: 403)")


def _after_task(resource: str, result: Any) -> None:
    executions.require_small(result, f"The state/task '{resource}'")


def _before_map(machine: str, role: str | None) -> None:
    """The name of the error is inferred: AWS's pages do not tell it."""
    denied = _denied(role, "states:StartExecution", machine)
    if denied:
        raise failure("StepFunctions.AWSStepFunctionsException", denied)


def _before_reader(resource: str, given: Mapping[str, Any], role: str | None) -> None:
    bucket = f"arn:aws:s3:::{given.get('Bucket')}"
    if resource.endswith("s3:getObject"):
        denied = _denied(role, "s3:GetObject", f"{bucket}/{given.get('Key')}")
    else:
        denied = _denied(role, "s3:ListBucket", bucket)
    if denied:
        raise failure("States.ItemReaderFailed", f"Access Denied: {denied}")


def _denied(role: str | None, action: str, resource: str) -> str:
    """Why the role may not, or nothing."""
    if role is None or not emulator.iam_is_enforced() or emulator.role_allows(role, action, resource):
        return ""
    return (
        f"User: {role} is not authorized to perform: {action} on resource: {resource} "
        f"because no identity-based policy allows the {action} action"
    )
