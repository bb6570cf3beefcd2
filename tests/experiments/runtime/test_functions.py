"""The functions' entry points: made from the environment, once, and what they answer."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from constructs_lib.experiments.runtime import client, clients, ingest, recount
from constructs_lib.experiments.runtime.fold import Counting
from constructs_lib.experiments.runtime.ledger import Ledger
from constructs_lib.experiments.runtime.state import StateStore, first_state
from tests.support.experiment_events import EXPERIMENT, NOON, batch, exposure
from tests.support.memory_table import MemoryTable

START = NOON // 3600 * 3600


class FakeS3:
    """One object for each hour that has any."""

    def __init__(self, objects: dict[str, bytes]) -> None:
        self.objects = objects

    def get_paginator(self, operation: str) -> FakeS3:
        assert operation == "list_objects_v2"
        return self

    def paginate(self, *, Bucket: str, Prefix: str) -> Iterator[dict[str, Any]]:  # noqa: N803
        assert Bucket == "raw"
        yield {}
        for key in self.objects:
            if key.startswith(Prefix):
                yield {"Contents": [{"Key": key, "LastModified": datetime.fromtimestamp(NOON + 60, UTC)}]}

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        return {"Body": io.BytesIO(self.objects[Key])}


class Context:
    """What Lambda tells a function of itself."""

    left = 300_000

    def get_remaining_time_in_millis(self) -> int:
        return self.left


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Iterator[MemoryTable]:
    """The table of functions that are started anew."""
    table = MemoryTable()
    s3 = FakeS3(
        {f"events/{datetime.fromtimestamp(NOON, UTC):%Y/%m/%d/%H}/one": exposure("a") + b"\n" + exposure("b")}
    )
    for module in (ingest, recount):
        made = {"dynamodb": table.client(), "s3": s3}
        monkeypatch.setattr(module, "client", made.__getitem__)
    for name, value in {
        "EXPERIMENT": json.dumps(asdict(EXPERIMENT)),
        "LEDGER_TABLE": "ledger",
        "EVENT_BUCKET": "raw",
        "EVENT_PREFIX": "events/",
        "EVENT_STREAM": "events",
        "AWS_DEFAULT_REGION": "eu-west-1",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(recount.time, "time", lambda: NOON + 4 * 86400)
    caches = (ingest._ingest, recount._made)
    for each in caches:
        each.cache_clear()
    yield table
    for each in caches:
        each.cache_clear()


def test_the_function_that_counts(table: MemoryTable, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        assert ingest.handle(batch([exposure("a"), b"?"]), object()) == {"batchItemFailures": []}
    assert len(table.partition("count#0")) == 1
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [each["Refused"] for each in told] == [1, 1, 1, 1]


def test_the_function_that_counts_again(table: MemoryTable, capsys: pytest.CaptureFixture[str]) -> None:
    assert recount.handle({}, Context()) == {}  # before the controller has looked
    store = StateStore(table.client(), "ledger")
    store.write(replace(first_state(EXPERIMENT, now=START), pending=None))
    ingest.handle(batch([exposure("c")]), object())
    answer = recount.handle({}, Context())
    assert START not in answer["incomplete"]
    assert START in answer["recounted"]
    counted = Ledger(table.client(), "ledger", Counting(EXPERIMENT)).buckets()
    assert sum(each.totals.exposures for each in counted) == 2
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["DriftExposures"] == 1


def test_a_function_without_time_begins_nothing(table: MemoryTable) -> None:
    StateStore(table.client(), "ledger").write(first_state(EXPERIMENT, now=START))
    context = Context()
    context.left = 59_000
    assert recount.handle({}, context) == {"recounted": [], "incomplete": []}


def test_nothing_is_recounted_of_another_generation(table: MemoryTable) -> None:
    StateStore(table.client(), "ledger").write(first_state(replace(EXPERIMENT, period=60.0), now=START))
    assert recount.handle({}, Context()) == {}


def test_the_client_of_an_application_is_made_from_its_environment(table: MemoryTable) -> None:
    made = client.ExperimentClient.from_environment()
    made.reward("a", 1)
    assert clients.client("dynamodb").meta.config.read_timeout == 5


def test_the_controller_is_made_from_its_environment(
    table: MemoryTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    controller = pytest.importorskip("constructs_lib.experiments.runtime.controller")
    looks: list[Any] = []

    class Looks:
        def look(self, *, reset: str | None) -> str:
            looks.append(reset)
            return "done"

    assert controller._controller().look
    monkeypatch.setattr(controller, "_controller", Looks)
    assert controller.handle({"detail-type": "CloudWatch Alarm State Change"}, object()) == {
        "outcome": "done"
    }
    assert controller.handle({"reset": "bold"}, object()) == {"outcome": "done"}
    assert looks == [None, "bold"]
