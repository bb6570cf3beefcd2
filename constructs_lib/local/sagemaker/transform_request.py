"""What CreateTransformJob asks for, checked beyond the shape of its request.

AWS's words for what it refuses are not known, but for those of a model that is not there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .containers import containers_of, is_direct, is_multi_model
from .errors import NotEmulatedError, RefusedError
from .transform_path import Path, PathError
from .transform_records import FORMATS, Batching, DataProcessing, Format

_MEBIBYTE = 1024 * 1024
_MOST_PAYLOAD_MB = 100
_DEFAULT_PAYLOAD_MB = 6
_MOST_INSTANCES = 100
_DEFAULT_TIMEOUT_SECONDS = 600
_DEFAULT_RETRIES = 3
_NOT_EMULATED = ("DataCaptureConfig", "ExperimentConfig")
# Those of the types of transform jobs that have a disk of their own, which is encrypted as it is.
_LOCAL_STORAGE = re.compile(r"ml\.(g4dn|g5|g6e?|trn1)\..*")
Request = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class TransformSpec:
    """A transform job that this emulator can run."""

    model: str
    uri: str
    manifest: bool
    """Whether the object at the URI lists the data, instead of being it."""
    gzip: bool
    batching: Batching
    processing: DataProcessing
    headers: Mapping[str, str]
    """The head of every request to the model."""
    environment: Mapping[str, str]
    """What the model's containers are told on top of their own environment."""
    concurrency: int
    """Requests that one instance gets at once."""
    timeout: int
    """Seconds that one request may take."""
    retries: int
    output_uri: str
    output_key: str | None
    """The KMS key of the outputs."""
    assembles_lines: bool
    instances: int

    @property
    def strategy(self) -> str:
        """The batch strategy, as logs and containers have it."""
        return "MULTI_RECORD" if self.batching.several else "SINGLE_RECORD"

    @property
    def payload_mb(self) -> int:
        """The most that one request holds, in MB."""
        return self.batching.most // _MEBIBYTE

    @classmethod
    def of(cls, request: Request) -> TransformSpec:
        """The job; RefusedError for what AWS refuses, NotEmulatedError for what only this emulator cannot."""
        for member in _NOT_EMULATED:
            if member in request:
                raise NotEmulatedError(f"The {member} of a transform job")
        source, target = request["TransformInput"], request["TransformOutput"]
        data, client = source["DataSource"]["S3DataSource"], request.get("ModelClientConfig", {})
        return cls(
            model=request["ModelName"],
            uri=data["S3Uri"],
            manifest=_is_manifest(data["S3DataType"]),
            gzip=source.get("CompressionType") == "Gzip",
            batching=_batching(request, source.get("SplitType", "None")),
            processing=_processing(request),
            headers=_headers(source.get("ContentType"), target.get("Accept")),
            environment=request.get("Environment", {}),
            concurrency=request.get("MaxConcurrentTransforms") or 1,
            timeout=client.get("InvocationsTimeoutInSeconds", _DEFAULT_TIMEOUT_SECONDS),
            retries=client.get("InvocationsMaxRetries", _DEFAULT_RETRIES),
            output_uri=target["S3OutputPath"],
            output_key=target.get("KmsKeyId") or None,
            assembles_lines=target.get("AssembleWith") == "Line",
            instances=_instances(request["TransformResources"]),
        )


def _is_manifest(data_type: str) -> bool:
    if data_type == "AugmentedManifestFile":
        raise RefusedError("S3DataType AugmentedManifestFile is not compatible with transform jobs.")
    if data_type == "Converse":
        raise NotEmulatedError("S3DataType Converse")
    return data_type == "ManifestFile"


