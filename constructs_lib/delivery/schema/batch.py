"""Scoring in bulk."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from .base import BucketName, Choice, Duration, InstanceType, KeyArn, Part, TableArn
from .hosting import Notified
from .model import ModelSpec


class PrefixInput(Part):
    """All objects below a prefix."""

    bucket: BucketName
    prefix: str
    """May hold placeholders for the date: see the page of BatchTransform."""
    content_type: str = "text/csv"
    split: Literal["None", "Line", "RecordIO", "TFRecord"] = "Line"
    gzip: bool = False
    lag: Duration | None = None
    """How far the date of the prefix lies back."""


class ManifestInput(Part):
    """The objects that a manifest of SageMaker's lists."""

    bucket: BucketName
    key: str
    content_type: str = "text/csv"
    split: Literal["None", "Line", "RecordIO", "TFRecord"] = "Line"
    gzip: bool = False


class InputSpec(Choice):
    """What is scored."""

    prefix: PrefixInput | None = None
    manifest: ManifestInput | None = None


class ProcessingSpec(Part):
    """What the model gets of a record, and what is kept of both."""

    input_filter: str = "$"
    join: bool = False
    output_filter: str = "$"


class ColumnSpec(Part):
    """A column of what is kept."""

    name: str
    type: Literal["string", "int", "bigint", "double", "boolean"] = "string"
    role: Literal["key", "feature", "prediction", "other"] = "other"
    path: str | None = None
    """Of JSON: where it stands."""


class DynamoSink(Part):
    """An item for each prediction."""

    table: TableArn
    time_to_live: Duration | None = None
    concurrency: Annotated[int, Field(ge=1)] = 16


class TableSink(Part):
    """A table for Athena."""

    database_name: str | None = None
    """Default: a new one."""
    table_name: str | None = None
    bucket: BucketName | None = None
    prefix: str | None = None


class SinkSpec(Choice):
    """Where predictions go, besides S3."""

    dynamodb: DynamoSink | None = None
    table: TableSink | None = None


class BatchSchedule(Part):
    """When it runs: one of `cron` and `every`."""

    cron: str | None = None
    """Six fields: minute hour day-of-month month day-of-week year, such as `0 2 * * ? *`."""
    every: Duration | None = None
    timezone: str | None = None
    """Of `cron`, such as `Europe/Berlin`. Default: UTC."""

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.cron is None) == (self.every is None):
            raise PydanticCustomError("one_of", "exactly one of {names}", {"names": "cron, every"})
        if self.every is not None and self.timezone is not None:
            raise PydanticCustomError("together", "no timezone beside every", {"field": "timezone"})
        return self


class ArrivalSpec(Choice):
    """The object whose arrival starts a run."""

    success_marker: str | None = None
    """Its name, such as `_SUCCESS`."""
    manifest: str | None = None
    """The suffix of manifests, such as `.manifest`."""


class BatchSpec(Notified):
    """Spec of a `BatchTransform`: a whole data set, on machines that are gone afterwards."""

    model: ModelSpec
    input: InputSpec
    instance_type: InstanceType
    instance_count: Annotated[int, Field(ge=1)] = 1
    strategy: Literal["SingleRecord", "MultiRecord"] | None = None
    max_payload_mb: int | None = None
    max_concurrent_transforms: int | None = None
    invocation_timeout: Duration | None = None
    invocation_retries: int | None = None
    environment: dict[str, str] = {}
    accept: str | None = None
    processing: ProcessingSpec | None = None
    columns: list[ColumnSpec] = []
    sinks: list[SinkSpec] = []
    schedule: BatchSchedule | None = None
    arrival: ArrivalSpec | None = None
    attempts: Annotated[int, Field(ge=1)] = 3
    max_runtime: Duration | None = None
    output_bucket: BucketName | None = None
    """Default: a new one."""
    output_prefix: str | None = None
    volume_encryption_key: KeyArn | None = None
    transform_name: str | None = None
    """Default: from the construct's path."""
    dashboard: bool = True
