"""The function itself: its environment, its time, and its hands."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import boto3
import pytest

from constructs_lib.batch.runtime import to_dynamodb, to_rds, write
from constructs_lib.batch.runtime.chunks import ObjectChanged
from constructs_lib.batch.runtime.sinks import ChunkTooLarge, Tally, spread
from constructs_lib.core.runtime import clients
from constructs_lib.core.runtime.windows import seconds
from tests.support.batch_sinks import BODY, SinkAws, call, event
from tests.support.bucket import BUCKET
from tests.support.fake_aws import Killed

TABLE = {
    "kind": "table",
    "name": "t",
    "bucket": BUCKET,
    "prefix": "scores",
    "database": "ml",
    "table": "scores",
}


class Context:
    def __init__(self, left: int) -> None:
        self._left = left

    def get_remaining_time_in_millis(self) -> int:
        return self._left


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> SinkAws:
    aws = SinkAws()
    monkeypatch.setattr(boto3, "client", aws.client)
    monkeypatch.setenv(write.SINK, json.dumps(TABLE))
    return aws


def test_the_entry_point(aws: SinkAws) -> None:
    told = call(event(aws))
    assert write.handle(told, Context(60_000)) == 1
    assert write.handle({**told, "step": "commit"}, Context(60_000)) == {
        "partition": "s3://captured/scores/scored_on=2026-11-29/run=r1/"
    }
    assert write.client("s3") is write.client("s3")


def test_a_call_writes_each_chunk_of_its_group(aws: SinkAws) -> None:
    group = [event(aws, b"a,1,A,1,1\n" * (n + 1), n=n, file=n) for n in range(3)]
    assert write.handle(call(*group), Context(60_000)) == 1
    told = [json.loads(aws.bucket.objects[f"runs/r1/written/t/00000{n}.json"]) for n in range(3)]
    assert told == [{"n": n, "written": n + 1, "stale": 0} for n in range(3)]
    assert len([key for key in aws.bucket.objects if key.startswith("scores/")]) == 3


def test_a_group_of_nothing_is_done_at_once(aws: SinkAws) -> None:
    assert write.handle({**call(event(aws)), "chunks": []}, Context(60_000)) == 1
    assert aws.calls == []


def test_each_chunk_of_a_group_has_the_time_that_is_left(aws: SinkAws) -> None:
    left = iter([60_000, 10_000])
    late = SimpleNamespace(get_remaining_time_in_millis=lambda: next(left))
    with pytest.raises(ChunkTooLarge):
        write.handle(call(event(aws, n=0, file=0), event(aws, n=1, file=1)), late)
    assert "runs/r1/written/t/000000.json" in aws.bucket.objects
    assert "runs/r1/written/t/000001.json" not in aws.bucket.objects
    assert json.loads(aws.bucket.objects["runs/r1/problems/write-t-000001.json"])["error"] == "ChunkTooLarge"


def test_each_service_has_the_patience_that_its_sink_asks_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}
    monkeypatch.setattr(boto3, "client", lambda service, config: asked.setdefault(service, config))
    for service in ("dynamodb", "rds-data", "s3", "glue"):
        write.client(service)
    assert asked["dynamodb"] is to_dynamodb.CONFIG
    assert asked["rds-data"] is to_rds.CONFIG
    assert asked["s3"] is asked["glue"] is clients.PATIENT


def test_a_function_without_time_begins_nothing(aws: SinkAws) -> None:
    with pytest.raises(ChunkTooLarge):
        write.handle(call(event(aws)), Context(10_000))
    assert json.loads(aws.bucket.objects["runs/r1/problems/write-t-000003.json"]) == {
        "step": "write-t",
        "error": "ChunkTooLarge",
        "object": "s3://captured/runs/r1/output/1/0.csv.out",
        "offset": None,
        "reason": (
            f"the {len(BODY)} bytes from 0 of s3://captured/runs/r1/output/1/0.csv.out cannot be written in the "
            "time of one call: give the sink a target that takes more, or a lower concurrency"
        ),
    }


@pytest.mark.parametrize(
    ("began", "of_function", "left"),
    [
        (None, 900.0, 270.0),
        (None, 60.0, 30.0),
        ("2026-11-29T02:00:00.500Z", 270.0, 170.5),
        ("2026-11-29T02:01:40Z", 270.0, 240.0),
    ],
)
def test_the_time_of_a_chunk_is_that_of_its_function_and_of_its_child(
    began: str | None, of_function: float, left: float
) -> None:
    told: dict[str, Any] = {} if began is None else {"began": began}
    assert write.seconds_left(told, of_function, seconds("2026-11-29T02:01:40Z")) == pytest.approx(left)


def test_an_object_that_changed_writes_nothing(aws: SinkAws) -> None:
    told = event(aws)
    aws.bucket.objects[told["chunk"]["key"]] = b"x\n"
    told["chunk"]["etag"] = "another"
    with pytest.raises(ObjectChanged):
        write.handle(call(told), Context(60_000))
    assert json.loads(aws.bucket.objects["runs/r1/problems/write-t-000003.json"])["error"] == "ObjectChanged"
    assert not any("written" in key or key.startswith("scores") for key in aws.bucket.objects)


def test_the_folder_of_runs_may_be_the_whole_bucket(aws: SinkAws) -> None:
    told = event(aws)
    told["batch"]["prefix"] = ""
    write.handle(call(told), Context(60_000))
    assert "r1/written/t/000003.json" in aws.bucket.objects


def test_hands_take_items_as_they_come() -> None:
    taken: list[int] = []
    at_once = threading.Barrier(4, timeout=10)

    def one(item: int) -> Tally:
        if item < 4:
            at_once.wait()  # four hands are at work
        return Tally(written=1, stale=item)

    def items() -> Iterator[int]:
        for item in range(100):
            taken.append(item)
            yield item

    assert spread(one, items(), 4) == Tally(100, sum(range(100)))
    assert taken == [*range(100)]
    assert spread(one, [], 4) == Tally()


@pytest.mark.parametrize("error", [ValueError("bad"), Killed()])
def test_an_error_stops_all_hands(error: BaseException) -> None:
    done: list[int] = []

    def one(item: int) -> Tally:
        if item == 5:
            raise error
        time.sleep(0.001)
        done.append(item)
        return Tally(1)

    with pytest.raises(type(error)):
        spread(one, iter(range(10_000)), 4)
    assert len(done) < 9_000  # the hands see it one item later; how soon, the machine decides


def test_an_error_of_the_items_is_raised_too() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("the source is dry")

    with pytest.raises(ValueError, match="dry"):
        spread(lambda _: Tally(1), items(), 4)
