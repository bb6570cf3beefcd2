"""Values of batch transforms, and what each of their properties may be."""

from __future__ import annotations

from collections.abc import Mapping

import aws_cdk as cdk
from aws_cdk import aws_scheduler as scheduler

from constructs_lib import (
    BatchArrival,
    BatchCapture,
    BatchInput,
    BatchStrategy,
    BatchTransform,
    Column,
    ColumnRole,
    ColumnType,
    ContainerImage,
    DataProcessing,
    PredictionSink,
    ProcessingStep,
    SplitType,
)

from ..given.batches import CLUSTER, SECRET, TABLES
from ..kinds import a, duration, flag, like, listed, mapping, nothing, number, one_of, optional, text, whole
from ..made import InStack, Made
from ..surroundings import BUCKET, IMAGES, KEYS, TOPICS
from .endpoints import MODEL
from .pool import PREFIX, ROLE, TYPE, Property, Subject

_DAY = 86_400
_FOLDER = r"([A-Za-z0-9!_.()=-]+/)+([A-Za-z0-9!_.()={}/-]+/)*"
_KEY = r"[A-Za-z0-9!_.()=-]+/[A-Za-z0-9!_.()=/-]+"
_MIME = r"[A-Za-z0-9.+-]+/[A-Za-z0-9.+-]+"
_NAME = r"[a-z_][a-z0-9_]{0,126}"
_SQL = r"[A-Za-z_][A-Za-z0-9_]{0,62}"
_ATHENA = r"[a-z0-9_]{1,255}"
_PATH = r"[^.\[\]]+"
_FILTER = r"\$.{0,62}"

_READ: dict[str, Property] = {
    "content_type": ("text/csv", text(_MIME)),
    "split": (SplitType.LINE, one_of(*SplitType)),
    "gzip": (False, flag),
}
_LAG: dict[str, Property] = {"lag": (None, optional(duration(0, 366 * _DAY)))}
_OF_A_KIND: dict[str, Property] = {
    "name": ("customer", text(_NAME)),
    "type": (ColumnType.STRING, one_of(*ColumnType)),
    "path": (None, optional(text(_PATH))),
}


def _variables(value: object) -> bool:
    """Names that jobs take; the pool has no long values but one."""
    return (
        mapping(a(str))(value)
        and isinstance(value, Mapping)
        and all(text(r"[a-zA-Z_][a-zA-Z0-9_]*")(name) and len(each) <= 256 for name, each in value.items())
    )


def _tags(value: object) -> bool:
    tag = text(r"[\w .:/=+@-]{0,256}")
    return (
        mapping(tag)(value) and isinstance(value, Mapping) and all(text(r"[\w .]{1,128}")(k) for k in value)
    )


