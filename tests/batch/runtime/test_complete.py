"""The end of a run: nobody sees a success before all is verified, and who is interrupted ends it when called again."""

from __future__ import annotations

import json
from typing import Any

import pytest

from constructs_lib.batch.runtime import complete as module
from constructs_lib.batch.runtime.complete import complete, verify
from constructs_lib.batch.runtime.problems import MissingResult, SinkMismatch
from tests.support.batch_runs import COLUMNS, FOLDER, ORDER, RUN, TRANSFORMED, BatchRun
from tests.support.fake_aws import Killed

NOW = ORDER / 1000 + 600.25
SINKS: list[dict[str, Any]] = [
    {"name": "dynamodb-0", "kind": "dynamodb", "chunk_bytes": 8},
    {"name": "table-1", "kind": "table", "chunk_bytes": 1 << 20},
]
DONE = f"{FOLDER}/_SUCCESS"


def written(**settings: Any) -> BatchRun:
    """A run of three records, whose sinks have taken all."""
    run = BatchRun({"a.csv": b"1\n2\n", "b.csv": b"3\n"}, **{"columns": COLUMNS, "sinks": SINKS, **settings})
    run.play()
    run.write("table-1")
    run.write("dynamodb-0")
    return run


def completed(run: BatchRun, now: float = NOW) -> dict[str, Any]:
    return complete(run.run(), run.aws.client("cloudwatch"), now)


def put(run: BatchRun) -> dict[tuple[str, ...], float]:
    """Metrics by name and sink, each put once."""
    found = {
        (each["MetricName"], *(one["Value"] for one in each["Dimensions"] if one["Name"] == "Sink")): each[
            "Value"
        ]
        for each in run.aws.metrics
    }
    assert len(found) == len(run.aws.metrics)
    return found


def test_the_report_tells_what_was_done() -> None:
    run = written()
    run.state["transform"]["attempt"] = 3
    run.state["request"] = {"attempt": 2, "force": "new labels"}
    answer = completed(run)
    assert run.get("report.json") == {
        "run": RUN,
        "status": "SUCCEEDED",
        "model": "fraud-7",
        "digest": RUN,
        "forced": "new labels",
        "attempt": 2,
        "started": "2026-11-29T02:00:00Z",
        "ended": "2026-11-29T02:10:00Z",
        "duration_seconds": 600.25,
        "records": {"in": 3, "out": 3, "nulls": 0},
        "objects": 2,
        "bytes": 6,
        "sinks": {"dynamodb-0": {"written": 3, "stale": 0}, "table-1": {"written": 3, "stale": 0}},
        "jobs": {"transform": TRANSFORMED["TransformJobName"]},
        "retries": 2,
        "output": f"s3://captured/{FOLDER}/output/3/",
        "transform_seconds": 300.0,
        "instance_seconds": 600.0,
    }
    assert answer == {
        "report": f"s3://captured/{FOLDER}/report.json",
        "records": {"in": 3, "out": 3, "nulls": 0},
        "sinks": {"dynamodb-0": {"written": 3, "stale": 0}, "table-1": {"written": 3, "stale": 0}},
    }
    assert run.aws.objects[DONE] == b""


def test_the_metrics_are_of_the_transform_and_of_each_sink() -> None:
    run = written()
    run.write("table-1", stale=1)
    completed(run)
    assert put(run) == {
        ("RunsSucceeded",): 1,
        ("RecordsIn",): 3,
        ("RecordsOut",): 3,
        ("RecordsWritten",): 4,
        ("StaleRecords",): 2,
        ("Nulls",): 0,
        ("DurationSeconds",): 600.25,
        ("TransformSeconds",): 300,
        ("InstanceSeconds",): 600,
        ("Retries",): 0,
        ("RecordsWritten", "dynamodb-0"): 3,
        ("StaleRecords", "dynamodb-0"): 0,
        ("RecordsWritten", "table-1"): 1,
        ("StaleRecords", "table-1"): 2,
    }
    for each in run.aws.metrics:
        assert each["Dimensions"][0] == {"Name": "Transform", "Value": "Nightly"}
        assert each["Timestamp"].timestamp() == NOW


def test_what_is_not_known_has_no_metric() -> None:
    run = BatchRun({"a.json": b"{}"}, lines=False)
    run.state["transform"].pop("done")
    run.play()
    completed(run)
    assert set(put(run)) == {("RunsSucceeded",), ("Nulls",), ("DurationSeconds",), ("Retries",)}
    assert run.get("report.json")["instance_seconds"] is None


def test_what_a_job_finished_is_named() -> None:
    run = BatchRun({"a.csv": b"1\n"}, finishes=True)
    run.state["finish"]["attempt"] = 2
    run.play()
    completed(run)
    assert run.get("report.json")["output"] == f"s3://captured/{FOLDER}/output/1/"
    assert run.get("report.json")["finished"] == f"s3://captured/{FOLDER}/finished/2/"


