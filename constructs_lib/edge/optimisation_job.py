"""The processing job of a `ModelOptimisation`, as SageMaker's API takes it, and the machine around it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .job_states import RUN_LENGTH, WAIT_SECONDS, State, again, begin, caught, explained, machine, told

_BASE = "/opt/ml/processing"
MODEL, HELD_OUT, CODE = (f"{_BASE}/input/{name}" for name in ("model", "held-out", "code"))
OUTPUT, REPORT = (f"{_BASE}/output/{name}" for name in ("model", "report"))
MESSAGE = "/opt/ml/output/message"
MODULE = "constructs_lib.edge.runtime.optimise"
ERRORS = ("AccuracyDrop", "BadHeldOut", "BadModel", "ConversionMismatch", "LabelMismatch", "OptimiseError")
"""What the job calls the reasons for which it publishes nothing (``runtime/optimise/errors.py``)."""
_PROVISIONING = 1800
_AROUND = 1800


@dataclass(frozen=True, slots=True, kw_only=True)
class OptimisationPlan:
    """What a machine is made of."""

    name: str
    partition: str
    job_prefix: str
    """At most 26 characters."""
    role: str
    image: str
    arguments: Sequence[str]
    model: str
    """S3 URI; so the two after it."""
    held_out: str
    code: str
    code_file: str
    """What the archive with the code is called where it was fetched to."""
    bucket: str
    prefix: str
    output_key: str | None
    instance_type: str
    volume_gb: int
    volume_key: str | None
    subnets: Sequence[str]
    security_groups: Sequence[str]
    longest: int
    attempts: int
    tags: Mapping[str, str]
    topics: Sequence[str]
    rollout: str | None
    """ARN of the function that starts one."""


def processing_job(plan: OptimisationPlan) -> dict[str, Any]:
    """CreateProcessingJob. It has no network: its data comes and goes with SageMaker's own hands.

    Source: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateProcessingJob.html
    """
    fetched = {"model": (plan.model, MODEL), "held-out": (plan.held_out, HELD_OUT), "code": (plan.code, CODE)}
    network: dict[str, Any] = {"EnableNetworkIsolation": True}
    if plan.subnets:
        network["VpcConfig"] = {"Subnets": list(plan.subnets), "SecurityGroupIds": list(plan.security_groups)}
    return {
        "ProcessingJobName.$": f"States.Format('{plan.job_prefix}-{{}}', $.run)",
        "RoleArn": plan.role,
        "AppSpecification": {
            "ImageUri": plan.image,
            "ContainerEntrypoint": ["python3", "-m", MODULE],
            "ContainerArguments": [
                f"--model={MODEL}",
                f"--held-out={HELD_OUT}",
                f"--output={OUTPUT}",
                f"--report={REPORT}",
                f"--message={MESSAGE}",
                *plan.arguments,
            ],
        },
        "Environment": {"PYTHONPATH": f"{CODE}/{plan.code_file}"},
        "ProcessingInputs": [_input(name, *each) for name, each in fetched.items()],
        "ProcessingOutputConfig": _without_none(
            {
                "Outputs": [
                    # The model only when the job has ended well; why it was refused, whatever happens.
                    _output(plan, "model", OUTPUT, "EndOfJob"),
                    _output(plan, "report", REPORT, "Continuous"),
                ],
                "KmsKeyId": plan.output_key,
            }
        ),
        "ProcessingResources": {
            "ClusterConfig": _without_none(
                {
                    "InstanceCount": 1,
                    "InstanceType": plan.instance_type,
                    "VolumeSizeInGB": plan.volume_gb,
                    "VolumeKmsKeyId": plan.volume_key,
                }
            )
        },
        "NetworkConfig": network,
        "StoppingCondition": {"MaxRuntimeInSeconds": plan.longest},
        "Tags": [{"Key": key, "Value": value} for key, value in plan.tags.items()],
    }


def _input(name: str, uri: str, path: str) -> dict[str, Any]:
    source = {"S3Uri": uri, "LocalPath": path, "S3DataType": "S3Prefix", "S3InputMode": "File"}
    return {"InputName": name, "S3Input": source}


def _output(plan: OptimisationPlan, name: str, path: str, mode: str) -> dict[str, Any]:
    target = {"S3Uri.$": _placed(plan, f"s3://{plan.bucket}/", name), "LocalPath": path, "S3UploadMode": mode}
    return {"OutputName": name, "S3Output": target}


def _placed(plan: OptimisationPlan, before: str, name: str) -> str:
    """Below the folder of the run, which is one attempt's: what a failed one left is never mistaken for a model."""
    return f"States.Format('{before}{plan.prefix}/{{}}/{name}', $.run)"


