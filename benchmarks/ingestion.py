"""What it costs to count the events of an experiment: events a second, bytes, dollars, and which limit is first.

DynamoDB is a dictionary here, so that what is measured is the function's own work: with boto3's serialization
and without. The network, its latency and the signing of requests are not in it.
"""

from __future__ import annotations

import base64
import json
import math
import random
import time
import tracemalloc
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import boto3

from constructs_lib.experiments.runtime.experiment import Allocation, Arm, Experiment, Reward
from constructs_lib.experiments.runtime.fold import Counting
from constructs_lib.experiments.runtime.ingest import Ingest, respond
from constructs_lib.experiments.runtime.ledger import Ledger
from constructs_lib.experiments.runtime.recount import Group, Recount
from constructs_lib.experiments.runtime.schema import COUNTER_SHARDS as COUNTER_SHARDS

NOW = 1_700_000_000.0
HOUR = 3600.0
EXPERIMENT = Experiment(
    name="checkout-ranking",
    endpoint="checkout",
    arms=tuple(Arm(name=f"candidate-{number}", model=f"model-{number}", share=1 / 3) for number in range(3)),
    reward=Reward(kind="binary", window=24 * HOUR),
    allocation=Allocation(kind="thompson"),
)

# List prices of us-east-1 in dollars, as of 2025: aws.amazon.com/<service>/pricing. Written down, not looked up.
PRICES = {
    "DynamoDB write request unit (on demand)": 0.625e-6,
    "DynamoDB read request unit (on demand)": 0.125e-6,
    "Kinesis shard hour": 0.015,
    "Kinesis PUT payload unit, 25 KB": 0.014e-6,
    "Lambda GB second (x86)": 0.0000166667,
    "Lambda request": 0.20e-6,
    "Firehose GB, records rounded up to 5 KB": 0.029,
    "S3 GB month": 0.023,
}

# Limits: the developer guides of the services, 2025.
SHARD_RECORDS = 1000
SHARD_BYTES = 1_048_576
PARTITION_UNITS = 1000
TABLE_UNITS = 40_000
"""Write units a second of an on-demand table, until one asks for more."""
LAMBDA_CONCURRENCY = 1000
LATENCY = 0.02
"""Seconds of a transaction of a hundred items: assumed."""


