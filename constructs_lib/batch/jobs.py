"""The jobs of a run as SageMaker's API takes them; what differs from run to run stands there as JSONPath."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import aws_kms as kms

from ..core.instance_types import PATTERN, has_local_storage
from ..core.s3_prefix import S3Prefix
from ..core.tokens import is_token
from .processing_step import ProcessingStep
from .props import BatchTransformProps

INPUT, OUTPUT, CODE = (f"/opt/ml/processing/{name}" for name in ("input/data", "output", "input/code"))


def formatted(template: str, *paths: str) -> str:
    """``States.Format``: `template` has ``{}`` for each of the `paths`."""
    return f"States.Format('{template}', {', '.join(paths)})"


def transform_job(
    props: BatchTransformProps, *, output: S3Prefix, key: kms.IKey | None, tags: Mapping[str, str]
) -> dict[str, Any]:
    """CreateTransformJob.

    Source: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTransformJob.html
    """
    given: dict[str, Any] = {
        "TransformJobName.$": formatted("{}-t{}", "$.job", "$.transform.attempt"),
        "ModelName.$": "$.model",
        "TransformInput": _input(props),
        "TransformOutput": _without_none(
            {
                "S3OutputPath.$": _folder(output, "output", "transform"),
                "Accept": props.accept,
                "AssembleWith": "Line" if props.by_lines else "None",
                "KmsKeyId": None if key is None else key.key_arn,
            }
        ),
        "TransformResources": _without_none(
            {
                "InstanceType": props.instance_type,
                "InstanceCount": props.instance_count,
                "VolumeKmsKeyId": None
                if props.volume_encryption_key is None
                else props.volume_encryption_key.key_arn,
            }
        ),
        "BatchStrategy": None if props.strategy is None else props.strategy.value,
        "MaxPayloadInMB": props.max_payload_mb,
        "MaxConcurrentTransforms": props.max_concurrent_transforms,
        "ModelClientConfig": _client(props) or None,
        "Environment": dict(props.environment) or None,
        "DataProcessing": None if props.processing is None else props.processing.config(),
        "Tags": tag_list(tags),
    }
    return _without_none(given)


def _input(props: BatchTransformProps) -> dict[str, Any]:
    return {
        "DataSource": {"S3DataSource": {"S3DataType": "ManifestFile", "S3Uri.$": "$.gather.manifest"}},
        "ContentType": props.input.content_type,
        "CompressionType": "Gzip" if props.input.gzip else "None",
        "SplitType": props.input.split.value,
    }


def _client(props: BatchTransformProps) -> dict[str, Any]:
    timeout = props.invocation_timeout
    return _without_none(
        {
            "InvocationsTimeoutInSeconds": None if timeout is None else int(timeout.to_seconds()),
            "InvocationsMaxRetries": props.invocation_retries,
        }
    )


def processing_job(
    step: ProcessingStep,
    *,
    name: str,
    source: Mapping[str, Any],
    role_arn: str,
    image: str,
    script: tuple[str, str] | None,
    output: S3Prefix,
    key: kms.IKey | None,
    volume_key: kms.IKey | None,
    tags: Mapping[str, str],
) -> dict[str, Any]:
    """CreateProcessingJob.

    :param name: ``prepare`` or ``finish``.
    :param source: the ``S3Input`` of the data, without its path.
    :param script: where it was uploaded to, and its file's name there.

    Source: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateProcessingJob.html
    """
    written = {"prepare": "prepared", "finish": "finished"}[name]
    inputs = [_data("data", {**source, **_shared(step)}, INPUT)]
    command = list(step.command)
    if script is not None:
        url, file = script
        inputs.append(_data("code", {"S3Uri": url, "S3DataType": "S3Prefix"}, CODE))
        command.append(f"{CODE}/{file}")
    target = {
        "S3Uri.$": _folder(output, written, name),
        "LocalPath": OUTPUT,
        "S3UploadMode": "EndOfJob",
    }
    given = {
        "ProcessingJobName.$": formatted(f"{{}}-{name[0]}{{}}", "$.job", f"$.{name}.attempt"),
        "RoleArn": role_arn,
        "AppSpecification": {"ImageUri": image, "ContainerEntrypoint": command},
        "Environment": dict(step.environment) or None,
        "ProcessingInputs": inputs,
        "ProcessingOutputConfig": _without_none(
            {
                "Outputs": [{"OutputName": written, "S3Output": target}],
                "KmsKeyId": None if key is None else key.key_arn,
            }
        ),
        "ProcessingResources": {"ClusterConfig": _cluster(step, volume_key)},
        "StoppingCondition": {"MaxRuntimeInSeconds": step.longest_seconds},
        "Tags": tag_list(tags),
    }
    return _without_none(given)


def objects_of_the_run() -> dict[str, str]:
    """The ``S3Input`` of what was found for a run."""
    return {"S3Uri.$": "$.list.manifest", "S3DataType": "ManifestFile"}


def answers_below(output: S3Prefix) -> dict[str, str]:
    """The ``S3Input`` of what the transform job has written."""
    answers = formatted(f"{output.uri}/{{}}/output/{{}}/", "$.run", "$.transform.attempt")
    return {"S3Uri.$": answers, "S3DataType": "S3Prefix"}


def _data(name: str, source: Mapping[str, Any], path: str) -> dict[str, Any]:
    return {"InputName": name, "S3Input": {"S3InputMode": "File", **source, "LocalPath": path}}


def _shared(step: ProcessingStep) -> dict[str, str]:
    """How several instances share the objects."""
    sharded = not is_token(step.instance_count) and step.instance_count > 1
    return {"S3DataDistributionType": "ShardedByS3Key" if sharded else "FullyReplicated"}


def _cluster(step: ProcessingStep, volume_key: kms.IKey | None) -> dict[str, Any]:
    type = step.instance_type
    own = not is_token(type) and PATTERN.fullmatch(type) is not None and has_local_storage(type)
    return _without_none(
        {
            "InstanceCount": step.instance_count,
            "InstanceType": type,
            "VolumeSizeInGB": step.volume_gb,
            "VolumeKmsKeyId": None if volume_key is None or own else volume_key.key_arn,
        }
    )


def _folder(output: S3Prefix, name: str, job: str) -> str:
    """The folder of one attempt at a job: what a failed one left is never mistaken for the output."""
    return formatted(f"{output.uri}/{{}}/{name}/{{}}", "$.run", f"$.{job}.attempt")


def tag_list(tags: Mapping[str, str]) -> Sequence[Mapping[str, str]]:
    """As SageMaker's API takes them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _without_none(given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if value is not None}
