"""The rules of `BatchTransform`: what would be refused only when a run is due, or would fail it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from aws_cdk import aws_s3 as s3
from aws_cdk import aws_scheduler as scheduler

from ..core.buckets import attributes_of
from ..core.checks import KEY_PREFIX, duration, kind, known, settled, standard_topics, text, whole_number
from ..core.instance_types import PATTERN, has_local_storage
from ..core.rules import API_REFERENCE, DEVELOPER_GUIDE, Advice, Broken, Rules
from ..core.tokens import is_token
from ..model.model import Model
from ..model.reference import is_model
from .checks import variables
from .columns import column_names_differ
from .input import BatchInput, RecordFormat, SplitType
from .props import TAG, BatchTransformProps
from .sink import PredictionSink

_CREATE = API_REFERENCE + "API_CreateTransformJob.html"
_RESOURCES = API_REFERENCE + "API_TransformResources.html"
_CLIENT = API_REFERENCE + "API_ModelClientConfig.html"
_JOIN = DEVELOPER_GUIDE + "batch-transform-data-processing.html"
_BATCH = DEVELOPER_GUIDE + "batch-transform.html"
_UNCOMPRESSED = DEVELOPER_GUIDE + "large-model-inference-uncompressed.html"
_TAGS = API_REFERENCE + "API_Tag.html"
_MOST_MB = 100
_MOST_VARIABLES = 16
_MOST_TAGS = 48
"""50, of which one is the library's, and one that of Step Functions."""
_ACCEPT = re.compile(r"(?=.{3,256}$)[^\s/]+/[^\s/]+(\s*;.*)?")
_TAG = re.compile(r"[\w .:/=+@-]*")
_TAG_ALLOWED = "letters, digits, spaces and _.:/=+-@"
_NAME = re.compile(r"(?=.{1,63}$)[a-z0-9]+(-[a-z0-9]+)*")
_LONGEST_TRANSFORM = 5 * 86_400

UNKNOWN_TYPE = Advice("SM-BATCH-101", "The instance type is one that a transform job may have.", _RESOURCES)
NO_ROLE = Advice(
    "SM-BATCH-102", "The model's role is known, so that it can be let at input and output.", _BATCH
)
NO_TRIGGER = Advice("SM-BATCH-103", "Something starts the runs.", _BATCH)

batch_rules = Rules[BatchTransformProps]()


@batch_rules.rule("SM-BATCH-001", source=_CREATE)
def payload_fits(props: BatchTransformProps) -> Iterator[Broken]:
    """A request has at most 100 MB, and so have all requests that are in flight at once."""
    yield from whole_number("max_payload_mb", props.max_payload_mb, 0, _MOST_MB)
    yield from whole_number("max_concurrent_transforms", props.max_concurrent_transforms, 0, _MOST_MB)
    concurrent, payload = props.max_concurrent_transforms, props.payload_mb
    if known(concurrent, payload) and isinstance(concurrent, int) and concurrent * payload > _MOST_MB:
        yield Broken(
            "max_concurrent_transforms",
            f"{concurrent} requests of {payload} MB",
            f"at most {_MOST_MB} MB together",
            f"max_payload_mb={_MOST_MB // concurrent}" if concurrent <= _MOST_MB else "",
        )


@batch_rules.rule("SM-BATCH-002", source=_CREATE)
def strategy_needs_records(props: BatchTransformProps) -> Iterator[Broken]:
    """Requests of one or of many records need objects that are split into records."""
    if props.strategy is not None and props.input.split is SplitType.NONE:
        yield Broken(
            "strategy", props.strategy.value, "none, since objects are not split", "split=SplitType.LINE"
        )


@batch_rules.rule("SM-BATCH-003", source=_CREATE)
def environment_fits_the_job(props: BatchTransformProps) -> Iterator[Broken]:
    """A transform job adds at most 16 variables to the model's environment."""
    yield from variables(
        "environment",
        props.environment,
        most=_MOST_VARIABLES,
        longest_name=1024,
        longest=10_240,
        fix="the model's Container has room",
    )


@batch_rules.rule("SM-BATCH-004", source=_CLIENT)
def model_is_asked_within_bounds(props: BatchTransformProps) -> Iterator[Broken]:
    """A request takes 1 second to 1 hour, and is tried again at most 3 times."""
    yield from duration("invocation_timeout", props.invocation_timeout, 1, 3600)
    yield from settled("invocation_timeout", props.invocation_timeout, "a job takes whole seconds")
    yield from whole_number("invocation_retries", props.invocation_retries, 0, 3)