class Table:
    """Answers as DynamoDB does where nobody else writes, and counts the units it would charge."""

    def __init__(self) -> None:
        self.items: dict[str, dict[str, Any]] = {}
        self.event_units = self.counter_units = self.read_units = self.transactions = 0

    def transact_write_items(self, *, TransactItems: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        self.transactions += 1
        for each in TransactItems:
            if "Put" in each:
                self.items[each["Put"]["Item"]["pk"]["S"]] = each["Put"]["Item"]
                self.event_units += 2  # a transactional write of less than 1 KB
            else:
                self.counter_units += 2
        return {}

    def batch_get_item(self, *, RequestItems: dict[str, Any]) -> dict[str, Any]:  # noqa: N803
        ((name, asked),) = RequestItems.items()
        self.read_units += len(asked["Keys"])
        found = (self.items.get(key["pk"]["S"]) for key in asked["Keys"])
        return {"Responses": {name: [item for item in found if item is not None]}}


def behind_boto3(table: Table) -> Any:
    """The same with boto3's own client in front: it checks and serializes what it is asked."""
    client = boto3.Session("test", "test", region_name="us-east-1").client("dynamodb")
    operations: dict[str, Callable[..., dict[str, Any]]] = {
        "TransactWriteItems": table.transact_write_items,
        "BatchGetItem": table.batch_get_item,
    }

    def remember(params: dict[str, Any], context: dict[str, Any], **_: object) -> None:
        context["given"] = {name: value for name, value in params.items() if name != "ClientRequestToken"}

    def answer(model: Any, context: dict[str, Any], **_: object) -> tuple[Any, dict[str, Any]]:
        parsed = operations[model.name](**context["given"])
        return type("Response", (), {"status_code": 200}), {**parsed, "ResponseMetadata": {}}

    client.meta.events.register("provide-client-params.dynamodb.*", remember)
    client.meta.events.register("before-call.dynamodb.*", answer)
    return client


def line(**members: object) -> bytes:
    """An event as the application's client writes it."""
    return json.dumps(members, separators=(",", ":")).encode() + b"\n"


Records = list[tuple[float, bytes]]
"""When they arrive, and what they are."""

DELAYS: dict[str, Callable[[random.Random], float]] = {
    "rewards after 10 minutes on average": lambda draw: draw.expovariate(1 / 600),
    "rewards spread over 24 hours": lambda draw: draw.uniform(0, 24 * HOUR),
}


def events(count: int, *, delay: Callable[[random.Random], float]) -> tuple[Records, Records]:
    """A stream that has run for long: exposures of before, and then as many new ones and rewards of those."""
    draw = random.Random(7)  # noqa: S311
    before, told = [], []
    for number in range(count // 2):
        at = NOW + number / 500
        old, new = (str(uuid.UUID(int=draw.getrandbits(128), version=4)) for _ in range(2))
        earlier = at - delay(draw)
        before.append((earlier, exposure(old, number, earlier)))
        told.append((at, exposure(new, number, at)))
        told.append((at, line(type="reward", experiment=EXPERIMENT.name, id=old, value=1, at=at)))
    return before, told


def exposure(id: str, number: int, at: float) -> bytes:
    shown = {
        "arm": EXPERIMENT.names[number % 3],
        "at": at,
        "epoch": 12,
        "propensity": 1 / 3,
        "unit": f"user-{number}",
    }
    return line(type="exposure", experiment=EXPERIMENT.name, id=id, **shown)


def batches(told: Records, size: int) -> Iterator[dict[str, Any]]:
    """As Lambda hands them over."""
    for start in range(0, len(told), size):
        yield {
            "Records": [
                {
                    "eventID": f"shardId-000000000000:{number}",
                    "kinesis": {
                        "sequenceNumber": str(number),
                        "data": base64.b64encode(data).decode(),
                        "approximateArrivalTimestamp": at,
                    },
                }
                for number, (at, data) in enumerate(told[start : start + size], start)
            ]
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Of a run of the function that counts."""

    per_second: float
    """Events a second and core."""
    event_units: float
    counter_units: float
    read_units: float
    transactions: float
    """Each by event."""


def run(before: Records, told: Records, *, size: int, boto: bool) -> Measured:
    """Count what is told, in a table that knows of what was before."""
    past, table = Table(), Table()
    for event in batches(before, size):
        respond(_ingest(past), event)
    table.items = past.items
    ingest = _ingest(behind_boto3(table) if boto else table)
    taken = 0.0
    for event in batches(told, size):
        started = time.process_time()
        assert respond(ingest, event) == {"batchItemFailures": []}
        taken += time.process_time() - started
    count = len(told)
    return Measured(
        per_second=count / taken,
        event_units=table.event_units / count,
        counter_units=table.counter_units / count,
        read_units=table.read_units / count,
        transactions=table.transactions / count,
    )


def _ingest(client: Any) -> Ingest:
    return Ingest(EXPERIMENT, Ledger(client, "ledger", Counting(EXPERIMENT)), log=lambda _: None)


def bytes_of_answers(count: int = 50_000) -> float:
    """What the recount holds of each answer."""
    told, _ = events(2 * count, delay=DELAYS["rewards after 10 minutes on average"])

    class Raw:
        def lines(self, since: float, until: float) -> Iterator[tuple[bytes, float]]:
            return ((data, at) for at, data in told)

    recount = Recount(EXPERIMENT, Ledger(Table(), "ledger", Counting(EXPERIMENT)), Raw())
    last = int(NOW // HOUR * HOUR)
    tracemalloc.start()
    recount.truth(Group(tuple(range(last - 4 * 3600, last + 3601, 3600))))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak / count


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """What so many requests a day need, at twice the mean rate."""

    events: float
    """A second."""
    shards: int
    shards_by_bytes: int
    busy: float
    """Of its time that a function spends on a full shard."""
    table_units: float
    """Write units a second."""
    counter_units: float
    """Likewise, of one counter shard."""
    counter_shards: int
    """By write units alone; that writers do not wait for each other takes one for each shard of the stream."""


def paper(requests_a_day: float, measured: Measured, bytes_an_event: float) -> Paper:
    """Work it out, with a reward for each request."""
    events = 2 * 2 * requests_a_day / 86400
    shards = math.ceil(events / SHARD_RECORDS)
    return Paper(
        events=events,
        shards=shards,
        shards_by_bytes=math.ceil(events * bytes_an_event / SHARD_BYTES),
        busy=SHARD_RECORDS * (measured.transactions * LATENCY + 1 / measured.per_second),
        table_units=events * (measured.event_units + measured.counter_units),
        counter_units=SHARD_RECORDS * measured.counter_units,
        counter_shards=math.ceil(events * measured.counter_units / PARTITION_UNITS),
    )


def dollars(
    measured: Measured, bytes_an_event: float, *, memory_gb: float = 0.5, size: int = 1000
) -> dict[str, float]:
    """Of a million events, on shards that are half used."""
    million = 1_000_000
    seconds = million * (measured.transactions * LATENCY + 1 / measured.per_second)
    return {
        "DynamoDB, answers": million
        * measured.event_units
        * PRICES["DynamoDB write request unit (on demand)"],
        "DynamoDB, counts": million
        * measured.counter_units
        * PRICES["DynamoDB write request unit (on demand)"],
        "DynamoDB, reads": million * measured.read_units * PRICES["DynamoDB read request unit (on demand)"],
        "Kinesis": million * PRICES["Kinesis PUT payload unit, 25 KB"]
        + million / (SHARD_RECORDS / 2) / 3600 * PRICES["Kinesis shard hour"],
        "Lambda": seconds * memory_gb * PRICES["Lambda GB second (x86)"]
        + million / size * PRICES["Lambda request"],
        "Firehose": million * 5 * 1024 / 2**30 * PRICES["Firehose GB, records rounded up to 5 KB"],
        "S3, a month": million * bytes_an_event / 2**30 * PRICES["S3 GB month"],
    }
