"""Counting in a DynamoDB that is not ours: its conditions, its transactions, its numbers."""

from __future__ import annotations

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from constructs_lib.experiments.runtime.fold import Counting
from constructs_lib.experiments.runtime.ledger import Ledger
from tests.support.experiment_events import NOON, NUMERIC, batch, exposure, reward, truth
from tests.support.faults import FAULTS, Fault, Faults
from tests.support.streams import deliver, random_records
from tools.embedded_aws import LocalAws

from .laboratory import Laboratory


@pytest.fixture
def another(aws: LocalAws) -> Iterator[Laboratory]:
    mine = Laboratory(aws)
    yield mine
    mine.delete()


@pytest.fixture
def numeric(aws: LocalAws) -> Iterator[Laboratory]:
    mine = Laboratory(aws, NUMERIC)
    yield mine
    mine.delete()


def test_events_are_counted_once(laboratory: Laboratory) -> None:
    told = [exposure("a"), exposure("b", arm="bold"), reward("b"), reward("c")]
    for event in (batch(told), batch(told[::-1]), batch([exposure("c"), *told])):
        assert laboratory.ingest(event) == {"batchItemFailures": []}
    assert laboratory.counted() == truth([(data, NOON + 90) for data in [*told, exposure("c")]])


def test_a_stream_with_everything_in_it_comes_to_the_truth(laboratory: Laboratory) -> None:
    records = random_records(11, 400)
    deliver(records, laboratory.ingest, size=150)
    assert laboratory.counted() == truth(records)


def test_sums_are_exact(numeric: Laboratory) -> None:
    records = random_records(5, 300, values=(0.1, 0.2, 1 / 3, -4.999999999, 249.999999999, 5e-324, 1e-9))
    deliver(records, numeric.ingest, size=70)
    counted = numeric.counted()
    assert counted == truth(records, NUMERIC)
    random.Random(1).shuffle(records)  # noqa: S311
    deliver(records, numeric.ingest, size=300)
    assert numeric.counted() == counted
    ledger = Ledger(numeric.dynamodb, numeric.name, Counting(NUMERIC))
    for bucket in ledger.buckets():
        exact = counted[(int(bucket.start), bucket.arm)]
        assert (bucket.totals.total, bucket.totals.squares) == (float(exact[2]), float(exact[3]))


@pytest.mark.parametrize("fault", FAULTS)
def test_each_call_in_turn_goes_wrong_and_each_event_counts_once(
    aws: LocalAws, laboratory: Laboratory, fault: Fault
) -> None:
    records = random_records(3, 40)
    with Faults(laboratory.dynamodb).recorded() as calls:
        deliver(records, laboratory.ingest, size=50)
    assert {"TransactWriteItems", "BatchGetItem"} == set(calls)
    for number in range(len(calls)):
        spoiled = Laboratory(aws)
        faults = Faults(spoiled.dynamodb)
        faults.spoil(number, fault)
        deliver(records, spoiled.ingest, size=50)
        deliver(records[::-2], spoiled.ingest, size=30, shard=1)
        assert faults.happened
        assert spoiled.counted() == truth(records)
        spoiled.delete()


def test_shards_that_are_read_at_the_same_time_do_not_lose_or_double_anything(laboratory: Laboratory) -> None:
    records = random_records(23, 300)
    shuffled = [random.Random(seed).sample(records, len(records)) for seed in range(4)]  # noqa: S311

    def read(shard: int) -> None:
        deliver(shuffled[shard], laboratory.ingest, size=60, shard=shard % 2)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(read, range(4)))
    assert laboratory.counted() == truth(records)


def test_two_experiments_do_not_see_each_other(laboratory: Laboratory, another: Laboratory) -> None:
    laboratory.ingest(batch([exposure("a")]))
    assert another.counted() == {}
