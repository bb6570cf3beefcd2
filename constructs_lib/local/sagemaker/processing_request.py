"""What CreateProcessingJob asks for, checked beyond the shape of its request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from .errors import NotEmulatedError, RefusedError

_DATA_BASE = PurePosixPath("/opt/ml/processing")
_ONE_DAY = 86_400
Request = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobInput:
    """Data that is on the instances before the container starts."""

    name: str
    uri: str
    path: str
    manifest: bool
    """Whether the object at the URI lists the data, instead of being it."""
    sharded: bool
    """Whether each instance gets a share of the objects, instead of all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobOutput:
    """A folder that goes to S3."""

    name: str
    uri: str
    path: str
    continuous: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSpec:
    """A processing job that this emulator can run."""

    command: tuple[str, ...]
    environment: Mapping[str, str]
    inputs: tuple[JobInput, ...]
    outputs: tuple[JobOutput, ...]
    output_key: str | None
    """The KMS key of the outputs."""
    instances: int
    longest: int
    """Seconds that it may run."""
    role: str
    isolated: bool
    """Whether it has no network."""

    @classmethod
    def of(cls, request: Request) -> JobSpec:
        """The job; RefusedError for what AWS refuses, NotEmulatedError for what only this emulator cannot."""
        if "ExperimentConfig" in request:
            raise NotEmulatedError("The ExperimentConfig of a processing job")
        outputs = request.get("ProcessingOutputConfig", {})
        job = cls(
            command=_command(request["AppSpecification"]),
            environment=request.get("Environment", {}),
            inputs=tuple(_input(each) for each in request.get("ProcessingInputs", ())),
            outputs=tuple(_output(each) for each in outputs.get("Outputs", ())),
            output_key=outputs.get("KmsKeyId"),
            instances=_instances(request["ProcessingResources"]["ClusterConfig"]),
            longest=request.get("StoppingCondition", {}).get("MaxRuntimeInSeconds", _ONE_DAY),
            role=request["RoleArn"],
            isolated=request.get("NetworkConfig", {}).get("EnableNetworkIsolation", False),
        )
        _require_distinct("InputName", [each.name for each in job.inputs])
        _require_distinct("OutputName", [each.name for each in job.outputs])
        # AWS refuses these without saying why: aws/sagemaker-python-sdk, issue 4939.
        _require_distinct("LocalPath of an input", [each.path for each in job.inputs])
        return job


def _command(specification: Request) -> tuple[str, ...]:
    if not specification.get("ContainerEntrypoint"):
        # What the image starts is not known: the image is not run.
        raise NotEmulatedError("A processing job without a ContainerEntrypoint")
    return (*specification["ContainerEntrypoint"], *specification.get("ContainerArguments", ()))


def _instances(cluster: Request) -> int:
    if "InstancePreferences" in cluster:
        raise NotEmulatedError("InstancePreferences of a processing job")
    for member in ("InstanceType", "InstanceCount"):
        if member not in cluster:
            raise RefusedError(f"{member} is required in the ClusterConfig of a processing job.")
    count: int = cluster["InstanceCount"]
    return count


def _input(given: Request) -> JobInput:
    if given.get("AppManaged"):
        raise NotEmulatedError("An input that the application manages")
    if "DatasetDefinition" in given:
        raise NotEmulatedError("A DatasetDefinition")
    source = given.get("S3Input")
    if source is None:
        raise RefusedError(f'Input "{given["InputName"]}" needs an S3Input or a DatasetDefinition.')
    if source.get("S3InputMode") == "Pipe":
        raise NotEmulatedError("S3InputMode Pipe")
    if source.get("S3CompressionType") == "Gzip":
        raise RefusedError("S3CompressionType Gzip can only be used if S3InputMode is Pipe.")
    return JobInput(
        name=given["InputName"],
        uri=source["S3Uri"],
        path=_data_path(source),
        manifest=source["S3DataType"] == "ManifestFile",
        sharded=source.get("S3DataDistributionType") == "ShardedByS3Key",
    )


def _output(given: Request) -> JobOutput:
    if given.get("AppManaged"):
        raise NotEmulatedError("An output that the application manages")
    if "FeatureStoreOutput" in given:
        raise NotEmulatedError("A FeatureStoreOutput")
    target = given.get("S3Output")
    if target is None:
        raise RefusedError(f'Output "{given["OutputName"]}" needs an S3Output or a FeatureStoreOutput.')
    return JobOutput(
        name=given["OutputName"],
        uri=target["S3Uri"],
        path=_data_path(target),
        continuous=target["S3UploadMode"] == "Continuous",
    )


def _data_path(given: Request) -> str:
    path = PurePosixPath(given.get("LocalPath", ""))
    if ".." in path.parts or not path.is_relative_to(_DATA_BASE) or path == _DATA_BASE:
        raise RefusedError(f'LocalPath "{given.get("LocalPath", "")}" must be a folder below {_DATA_BASE}.')
    return str(path)


def _require_distinct(what: str, names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise RefusedError(f'{what} must be unique: "{name}" is there more than once.')