class TestAgain:
    def test_after_success_it_does_nothing_and_answers_the_same(self) -> None:
        run = written()
        answer = completed(run)
        there = dict(run.aws.objects)
        run.aws.calls.clear()
        assert completed(run, NOW + 60) == answer
        assert run.aws.objects == there
        assert set(run.aws.calls) == {"GetObject"}

    def test_killed_at_any_call_it_ends_the_run_when_called_again(self) -> None:
        at = 1
        while True:
            run = written()
            run.aws.calls.clear()
            run.aws.kill_at = at
            try:
                completed(run)
            except Killed:
                assert DONE not in run.aws.objects
            else:
                break
            begun = f"{FOLDER}/report.json" in run.aws.objects
            run.aws.kill_at = None
            completed(run, NOW + 60)
            assert run.aws.objects[DONE] == b""
            assert run.get("report.json")["duration_seconds"] == 600.25 + (0 if begun else 60)
            assert {name for name, *_ in put_names(run)} >= {"RunsSucceeded", "RecordsWritten"}
            assert len({each["Timestamp"] for each in run.aws.metrics}) == 1
            at += 1
        assert at > 8

    def test_success_is_the_last_thing_that_is_written(self) -> None:
        run = written()
        run.aws.calls.clear()
        completed(run)
        wrote = [each for each in run.aws.calls if each.startswith("Put")]
        assert wrote == ["PutObject", *["PutMetricData"] * 3, "PutObject"]
        assert list(run.aws.objects)[-2:] == [f"{FOLDER}/report.json", DONE]


def put_names(run: BatchRun) -> list[tuple[str, ...]]:
    return [(each["MetricName"],) for each in run.aws.metrics]


class TestVerify:
    """Before any sink shows what it has."""

    def test_sinks_that_have_all_are_told_and_nothing_else_is_done(self) -> None:
        run = written()
        run.write("table-1", stale=1)
        there, answer = dict(run.aws.objects), {"table-1": {"written": 1, "stale": 2}}
        assert run.step("verify", sinks=["table-1"]) == {"sinks": answer}
        assert run.step("verify", sinks=[]) == {"sinks": {}}
        assert run.aws.objects == there
        assert run.aws.metrics == []

    def test_only_those_that_are_asked_for_have_to_be_there(self) -> None:
        # One that follows the others has written nothing yet.
        run = BatchRun({"a.csv": b"1\n"}, columns=COLUMNS, sinks=SINKS)
        run.play()
        run.write("table-1")
        assert run.step("verify", sinks=["table-1"])["sinks"] == {"table-1": {"written": 1, "stale": 0}}
        with pytest.raises(MissingResult):
            run.step("verify", sinks=["table-1", "dynamodb-0"])
        with pytest.raises(MissingResult):
            completed(run)

    @pytest.mark.parametrize("taken", [(0, 0), (1, 0), (3, 0), (2, 1)])
    def test_a_sink_with_less_or_more_ends_the_run(self, taken: tuple[int, int]) -> None:
        run = written()
        # The first of two chunks; in the other there is one record.
        told = {"n": 0, "written": taken[0], "stale": taken[1]}
        run.put("written/table-1/000000.json", json.dumps(told).encode())
        text = f"table-1: {taken[0] + 1} written and {taken[1]} stale of 3 records"
        with pytest.raises(SinkMismatch, match=f"^{text}$"):
            verify(run.run(), ["dynamodb-0", "table-1"])
        (problem,) = run.problems().values()
        assert (problem["error"], problem["reason"]) == ("SinkMismatch", text)


class TestNotAll:
    def test_a_sink_that_lacks_records(self) -> None:
        run = written()
        run.put("written/dynamodb-0/000000.json", json.dumps({"n": 0, "written": 0, "stale": 0}).encode())
        run.put("written/table-1/000001.json", json.dumps({"n": 1, "written": 1, "stale": 1}).encode())
        with pytest.raises(SinkMismatch) as raised:
            completed(run)
        assert str(raised.value) == (
            "dynamodb-0: 1 written and 0 stale of 3 records; table-1: 3 written and 1 stale of 3 records"
        )
        assert run.problems()["complete-000001.json"] == {
            "step": "complete",
            "error": "SinkMismatch",
            "object": f"s3://captured/{FOLDER}/written/table-1/",
            "offset": None,
            "reason": "table-1: 3 written and 1 stale of 3 records",
        }
        assert not {DONE, f"{FOLDER}/report.json"} & set(run.aws.objects)
        assert run.aws.metrics == []

    def test_a_chunk_that_no_sink_has_told_of(self) -> None:
        run = written()
        del run.aws.objects[f"{FOLDER}/written/table-1/000000.json"]
        with pytest.raises(MissingResult):
            completed(run)
        assert DONE not in run.aws.objects

    def test_a_run_that_was_not_reconciled(self) -> None:
        run = written()
        del run.state["reconcile"]
        with pytest.raises(KeyError):
            completed(run)
        assert DONE not in run.aws.objects

    def test_metrics_that_are_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        run = written()

        def refuse(*_: object, **__: object) -> None:
            raise RuntimeError("refused")

        monkeypatch.setattr(module.metrics, "put", refuse)
        with pytest.raises(RuntimeError, match="refused"):
            completed(run)
        assert DONE not in run.aws.objects
