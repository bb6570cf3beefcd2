"""The compilation job of a `NeoCompilation`, and the machine that makes it, asks after it and gives it up."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .job_states import WAIT_SECONDS, State, again, begin, caught, explained, machine, told
from .neo_target import NeoFramework, NeoTarget

POLL_SECONDS = 30
_GRACE = 900
"""Beyond the job's own limit: for an instance to come, and for SageMaker to stop the job itself."""
_AROUND = 1800
_RETRY = [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 5, "BackoffRate": 2, "MaxAttempts": 5}]
"""Asking does no harm, and stopping twice neither."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NeoPlan:
    """What a machine is made of."""

    name: str
    partition: str
    job_prefix: str
    role: str
    model: str
    """S3 URI."""
    framework: NeoFramework
    framework_version: str | None
    input_shapes: Mapping[str, Sequence[int]] | None
    target: NeoTarget
    bucket: str
    prefix: str
    output_key: str | None
    subnets: Sequence[str]
    security_groups: Sequence[str]
    longest: int
    attempts: int
    tags: Mapping[str, str]
    topics: Sequence[str]

    @property
    def most_polls(self) -> int:
        """How often the machine asks before it gives a job up."""
        return -(-(self.longest + _GRACE) // POLL_SECONDS)


def compilation_job(plan: NeoPlan) -> dict[str, Any]:
    """CreateCompilationJob.

    Source: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateCompilationJob.html
    """
    taken: dict[str, Any] = {"S3Uri": plan.model, "Framework": plan.framework.value}
    if plan.input_shapes is not None:
        shapes = {name: list(shape) for name, shape in plan.input_shapes.items()}
        taken["DataInputConfig"] = json.dumps(shapes, separators=(",", ":"))
    if plan.framework_version is not None:
        taken["FrameworkVersion"] = plan.framework_version
    given: dict[str, Any] = {"S3OutputLocation.$": _folder(plan), **plan.target.config()}
    if plan.output_key is not None:
        given["KmsKeyId"] = plan.output_key
    job: dict[str, Any] = {
        "CompilationJobName.$": _job(plan),
        "RoleArn": plan.role,
        "InputConfig": taken,
        "OutputConfig": given,
        "StoppingCondition": {"MaxRuntimeInSeconds": plan.longest},
        "Tags": [{"Key": key, "Value": value} for key, value in plan.tags.items()],
    }
    if plan.subnets:
        job["VpcConfig"] = {"Subnets": list(plan.subnets), "SecurityGroupIds": list(plan.security_groups)}
    return job


def _job(plan: NeoPlan) -> str:
    return f"States.Format('{plan.job_prefix}-{{}}', $.run)"


def _folder(plan: NeoPlan) -> str:
    return f"States.Format('s3://{plan.bucket}/{plan.prefix}/{{}}/', $.run)"


def definition(plan: NeoPlan) -> dict[str, Any]:
    """The machine. Its output has ``compiled``: the URI of the archive, the job, and what it is for."""
    states = {
        **begin("Create"),
        "Create": _call(
            plan,
            "createCompilationJob",
            compilation_job(plan),
            result={"ResultSelector": {"polls": 0}, "ResultPath": "$.asked"},
            following="Sleep",
        ),
        "Sleep": {"Type": "Wait", "Seconds": POLL_SECONDS, "Next": "Describe"},
        "Describe": {
            **_call(
                plan,
                "describeCompilationJob",
                {"CompilationJobName.$": _job(plan)},
                result={"ResultSelector": {"job.$": "$"}, "ResultPath": "$.described"},
                following="Look",
            ),
            "Retry": _RETRY,
            # Another attempt would compile beside this one, of which nothing is known any more.
            "Catch": caught("Abandon"),
        },
        "Look": _look(plan),
        "Count": {
            "Type": "Pass",
            "Parameters": {"polls.$": "States.MathAdd($.asked.polls, 1)"},
            "ResultPath": "$.asked",
            "Next": "Sleep",
        },
        **_giving_up(plan),
        **_ended_badly(),
        **again(plan.attempts, otherwise="Explain"),
        **explained(()),
        "Read": {"Type": "Pass", "Parameters": _result(plan), "Next": "Done"},
        "Done": {"Type": "Succeed"},
        **told(plan.partition, plan.topics, what=f"Neo compilation {plan.name}"),
    }
    longest = plan.attempts * (plan.longest + 2 * _GRACE + WAIT_SECONDS) + _AROUND
    return machine("Compiles a model for a device with SageMaker Neo", states, longest=longest)


def _call(
    plan: NeoPlan, action: str, given: Mapping[str, Any], *, result: Mapping[str, Any], following: str
) -> State:
    return {
        "Type": "Task",
        "Resource": f"arn:{plan.partition}:states:::aws-sdk:sagemaker:{action}",
        "Parameters": given,
        **result,
        "Catch": caught("Judge"),
        "Next": following,
    }


def _look(plan: NeoPlan) -> State:
    status = "$.described.job.CompilationJobStatus"
    return {
        "Type": "Choice",
        "Choices": [
            {"Variable": status, "StringEquals": "COMPLETED", "Next": "Read"},
            {
                "Or": [{"Variable": status, "StringEquals": each} for each in ("FAILED", "STOPPED")],
                "Next": "Ended",
            },
            {"Variable": "$.asked.polls", "NumericGreaterThanEquals": plan.most_polls, "Next": "Stop"},
        ],
        "Default": "Count",
    }


def _giving_up(plan: NeoPlan) -> dict[str, State]:
    """Stop a job that does not end, or of which SageMaker tells nothing; and say so, whether or not it could be."""
    return {
        "Stop": _stop(plan, "TimedOut"),
        "Abandon": _stop(plan, "Explain"),
        "TimedOut": {
            "Type": "Pass",
            "Parameters": {
                "error": "TimedOut",
                "reason.$": f"States.Format('{plan.job_prefix}-{{}} was not over after "
                f"{plan.most_polls * POLL_SECONDS} seconds and was told to stop', $.run)",
            },
            "Next": "Tell",
        },
    }


def _stop(plan: NeoPlan, following: str) -> State:
    call = _call(
        plan,
        "stopCompilationJob",
        {"CompilationJobName.$": _job(plan)},
        result={"ResultPath": "$.stopped"},
        following=following,
    )
    not_stopped = {"ErrorEquals": ["States.ALL"], "ResultPath": "$.stopped", "Next": following}
    return {**call, "Retry": _RETRY, "Catch": [not_stopped]}


def _ended_badly() -> dict[str, State]:
    """As a failed task would have it, so that it is judged as one."""
    reason = "$.described.job.FailureReason"
    return {
        "Ended": {
            "Type": "Choice",
            "Choices": [{"Variable": reason, "IsPresent": True, "Next": "EndedFor"}],
            "Default": "EndedSilently",
        },
        "EndedFor": _failure({"Cause.$": reason}),
        "EndedSilently": _failure({"Cause": "SageMaker gives no reason."}),
    }


def _failure(cause: Mapping[str, str]) -> State:
    return {
        "Type": "Pass",
        "Parameters": {"Error": "CompilationFailed", **cause},
        "ResultPath": "$.failure",
        "Next": "Judge",
    }


def _result(plan: NeoPlan) -> dict[str, Any]:
    return {
        "compiled": {
            "uri.$": "$.described.job.ModelArtifacts.S3ModelArtifacts",
            "job.$": "$.described.job.CompilationJobArn",
            "target": plan.target.config(),
        }
    }
