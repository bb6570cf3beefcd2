"""The props of `BatchTransform`, with what follows from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_sns as sns
from aws_cdk.interfaces import aws_sagemaker as references

from .arrival import BatchArrival
from .columns import Column
from .data_processing import DataProcessing
from .input import BatchInput, RecordFormat, SplitType
from .processing_step import ProcessingStep
from .sink import PredictionSink

TAG = "BatchTransform"
"""The tag of all jobs, for the bill: activate it as a cost allocation tag."""
DEFAULT_PAYLOAD_MB = 6
DEFAULT_RUNTIME_SECONDS = 86_400


class BatchStrategy(Enum):
    """How many records a request to the model has.

    Source: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTransformJob.html
    """

    SINGLE_RECORD = "SingleRecord"
    """One."""
    MULTI_RECORD = "MultiRecord"
    """As many as fit into the payload."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchTransformProps:
    """The props of a `BatchTransform`, for its rules."""

    model: references.IModelRef
    input: BatchInput
    instance_type: str
    instance_count: int
    strategy: BatchStrategy | None
    max_payload_mb: int | None
    max_concurrent_transforms: int | None
    invocation_timeout: cdk.Duration | None
    invocation_retries: int | None
    environment: Mapping[str, str]
    accept: str | None
    processing: DataProcessing | None
    columns: Sequence[Column]
    sink: PredictionSink | Sequence[PredictionSink] | None
    schedule: scheduler.ScheduleExpression | None
    arrival: BatchArrival | None
    preprocess: ProcessingStep | None
    postprocess: ProcessingStep | None
    attempts: int
    max_runtime: cdk.Duration | None
    output_bucket: s3.IBucket | None
    output_prefix: str | None
    encryption_key: kms.IKey | None
    volume_encryption_key: kms.IKey | None
    tags: Mapping[str, str]
    transform_name: str | None
    notify: Sequence[sns.ITopic]
    dashboard: bool

    @property
    def sinks(self) -> Sequence[PredictionSink]:
        """All of them."""
        if self.sink is None:
            return ()
        return self.sink if isinstance(self.sink, list | tuple) else (self.sink,)

    @property
    def output_format(self) -> RecordFormat:
        """What the lines of the answers are: of the MIME type that is asked for, or that of the input."""
        return RecordFormat.of(self.accept if self.accept is not None else self.input.content_type)

    @property
    def sink_format(self) -> RecordFormat:
        """What sinks read: the answers, or what is made of them."""
        written = None if self.postprocess is None else self.postprocess.content_type
        return self.output_format if written is None else RecordFormat.of(written)

    @property
    def by_lines(self) -> bool:
        """Whether records are lines, in and out: only then can they be counted."""
        return self.input.split is SplitType.LINE

    @property
    def payload_mb(self) -> int:
        """The payload's limit, with SageMaker's default applied."""
        return DEFAULT_PAYLOAD_MB if self.max_payload_mb is None else self.max_payload_mb

    @property
    def longest_seconds(self) -> int:
        """How long the transform job may take, with its default applied."""
        return DEFAULT_RUNTIME_SECONDS if self.max_runtime is None else int(self.max_runtime.to_seconds())
