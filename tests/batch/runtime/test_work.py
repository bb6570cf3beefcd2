"""The function behind the steps: a whole run through it, and what it keeps of jobs."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest

from constructs_lib.batch.runtime import work
from constructs_lib.batch.runtime.found import WORKERS
from constructs_lib.batch.runtime.jobs import job_names, job_seconds, retries
from constructs_lib.batch.runtime.run_files import Run, Settings
from constructs_lib.batch.runtime.verdict import verdict
from constructs_lib.core.runtime import clients
from tests.support.batch_runs import COLUMNS, FOLDER, BatchRun

SINK: dict[str, Any] = {"name": "dynamodb-0", "kind": "dynamodb", "chunk_bytes": 8}


@pytest.mark.parametrize("prefix", ["scores/", "scores", "/scores/"])
def test_a_run_from_the_first_step_to_the_last(prefix: str) -> None:
    run = BatchRun({"de/a.csv": b"1\n2\n", "b.csv": b"3"}, prefix=prefix, columns=COLUMNS, sinks=[SINK])
    run.play()
    run.write("dynamodb-0")
    assert run.step("verify", sinks=["dynamodb-0"]) == {"sinks": {"dynamodb-0": {"written": 3, "stale": 0}}}
    answer = run.step("complete")
    assert answer["sinks"] == {"dynamodb-0": {"written": 3, "stale": 0}}
    assert f"{FOLDER}/_SUCCESS" in run.aws.objects
    # All that a run leaves lies in its folder.
    assert {key for key in run.aws.objects if not key.startswith(f"{FOLDER}/")} == {"in/b.csv", "in/de/a.csv"}


def test_runs_may_lie_at_the_top_of_a_bucket() -> None:
    run = BatchRun({}, prefix="").run()
    assert run.key("plan.json") == f"{run.name}/plan.json"
    assert run.store.uri("plan.json") == f"s3://captured/{run.name}/plan.json"


@pytest.mark.parametrize(
    ("error", "attempt", "retry"),
    [("ThrottlingException", 1, True), ("ThrottlingException", 3, False), ("No", 1, False)],
)
def test_a_failure_is_judged_as_the_verdict_is(error: str, attempt: int, retry: bool) -> None:
    failure = {"Error": error, "Cause": "Rate exceeded"}
    told = BatchRun({}).step("judge", job="transform", failure=failure, attempt=attempt, most=3)
    assert told == verdict(failure, attempt, 3).told()
    assert (told["retry"], told["attempt"]) == (retry, attempt + 1)


def test_what_is_no_step_says_so() -> None:
    with pytest.raises(ValueError, match="'dance' is no step: list, gather, judge"):
        work.handle({"step": "dance"}, None)


def test_clients_have_a_connection_for_each_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(
        boto3, "client", lambda service, config: asked.append((service, config)) or len(asked)
    )
    assert clients.client("s3") == clients.client("s3")
    ((service, config),) = asked
    assert service == "s3"
    assert config.max_pool_connections >= WORKERS


def test_settings_take_what_they_need_and_miss_what_is_not_there() -> None:
    whole = BatchRun({}).settings
    assert Settings.from_json({**whole, "new": 1}).transform == "Nightly"
    with pytest.raises(TypeError, match="bucket"):
        Settings.from_json({name: value for name, value in whole.items() if name != "bucket"})


def test_the_attempt_is_the_jobs_own() -> None:
    settings = Settings.from_json(BatchRun({}).settings)
    state = {"run": "r", "transform": {"attempt": 3}, "finish": {"attempt": 1}}
    assert Run(state, settings, None).attempt("transform") == 3
    assert Run(state, settings, None).attempt("finish") == 1


def done(told: object, **others: object) -> dict[str, Any]:
    """A state whose transform job has ended so."""
    return {"transform": {"attempt": 1, "done": {"job": told}}, **others}


class TestJobs:
    def test_as_the_api_calls_them(self) -> None:
        told = {
            "TransformJobName": "t",
            "TransformStartTime": 1_795_917_600,
            "TransformEndTime": 1_795_917_660,
        }
        prepared = {"attempt": 1, "done": {"job": {"ProcessingJobName": "p"}}}
        state = done(told, prepare=prepared, finish={"attempt": 1})
        assert job_names(state) == {"prepare": "p", "transform": "t"}
        assert job_seconds(state, "transform") == 60

    def test_times_in_milliseconds(self) -> None:
        told = {"TransformStartTime": 1_795_917_600_000, "TransformEndTime": 1_795_917_660_500}
        assert job_seconds(done(told), "transform") == 60.5

    def test_times_as_text(self) -> None:
        told = {"TransformStartTime": "2026-11-29T02:00:00Z", "TransformEndTime": "2026-11-29T02:00:30.5Z"}
        assert job_seconds(done(told), "transform") == 30.5

    @pytest.mark.parametrize("told", [{}, {"TransformStartTime": 1}, {"TransformEndTime": 1}])
    def test_what_is_not_told_is_not_known(self, told: object) -> None:
        assert job_seconds(done(told), "transform") is None
        assert job_names(done(told)) == {}

    def test_retries_are_of_all_jobs(self) -> None:
        state = {
            name: {"attempt": n}
            for name, n in {"prepare": 1, "transform": 3, "finish": 2, "other": 9}.items()
        }
        assert retries(state) == 3
        assert retries({}) == 0


@pytest.mark.parametrize(
    ("step", "file"),
    [("gather", "plan.json"), ("outline", "gathered.json"), ("reconcile", "chunks/inspect.json")],
)
def test_a_file_that_is_not_there_is_named(step: str, file: str) -> None:
    run = BatchRun({"a.csv": b"1\n"})
    run.play()
    del run.aws.objects[f"{FOLDER}/{file}"]
    with pytest.raises(FileNotFoundError, match=f"s3://captured/{FOLDER}/{file}"):
        run.step(step)


def test_answers_are_json() -> None:
    assert json.dumps(BatchRun({"a.csv": b"1\n"}).gather())