def _without_none(given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if value is not None}


def job_name_length(prefix: str) -> int:
    """Of the names of all jobs that begin with `prefix`."""
    return len(prefix) + 1 + RUN_LENGTH


def definition(plan: OptimisationPlan) -> dict[str, Any]:
    """The machine. Its output has ``model``, ``report``, the job's ``figures``, and the rollout's ``execution``."""
    states: dict[str, State] = {
        **begin("Optimise"),
        "Optimise": {
            "Type": "Task",
            "Resource": f"arn:{plan.partition}:states:::sagemaker:createProcessingJob.sync",
            "Parameters": processing_job(plan),
            "TimeoutSeconds": plan.longest + _PROVISIONING,
            "ResultSelector": {"message.$": "$.ExitMessage"},
            "ResultPath": "$.job",
            "Catch": caught("Judge"),
            "Next": "Read",
        },
        **again(plan.attempts, otherwise="Explain"),
        **explained(ERRORS),
        "Read": {
            "Type": "Pass",
            "Parameters": _result(plan),
            "Next": "Done" if plan.rollout is None else "RollOut",
        },
        "Done": {"Type": "Succeed"},
        **told(plan.partition, plan.topics, what=f"Model optimisation {plan.name}"),
    }
    if plan.rollout is not None:
        states |= _rolling_out(plan, plan.rollout)
    longest = plan.attempts * (plan.longest + _PROVISIONING + WAIT_SECONDS) + _AROUND
    return machine("Optimises a model, and publishes it if it predicts as well", states, longest=longest)


def _result(plan: OptimisationPlan) -> dict[str, Any]:
    return {
        "model": {"bucket": plan.bucket, "key.$": _placed(plan, "", "model/model.tar.gz")},
        "report": {"bucket": plan.bucket, "key.$": _placed(plan, "", "report/report.json")},
        "figures.$": "States.StringToJson($.job.message)",
    }


def _rolling_out(plan: OptimisationPlan, function: str) -> dict[str, State]:
    return {
        "RollOut": {
            "Type": "Task",
            "Resource": f"arn:{plan.partition}:states:::lambda:invoke",
            "Parameters": {"FunctionName": function, "Payload": {"model.$": "$.model"}},
            "ResultSelector": {"execution.$": "$.Payload.execution"},
            "ResultPath": "$.rollout",
            "Retry": [
                {
                    "ErrorEquals": [
                        "Lambda.ClientExecutionTimeoutException",
                        "Lambda.ServiceException",
                        "Lambda.AWSLambdaException",
                        "Lambda.SdkClientException",
                        "Lambda.TooManyRequestsException",
                    ],
                    "IntervalSeconds": 2,
                    "BackoffRate": 2,
                    "MaxAttempts": 6,
                }
            ],
            "Catch": caught("NotRolledOut"),
            "Next": "Done",
        },
        "NotRolledOut": {
            "Type": "Pass",
            "Parameters": {
                "error": "RolloutNotStarted",
                "reason.$": "States.Format('{} waits, no rollout began: {}', $.model.key, $.failure.Cause)",
            },
            "Next": "Tell",
        },
    }
