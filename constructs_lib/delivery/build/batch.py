"""Batch transforms."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_scheduler as scheduler

from ...batch.arrival import BatchArrival
from ...batch.batch_transform import BatchTransform
from ...batch.columns import Column, ColumnRole, ColumnType
from ...batch.data_processing import DataProcessing
from ...batch.input import BatchInput, SplitType
from ...batch.props import BatchStrategy
from ...batch.sink import PredictionSink
from ..schema.batch import ArrivalSpec, BatchSchedule, BatchSpec, ColumnSpec, InputSpec, SinkSpec
from . import hosting
from .endpoints import ID
from .models import model
from .site import Where, duration


def transform(where: Where, spec: BatchSpec) -> BatchTransform | None:
    """A `BatchTransform`."""
    served = model(where / "model", spec.model)
    scored = _input(where / "input", spec.input)
    columns = [_column(where / "columns" / index, each) for index, each in enumerate(spec.columns)]
    sinks = [_sink(where / "sinks" / index, each) for index, each in enumerate(spec.sinks)]
    given = spec.processing
    processing = None
    if given is not None:
        processing = (where / "processing").make(
            lambda: DataProcessing(
                input_filter=given.input_filter, join=given.join, output_filter=given.output_filter
            )
        )
    schedule = _schedule(where / "schedule", spec.schedule)
    arrival = _arrival(where / "arrival", spec.arrival)
    encryption = hosting.key(where, spec)
    where.site.stop_if_refused()
    if served is None or scored is None:
        return None
    return where.make(
        lambda: BatchTransform(
            where.scope,
            ID,
            model=served,
            input=scored,
            instance_type=spec.instance_type,
            instance_count=spec.instance_count,
            strategy=None if spec.strategy is None else BatchStrategy(spec.strategy),
            max_payload_mb=spec.max_payload_mb,
            max_concurrent_transforms=spec.max_concurrent_transforms,
            invocation_timeout=where.duration(spec.invocation_timeout),
            invocation_retries=spec.invocation_retries,
            environment=spec.environment or None,
            accept=spec.accept,
            processing=processing,
            columns=[each for each in columns if each is not None],
            sink=[each for each in sinks if each is not None] or None,
            schedule=schedule,
            arrival=arrival,
            attempts=spec.attempts,
            max_runtime=where.duration(spec.max_runtime),
            output_bucket=where.bucket(spec.output_bucket),
            output_prefix=spec.output_prefix,
            encryption_key=encryption,
            volume_encryption_key=where.key(spec.volume_encryption_key),
            transform_name=spec.transform_name,
            notify=hosting.topics(where, spec),
            dashboard=spec.dashboard,
        ),
        {"sink": "sinks"},
    )


def _input(where: Where, spec: InputSpec) -> BatchInput | None:
    if spec.prefix is not None:
        below = spec.prefix
        bucket = where.bucket(below.bucket)
        if bucket is None:
            return None
        return (where / "prefix").make(
            lambda: BatchInput.from_prefix(
                bucket,
                below.prefix,
                content_type=below.content_type,
                split=SplitType(below.split),
                gzip=below.gzip,
                lag=where.duration(below.lag),
            )
        )
    listed = spec.manifest
    whole = None if listed is None else where.bucket(listed.bucket)
    if listed is None or whole is None:
        return None
    return (where / "manifest").make(
        lambda: BatchInput.from_manifest(
            whole,
            listed.key,
            content_type=listed.content_type,
            split=SplitType(listed.split),
            gzip=listed.gzip,
        ),
        {"manifest": "key"},
    )


def _column(where: Where, spec: ColumnSpec) -> Column | None:
    return where.make(
        lambda: Column(name=spec.name, type=ColumnType(spec.type), role=ColumnRole(spec.role), path=spec.path)
    )


def _sink(where: Where, spec: SinkSpec) -> PredictionSink | None:
    if spec.dynamodb is not None:
        items = spec.dynamodb
        table = where.table(items.table)
        return (where / "dynamodb").make(
            lambda: PredictionSink.dynamodb(
                table, time_to_live=where.duration(items.time_to_live), concurrency=items.concurrency
            )
        )
    rows = spec.table
    if rows is None:
        return None
    return (where / "table").make(
        lambda: PredictionSink.table(
            database_name=rows.database_name,
            table_name=rows.table_name,
            bucket=where.bucket(rows.bucket),
            prefix=rows.prefix,
        )
    )


def _schedule(where: Where, spec: BatchSchedule | None) -> scheduler.ScheduleExpression | None:
    if spec is None:
        return None
    if spec.every is not None:
        every = duration(spec.every)
        return (where / "every").make(lambda: scheduler.ScheduleExpression.rate(every))
    zone = cdk.TimeZone.ETC_UTC if spec.timezone is None else cdk.TimeZone.of(spec.timezone)
    return (where / "cron").make(lambda: scheduler.ScheduleExpression.expression(f"cron({spec.cron})", zone))


def _arrival(where: Where, spec: ArrivalSpec | None) -> BatchArrival | None:
    if spec is None:
        return None
    if spec.success_marker is not None:
        marker = spec.success_marker
        return where.make(lambda: BatchArrival.success_marker(marker), {"suffix": "success_marker"})
    suffix = spec.manifest or ""
    return where.make(lambda: BatchArrival.manifest(suffix), {"suffix": "manifest"})
