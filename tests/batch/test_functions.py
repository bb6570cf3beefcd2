"""The functions of a batch transform: what they are told, and that the code that is deployed understands it."""

from __future__ import annotations

import importlib
import json
import zipfile
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_rds as rds
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_sns as sns

from constructs_lib import (
    BatchArrival,
    BatchCapture,
    BatchInput,
    Column,
    ContainerImage,
    DataProcessing,
    Model,
    PredictionSink,
)
from constructs_lib.batch.runtime.fail import Failing
from constructs_lib.batch.runtime.rows import Column as ReadColumn
from constructs_lib.batch.runtime.start import Batch
from constructs_lib.core.code import runtime_archive
from tests.support.batch import COLUMNS, a_batch, a_step, a_table, an_input, machine_of, made, variables_of
from tests.support.synth import ACCOUNT, IMAGE_URI, Template, a_bucket, a_model, flat, resources, synthesized

FUNCTION = "AWS::Lambda::Function"


def told(template: Template, variable: str) -> list[dict[str, Any]]:
    """What functions are told by `variable`, in the order of their ids."""
    return [json.loads(flat(each[variable])) for each in variables_of(template) if variable in each]


def start(stack: cdk.Stack, **props: Any) -> dict[str, Any]:
    (found,) = told(made(stack, **props), "BATCH")
    return found


# --- what they are told ------------------------------------------------------------------------------------