VALUES_OF_BATCHES: list[Subject] = [
    (
        "BatchInput.from_prefix",
        BatchInput.from_prefix,
        {"bucket": (BUCKET, like("bucket_name")), "prefix": ("in/", text(_FOLDER)), **_READ, **_LAG},
    ),
    (
        "BatchInput.from_manifest",
        BatchInput.from_manifest,
        {"bucket": (BUCKET, like("bucket_name")), "key": ("in/a.manifest", text(_KEY)), **_READ},
    ),
    (
        "BatchInput",
        BatchInput,
        {
            "bucket": (BUCKET, like("bucket_name")),
            "prefix": ("in/", text(_FOLDER)),
            "manifest": (None, nothing),
            **_READ,
            **_LAG,
        },
    ),
    (
        "BatchArrival.success_marker",
        BatchArrival.success_marker,
        {"name": ("_SUCCESS", text(r"[A-Za-z0-9._-]{1,100}"))},
    ),
    (
        "BatchArrival.manifest",
        BatchArrival.manifest,
        {"suffix": (".manifest", text(r"[A-Za-z0-9._-]*\.manifest"))},
    ),
    (
        "BatchArrival",
        BatchArrival,
        {
            "suffix": ("_SUCCESS", text(r"[A-Za-z0-9._-]{1,100}")),
            "lists_objects": (False, one_of(False)),
        },
    ),
    (
        "DataProcessing",
        DataProcessing,
        {
            "input_filter": ("$", text(_FILTER)),
            "join": (False, flag),
            "output_filter": ("$", text(_FILTER)),
        },
    ),
    *(
        (f"Column.{role}", getattr(Column, role), dict(_OF_A_KIND))
        for role in ("key", "feature", "prediction", "other")
    ),
    ("Column", Column, {**_OF_A_KIND, "role": (ColumnRole.KEY, one_of(*ColumnRole))}),
    (
        "ProcessingStep",
        ProcessingStep,
        {
            "image": (IMAGES[0], a(ContainerImage)),
            "command": (["python3"], listed(a(str), 1, 100)),
            "script": ("model/model.json", optional(text(r".*/model\.json"))),
            "instance_type": ("ml.m5.xlarge", text(TYPE)),
            "instance_count": (1, whole(1, 100)),
            "volume_gb": (30, whole(1, 16_384)),
            "max_runtime": (None, optional(duration(60, 5 * _DAY))),
            "environment": ({}, _variables),
            "role": ROLE,
            "content_type": (None, optional(text(_MIME))),
            "keeps_count": (True, flag),
        },
    ),
    (
        "PredictionSink.table",
        PredictionSink.table,
        {
            "database_name": (None, optional(text(_ATHENA))),
            "table_name": (None, optional(text(_ATHENA))),
            "bucket": (None, optional(like("bucket_name"))),
            "prefix": (None, optional(text(PREFIX))),
        },
    ),
    (
        "PredictionSink.dynamodb",
        PredictionSink.dynamodb,
        {
            "table": (TABLES[0], like("table_arn")),
            "time_to_live": (None, optional(duration(3600, 3660 * _DAY))),
            "concurrency": (16, whole(1, 1000)),
        },
    ),
    (
        "PredictionSink.rds",
        PredictionSink.rds,
        {
            "cluster": (CLUSTER, like("cluster_identifier")),
            "database": ("fraud", text(_SQL)),
            "table": ("scores", text(_SQL)),
            "schema": ("public", text(_SQL)),
            "secret": (SECRET, like("secret_arn")),
            "concurrency": (4, whole(1, 100)),
        },
    ),
    (
        "BatchCapture",
        BatchCapture,
        {
            "sampling_percent": (100, number(0.01, 100)),
            "bucket": (None, optional(like("bucket_name"))),
            "prefix": ("data-capture", text(PREFIX)),
        },
    ),
]

_INPUT = Made(BatchInput.from_prefix, (BUCKET, "in/"))
_COLUMNS = [Made(Column.key, ("customer",)), Made(Column.prediction, ("churn",))]
_SINK = Made(PredictionSink.table)
_STEP = Made(ProcessingStep, given={"image": IMAGES[0]})
_DAILY = InStack("EachDay", lambda *_: scheduler.ScheduleExpression.rate(cdk.Duration.days(1)))


def _sink(value: object) -> bool:
    return value is None or isinstance(value, PredictionSink) or listed(a(PredictionSink), 0, 5)(value)


BATCHES: list[Subject] = [
    (
        "BatchTransform",
        BatchTransform,
        {
            "model": (MODEL, like("model_ref")),
            "input": (_INPUT, a(BatchInput)),
            "instance_type": ("ml.m5.large", text(TYPE)),
            "instance_count": (1, whole(1, 100)),
            "strategy": (None, optional(one_of(*BatchStrategy))),
            "max_payload_mb": (6, optional(whole(0, 100))),
            "max_concurrent_transforms": (1, optional(whole(0, 16))),
            "invocation_timeout": (None, optional(duration(1, 3600))),
            "invocation_retries": (None, optional(whole(0, 3))),
            "environment": ({}, optional(_variables)),
            "accept": (None, optional(text(r"\S+/\S+"))),
            "processing": (None, optional(a(DataProcessing))),
            "columns": (_COLUMNS, listed(a(Column), 1, 700)),
            "sink": (_SINK, _sink),
            "schedule": (_DAILY, optional(a(scheduler.ScheduleExpression))),
            "arrival": (Made(BatchArrival.success_marker), optional(a(BatchArrival))),
            "preprocess": (_STEP, optional(a(ProcessingStep))),
            "postprocess": (_STEP, optional(a(ProcessingStep))),
            "attempts": (3, whole(1, 10)),
            "max_runtime": (None, optional(duration(60, 5 * _DAY))),
            "output_bucket": (None, optional(like("bucket_name"))),
            "output_prefix": (None, optional(text(PREFIX))),
            "encryption_key": (KEYS[0], optional(like("key_arn"))),
            "volume_encryption_key": (KEYS[0], optional(like("key_arn"))),
            "tags": ({}, optional(_tags)),
            "transform_name": (None, optional(text(r"[a-z0-9]+(-[a-z0-9]+)*"))),
            "notify": ([TOPICS[0]], listed(like("topic_arn"), 0, 5)),
            "dashboard": (True, flag),
        },
    ),
]
