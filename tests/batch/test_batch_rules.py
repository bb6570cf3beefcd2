"""What a batch transform refuses, each rule at its bounds; and what it advises."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sagemaker as sagemaker
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_sns as sns

from constructs_lib import (
    BatchArrival,
    BatchCapture,
    BatchInput,
    BatchStrategy,
    BatchTransform,
    Column,
    ColumnType,
    Container,
    ContainerImage,
    DataProcessing,
    Model,
    ModelData,
    PredictionSink,
    SplitType,
)
from tests.support.advice import Advised, warnings
from tests.support.batch import COLUMNS, a_batch, a_step, a_table, an_input
from tests.support.refusals import Refusal, as_parameters, refused, sole_violation
from tests.support.synth import IMAGE_URI, a_bucket, a_model, fresh_app


def a_stack() -> cdk.Stack:
    return cdk.Stack(fresh_app(), "Test")


def batch(stack: cdk.Stack | None = None, **props: Any) -> BatchTransform:
    return a_batch(a_stack() if stack is None else stack, **props)


def split(how: SplitType, **props: Any) -> dict[str, Any]:
    stack = a_stack()
    return {"stack": stack, "input": an_input(stack, split=how), **props}


def typed(content_type: str, **props: Any) -> dict[str, Any]:
    stack = a_stack()
    return {"stack": stack, "input": an_input(stack, content_type=content_type), **props}


def with_table(**props: Any) -> dict[str, Any]:
    stack = a_stack()
    return {"stack": stack, "sink": PredictionSink.dynamodb(a_table(stack)), **props}


def in_one_bucket(prefix: str, **props: Any) -> dict[str, Any]:
    stack = a_stack()
    bucket = a_bucket(stack)
    return {"stack": stack, "input": BatchInput.from_prefix(bucket, prefix), "output_bucket": bucket, **props}


def whose(make: Any) -> dict[str, Any]:
    """Props that are made in their own stack."""
    stack = a_stack()
    return {"stack": stack, **make(stack)}


def directly_invoked(stack: cdk.Stack) -> dict[str, Any]:
    containers = [
        Container(image=ContainerImage.from_uri(IMAGE_URI), hostname=name) for name in ("pre", "predict")
    ]
    return {"model": Model(stack, "Model", containers=containers, direct_invocation=True)}


KEYS = [Column.key("customer"), Column.key("day"), Column.key("hour")]
LINES = "at most 100 MB together"

REFUSALS = [
    Refusal("SM-BATCH-001", lambda: batch(max_payload_mb=101), "max_payload_mb", 101, "0 to 100"),
    Refusal("SM-BATCH-001", lambda: batch(max_payload_mb=-1), "max_payload_mb", -1, "0 to 100"),
    Refusal(
        "SM-BATCH-001",
        lambda: batch(max_concurrent_transforms=17),
        "max_concurrent_transforms",
        "17 requests of 6 MB",
        LINES,
    ),
    Refusal(
        "SM-BATCH-001",
        lambda: batch(max_concurrent_transforms=11, max_payload_mb=10),
        "max_concurrent_transforms",
        "11 requests of 10 MB",
        LINES,
    ),
    Refusal(
        "SM-BATCH-001",
        lambda: batch(max_concurrent_transforms=-1),
        "max_concurrent_transforms",
        -1,
        "0 to 100",
    ),
    Refusal(
        "SM-BATCH-002",
        lambda: batch(**split(SplitType.NONE, strategy=BatchStrategy.SINGLE_RECORD)),
        "strategy",
        "SingleRecord",
        "objects are not split",
    ),
    Refusal(
        "SM-BATCH-003",
        lambda: batch(environment={f"V{n}": "" for n in range(17)}),
        "environment",
        "17 variables",
        "at most 16",
    ),
    Refusal("SM-BATCH-003", lambda: batch(environment={"A.$": "$"}), "environment", "A.$", "letters, digits"),
    Refusal("SM-BATCH-003", lambda: batch(environment={"1": ""}), "environment", "1", "letters, digits"),
    Refusal("SM-BATCH-003", lambda: batch(environment={"V" * 1025: ""}), "environment", "V" * 1025, "1–1024"),
    Refusal(
        "SM-BATCH-003",
        lambda: batch(environment={"A": "x" * 10_241}),
        "environment['A']",
        "x" * 10_241,
        "at most 10240",
    ),
    Refusal(
        "SM-BATCH-004",
        lambda: batch(invocation_timeout=cdk.Duration.seconds(3601)),
        "invocation_timeout",
        "1 hour 1 second",
        "1 second to 1 hour",
    ),
    Refusal(
        "SM-BATCH-004",
        lambda: batch(invocation_timeout=cdk.Duration.seconds(0)),
        "invocation_timeout",
        "0 seconds",
        "1 second to 1 hour",
    ),
    Refusal("SM-BATCH-004", lambda: batch(invocation_retries=4), "invocation_retries", 4, "0 to 3"),
    Refusal(
        "SM-BATCH-005",
        lambda: batch(**typed("image/png", processing=DataProcessing(input_filter="$[1:]"))),
        "processing",
        "DataProcessing(input_filter='$[1:]', join=False, output_filter='$') of image/png",
        "text/csv or application/jsonlines",
    ),
    Refusal(
        "SM-BATCH-005",
        lambda: batch(**split(SplitType.RECORD_IO, processing=DataProcessing(join=True))),
        "processing",
        "join with split RecordIO",
        "split=SplitType.LINE",
    ),
    Refusal(
        "SM-BATCH-005",
        lambda: batch(accept="application/jsonlines", processing=DataProcessing(join=True)),
        "accept",
        "application/jsonlines",
        "text/csv",
    ),
    Refusal("SM-BATCH-006", lambda: batch(instance_type="m5.large"), "instance_type", "m5.large", "ml.m5"),
    Refusal("SM-BATCH-006", lambda: batch(instance_count=0), "instance_count", 0, "1 to 100"),
    Refusal("SM-BATCH-006", lambda: batch(instance_count=101), "instance_count", 101, "1 to 100"),
    Refusal("SM-BATCH-006", lambda: batch(attempts=0), "attempts", 0, "1 to 10"),
    Refusal("SM-BATCH-006", lambda: batch(attempts=11), "attempts", 11, "1 to 10"),
    Refusal(
        "SM-BATCH-006",
        lambda: batch(max_runtime=cdk.Duration.seconds(59)),
        "max_runtime",
        "59 seconds",
        "1 minute to 5 days",
    ),
    Refusal(
        "SM-BATCH-006",
        lambda: batch(max_runtime=cdk.Duration.days(6)),
        "max_runtime",
        "6 days",
        "1 minute to 5 days",
    ),
    Refusal(
        "SM-BATCH-007",
        lambda: batch(
            **whose(lambda stack: {"volume_encryption_key": kms.Key(stack, "K")}),
            instance_type="ml.g5.xlarge",
        ),
        "volume_encryption_key",
        "a key",
        "none with ml.g5.xlarge",
    ),
    Refusal(
        "SM-BATCH-008",
        lambda: batch(**whose(of_uncompressed_data)),
        "model",
        "a model of uncompressed data",
        "of an archive",
    ),
    Refusal(
        "SM-BATCH-008",
        lambda: batch(**whose(directly_invoked)),
        "model",
        "direct invocation of its containers",
        "one after the other",
    ),
    Refusal(
        "SM-BATCH-009",
        lambda: batch(
            **whose(lambda s: {"input": BatchInput.from_manifest(a_bucket(s), "in/all.manifest")}),
            arrival=BatchArrival.success_marker(),
        ),
        "arrival",
        BatchArrival.success_marker(),
        "one manifest",
    ),
    Refusal(
        "SM-BATCH-013",
        lambda: batch(**split(SplitType.NONE), columns=COLUMNS, sink=PredictionSink.table()),
        "sink",
        "with split None",
        "a sink takes lines",
    ),
    Refusal(
        "SM-BATCH-013",
        lambda: batch(accept="image/png", columns=COLUMNS, sink=PredictionSink.table()),
        "accept",
        "image/png",
        "which sinks can read",
    ),
    Refusal(
        "SM-BATCH-013", lambda: batch(sink=PredictionSink.table()), "columns", (), "fields of the output"
    ),
    Refusal(
        "SM-BATCH-013",
        lambda: batch(columns=[Column.key("a"), Column.other("a")]),
        "columns",
        ["a"],
        "a name of its own",
    ),
    Refusal(
        "SM-BATCH-013",
        lambda: batch(columns=[Column.key("a", path="b.c")]),
        "columns",
        "a with path b.c",
        "rows of CSV go by their order",
    ),
    Refusal(
        "SM-BATCH-013",
        lambda: batch(**with_table(columns=[Column.prediction("churn")])),
        "columns",
        [],
        "one key column",
    ),
    Refusal(
        "SM-BATCH-013",
        lambda: batch(**with_table(columns=KEYS)),
        "columns",
        ["customer", "day", "hour"],
        "two",
    ),
    Refusal(
        "SM-BATCH-013",
        lambda: batch(**with_table(columns=[Column.key("id")])),
        "columns",
        "id: S",
        "customer: S",
    ),
    Refusal(
        "SM-BATCH-013",
        lambda: batch(**with_table(columns=[Column.key("customer", ColumnType.INT)])),
        "columns",
        "customer: N",
        "customer: S",
    ),
    Refusal(
        "SM-BATCH-013",
        lambda: batch(columns=[Column.key("a"), Column.feature("b")], sink=BatchCapture()),
        "columns",
        "no prediction column",
        "at least one",
    ),
    Refusal(
        "SM-BATCH-013",
        lambda: batch(columns=COLUMNS, sink=[BatchCapture(), BatchCapture(sampling_percent=1)]),
        "sink",
        "two that write to s3://<output>/data-capture",
        "overwrite each other",
    ),
    Refusal(
        "SM-BATCH-013",
        lambda: batch(columns=COLUMNS, sink=[PredictionSink.table(), PredictionSink.table(prefix="x")]),
        "sink",
        "two that write to the table <transform>.<transform>",
        "overwrite each other",
    ),
    Refusal(
        "SM-BATCH-013",
        lambda: batch(
            columns=COLUMNS,
            sink=[PredictionSink.table(), PredictionSink.table(prefix="x", table_name="x")],
        ),
        "sink",
        "two that write to a new database",
        "overwrite each other",
    ),
    *(
        Refusal("SM-BATCH-019", lambda type=type: batch(accept=type), "accept", type, "a MIME type")
        for type in ("", "csv", "text/", "a b/c", "text/" + "x" * 252)
    ),
    Refusal("SM-BATCH-014", lambda: batch(output_prefix="/a"), "output_prefix", "/a", "without slashes"),
    Refusal("SM-BATCH-014", lambda: batch(output_prefix="a'b"), "output_prefix", "a'b", "no apostrophe"),
    Refusal(
        "SM-BATCH-014",
        lambda: batch(**in_one_bucket("in/", output_prefix="in")),
        "output_prefix",
        "in",
        "outside of the input's, in/",
    ),
    Refusal(
        "SM-BATCH-014",
        lambda: batch(**in_one_bucket("in/{yyyy}/", output_prefix="in/out")),
        "output_prefix",
        "in/out",
        "outside of the input's, in/",
    ),
    Refusal(
        "SM-BATCH-014",
        lambda: batch(**in_one_bucket("batch/")),
        "output_prefix",
        "batch",
        "outside of the input's, batch/",
    ),
    Refusal(
        "SM-BATCH-014",
        lambda: batch(**in_one_bucket("batch/own/", transform_name="own")),
        "output_prefix",
        "batch/own",
        "outside of the input's, batch/own/",
    ),
    Refusal(
        "SM-BATCH-014",
        lambda: batch(**in_one_bucket("tables/", columns=COLUMNS, sink=PredictionSink.table())),
        "sink",
        "tables",
        "outside of the input's, tables/",
    ),
    Refusal(
        "SM-BATCH-014",
        lambda: batch(**in_one_bucket("data-capture/", columns=COLUMNS, sink=BatchCapture())),
        "sink",
        "data-capture",
        "outside of the input's",
    ),
    Refusal(
        "SM-BATCH-015",
        lambda: batch(tags={f"t{n}": "" for n in range(49)}),
        "tags",
        "49 tags",
        "at most 48",
    ),
    Refusal("SM-BATCH-015", lambda: batch(tags={"AWS:x": ""}), "tags", "AWS:x", "do not begin with aws:"),
    Refusal("SM-BATCH-015", lambda: batch(tags={"": ""}), "tags", "", "1–128 characters"),
    Refusal("SM-BATCH-015", lambda: batch(tags={"k" * 129: ""}), "tags", "k" * 129, "1–128 characters"),
    Refusal("SM-BATCH-015", lambda: batch(tags={"a#": ""}), "tags", "a#", "letters, digits"),
    Refusal("SM-BATCH-015", lambda: batch(tags={"a": "v" * 257}), "tags['a']", "v" * 257, "at most 256"),
    Refusal("SM-BATCH-015", lambda: batch(tags={"a": "🙂"}), "tags['a']", "🙂", "letters, digits"),
    Refusal(
        "SM-BATCH-015", lambda: batch(tags={"BatchTransform": "x"}), "tags", "BatchTransform", "another key"
    ),
    *(
        Refusal(
            "SM-BATCH-016",
            lambda name=name: batch(transform_name=name),
            "transform_name",
            name,
            "1–63 lower-case letters",
        )
        for name in ("", "Fraud", "a--b", "-a", "a-", "a_b", "n" * 64, "ä")
    ),
    Refusal(
        "SM-BATCH-018",
        lambda: batch(**whose(lambda s: {"notify": [sns.Topic(s, "T"), sns.Topic(s, "F", fifo=True)]})),
        "notify[1]",
        "a FIFO topic",
        "a standard topic",
    ),
    Refusal(
        "SM-BATCH-018",
        lambda: batch(**whose(lambda s: {"notify": [sns.Topic(s, f"T{n}") for n in range(6)]})),
        "notify",
        "6 topics",
        "at most 5",
    ),
]


def of_uncompressed_data(stack: cdk.Stack) -> dict[str, Any]:
    data = ModelData.from_prefix(a_bucket(stack), "llm/1.0.0/")
    container = Container(image=ContainerImage.from_uri(IMAGE_URI), data=data)
    return {"model": Model(stack, "Model", container=container)}


@pytest.mark.parametrize("refusal", as_parameters(REFUSALS))
def test_is_refused(refusal: Refusal) -> None:
    refusal.check()


def test_a_schedule_that_is_none_is_refused() -> None:
    violation = sole_violation(lambda: batch(schedule="rate(1 day)"))
    assert (violation.rule, violation.property) == ("SM-BATCH-017", "schedule")
    assert "TimeZone" in violation.fix


def test_what_is_no_model_and_no_input_is_refused_with_what_is_one() -> None:
    error = refused(lambda: batch(model="fraud", input="s3://in/"))
    assert {each.property: each.rule for each in error.violations} == {
        "model": "SM-BATCH-008",
        "input": "SM-BATCH-009",
    }


@pytest.mark.parametrize(
    ("prop", "make"),
    [
        ("attempts", lambda number: number),
        ("max_runtime", cdk.Duration.seconds),
        ("invocation_timeout", cdk.Duration.seconds),
    ],
)
def test_what_is_reckoned_with_at_synthesis_is_no_token(stack: cdk.Stack, prop: str, make: Any) -> None:
    number = cdk.CfnParameter(stack, "Number", type="Number", default=60).value_as_number
    violation = sole_violation(lambda: batch(stack, **{prop: make(number)}))
    assert violation.property == prop
    assert "known at synthesis" in violation.allowed


def test_a_name_is_no_token(stack: cdk.Stack) -> None:
    name = cdk.CfnParameter(stack, "Name", default="fraud").value_as_string
    assert sole_violation(lambda: batch(stack, transform_name=name)).rule == "SM-BATCH-016"


def test_more_columns_than_a_run_can_carry_are_refused() -> None:
    columns = [Column.feature(f"feature_{n:04}") for n in range(1_000)]
    violation = sole_violation(lambda: batch(columns=columns))
    assert (violation.rule, violation.property) == ("SM-BATCH-013", "columns")
    assert batch(columns=columns[:700])


@pytest.mark.parametrize("table", [dynamodb.Table, dynamodb.TableV2])
def test_the_key_of_any_table_that_is_made_here_is_known(stack: cdk.Stack, table: Any) -> None:
    types = dynamodb.AttributeType
    made = table(
        stack,
        "Made",
        partition_key=dynamodb.Attribute(name="customer", type=types.STRING),
        sort_key=dynamodb.Attribute(name="day", type=types.NUMBER),
    )
    sink = PredictionSink.dynamodb(made)
    violation = sole_violation(lambda: batch(stack, columns=[Column.key("customer")], sink=sink))
    assert "customer: S, day: N" in violation.allowed
    both = [Column.key("customer"), Column.key("day", ColumnType.INT)]
    turned = sole_violation(lambda: batch(stack, columns=both[::-1], sink=sink))
    assert turned.given == "day: N, customer: S", "the partition key comes first"
    assert batch(stack, columns=both, sink=sink)


def test_of_a_table_that_is_there_any_key_is_taken_but_no_truth_value(stack: cdk.Stack) -> None:
    sink = PredictionSink.dynamodb(dynamodb.Table.from_table_name(stack, "There", "there"))
    truth = sole_violation(lambda: batch(stack, columns=[Column.key("k", ColumnType.BOOLEAN)], sink=sink))
    assert truth.given == "k of type boolean"
    assert batch(stack, columns=[Column.key("whatever", ColumnType.DOUBLE)], sink=sink)


def test_one_error_has_all_that_is_wrong_and_nothing_is_left_behind(stack: cdk.Stack) -> None:
    model = a_model(stack, "TheModel")
    error = refused(lambda: batch(stack, model=model, attempts=0, instance_count=0, transform_name="A"))
    assert error.path == "Test/Batch"
    assert set(error.rules) == {"SM-BATCH-006", "SM-BATCH-016"}
    assert stack.node.try_find_child("Batch") is None


ACCEPTED: list[dict[str, Any]] = [
    {"max_payload_mb": 0, "max_concurrent_transforms": 100},
    {"max_payload_mb": 100, "max_concurrent_transforms": 1},
    {"max_payload_mb": 1, "max_concurrent_transforms": 100},
    {"max_concurrent_transforms": 16},
    {"max_concurrent_transforms": 0},
    {"environment": {**{f"V{n}": "" for n in range(14)}, "V" * 1024: "x" * 10_240, "_": "$.path"}},
    {"invocation_timeout": cdk.Duration.seconds(1), "invocation_retries": 0},
    {"invocation_timeout": cdk.Duration.hours(1), "invocation_retries": 3},
    {"instance_count": 100, "attempts": 10, "max_runtime": cdk.Duration.days(5)},
    {"instance_count": 1, "attempts": 1, "max_runtime": cdk.Duration.minutes(1)},
    {"processing": DataProcessing()},
    {"accept": "application/jsonlines", "processing": DataProcessing(input_filter="$[1:]")},
    {"output_prefix": "a/b-c.d!e", "transform_name": "n" * 63},
    {"transform_name": "a"},
    {"tags": {**{f"t{n}": "" for n in range(47)}, "k" * 128: "v" * 256}},
    {"tags": {"équipe": "größe 日本 _.:/=+-@"}},
    {"sink": [], "columns": [], "notify": []},
    {"accept": "*/*"},
    {"accept": "text/csv; header=absent"},
    {"columns": COLUMNS, "sink": [PredictionSink.table(), BatchCapture()]},
    {
        "columns": COLUMNS,
        "sink": [
            PredictionSink.table(),
            PredictionSink.table(database_name="lake", prefix="elsewhere"),
        ],
    },
    {
        "accept": "image/png",
        "columns": COLUMNS,
        "sink": PredictionSink.table(),
        "postprocess": a_step(content_type="text/csv"),
    },
]


@pytest.mark.parametrize("props", ACCEPTED, ids=lambda props: "-".join(props))
def test_what_is_within_bounds_is_taken(props: dict[str, Any]) -> None:
    assert batch(**props)


@pytest.mark.parametrize(
    ("prefix", "props"),
    [
        ("in/", {"output_prefix": "input"}),
        ("in/", {"output_prefix": "i"}),
        ("batch/other/", {"transform_name": "own"}),
        ("in/", {"columns": COLUMNS, "sink": [PredictionSink.table(), BatchCapture()]}),
    ],
)
def test_one_bucket_may_hold_input_and_output_side_by_side(prefix: str, props: dict[str, Any]) -> None:
    assert batch(**in_one_bucket(prefix, **props))


def test_a_bucket_that_is_imported_twice_is_the_same_bucket(stack: cdk.Stack) -> None:
    here, there = (a_bucket(stack, id) for id in ("Here", "There"))
    given = {"input": BatchInput.from_prefix(here, "in/"), "output_bucket": there, "output_prefix": "in/out"}
    assert sole_violation(lambda: batch(stack, **given)).rule == "SM-BATCH-014"


def test_two_new_buckets_are_two(stack: cdk.Stack) -> None:
    here, there = (s3.Bucket(stack, id) for id in ("Here", "There"))
    given = {"input": BatchInput.from_prefix(here, "in/"), "output_bucket": there, "output_prefix": "in/out"}
    assert batch(stack, **given)


def test_models_of_all_kinds_are_transformed_with(stack: cdk.Stack) -> None:
    models = {
        "Own": a_model(stack),
        "Imported": Model.from_model_name(stack, "There", "fraud"),
        "Plain": sagemaker.CfnModel(stack, "L1", execution_role_arn="arn:aws:iam::111122223333:role/x"),
    }
    for id, model in models.items():
        assert a_batch(stack, id, model=model)


def test_a_multi_model_container_is_refused(stack: cdk.Stack) -> None:
    from constructs_lib import MultiModelEndpoint

    container = Container(image=ContainerImage.from_uri(IMAGE_URI))
    endpoint = MultiModelEndpoint(stack, "Many", container=container, instance_type="ml.m5.large")
    violation = sole_violation(lambda: batch(stack, model=endpoint.model))
    assert (violation.rule, violation.given) == ("SM-BATCH-008", "a multi-model container")


def test_a_volume_key_goes_with_a_type_that_only_the_deployment_knows(stack: cdk.Stack) -> None:
    type = cdk.CfnParameter(stack, "Type", default="ml.g5.xlarge").value_as_string
    assert batch(stack, instance_type=type, volume_encryption_key=kms.Key(stack, "VolumeKey"))


DAILY = scheduler.ScheduleExpression.rate(cdk.Duration.days(1))
ADVISED = [
    Advised(
        "SM-BATCH-101",
        lambda stack: batch(stack, instance_type="ml.x9.large", schedule=DAILY),
        "no transform job on ml.x9.large",
    ),
    Advised(
        "SM-BATCH-102",
        lambda stack: batch(stack, model=Model.from_model_name(stack, "There", "fraud"), schedule=DAILY),
        "grants.transform(role)",
    ),
    Advised("SM-BATCH-103", lambda stack: batch(stack), "only on demand"),
]


@pytest.mark.parametrize("advised", ADVISED, ids=lambda advised: advised.id)
def test_advice_is_given_and_can_be_acknowledged(advised: Advised) -> None:
    advised.check()


@pytest.mark.parametrize("trigger", [{"schedule": DAILY}, {"arrival": BatchArrival.success_marker()}])
def test_what_something_starts_is_told_nothing(trigger: dict[str, Any]) -> None:
    assert warnings(lambda stack: batch(stack, **trigger)) == []
