"""The values that a batch transform is made of: what each means, and what each refuses at its bounds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_rds as rds
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_secretsmanager as secretsmanager

from constructs_lib import (
    BatchArrival,
    BatchCapture,
    BatchInput,
    Column,
    ColumnRole,
    ColumnType,
    DataProcessing,
    PredictionSink,
    SplitType,
)
from constructs_lib.batch.columns import RESERVED
from constructs_lib.batch.input import RecordFormat
from tests.support.batch import a_step
from tests.support.refusals import Refusal, as_parameters, sole_violation
from tests.support.synth import a_bucket, fresh_app

STACK = cdk.Stack(fresh_app(), "Values")
BUCKET = a_bucket(STACK)
TABLE = dynamodb.Table.from_table_name(STACK, "Table", "predictions")
CLUSTER = rds.DatabaseCluster.from_database_cluster_attributes(STACK, "Cluster", cluster_identifier="fraud")
SECRET = secretsmanager.Secret.from_secret_name_v2(STACK, "Secret", "fraud")
PREFIX, KEY = "a prefix of keys that ends with a slash", "a key of at most 900"


def prefix(value: Any, **props: Any) -> BatchInput:
    return BatchInput.from_prefix(BUCKET, value, **props)


def manifest(key: Any) -> BatchInput:
    return BatchInput.from_manifest(BUCKET, key)


def database(**props: Any) -> PredictionSink:
    return PredictionSink.rds(
        **{"cluster": CLUSTER, "database": "fraud", "table": "scores", "secret": SECRET, **props}
    )


def days(count: int) -> cdk.Duration:
    return cdk.Duration.days(count)


REFUSALS = [
    *(
        Refusal("SM-BATCH-010", lambda value=value: prefix(value), "prefix", value, PREFIX)
        for value in (
            "in",
            "in/it's/",
            "in/a b/",
            "in//x/",
            "/in/",
            "in/*/",
            "in/ä/",
            "in/{day}/",
            "a/" * 201,
        )
    ),
    Refusal("SM-BATCH-010", lambda: prefix("{yyyy}/"), "prefix", "{yyyy}/", "a folder first"),
    Refusal("SM-BATCH-010", lambda: prefix("day{dd}/in/"), "prefix", "day{dd}/in/", "a folder first"),
    *(
        Refusal("SM-BATCH-010", lambda value=value: manifest(value), "manifest", value, KEY)
        for value in ("in/", "in/a b", "in/it's", "in/" + "x" * 898)
    ),
    Refusal("SM-BATCH-010", lambda: manifest("all.manifest"), "manifest", "all.manifest", "a folder first"),
    Refusal("SM-BATCH-010", lambda: BatchInput(bucket=BUCKET), "prefix", None, "either a prefix or"),
    Refusal(
        "SM-BATCH-010",
        lambda: BatchInput(bucket=BUCKET, prefix="in/", manifest="in/x"),
        "prefix",
        "in/",
        "either a prefix or",
    ),
    Refusal("SM-BATCH-010", lambda: prefix("in/", lag=days(367)), "lag", "367 days", "to 366 days"),
    *(
        Refusal(
            "SM-BATCH-011",
            lambda value=value: prefix("in/", content_type=value),
            "content_type",
            value,
            "a MIME type",
        )
        for value in ("csv", "", "text/", "text/c sv", "text/" + "x" * 252)
    ),
    *(
        Refusal(
            "SM-BATCH-012",
            lambda value=value: BatchArrival.success_marker(value),
            "suffix",
            value,
            "1–100 letters",
        )
        for value in ("", "a/b", "a*", "ä", "x" * 101)
    ),
    Refusal(
        "SM-BATCH-012",
        lambda: BatchArrival.manifest(".json"),
        "suffix",
        ".json",
        "a name that ends with .manifest",
    ),
    Refusal(
        "SM-BATCH-012",
        lambda: BatchArrival.success_marker("done.manifest"),
        "suffix",
        "done.manifest",
        "does not end with .manifest",
    ),
    *(
        Refusal(
            "SM-BATCH-020",
            lambda name=name, value=value: DataProcessing(**{name: value}),
            name,
            value,
            allowed,
        )
        for name in ("input_filter", "output_filter")
        for value, allowed in (
            ("", "1–63 characters; this has 0"),
            ("$." + "x" * 62, "1–63 characters; this has 64"),
            ("features", "JSONPath"),
            ("$[", "JSONPath"),
            ("$..id", "JSONPath"),
            ("$[?(@.age > 60)]", "JSONPath"),
            ("$.a b", "JSONPath"),
            ("$[0,'id']", "JSONPath"),
        )
    ),
    *(
        Refusal("SM-BATCH-030", lambda value=value: Column.key(value), "name", value, "1–127 lower-case")
        for value in ("", "Customer", "1st", "a-b", "a b", "größe", "x" * 128)
    ),
    *(
        Refusal("SM-BATCH-030", lambda value=value: Column.other(value), "name", value, "write themselves")
        for value in RESERVED
    ),
    *(
        Refusal("SM-BATCH-030", lambda value=value: Column.key("a", path=value), "path", value, "with dots")
        for value in ("", ".", "a.", "a..b", "[0]", "a[x]", "a[-1]", "a]")
    ),
    Refusal("SM-BATCH-040", lambda: a_step(command=[]), "command", [], "1–100 words"),
    Refusal("SM-BATCH-040", lambda: a_step(command=["x"] * 101), "command", ["x"] * 101, "1–100 words"),
    Refusal("SM-BATCH-040", lambda: a_step(script="nowhere.py"), "script", "nowhere.py", "an existing file"),
    Refusal("SM-BATCH-040", lambda: a_step(script=""), "script", "", "an existing file"),
    Refusal("SM-BATCH-040", lambda: a_step(content_type="csv"), "content_type", "csv", "a MIME type"),
    Refusal("SM-BATCH-040", lambda: a_step(instance_type="m5"), "instance_type", "m5", "ml.m5.xlarge"),
    Refusal("SM-BATCH-040", lambda: a_step(instance_count=0), "instance_count", 0, "1 to 100"),
    Refusal("SM-BATCH-040", lambda: a_step(instance_count=101), "instance_count", 101, "1 to 100"),
    Refusal("SM-BATCH-040", lambda: a_step(volume_gb=0), "volume_gb", 0, "1 to 16384"),
    Refusal("SM-BATCH-040", lambda: a_step(volume_gb=16_385), "volume_gb", 16_385, "1 to 16384"),
    Refusal("SM-BATCH-040", lambda: a_step(max_runtime=days(6)), "max_runtime", "6 days", "to 5 days"),
    Refusal(
        "SM-BATCH-040",
        lambda: a_step(environment={f"V{n}": "" for n in range(101)}),
        "environment",
        "101 variables",
        "at most 100",
    ),
    Refusal("SM-BATCH-040", lambda: a_step(environment={"a.$": ""}), "environment", "a.$", "letters, digits"),
    Refusal(
        "SM-BATCH-040",
        lambda: a_step(environment={"A": "x" * 257}),
        "environment['A']",
        "x" * 257,
        "at most 256",
    ),
    *(
        Refusal(
            "SM-BATCH-050",
            lambda name=name, value=value: PredictionSink.table(**{name: value}),
            name,
            value,
            "1–255 lower-case",
        )
        for name in ("database_name", "table_name")
        for value in ("", "a-b", "A", "ä", "x" * 256)
    ),
    Refusal("SM-BATCH-050", lambda: PredictionSink.table(prefix="a/"), "prefix", "a/", "without slashes"),
    Refusal(
        "SM-BATCH-051",
        lambda: PredictionSink.dynamodb(TABLE, time_to_live=cdk.Duration.minutes(59)),
        "time_to_live",
        "59 minutes",
        "from 1 hour",
    ),
    Refusal(
        "SM-BATCH-051",
        lambda: PredictionSink.dynamodb(TABLE, time_to_live=days(3661)),
        "time_to_live",
        "3661 days",
        "to 3660 days",
    ),
    Refusal(
        "SM-BATCH-051", lambda: PredictionSink.dynamodb(TABLE, concurrency=0), "concurrency", 0, "1 to 1000"
    ),
    Refusal(
        "SM-BATCH-051",
        lambda: PredictionSink.dynamodb(TABLE, concurrency=1001),
        "concurrency",
        1001,
        "1 to 1000",
    ),
    *(
        Refusal(
            "SM-BATCH-052",
            lambda name=name, value=value: database(**{name: value}),
            name,
            value,
            "1–63 letters",
        )
        for name in ("database", "table", "schema")
        for value in ("", "1a", "a-b", 'a"b', "x" * 64)
    ),
    Refusal("SM-BATCH-052", lambda: database(secret=None), "secret", None, "the secret of a user"),
    Refusal("SM-BATCH-052", lambda: database(concurrency=0), "concurrency", 0, "1 to 100"),
    Refusal("SM-BATCH-052", lambda: database(concurrency=101), "concurrency", 101, "1 to 100"),
    Refusal("SM-BATCH-053", lambda: BatchCapture(sampling_percent=0), "sampling_percent", 0, "at least 0.01"),
    Refusal(
        "SM-BATCH-053", lambda: BatchCapture(sampling_percent=100.1), "sampling_percent", 100.1, "at most 100"
    ),
    Refusal("SM-BATCH-053", lambda: BatchCapture(prefix="a//b"), "prefix", "a//b", "without slashes"),
]


@pytest.mark.parametrize("refusal", as_parameters(REFUSALS))
def test_is_refused(refusal: Refusal) -> None:
    refusal.check()


def test_a_prefix_without_its_slash_is_told_with_it() -> None:
    assert sole_violation(lambda: prefix("in")).fix == "in/"


@pytest.mark.parametrize(
    "make",
    [
        lambda text, _: prefix(text),
        lambda text, _: manifest(text),
        lambda _, length: prefix("in/", lag=length),
        lambda text, _: BatchArrival.success_marker(text),
        lambda text, _: Column.key(text),
        lambda text, _: a_step(script=text),
        lambda _, length: a_step(max_runtime=length),
        lambda _, length: PredictionSink.dynamodb(TABLE, time_to_live=length),
    ],
)
def test_what_is_reckoned_with_at_synthesis_is_no_token(make: Any) -> None:
    stack = cdk.Stack()
    text = cdk.CfnParameter(stack, "Text", default="x").value_as_string
    length = cdk.Duration.seconds(cdk.CfnParameter(stack, "N", type="Number", default=1).value_as_number)
    assert "known at synthesis" in sole_violation(lambda: make(text, length)).allowed


def a_cluster(version: Any, **props: Any) -> rds.DatabaseCluster:
    stack = cdk.Stack()
    vpc = ec2.Vpc(stack, "Vpc")
    writer = rds.ClusterInstance.serverless_v2("Writer")
    return rds.DatabaseCluster(stack, "Cluster", engine=version, writer=writer, vpc=vpc, **props)


POSTGRES = rds.DatabaseClusterEngine.aurora_postgres(version=rds.AuroraPostgresEngineVersion.VER_16_6)
MYSQL = rds.DatabaseClusterEngine.aurora_mysql(version=rds.AuroraMysqlEngineVersion.VER_3_08_0)


def test_a_cluster_that_is_made_here_has_to_be_postgres_with_its_data_api() -> None:
    plain = sole_violation(lambda: database(cluster=a_cluster(POSTGRES), secret=None))
    assert (plain.rule, plain.property, plain.fix) == ("SM-BATCH-052", "cluster", "enable_data_api=True")
    off = a_cluster(POSTGRES, enable_data_api=False)
    assert sole_violation(lambda: database(cluster=off, secret=None)).property == "cluster"
    other = sole_violation(lambda: database(cluster=a_cluster(MYSQL, enable_data_api=True)))
    assert (other.property, other.given) == ("cluster", "aurora-mysql")
    assert database(cluster=a_cluster(POSTGRES, enable_data_api=True), secret=None), "it has a secret"


# --- what is taken, and what it means ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "place"),
    [
        (prefix("in/"), "in/"),
        (prefix("a/b.c/d=1/"), "a/b.c/d=1/"),
        (prefix("in/{yyyy}-{mm}-{dd}/{hh}/"), "in/"),
        (prefix("in/day={dd}/x/"), "in/"),
        (prefix("a/b/{yyyy}/"), "a/b/"),
        (prefix("x" * 399 + "/"), "x" * 399 + "/"),
        (manifest("in/all.manifest"), "in/"),
        (manifest("a/b/" + "x" * 896), "a/b/"),
        (prefix("in/", lag=days(0)), "in/"),
        (prefix("in/", lag=days(366)), "in/"),
    ],
)
def test_an_input_has_a_place_that_never_changes(given: BatchInput, place: str) -> None:
    assert given.place == place


@pytest.mark.parametrize(
    ("type", "format"),
    [
        ("text/csv", RecordFormat.CSV),
        ("Text/CSV; charset=utf-8", RecordFormat.CSV),
        ("application/jsonlines", RecordFormat.JSON_LINES),
        ("application/x-ndjson", RecordFormat.JSON_LINES),
        ("application/json", RecordFormat.JSON_LINES),
        ("image/png", RecordFormat.OTHER),
        ("text/csvish", RecordFormat.OTHER),
    ],
)
def test_a_content_type_says_what_lines_are(type: str, format: RecordFormat) -> None:
    assert prefix("in/", content_type=type).format is format


def test_by_default_an_input_is_lines_of_plain_csv() -> None:
    given = prefix("in/")
    assert (given.content_type, given.split, given.gzip, given.lag) == (
        "text/csv",
        SplitType.LINE,
        False,
        None,
    )


FILTERS = (
    *("$", "$[1:]", "$[:-1]", "$[0,-1]", "$[0, 2:5]", "$[*]", "$.features", "$.a.b", "$.*", "$['a b']"),
    *("$['id','SageMakerOutput']", "$.SageMakerOutput.predictions[0]", "$.[0]", "$." + "x" * 61),
)


@pytest.mark.parametrize("path", FILTERS)
def test_filters_that_sagemaker_documents_are_taken(path: str) -> None:
    given = DataProcessing(input_filter=path, output_filter=path)
    assert given.config() == {"InputFilter": path, "OutputFilter": path, "JoinSource": "None"}


def test_what_changes_nothing_is_known() -> None:
    assert DataProcessing().changes_nothing
    for given in ({"join": True}, {"input_filter": "$[1:]"}, {"output_filter": "$[0]"}):
        assert not DataProcessing(**given).changes_nothing


@pytest.mark.parametrize(
    ("column", "type", "role"),
    [
        (Column.key("a"), ColumnType.STRING, ColumnRole.KEY),
        (Column.feature("a"), ColumnType.DOUBLE, ColumnRole.FEATURE),
        (Column.prediction("a"), ColumnType.DOUBLE, ColumnRole.PREDICTION),
        (Column.other("a"), ColumnType.STRING, ColumnRole.OTHER),
    ],
)
def test_a_column_has_a_type_and_a_role(column: Column, type: ColumnType, role: ColumnRole) -> None:
    assert column.told() == {"name": "a", "type": type.value, "role": role.value, "path": None}


@pytest.mark.parametrize("path", ["a", "a.b", "a[0]", "a.b[0][1].c", "größe", "a b"])
def test_paths_of_names_and_indexes_are_taken(path: str) -> None:
    assert Column.key("x" * 127, path=path).path == path


SUCCESS = [("in/_SUCCESS", True), ("in/a/b/_SUCCESS", True), ("in/not_SUCCESS", False)]
SUCCESS += [("in/_SUCCESS/x", False), ("_SUCCESS", False), ("other/in/_SUCCESS", False)]
MANIFESTS = [("in/a.manifest", True), ("in/b/a.manifest", True), ("in/.manifest", True)]
MANIFESTS += [("in/a.manifest.gz", False), ("a.manifest", False)]
NAMED = [("in/all.manifest", True), ("in/x/all.manifest", True), ("in/small.manifest", False)]


@pytest.mark.parametrize(
    ("arrival", "key", "announces"),
    [
        *((BatchArrival.success_marker(), *each) for each in SUCCESS),
        *((BatchArrival.manifest(), *each) for each in MANIFESTS),
        *((BatchArrival.manifest("all.manifest"), *each) for each in NAMED),
    ],
)
def test_what_arrives_is_told_from_what_does_not(arrival: BatchArrival, key: str, announces: bool) -> None:
    assert any(matches(each, key) for each in arrival.keys("in/")) is announces


def matches(pattern: str, key: str) -> bool:
    """As EventBridge does: ``*`` is any characters, none too."""
    first, star, last = pattern.partition("*")
    assert "*" not in last
    if not star:
        return key == pattern
    return len(key) >= len(first) + len(last) and key.startswith(first) and key.endswith(last)


def test_a_step_tells_what_decides_on_the_predictions(tmp_path: Path) -> None:
    script = tmp_path / "a.py"
    script.write_text("1")
    before = a_step(script=str(script)).decides()
    assert a_step(script=str(script), instance_count=5, volume_gb=7).decides() == before
    assert a_step(script=str(script), command=["python3", "-u"]).decides() != before
    assert a_step(script=str(script), environment={"A": "1"}).decides() != before
    script.write_text("2")
    assert a_step(script=str(script)).decides() != before


@pytest.mark.parametrize(
    "props",
    [
        {"command": ["x"] * 100, "instance_count": 100, "volume_gb": 16_384, "max_runtime": days(5)},
        {"instance_count": 1, "volume_gb": 1, "max_runtime": cdk.Duration.minutes(1)},
        {"environment": {**{f"V{n}": "" for n in range(99)}, "V" * 256: "x" * 256}},
    ],
)
def test_a_step_within_bounds_is_taken(props: dict[str, Any]) -> None:
    assert a_step(**props)


def test_sinks_within_bounds_are_taken() -> None:
    assert PredictionSink.dynamodb(TABLE, time_to_live=cdk.Duration.hours(1), concurrency=1)
    assert PredictionSink.dynamodb(TABLE, time_to_live=days(3660), concurrency=1000)
    assert database(database="_a1", table="x" * 63, schema="A", concurrency=100)
    assert PredictionSink.table(database_name="x" * 255, table_name="1_a", prefix="a/b")
    assert BatchCapture(sampling_percent=0.01, bucket=s3.Bucket.from_bucket_name(STACK, "Other", "other"))
    assert BatchCapture().sampling_percent == 100
