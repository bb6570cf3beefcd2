"""What a construct tells its functions at synthesis is enough for them to start a run, and to write its predictions."""

from __future__ import annotations

import json

import aws_cdk as cdk
import pytest

from constructs_lib import BatchCapture, Column, ColumnType, PredictionSink
from constructs_lib.batch.runtime import start, write
from constructs_lib.batch.runtime.found import Found, Object
from constructs_lib.batch.runtime.plan import execution_input, planned
from tests.support.batch import a_batch, a_table, machine_of, variables_of
from tests.support.batch_sinks import SinkAws, event
from tests.support.bucket import BUCKET
from tests.support.synth import Template, a_bucket, flat, fresh_app, synthesized


@pytest.fixture(scope="module")
def template() -> Template:
    """A transform of the records that the fakes of sinks have."""
    stack = cdk.Stack(fresh_app(), "Told")
    a_batch(
        stack,
        columns=[
            Column.key("customer"),
            Column.feature("age", ColumnType.INT),
            Column.feature("name", ColumnType.STRING),
            Column.prediction("score"),
            Column.other("ok", ColumnType.BOOLEAN),
        ],
        sink=[
            PredictionSink.dynamodb(a_table(stack), time_to_live=cdk.Duration.days(1)),
            PredictionSink.table(),
            BatchCapture(),
        ],
        output_bucket=a_bucket(stack, "Out", BUCKET),
        transform_name="test-batch",
    )
    return synthesized(stack)


def told(template: Template, variable: str) -> list[str]:
    return [value for each in variables_of(template) if (value := flat(each.get(variable, "")))]


def test_the_machine_takes_all_that_start_gives_it(
    template: Template, monkeypatch: pytest.MonkeyPatch
) -> None:
    (batch,) = told(template, start.VARIABLE)
    monkeypatch.setenv(start.VARIABLE, batch)
    read = start.Batch.from_environment()
    plan = planned(
        run="r",
        digest="d" * 32,
        order=1_795_917_600_000,
        model=read.model,
        how=read.how,
        bucket=read.input.bucket,
        found=Found([Object("in/a", 1, "e")]),
        request={},
    )
    given = json.loads(execution_input(json.loads(json.dumps(plan)), read.job_prefix))
    begin = machine_of(template)["States"]["Begin"]["Parameters"]
    assert {name.removesuffix(".$") for name in begin if name.endswith(".$")} == given.keys()


def test_sinks_write_as_they_are_told(template: Template) -> None:
    batch = machine_of(template)["States"]["Begin"]["Parameters"]["batch"]
    sinks = [json.loads(each) for each in told(template, write.SINK)]
    assert {each["kind"] for each in sinks} == {"dynamodb", "table", "capture"}
    aws = SinkAws(key=("customer",))
    given = event(aws)
    given["batch"] = batch
    for sink in sinks:
        write.write(sink, given, 60, aws.client)
        assert (
            json.loads(aws.bucket.objects[f"batch/test-batch/r1/written/{sink['name']}/000003.json"])[
                "written"
            ]
            == 3
        )
    assert {key: item["expires_at"]["N"] for key, item in aws.items.items()} == {
        (name,): str(given["run"]["order"] // 1000 + 86_400) for name in "abc"
    }
    assert "tables/test-batch/scored_on=2026-11-29/run=r1/part-000003.json.gz" in aws.bucket.objects
    assert "data-capture/test-batch/batch/2026/11/29/02/r1-000003.jsonl" in aws.bucket.objects
