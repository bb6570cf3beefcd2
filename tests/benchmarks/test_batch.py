"""The benchmark of batch transforms runs, on few records; both sides do the same, and transitions are counted right."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest

from benchmarks import batch, batch_files, batch_paper, batch_run
from benchmarks.batch_aws import BUCKET
from benchmarks.claim import Claim
from constructs_lib import PredictionSink
from constructs_lib.batch import dynamodb_sink, table_sink
from tests.support.batch import COLUMNS, a_table, machine_of, made

RECORDS = 500


@pytest.fixture
def files(tmp_path: Path) -> Path:
    batch_files.make(tmp_path, RECORDS)
    return tmp_path


def run(files: Path, side: str, sink: str) -> dict[str, Any]:
    return batch._run(files, side, sink, url="")


# --- what is measured --------------------------------------------------------------------------------------


@pytest.mark.parametrize("side", ["ours", "notebook"])
@pytest.mark.parametrize("sink", ["dynamodb", "table"])
def test_each_side_takes_all_records(files: Path, side: str, sink: str) -> None:
    took = run(files, side, sink)
    assert took["records"] == RECORDS
    assert 0 < took["cpu"] < 60
    assert took["memory"] > 10


def test_ours_puts_each_record_and_the_notebook_25_at_once(files: Path) -> None:
    assert run(files, "ours", "dynamodb")["calls"]["dynamodb.PutItem"] == RECORDS
    assert run(files, "notebook", "dynamodb")["calls"]["dynamodb.BatchWriteItem"] == RECORDS / 25


def test_both_sides_write_the_same_predictions(files: Path) -> None:
    run(files, "ours", "table")
    ours = {}
    for path in (files / BUCKET / "tables").rglob("*.json.gz"):
        rows = [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
        ours |= {row["customer"]: row["churn"] for row in rows}
    run(files, "notebook", "table")
    with (files / BUCKET / "predictions" / "churn.csv").open() as file:
        theirs = {row["customer"]: float(row["churn"]) for row in csv.DictReader(file)}
    assert len(ours) == RECORDS
    # pandas reads a number to within its last digits, unless it is asked for more.
    assert theirs == pytest.approx(ours, rel=1e-12)


def test_the_second_run_does_all_of_it_again(files: Path) -> None:
    first, second = (run(files, "ours", "table")["calls"] for _ in range(2))
    assert first == second


def test_chunks_are_as_large_as_the_sinks_have_them() -> None:
    assert batch_run.CHUNK_BYTES == {
        "dynamodb": dynamodb_sink._CHUNK_BYTES,
        "table": table_sink._CHUNK_BYTES,
    }


def test_the_report_tells_of_both_sides_and_of_the_growth(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "REPEATS", {})
    monkeypatch.setattr(batch, "RECORDS", (RECORDS,))
    lines = list(batch.batch([RECORDS, 2 * RECORDS]))
    claims = [each for each in lines if isinstance(each, Claim)]
    aims = {each.what.split("[")[0]: each.aim for each in claims if each.aim is not None}
    assert aims == {
        "500 records, dynamodb: core ": 2.0,
        "500 records, table: core ": 1.5,
        "1,000 records, dynamodb: core ": 2.0,
        "1,000 records, table: core ": 1.5,
        "dynamodb: memory, 1,000 over 500, ours": batch.FLAT,
        "table: memory, 1,000 over 500, ours": batch.FLAT,
        "133 transitions of a million records, dynamodb, over 20": 1.0,
        "15 transitions of a million records, table, over 20": 1.0,
    }
    assert all(each.ratio > 0 for each in claims)
    told = [each for each in lines if isinstance(each, str)]
    assert any("dynamodb with HTTP, ours" in each for each in told)
    assert sum("dollars of a million predictions" in each for each in told) == 2


# --- what is counted ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kinds", "labels", "states"),
    [
        ((), [], 7),
        (("dynamodb",), ["DynamoDb"], 10),
        (("table",), ["Table"], 11),
        (("dynamodb", "table"), ["DynamoDb", "Table"], 12),
    ],
)
def test_transitions_are_those_of_what_is_deployed(
    stack: cdk.Stack, kinds: tuple[str, ...], labels: list[str], states: int
) -> None:
    """Begin, Gather, Transform, Outline, Inspect, Reconcile, Complete; Publish, Verify, the sinks, and commits."""
    sinks = {
        "dynamodb": lambda: PredictionSink.dynamodb(a_table(stack)),
        "table": lambda: PredictionSink.table(),
    }
    given = [sinks[each]() for each in kinds]
    deployed = machine_of(made(stack, columns=COLUMNS, sink=given) if given else made(stack))
    none = dict.fromkeys(["Inspect", *labels], 0)
    assert batch_paper.transitions(deployed, none) == states
    written_down = batch_paper.machine(*kinds)
    assert batch_paper.transitions(written_down, dict.fromkeys(batch_paper.children(1, *kinds), 0)) == states
    # Each child that a map starts is one more, however many records it has.
    assert batch_paper.transitions(deployed, {**none, "Inspect": 5}) == states + 5


def test_an_inline_map_enters_a_state_a_record() -> None:
    assert batch_paper.transitions(batch_paper.RECORD_BY_RECORD, {"Each": 1000}) == 1003


@pytest.mark.parametrize("sink", ["dynamodb", "table"])
def test_children_are_as_many_as_a_run_has(files: Path, sink: str) -> None:
    took = {name: len(each) for name, each in run(files, "ours", sink)["children"].items()}
    assert took == {"inspect": 1, "write": 1}
    assert batch_paper.children(RECORDS, sink) == {"Inspect": 1, sink.title(): 1}


def test_records_are_as_long_as_is_written_down(files: Path) -> None:
    root = files / BUCKET
    for glob, length in (
        ("in/*", batch_paper.INPUT_BYTES),
        ("runs/*/output/1/*", batch_paper.OUTPUT_BYTES),
    ):
        whole = sum(path.stat().st_size for path in root.glob(glob))
        assert whole / RECORDS == pytest.approx(length, rel=0.03)


def test_dollars_are_those_of_a_million() -> None:
    core = batch_paper.Core(ours=500e-6, notebook=50e-6)
    ours, theirs = batch_paper.dollars("dynamodb", core), batch_paper.dollars_of_notebook("dynamodb", core)
    assert ours["DynamoDB"] == theirs["DynamoDB"] == pytest.approx(0.625)
    assert ours["transitions"] == pytest.approx(133 * 25e-6)
    assert ours["Lambda"] == pytest.approx(506 * 1769 / 1024 * 13.3334e-6, rel=0.01)
    assert theirs["notebook instance"] == pytest.approx((50 + 400) / 3600 * 0.05)
    per_hour = batch_paper.dollars_of_transform(1_000_000 / 3600, notebook=False)
    assert per_hour == pytest.approx(batch_paper.TRANSFORM_HOUR)