@batch_rules.rule("SM-BATCH-005", source=_JOIN)
def join_needs_lines(props: BatchTransformProps) -> Iterator[Broken]:
    """Filters and joins are for CSV and JSON; a join splits and assembles at lines, in one format."""
    processing = props.processing
    if processing is None or processing.changes_nothing:
        return
    if props.input.format is RecordFormat.OTHER:
        yield Broken(
            "processing",
            f"{processing!r} of {props.input.content_type}",
            "text/csv or application/jsonlines",
        )
    if processing.join and props.input.split is not SplitType.LINE:
        yield Broken(
            "processing", f"join with split {props.input.split.value}", "split=SplitType.LINE to join"
        )
    if processing.join and props.output_format is not props.input.format:
        allowed = f"the format of the input, {props.input.content_type}: what is joined is of one format"
        yield Broken("accept", props.accept, allowed)


@batch_rules.rule("SM-BATCH-019", source=_CREATE)
def answers_are_of_a_type(props: BatchTransformProps) -> Iterator[Broken]:
    """Answers are asked for by a MIME type."""
    yield from text("accept", props.accept, _ACCEPT, "a MIME type such as text/csv")


@batch_rules.rule("SM-BATCH-006", source=_RESOURCES)
def instances_are_some(props: BatchTransformProps) -> Iterator[Broken]:
    """A transform job has 1–100 instances of a type ``ml.…``, and 1 minute to 5 days."""
    yield from text("instance_type", props.instance_type, PATTERN, "a type such as ml.m5.xlarge")
    yield from whole_number("instance_count", props.instance_count, 1, 100)
    yield from duration("max_runtime", props.max_runtime, 60, _LONGEST_TRANSFORM)
    yield from whole_number("attempts", props.attempts, 1, 10)
    for name, value in (("max_runtime", props.max_runtime), ("attempts", props.attempts)):
        yield from settled(name, value, "the run's own limit is worked out from it")


@batch_rules.rule("SM-BATCH-007", source=_RESOURCES)
def volume_key_needs_a_volume(props: BatchTransformProps) -> Iterator[Broken]:
    """A key for the volume goes with instances that have no local storage, which has a key of its own."""
    type = props.instance_type
    if props.volume_encryption_key is None or not isinstance(type, str) or is_token(type):
        return
    if PATTERN.fullmatch(type) and has_local_storage(type):
        fix = "leave it out: the instance encrypts its local storage itself"
        yield Broken("volume_encryption_key", "a key", f"none with {type}, which has local storage", fix)


@batch_rules.rule("SM-BATCH-008", source=_UNCOMPRESSED)
def model_can_be_transformed_with(props: BatchTransformProps) -> Iterator[Broken]:
    """The model is one archive, or a pipeline of them: not uncompressed, multi-model or directly invoked."""
    model = props.model
    if not is_model(model):
        yield Broken("model", model, "a Model", "Model(…) or Model.from_model_name(…)")
    if not isinstance(model, Model):
        return
    if any(each.loads_uncompressed for each in model.containers):
        yield Broken("model", "a model of uncompressed data", "one of an archive", "ModelData.from_bucket(…)")
    if any(each.multi_model is not None for each in model.containers):
        yield Broken("model", "a multi-model container", "a container of one model")
    if model.direct_invocation:
        yield Broken(
            "model", "direct invocation of its containers", "containers that answer one after the other"
        )


@batch_rules.rule("SM-BATCH-009", source=_CREATE)
def input_is_one(props: BatchTransformProps) -> Iterator[Broken]:
    """There is an input; what arrives in it stands below a prefix."""
    yield from kind(
        "input", props.input, BatchInput, optional=False, fix='BatchInput.from_prefix(bucket, "in/")'
    )
    if isinstance(props.input, BatchInput) and props.arrival is not None and props.input.prefix is None:
        fix = "BatchInput.from_prefix(…): the folder in which manifests arrive"
        yield Broken("arrival", props.arrival, "none, since the input is one manifest", fix)


@batch_rules.rule("SM-BATCH-013", source=_BATCH)
def sinks_need_columns(props: BatchTransformProps) -> Iterator[Broken]:
    """Sinks take records that are lines of CSV or JSON, with columns that each of them can take."""
    given = list(props.sinks)
    for each in given:
        yield from kind("sink", each, PredictionSink, optional=False, fix="PredictionSink.dynamodb(table)")
    yield from column_names_differ(props.columns, csv=props.sink_format is RecordFormat.CSV)
    sinks = [each for each in given if isinstance(each, PredictionSink)]
    if not sinks:
        return
    if not props.by_lines:
        yield Broken(
            "sink", f"with split {props.input.split.value}", "split=SplitType.LINE: a sink takes lines"
        )
    if props.sink_format is RecordFormat.OTHER:
        yield Broken("accept", props.accept, "text/csv or application/jsonlines, which sinks can read")
    if not props.columns:
        yield Broken(
            "columns",
            props.columns,
            "the fields of the output",
            'Column.key("customer"), Column.prediction("churn")',
        )
        return
    for sink in sinks:
        yield from sink.unfit(props.columns)
    claimed = [claim for sink in sinks for claim in sink.claims()]
    twice = next((claim for claim in claimed if claimed.count(claim) > 1), None)
    if twice is not None:
        yield Broken("sink", f"two that write to {twice}", "one: they would overwrite each other")


