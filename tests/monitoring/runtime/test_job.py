"""The monitor as a processing job."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from constructs_lib.core.code import runtime_archive
from constructs_lib.core.runtime.windows import iso
from constructs_lib.monitoring.runtime.job import described_at, main
from constructs_lib.monitoring.runtime.reading.source import WORKERS
from constructs_lib.monitoring.runtime.run.preparing import prepare
from tests.support.bucket import BUCKET
from tests.support.job_aws import JobAws
from tests.support.monitored import ENDPOINT, START, FakeMonitored, described, spec

PLACE = f"monitoring/{ENDPOINT}/M"
TRAIN = b"amount\n" + b"".join(b"%d\n" % number for number in range(300))
ENVIRON = {"MONITOR_RESULTS": f"s3://{BUCKET}/{PLACE}", "LOOK_AT": iso(START + 3600 + 900)}


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeMonitored]:
    fake = FakeMonitored(objects={"train.csv": TRAIN})
    monkeypatch.setattr(boto3, "client", fake.client)
    monkeypatch.setenv(WORKERS, "1")
    prepare(described("data_quality"), spec(), START)
    yield fake


def test_it_looks_and_tells(aws: FakeMonitored, capsys: pytest.CaptureFixture[str]) -> None:
    aws.capture([[number] for number in range(300)])
    assert main(ENVIRON) == 0
    assert capsys.readouterr().out.endswith("2026-11-28T10:00:00Z passed: 300 records, nothing wrong\n")
    assert aws.json(f"{PLACE}/2026/11/28/1000/result.json")["status"] == "passed"


def test_all_cores_read(aws: FakeMonitored, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(WORKERS)
    assert main(ENVIRON) == 0
    assert os.environ[WORKERS] == str(os.cpu_count())


def test_what_was_described_is_read(aws: FakeMonitored) -> None:
    assert described_at(ENVIRON["MONITOR_RESULTS"]) == described("data_quality")


def test_a_monitor_that_nobody_prepared_fails(aws: FakeMonitored) -> None:
    with pytest.raises(FileNotFoundError, match=r"s3://captured/elsewhere/monitor\.json"):
        main({**ENVIRON, "MONITOR_RESULTS": f"s3://{BUCKET}/elsewhere"})


@pytest.mark.parametrize("missing", ["MONITOR_RESULTS", "LOOK_AT"])
def test_without_its_environment_it_fails(aws: FakeMonitored, missing: str) -> None:
    with pytest.raises(KeyError, match=missing):
        main({name: value for name, value in ENVIRON.items() if name != missing})


def test_names_that_no_terminal_can_write_do_not_matter(
    aws: FakeMonitored, capsys: pytest.CaptureFixture[str]
) -> None:
    """A client's JSON may have half a surrogate pair, and any length, in the name of a column."""
    lines = [
        {
            "captureData": {
                "endpointInput": {"data": json.dumps({"amount": 1, "\ud800" * 50_000: 1}), "encoding": "JSON"}
            },
            "eventMetadata": {"eventId": str(number), "inferenceTime": iso(START + 60)},
        }
        for number in range(300)
    ]
    key = f"capture/{ENDPOINT}/AllTraffic/2026/11/28/10/a.jsonl"
    aws.objects[key] = "\n".join(map(json.dumps, lines)).encode()
    assert main(ENVIRON) == 0
    told = capsys.readouterr().out.splitlines()[-1]
    assert "violated" in told
    assert len(told.encode()) < 500
    (event,) = aws.events
    assert event["violations"] == aws.json(f"{PLACE}/2026/11/28/1000/result.json")["violations"] > 0


def test_it_runs_from_the_archive_alone(aws: FakeMonitored, tmp_path: Path) -> None:
    """As the container runs it: the archive, boto3, two processes that read."""
    for part in range(2):
        aws.capture([[number] for number in range(part, 300, 2)], name=f"{part}.jsonl")
    service = JobAws(aws.objects)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "constructs_lib.monitoring.runtime.job"],
            cwd=tmp_path,
            env={
                **ENVIRON,
                **service.environment(),
                WORKERS: "2",
                "PATH": os.environ["PATH"],
                "PYTHONPATH": runtime_archive("monitoring").path,
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
    finally:
        service.close()
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("2026-11-28T10:00:00Z passed: 300 records, nothing wrong\n")
    folder = f"{PLACE}/2026/11/28/1000"
    told = [f"{folder}/statistics.json", f"{folder}/constraint_violations.json", "metrics", "event"]
    assert service.put == [*told, f"{folder}/result.json"], "the result comes last"


def test_a_job_that_fails_says_why() -> None:
    service = JobAws({})
    try:
        done = subprocess.run(
            [sys.executable, "-m", "constructs_lib.monitoring.runtime.job"],
            env={**os.environ, **ENVIRON, **service.environment()},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
    finally:
        service.close()
    assert done.returncode == 1
    assert f"FileNotFoundError: s3://{BUCKET}/{PLACE}/monitor.json" in done.stderr