def test_the_function_that_starts_runs_is_told_of_input_model_and_machine(
    stack: cdk.Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = start(
        stack,
        input=an_input(stack, "in/{yyyy}/", lag=cdk.Duration.hours(2)),
        output_bucket=a_bucket(stack, "Out", "out"),
        arrival=BatchArrival.success_marker(),
        notify=[sns.Topic(stack, "OnCall")],
    )
    assert given["input"] == {
        "bucket": "input",
        "prefix": "in/{yyyy}/",
        "manifest": False,
        "lag_seconds": 7200,
    }
    monkeypatch.setenv("BATCH", json.dumps(given))
    read = Batch.from_environment()
    assert (read.transform, read.bucket, read.prefix) == ("test-batch", "out", "batch/test-batch")
    assert read.machine.endswith(":stateMachine:test-batch")
    assert read.arrival_suffix == "_SUCCESS"
    assert read.model.startswith("<BatchModel")
    assert read.input.within == "in/"
    assert read.job_prefix == "test-batch"
    assert len(read.topics) == 1
    assert "DeadLetters" in read.queue_url


def test_what_is_not_given_is_not_told_and_not_missed(
    stack: cdk.Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = start(stack, input=BatchInput.from_manifest(a_bucket(stack), "in/all.manifest"))
    monkeypatch.setenv("BATCH", json.dumps(given))
    read = Batch.from_environment()
    assert read.arrival_suffix is None
    assert read.input.manifest
    assert (read.input.prefix, read.input.within) == ("in/all.manifest", "in/")


def test_what_the_runtime_may_read_is_what_the_role_may(stack: cdk.Stack) -> None:
    """A request may name any folder below what never changes of the prefix; so says the policy."""
    from constructs_lib.batch.runtime.inputs import Configured

    for prefix in ("in/", "a/b/{yyyy}/{mm}/", "a/day-{dd}/"):
        given = BatchInput.from_prefix(a_bucket(stack, prefix.replace("/", "-")), prefix)
        read = Configured.of({"bucket": "b", "prefix": prefix, "manifest": False, "lag_seconds": 0})
        assert read.within.startswith(given.place)


def test_the_function_that_tells_of_failures_knows_whom_to_tell(
    stack: cdk.Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    (given,) = told(made(stack, notify=[sns.Topic(stack, "OnCall")]), "FAIL")
    monkeypatch.setenv("FAIL", json.dumps(given))
    read = Failing.from_environment()
    assert (read.transform, read.machine_name) == ("test-batch", "test-batch")
    assert "DeadLetters" in read.queue_url
    assert len(read.topics) == 1


def test_each_sink_is_told_of_its_target_and_knows_it_by_the_name_that_the_run_has(stack: cdk.Stack) -> None:
    cluster = rds.DatabaseCluster.from_database_cluster_attributes(stack, "C", cluster_identifier="fraud")
    secret = secretsmanager.Secret.from_secret_name_v2(stack, "Secret", "user")
    template = made(
        stack,
        columns=COLUMNS,
        output_bucket=a_bucket(stack, "Out", "out"),
        sink=[
            PredictionSink.dynamodb(a_table(stack), time_to_live=cdk.Duration.days(7)),
            PredictionSink.dynamodb(a_table(stack, "Second")),
            PredictionSink.rds(cluster, database="fraud", table="scores", secret=secret),
            PredictionSink.table(table_name="scores", prefix="lake"),
            BatchCapture(sampling_percent=2.5),
        ],
    )
    sinks = {each["name"]: each for each in told(template, "SINK")}
    table = sinks["dynamodb"].pop("table")
    assert table.startswith("<Predictions")
    assert sinks["dynamodb"] == {
        "name": "dynamodb",
        "kind": "dynamodb",
        "key": ["customer"],
        "ttl": {"attribute": "expires_at", "seconds": 604_800},
    }
    assert "ttl" not in sinks["dynamodb2"] or sinks["dynamodb2"]["ttl"] is None
    assert sinks["rds"] == {
        "name": "rds",
        "kind": "rds",
        "cluster": "arn:<AWS::Partition>:rds:<AWS::Region>:<AWS::AccountId>:cluster:fraud",
        "secret": "arn:<AWS::Partition>:secretsmanager:<AWS::Region>:<AWS::AccountId>:secret:user",
        "database": "fraud",
        "schema": "public",
        "table": "scores",
    }
    assert sinks["table"] == {
        "name": "table",
        "kind": "table",
        "bucket": "out",
        "prefix": "lake",
        "database": "test_batch",
        "table": "scores",
    }
    assert sinks["capture"] == {
        "name": "capture",
        "kind": "capture",
        "bucket": "out",
        "prefix": "data-capture",
        "percent": 2.5,
    }
    batch = machine_of(template)["States"]["Begin"]["Parameters"]["batch"]
    assert {each["name"] for each in batch["sinks"]} == set(sinks)
    kinds = importlib.import_module("constructs_lib.batch.runtime.write")._KINDS
    assert {each["kind"] for each in sinks.values()} == set(kinds)


def test_the_steps_are_told_of_the_transform(stack: cdk.Stack) -> None:
    template = made(
        stack,
        input=an_input(stack, content_type="application/jsonlines", gzip=True),
        output_bucket=a_bucket(stack, "Out", "out"),
        columns=[Column.key("customer", path="id"), Column.prediction("churn")],
        sink=PredictionSink.table(),
        instance_count=3,
        postprocess=a_step(keeps_count=False),
    )
    batch = machine_of(template)["States"]["Begin"]["Parameters"]["batch"]
    columns = batch.pop("columns")
    assert batch == {
        "transform": "test-batch",
        "bucket": "out",
        "prefix": "batch/test-batch",
        "input_bucket": "input",
        "format": "jsonl",
        "lines": True,
        "gzip": True,
        "sinks": [{"name": "table", "kind": "table", "chunk_bytes": 32 << 20}],
        "prepares": False,
        "finishes": True,
        "finish_keeps_count": False,
        "instance_type": "ml.m5.large",
        "instance_count": 3,
    }
    assert [ReadColumn.from_json(each).name for each in columns] == ["customer", "churn"]
    assert columns[0]["path"] == "id"


def test_the_format_of_what_sinks_read_is_that_of_who_wrote_it_last(stack: cdk.Stack) -> None:
    def format_of(id: str, **props: Any) -> str:
        own = cdk.Stack(cdk.App(), id)
        return str(machine_of(made(own, **props))["States"]["Begin"]["Parameters"]["batch"]["format"])

    assert format_of("Input") == "csv"
    assert format_of("Accept", accept="application/jsonlines") == "jsonl"
    assert format_of("Step", accept="image/png", postprocess=a_step(content_type="text/csv")) == "csv"
    assert format_of("Same", accept="application/jsonlines", postprocess=a_step()) == "jsonl"


# --- how much ----------------------------------------------------------------------------------------------

_LAMBDA_ALLOWS = 4096


def test_the_longest_names_of_everything_fit_into_an_environment(stack: cdk.Stack) -> None:
    """4 KB for all variables: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""
    topics = [
        sns.Topic.from_topic_arn(stack, f"T{n}", f"arn:aws-us-gov:sns:us-gov-west-1:{ACCOUNT}:{str(n) * 256}")
        for n in range(5)
    ]
    template = made(
        stack,
        transform_name="n" * 63,
        input=BatchInput.from_manifest(a_bucket(stack, "In", "b" * 63), "a/" + "x" * 898),
        output_bucket=a_bucket(stack, "Out", "c" * 63),
        output_prefix="p" * 400,
        model=Model.from_model_name(stack, "There", "m" * 63),
        notify=topics,
        columns=COLUMNS,
        sink=[
            PredictionSink.table(database_name="d" * 255, table_name="t" * 255, prefix="x" * 400),
            BatchCapture(prefix="y" * 400),
        ],
        arrival=None,
    )
    sizes = [
        sum(len(name) + len(flat(value)) for name, value in each.items()) for each in variables_of(template)
    ]
    assert len(sizes) == 4
    # What stands for account, region and partition is about as long as they are; the queue's URL is longer.
    assert max(sizes) + 250 <= _LAMBDA_ALLOWS


# --- the code ----------------------------------------------------------------------------------------------


def everything(stack: cdk.Stack) -> Template:
    return made(stack, columns=COLUMNS, sink=[PredictionSink.table(), BatchCapture()])


def test_every_handler_is_in_the_archive_and_can_be_called(stack: cdk.Stack) -> None:
    archive = zipfile.ZipFile(runtime_archive("batch").path)
    handlers = {each["Properties"]["Handler"] for each in resources(everything(stack), FUNCTION).values()}
    assert handlers == {
        f"constructs_lib.batch.runtime.{name}.handle" for name in ("start", "work", "write", "fail")
    }
    for each in handlers:
        module, _, name = each.rpartition(".")
        assert f"{module.replace('.', '/')}.py" in archive.namelist()
        assert callable(getattr(importlib.import_module(module), name))


def test_all_steps_of_the_machine_are_known_to_the_functions(stack: cdk.Stack) -> None:
    from constructs_lib.batch.runtime import work

    template = made(
        stack, preprocess=a_step(), postprocess=a_step(), columns=COLUMNS, sink=PredictionSink.table()
    )
    text = json.dumps(machine_of(template))
    asked = {part.partition('"')[0] for part in text.split('"step": "')[1:]}
    assert asked - {"write", "commit"} == set(work._STEPS)


def test_functions_of_a_kind_are_alike_but_for_time_and_memory(stack: cdk.Stack) -> None:
    by_module = {
        each["Properties"]["Handler"].split(".")[-2]: each["Properties"]
        for each in resources(everything(stack), FUNCTION).values()
    }
    assert {name: (each["Timeout"], each["MemorySize"]) for name, each in by_module.items()} == {
        "start": (300, 1769),
        "work": (900, 1769),
        "write": (290, 1769),
        "fail": (60, 256),
    }
    for each in by_module.values():
        assert each["Architectures"] == ["arm64"]
        assert each["Runtime"] == "python3.14"
        assert each["LoggingConfig"]


# --- what decides on the predictions -----------------------------------------------------------------------


def how(**props: Any) -> Any:
    stack = cdk.Stack(cdk.App(), "Test")
    a_batch(stack, **{"model": a_model(stack), **props})
    return told(synthesized(stack), "BATCH")[0]["how"]


SAME: list[dict[str, Any]] = [
    {"instance_count": 7},
    {"instance_type": "ml.c5.xlarge"},
    {"attempts": 1},
    {"tags": {"team": "fraud"}},
    {"max_runtime": cdk.Duration.hours(1)},
    {"output_prefix": "elsewhere"},
    {"transform_name": "renamed"},
    {"dashboard": False},
]
OTHER: list[dict[str, Any]] = [
    {"environment": {"A": "1"}},
    {"environment": {"A": "2"}},
    {"accept": "application/jsonlines"},
    {"processing": DataProcessing(input_filter="$[1:]")},
    {"processing": DataProcessing(join=True)},
    {"preprocess": a_step()},
    {"postprocess": a_step()},
    {"preprocess": a_step(environment={"A": "1"})},
    {"preprocess": a_step(image=ContainerImage.from_uri(f"{IMAGE_URI}-2"))},
    {"postprocess": a_step(image=ContainerImage.from_uri(f"{IMAGE_URI}-2"))},
]


@pytest.mark.parametrize("props", SAME, ids=lambda props: next(iter(props)))
def test_what_changes_no_prediction_makes_no_other_run(props: dict[str, Any]) -> None:
    assert how(**props) == how()


def test_another_image_of_an_asset_makes_another_run_and_the_same_one_none(tmp_path: Path) -> None:
    found = []
    for name, version in (("a", "1"), ("b", "2"), ("c", "2")):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "Dockerfile").write_text(f"FROM scratch\nLABEL version={version}\n")
        found.append(how(preprocess=a_step(image=ContainerImage.from_asset(str(folder)))))
    assert found[0] != found[1] == found[2]


def test_what_may_change_predictions_makes_other_runs() -> None:
    found = [json.dumps(how()), *(json.dumps(how(**props)) for props in OTHER)]
    assert len(set(found)) == len(found)
