"""Strategies for batch transforms, with all that they are made of."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_rds as rds
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_secretsmanager as secretsmanager
from hypothesis import strategies as st

from constructs_lib import (
    BatchArrival,
    BatchCapture,
    BatchInput,
    BatchStrategy,
    BatchTransform,
    Column,
    ColumnRole,
    ColumnType,
    DataProcessing,
    PredictionSink,
    ProcessingStep,
    SplitType,
)

from .. import surroundings
from ..made import InStack, Made
from .basics import SWITCHES, WHOLE_TOKENS, Strategy, durations, maybe, properties, some

_DAY = 86_400
_TYPES = ["ml.m5.large", "ml.c5.2xlarge", surroundings.INSTANCE_TYPE]
_CSV, _JSON_LINES = ("text/csv", "text/csv; charset=utf-8"), ("application/jsonlines",)
_IMAGES = ("image/png", "application/x-recordio-protobuf")
_PREFIXES = ["in/", "customers/{yyyy}-{mm}-{dd}/", "a/b.c/d={dd}/{hh}/"]
_KEYS = st.sampled_from(surroundings.KEYS)


def _table(name: str) -> InStack:
    key = dynamodb.Attribute(name="customer", type=dynamodb.AttributeType.STRING)
    return InStack(name, lambda stack, id: dynamodb.Table(stack, id, partition_key=key))


def _imported_table(stack: cdk.Stack, id: str) -> dynamodb.ITable:
    return dynamodb.Table.from_table_name(stack, id, "there")


def _cluster(stack: cdk.Stack, id: str) -> rds.IDatabaseCluster:
    return rds.DatabaseCluster.from_database_cluster_attributes(stack, id, cluster_identifier="fraud")


def _secret(stack: cdk.Stack, id: str) -> secretsmanager.ISecret:
    return secretsmanager.Secret.from_secret_name_v2(stack, id, "fraud")


def _own_bucket(stack: cdk.Stack, id: str) -> s3.IBucket:
    return s3.Bucket(stack, id)


TABLES = [_table("Predictions"), InStack("PredictionsThere", _imported_table)]
CLUSTER, SECRET = InStack("Cluster", _cluster), InStack("Secret", _secret)
INPUTS = [
    InStack("InputThere", lambda stack, id: s3.Bucket.from_bucket_name(stack, id, "input")),
    InStack("InputHere", _own_bucket),
]
OUTPUTS = [
    InStack("OutputThere", lambda stack, id: s3.Bucket.from_bucket_name(stack, id, "output")),
    InStack("OutputHere", _own_bucket),
]
_NAMES = st.uuids().map(lambda id: f"t{id.hex[:12]}")


def _variables(most: int) -> Strategy:
    names = st.text("AZ_9", max_size=8).map(lambda rest: f"V{rest}")
    # No control characters: cfn-lint reads JSON as YAML, which knows none.
    texts = st.text(st.characters(exclude_categories=("C",)), max_size=20)
    return st.dictionaries(names, texts | st.just(surroundings.INSTANCE_TYPE), max_size=most)


_STEPS = some(
    ProcessingStep,
    image=st.sampled_from(surroundings.IMAGES),
    command=maybe(st.just(["python3", "-u"])),
    script=maybe(st.just(f"{surroundings.CODE}/inference.py")),
    instance_type=maybe(st.sampled_from(_TYPES)),
    instance_count=maybe(st.integers(1, 100) | WHOLE_TOKENS),
    volume_gb=maybe(st.integers(1, 16_384)),
    max_runtime=maybe(durations(60, 5 * _DAY)),
    environment=maybe(_variables(5)),
    role=maybe(st.sampled_from(surroundings.ROLES)),
    content_type=maybe(st.sampled_from([*_CSV, *_JSON_LINES])),
    keeps_count=maybe(SWITCHES),
)

_FILTERS = st.sampled_from(["$", "$[1:]", "$[0,-1]", "$.features", "$['id','SageMakerOutput']"])
_OTHER_COLUMNS = (
    [Made(Column.feature, given={"name": f"f{n}", "type": ColumnType.INT}) for n in range(3)],
    [Made(Column.other, given={"name": "note", "type": ColumnType.BOOLEAN})],
    [Made(Column, given={"name": "plain", "type": ColumnType.BIGINT, "role": ColumnRole.OTHER})],
)

_SINKS = (
    some(
        PredictionSink.table,
        database_name=maybe(st.just("lake")),
        table_name=maybe(st.just("scores")),
        bucket=maybe(st.sampled_from(OUTPUTS)),
        prefix=maybe(st.sampled_from(["lake", "a/b-c/d.e"])),
    ),
    some(
        PredictionSink.dynamodb,
        table=st.sampled_from(TABLES),
        time_to_live=maybe(durations(3600, 3660 * _DAY)),
        concurrency=maybe(st.integers(1, 1000) | WHOLE_TOKENS),
    ),
    some(
        PredictionSink.rds,
        cluster=st.just(CLUSTER),
        database=st.just("fraud"),
        table=st.just("scores"),
        schema=maybe(st.just("batch")),
        secret=st.just(SECRET),
        concurrency=maybe(st.integers(1, 100)),
    ),
    some(
        BatchCapture,
        sampling_percent=maybe(st.floats(0.01, 100)),
        bucket=maybe(st.sampled_from(OUTPUTS)),
        prefix=maybe(st.just("seen")),
    ),
)

_SCHEDULES = st.sampled_from(
    [
        InStack("Daily", lambda *_: scheduler.ScheduleExpression.rate(cdk.Duration.days(1))),
        InStack("Nightly", lambda *_: scheduler.ScheduleExpression.cron(hour="2", minute="0")),
    ]
)

_ANY: dict[str, Strategy] = {
    "model": st.sampled_from(surroundings.MODELS),
    "instance_type": st.sampled_from(_TYPES),
    "instance_count": maybe(st.integers(1, 100) | WHOLE_TOKENS),
    # Together at most 100 MB.
    "max_payload_mb": maybe(st.sampled_from([0, 1, 20]) | WHOLE_TOKENS),
    "max_concurrent_transforms": maybe(st.sampled_from([0, 1, 5])),
    "invocation_timeout": maybe(durations(1, 3600)),
    "invocation_retries": maybe(st.integers(0, 3)),
    "environment": maybe(_variables(16)),
    "schedule": maybe(_SCHEDULES),
    "preprocess": maybe(_STEPS),
    "attempts": maybe(st.integers(1, 10)),
    "max_runtime": maybe(durations(60, 5 * _DAY)),
    "output_bucket": maybe(st.sampled_from(OUTPUTS)),
    "output_prefix": maybe(st.sampled_from(["scored", "a/b-c/d.e"])),
    "encryption_key": maybe(_KEYS),
    "volume_encryption_key": maybe(_KEYS),
    "tags": maybe(st.dictionaries(st.sampled_from(["team", "équipe"]), st.sampled_from(["größe", ""]))),
    "transform_name": maybe(_NAMES),
    "notify": maybe(st.lists(st.sampled_from(surroundings.TOPICS), max_size=2, unique_by=id)),
    "dashboard": maybe(SWITCHES),
}
_ARRIVALS = (
    Made(BatchArrival.success_marker, given={"name": "_DONE"}),
    Made(BatchArrival.manifest, given={"suffix": ".manifest"}),
    Made(BatchArrival, given={"suffix": "_SUCCESS", "lists_objects": False}),
)


@st.composite
def batches(draw: st.DrawFn) -> Made:
    """A `BatchTransform`: of lines with all that they allow, or of whole objects."""
    given: dict[str, Any] = dict(draw(properties(**_ANY)))
    by_lines = draw(SWITCHES) or draw(SWITCHES)
    split = SplitType.LINE if by_lines else draw(st.sampled_from(list(SplitType)[:1] + list(SplitType)[2:]))
    content_type = draw(st.sampled_from([*_CSV, *_JSON_LINES] if by_lines else [*_CSV, *_IMAGES]))
    given["input"] = draw(_inputs(split, content_type))
    if given["input"].factory is not BatchInput.from_manifest and "manifest" not in given["input"].given:
        given |= draw(properties(arrival=maybe(st.sampled_from(_ARRIVALS))))
    if split is not SplitType.NONE:
        given |= draw(properties(strategy=maybe(st.sampled_from(BatchStrategy))))
    if content_type in (*_CSV, *_JSON_LINES):
        join = SWITCHES if by_lines else st.just(False)
        processing = some(
            DataProcessing, input_filter=maybe(_FILTERS), join=maybe(join), output_filter=maybe(_FILTERS)
        )
        given |= draw(properties(processing=maybe(processing)))
        given |= draw(properties(accept=maybe(st.just(content_type))))
    given |= draw(properties(postprocess=maybe(_STEPS)))
    if by_lines:
        given |= draw(_published(given))
    return Made(BatchTransform, given=given)


def _inputs(split: SplitType, content_type: str) -> Strategy:
    common: dict[str, Strategy] = {
        "bucket": st.sampled_from(INPUTS),
        "content_type": st.just(content_type),
        "split": st.just(split),
        "gzip": maybe(SWITCHES),
    }
    lag = maybe(durations(0, 366 * _DAY))
    return st.one_of(
        some(BatchInput.from_prefix, prefix=st.sampled_from(_PREFIXES), lag=lag, **common),
        some(BatchInput.from_manifest, key=st.just("in/all.manifest"), **common),
        some(BatchInput, prefix=st.sampled_from(_PREFIXES), lag=lag, **common),
        some(BatchInput, manifest=st.just("in/all.manifest"), **common),
    )


@st.composite
def _published(draw: st.DrawFn, given: dict[str, Any]) -> dict[str, Any]:
    """Columns and up to three sinks, each of another kind."""
    kinds = draw(st.lists(st.sampled_from(_SINKS), max_size=3, unique_by=id))
    key = {"name": "customer", "type": ColumnType.STRING}
    path = _path(given)
    columns = [Made(Column.key, given={**key, **path})]
    columns += draw(st.sampled_from(_OTHER_COLUMNS))
    columns.append(Made(Column.feature, given={"name": "age", **path}))
    columns.append(Made(Column.prediction, given={"name": "churn", "type": ColumnType.DOUBLE, **path}))
    columns.append(Made(Column.other, given={"name": "rest", **path}))
    columns.append(Made(Column, given={"name": "more", **path}))
    sinks = [draw(each) for each in kinds]
    one = len(sinks) == 1 and draw(SWITCHES)
    return {"columns": columns, "sink": sinks[0] if one else sinks}


def _path(given: dict[str, Any]) -> dict[str, str]:
    """Of an object of JSON Lines; rows of CSV have none."""
    written = given["postprocess"].given.get("content_type") if "postprocess" in given else None
    answered = given.get("accept", given["input"].given["content_type"])
    return {"path": "a.b[0].c"} if (answered if written is None else written) in _JSON_LINES else {}


@st.composite
def batch_stacks(draw: st.DrawFn, most: int) -> list[Made]:
    """Batch transforms that can share a stack."""
    described = draw(st.lists(batches(), min_size=1, max_size=most))
    # A table that is given a name is one transform's.
    named = [each for each in described if "lake" in str(each) or "transform_name" in each.given]
    return described if len(named) < 2 else named[:1]
