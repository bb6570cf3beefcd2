"""States that the machines of jobs share: attempts at one, and how a failure is explained, told and ended with.

Source: https://docs.aws.amazon.com/step-functions/latest/dg/concepts-amazon-states-language.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

State = dict[str, Any]

RUN_LENGTH = 36
"""Of a UUID, which tells one attempt's job and folder from all others."""
WAIT_SECONDS = 120
_FAILURE = "$.failure"
_CAUSE = f"{_FAILURE}.Cause"
_TRANSIENT = (
    "*Error Code: ThrottlingException*",
    "*ThrottlingException*Rate exceeded*",
    "Rate exceeded*",
    '*"FailureReason":"CapacityError*',
    '*"FailureReason": "CapacityError*',
    "CapacityError*",
)
"""Causes that another attempt may mend: throttling and capacity. As JSON, and as AWS's SDK writes it."""
_LIMITS = ("SageMaker.ResourceLimitExceededException", "SageMaker.ThrottlingException")


def begin(first: str) -> dict[str, State]:
    """The first attempt, and the name of each."""
    return {
        "Begin": {"Type": "Pass", "Parameters": {"attempt": 1}, "Next": "Name"},
        "Name": {
            "Type": "Pass",
            "Parameters": {"attempt.$": "$.attempt", "run.$": "States.UUID()"},
            "Next": first,
        },
    }


def caught(following: str) -> list[State]:
    """Whatever befalls a state leads to another, and why is kept."""
    return [{"ErrorEquals": ["States.ALL"], "ResultPath": _FAILURE, "Next": following}]


def again(attempts: int, *, otherwise: str) -> dict[str, State]:
    """Another attempt where throttling or a lack of capacity was to blame, and there is one left."""
    transient = [
        *({"Variable": f"{_FAILURE}.Error", "StringEquals": each} for each in _LIMITS),
        *({"Variable": _CAUSE, "StringMatches": each} for each in _TRANSIENT),
    ]
    left = {"Variable": "$.attempt", "NumericLessThan": attempts}
    present = {"Variable": _CAUSE, "IsPresent": True}
    return {
        "Judge": {
            "Type": "Choice",
            "Choices": [{"And": [left, present, {"Or": transient}], "Next": "Wait"}],
            "Default": otherwise,
        },
        "Wait": {"Type": "Wait", "Seconds": WAIT_SECONDS, "Next": "Again"},
        "Again": {
            "Type": "Pass",
            "Parameters": {"attempt.$": "States.MathAdd($.attempt, 1)"},
            "Next": "Name",
        },
    }


def explained(names: Sequence[str]) -> dict[str, State]:
    """What failed and why, at ``$.error`` and ``$.reason``: our job's own words, SageMaker's, or Step Functions'.

    :param names: of the errors that our job tells, before a colon.
    """
    words = [
        {"Variable": _CAUSE, "StringMatches": f'*"ExitMessage":{space}"{name}: *'}
        for name in names
        for space in ("", " ")
    ]
    reason = [{"Variable": _CAUSE, "StringMatches": f'{{*"FailureReason":{space}"*'} for space in ("", " ")]
    parsed = "States.StringToJson($.failure.Cause)"
    own: dict[str, State] = {
        "Explain": {
            "Type": "Choice",
            "Choices": [
                *([{"Or": words, "Next": "ReadWords"}] if words else []),
                {"Or": reason, "Next": "ReadReason"},
            ],
            "Default": "TakeCause",
        },
        "ReadReason": {"Type": "Pass", "Parameters": {"job.$": parsed}, "Next": "TakeReason"},
        "TakeReason": {
            "Type": "Pass",
            "Parameters": {"error": "JobFailed", "reason.$": "$.job.FailureReason"},
            "Next": "Tell",
        },
        "TakeCause": {
            "Type": "Pass",
            "Parameters": {"error.$": f"{_FAILURE}.Error", "reason.$": _CAUSE},
            "Next": "Tell",
        },
    }
    if words:
        own["ReadWords"] = {"Type": "Pass", "Parameters": {"job.$": parsed}, "Next": "TakeWords"}
        own["TakeWords"] = {
            "Type": "Pass",
            "Parameters": {
                "error.$": "States.ArrayGetItem(States.StringSplit($.job.ExitMessage, ':'), 0)",
                "reason.$": "$.job.ExitMessage",
            },
            "Next": "Tell",
        }
    return own


def told(partition: str, topics: Sequence[str], *, what: str) -> dict[str, State]:
    """Tell each topic of ``$.error``, and fail; a topic that cannot be told does not keep the others from it.

    :param what: came to nothing.
    """
    names = ["Tell", *(f"Tell{number}" for number in range(2, len(topics) + 1))]
    states: dict[str, State] = {}
    for name, topic, following in zip(names, topics, [*names[1:], "Failed"], strict=False):
        states[name] = {
            "Type": "Task",
            "Resource": f"arn:{partition}:states:::sns:publish",
            "Parameters": {
                "TopicArn": topic,
                "Subject": f"{what} failed",
                "Message.$": f"States.Format('{what}: {{}}. Execution {{}}', $.reason, $$.Execution.Id)",
            },
            "Retry": [
                {"ErrorEquals": ["States.ALL"], "IntervalSeconds": 2, "BackoffRate": 2, "MaxAttempts": 4}
            ],
            "ResultPath": "$.told",
            "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.untold", "Next": following}],
            "Next": following,
        }
    if not topics:
        states["Tell"] = {"Type": "Pass", "Next": "Failed"}
    states["Failed"] = {"Type": "Fail", "ErrorPath": "$.error", "CausePath": "$.reason"}
    return states


def machine(comment: str, states: Mapping[str, State], *, longest: int) -> dict[str, Any]:
    """The whole, which begins with ``Begin``."""
    return {"Comment": comment, "StartAt": "Begin", "TimeoutSeconds": longest, "States": dict(states)}
