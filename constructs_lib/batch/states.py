"""The states of a run, in Amazon States Language: pure functions from names and ARNs to JSON.

Source: https://docs.aws.amazon.com/step-functions/latest/dg/concepts-amazon-states-language.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

State = dict[str, Any]

_OF_LAMBDA = (
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
)
"""What Lambda recovers from by itself: https://docs.aws.amazon.com/step-functions/latest/dg/bp-lambda-serviceexception.html"""
DEFINITE = (
    "BadRecord",
    "ChunkTooLarge",
    "CountMismatch",
    "DuplicateKey",
    "ForeignRecord",
    "InputChanged",
    "MissingOutput",
    "NothingPrepared",
    "ObjectChanged",
    "SinkMismatch",
    "UnreadableObject",
)
"""Errors of the functions that the same call would only find again."""
DISCARDED: State = {"ResultSelector": {"done": True}, "ResultPath": "$.done"}
"""Lets what a state gives go. ASL's null would do it too, but CDK leaves out what is null."""
_CHILD_SECONDS = 280
_DISTRIBUTED = {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"}
"""Children are priced by their duration, and each is one transition of the run's, whatever it does.

Source: https://docs.aws.amazon.com/step-functions/latest/dg/concepts-transitions.html
"""


def invoke(
    partition: str,
    function: str,
    payload: Mapping[str, Any],
    *,
    result: str | None = None,
    members: Sequence[str] = (),
    after: str | None,
) -> State:
    """Call a function; `members` of its answer go to `result`, and the rest of the state stays."""
    state: State = {
        "Type": "Task",
        "Resource": f"arn:{partition}:states:::lambda:invoke",
        "Parameters": {"FunctionName": function, "Payload": payload},
        "Retry": [
            {"ErrorEquals": list(DEFINITE), "MaxAttempts": 0},
            {
                "ErrorEquals": ["States.ALL"],
                "IntervalSeconds": 2,
                "BackoffRate": 2,
                "MaxAttempts": 6,
                "JitterStrategy": "FULL",
            },
        ],
    }
    if result is None:
        state |= DISCARDED
    else:
        state["ResultPath"] = result
        state["ResultSelector"] = {f"{name}.$": f"$.Payload.{name}" for name in members}
    return _followed(state, after)


def _followed(state: State, after: str | None) -> State:
    return {**state, "End": True} if after is None else {**state, "Next": after}


def for_each_chunk(
    partition: str,
    *,
    label: str,
    bucket: str,
    key: str,
    function: str,
    step: str,
    problem: str,
    teller: str,
    concurrency: int,
    after: str | None,
) -> State:
    """Call `function` for each group of chunks that the object at the path `key` lists.

    The map only says that a child has failed, not why. So `teller` is told before a child does.

    :param problem: what the step is called among the run's problems.
    """
    given = {"chunks.$": "$.chunks", "run.$": "$.run", "batch.$": "$.run.batch"}
    # When it began is the child's own: it has five minutes.
    child = invoke(
        partition, function, {"step": step, **given, "began.$": "$$.Execution.StartTime"}, after=None
    )
    # A name is one state's in the whole machine, children included.
    name, tell, failed = f"{label}Chunks", f"Tell{label}", f"{label}Failed"
    done = {
        **child,
        # Before the child's own five minutes are over, after which nobody could tell.
        "TimeoutSeconds": _CHILD_SECONDS,
        "Retry": [{"ErrorEquals": ["States.Timeout"], "MaxAttempts": 0}, *child["Retry"]],
        # The answer is in S3: those of 20,000 children, but for a digit each, would not fit into the state.
        "ResultSelector": {"done": 1},
        "ResultPath": "$",
        "OutputPath": "$.done",
        "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.failure", "Next": tell}],
    }
    telling = {"step": "tell", "of": problem, **given, "failure.$": "$.failure"}
    return _followed(
        {
            "Type": "Map",
            "Label": label,
            "MaxConcurrency": concurrency,
            "ItemReader": {
                "Resource": f"arn:{partition}:states:::s3:getObject",
                "ReaderConfig": {"InputType": "JSON"},
                "Parameters": {"Bucket": bucket, "Key.$": key},
            },
            "ItemSelector": {"chunks.$": "$$.Map.Item.Value.chunks", "run.$": "$"},
            "ItemProcessor": {
                "ProcessorConfig": _DISTRIBUTED,
                "StartAt": name,
                "States": {
                    name: done,
                    tell: invoke(partition, teller, telling, after=failed),
                    failed: {"Type": "Fail", "ErrorPath": "$.failure.Error", "CausePath": "$.failure.Cause"},
                },
            },
            **DISCARDED,
        },
        after,
    )


def job(
    partition: str,
    *,
    name: str,
    api: str,
    parameters: Mapping[str, Any],
    longest: int,
    most: int,
    judge: str,
    after: str,
) -> dict[str, State]:
    """A SageMaker job that Step Functions waits for; one that failed is tried again where that is worth it.

    Its attempt is at ``$.<name>.attempt``, and stands in the names of the job and of what it writes: SageMaker never
    takes a name twice, and half an output is never mistaken for a whole one.

    :param name: of the states; lower-cased, of what is known of the job in the run.
    :param most: attempts.
    :param judge: the function that tells what is worth another one.
    """
    known = f"$.{name.lower()}"
    judged, again, wait, given_up = f"Judge{name}", f"Again{name}", f"Wait{name}", f"{name}Failed"
    return {
        name: {
            "Type": "Task",
            "Resource": f"arn:{partition}:states:::sagemaker:{api}.sync",
            "Parameters": parameters,
            "TimeoutSeconds": longest,
            "ResultSelector": {"job.$": "$"},
            "ResultPath": f"{known}.done",
            "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": f"{known}.failure", "Next": judged}],
            "Next": after,
        },
        judged: invoke(
            partition,
            judge,
            {
                "step": "judge",
                "job": name.lower(),
                "failure.$": f"{known}.failure",
                "attempt.$": f"{known}.attempt",
                "most": most,
                "batch.$": "$.batch",
            },
            result=known,
            members=("retry", "wait", "attempt", "error", "reason"),
            after=again,
        ),
        again: {
            "Type": "Choice",
            "Choices": [{"Variable": f"{known}.retry", "BooleanEquals": True, "Next": wait}],
            "Default": given_up,
        },
        wait: {"Type": "Wait", "SecondsPath": f"{known}.wait", "Next": name},
        given_up: {"Type": "Fail", "ErrorPath": f"{known}.error", "CausePath": f"{known}.reason"},
    }