@batch_rules.rule("SM-BATCH-014", source=_BATCH)
def output_has_a_place(props: BatchTransformProps) -> Iterator[Broken]:
    """Runs, and the files of sinks, lie below prefixes that are not within that of the input."""
    yield from text(
        "output_prefix", props.output_prefix, KEY_PREFIX, "a key prefix without slashes at its ends"
    )
    given = props.output_prefix
    if isinstance(given, str) and "'" in given:
        yield Broken("output_prefix", given, "no apostrophe: Step Functions quotes with it")
    # What a run writes would be the input of the next one.
    for name, bucket, prefix in _written(props):
        if _is_input(props, bucket) and not is_token(prefix) and f"{prefix}/".startswith(props.input.place):
            yield Broken(name, prefix, f"a prefix outside of the input's, {props.input.place}")


def _written(props: BatchTransformProps) -> Iterator[tuple[str, s3.IBucket | None, str]]:
    """Where files go, by the property that says so; what is named after the transform, without that name."""
    named = props.transform_name
    default = "batch" if named is None else f"batch/{named}"
    prefix = default if props.output_prefix is None else props.output_prefix
    yield "output_prefix", props.output_bucket, prefix
    for sink in props.sinks:
        if isinstance(sink, PredictionSink) and sink.files is not None:
            bucket, below = sink.files
            yield "sink", props.output_bucket if bucket is None else bucket, below


def _is_input(props: BatchTransformProps, bucket: s3.IBucket | None) -> bool:
    """Whether `bucket` is that of the input, imported twice perhaps."""
    return bucket is not None and attributes_of(bucket).name == attributes_of(props.input.bucket).name


@batch_rules.rule("SM-BATCH-015", source=_TAGS)
def tags_fit(props: BatchTransformProps) -> Iterator[Broken]:
    """Jobs have at most 48 tags of characters that tags may have, none of AWS's own or the library's."""
    given = props.tags
    if not isinstance(given, Mapping):
        return
    if len(given) > _MOST_TAGS:
        yield Broken("tags", f"{len(given)} tags", f"at most {_MOST_TAGS}, beside two that runs add")
    for key, value in given.items():
        if (
            isinstance(key, str)
            and known(key)
            and (not 1 <= len(key) <= 128 or key.lower().startswith("aws:"))
        ):
            yield Broken("tags", key, "keys of 1–128 characters that do not begin with aws:")
        yield from text("tags", key, _TAG, f"keys of {_TAG_ALLOWED}")
        if key == TAG:
            yield Broken("tags", key, "another key: this one has the transform's name")
        if isinstance(value, str) and known(value) and len(value) > 256:
            yield Broken(f"tags[{key!r}]", value, "at most 256 characters")
        else:
            yield from text(f"tags[{key!r}]", value, _TAG, _TAG_ALLOWED)


@batch_rules.rule("SM-BATCH-016", source=API_REFERENCE + "API_CreateTransformJob.html")
def transform_name_is_one(props: BatchTransformProps) -> Iterator[Broken]:
    """A transform's name has 1–63 lower-case letters, digits and single hyphens."""
    allowed = "1–63 lower-case letters, digits and single hyphens, with neither end a hyphen"
    yield from text("transform_name", props.transform_name, _NAME, allowed)
    if is_token(props.transform_name):
        yield Broken(
            "transform_name", props.transform_name, "a name that is known at synthesis: jobs begin with it"
        )


@batch_rules.rule(
    "SM-BATCH-017", source="https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html"
)
def schedule_is_one(props: BatchTransformProps) -> Iterator[Broken]:
    """The schedule is a schedule expression, with its time zone."""
    fix = 'ScheduleExpression.cron(hour="2", minute="0", time_zone=TimeZone.EUROPE_BERLIN)'
    yield from kind("schedule", props.schedule, scheduler.ScheduleExpression, fix=fix)


@batch_rules.rule(
    "SM-BATCH-018", source="https://docs.aws.amazon.com/sns/latest/dg/fifo-message-grouping.html"
)
def topics_take_alarms(props: BatchTransformProps) -> Iterator[Broken]:
    """Failures are told to at most 5 topics, all of them standard ones."""
    yield from standard_topics("notify", props.notify)