def _batching(request: Request, split: str) -> Batching:
    if split not in ("None", "Line"):
        raise NotEmulatedError(f"SplitType {split}")
    strategy = request.get("BatchStrategy")
    if strategy is not None and split == "None":
        raise RefusedError("BatchStrategy can only be used if SplitType is Line, RecordIO or TFRecord.")
    payload = request.get("MaxPayloadInMB", _DEFAULT_PAYLOAD_MB)
    if payload == 0:
        raise NotEmulatedError("MaxPayloadInMB 0 (HTTP chunked encoding)")
    if payload > _MOST_PAYLOAD_MB:
        raise RefusedError(f"MaxPayloadInMB must not be greater than {_MOST_PAYLOAD_MB}.")
    concurrency = request.get("MaxConcurrentTransforms") or 1
    if concurrency * payload > _MOST_PAYLOAD_MB:
        raise RefusedError(
            f"MaxConcurrentTransforms * MaxPayloadInMB must not be greater than {_MOST_PAYLOAD_MB} "
            f"({concurrency} * {payload})."
        )
    return Batching(
        lines=split == "Line", several=strategy != "SingleRecord", most=payload * _MEBIBYTE
    )  # fmt: skip


def _processing(request: Request) -> DataProcessing:
    given = request.get("DataProcessing", {})
    input_path, output_path = (_path(name, given.get(name, "$")) for name in ("InputFilter", "OutputFilter"))
    joins = given.get("JoinSource") == "Input"
    if input_path.is_all and output_path.is_all and not joins:
        return DataProcessing()
    source, target = request["TransformInput"], request["TransformOutput"]
    inwards, outwards = (
        _format(name, of.get(name)) for name, of in (("ContentType", source), ("Accept", target))
    )
    split, assemble = source.get("SplitType", "None"), target.get("AssembleWith", "None")
    if joins and split != assemble:
        raise RefusedError(
            f"AssembleWith must match SplitType to join the input: they are {assemble} and {split}."
        )
    if split != "Line":
        raise NotEmulatedError("DataProcessing without SplitType Line")
    if joins and type(inwards) is not type(outwards):
        raise NotEmulatedError("A JoinSource with a ContentType and an Accept of different formats")
    return DataProcessing(
        given=inwards, made=outwards, input_path=input_path, output_path=output_path, joins=joins
    )


def _path(name: str, text: str) -> Path:
    try:
        return Path.of(text)
    except PathError as error:
        raise RefusedError(f'{name} "{text}" is not a supported JSONPath: {error}.') from error


def _format(name: str, content_type: str | None) -> Format:
    found = FORMATS.get((content_type or "").partition(";")[0].strip().lower())
    if found is None:
        raise RefusedError(f"{name} must be one of {', '.join(FORMATS)} if DataProcessing is used.")
    return found


def _headers(content_type: str | None, accept: str | None) -> dict[str, str]:
    given = {"content-type": content_type, "accept": accept}
    return {name: value for name, value in given.items() if value}


def _instances(resources: Request) -> int:
    count: int = resources["InstanceCount"]
    if count > _MOST_INSTANCES:
        raise RefusedError(f"InstanceCount must not be greater than {_MOST_INSTANCES}.")
    kind = resources["InstanceType"]
    if resources.get("VolumeKmsKeyId") and _LOCAL_STORAGE.fullmatch(kind):
        raise RefusedError(
            f"VolumeKmsKeyId cannot be used with {kind}, whose local storage is encrypted by its hardware."
        )
    return count


def require_for_batch(model: Request) -> None:
    """Refuse a model that no transform job can use: AWS's descriptions say so, its words are not known."""
    containers = containers_of(dict(model))
    name = model["ModelName"]
    if any(is_multi_model(each) for each in containers):
        raise RefusedError(
            f'Model "{name}" has a multi-model container: batch transform does not support it.'
        )
    if is_direct(dict(model)):
        # Inferred: a transform job has no way to say which container it wants.
        raise RefusedError(f'Model "{name}" is invoked directly: batch transform does not support it.')
    if any("ModelDataSource" in each for each in containers):
        raise RefusedError(f'Model "{name}" has a ModelDataSource: batch transform does not support it.')
