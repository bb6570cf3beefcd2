"""The function that counts, over a table in memory: each event once, whatever happens."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from constructs_lib.experiments.runtime.experiment import Experiment
from constructs_lib.experiments.runtime.fold import Counting
from constructs_lib.experiments.runtime.ingest import Ingest, counter_shard, respond
from constructs_lib.experiments.runtime.ledger import Ledger
from tests.support.experiment_events import (
    EXPERIMENT,
    NOON,
    NUMERIC,
    WINDOW,
    as_truth,
    batch,
    exposure,
    reward,
    truth,
)
from tests.support.faults import FAULTS, Fault, Faults
from tests.support.memory_table import MemoryTable
from tests.support.streams import Records, deliver, random_records


class World:
    """A table, the function that writes to it, and its log."""

    def __init__(self, experiment: Experiment = EXPERIMENT) -> None:
        self.table = MemoryTable()
        self.client = self.table.client()
        self.ledger = Ledger(self.client, "ledger", Counting(experiment), pause=lambda _: None)
        self.log: list[dict[str, Any]] = []
        self.ingest = Ingest(
            experiment, self.ledger, clock=lambda: NOON, log=lambda line: self.log.append(json.loads(line))
        )

    def handle(self, event: dict[str, Any]) -> dict[str, Any]:
        return respond(self.ingest, event)

    def counts(self) -> dict[str, tuple[float, float, float]]:
        return {
            bucket.arm: (bucket.totals.exposures, bucket.totals.rewards, bucket.totals.total)
            for bucket in self.ledger.buckets()
        }


@pytest.fixture
def world() -> World:
    return World()


def test_exposures_and_rewards_are_counted(world: World) -> None:
    told = [exposure("a"), exposure("b"), exposure("c", arm="bold"), reward("a"), reward("c", value=0)]
    assert world.handle(batch(told)) == {"batchItemFailures": []}
    assert world.counts() == {"control": (2, 1, 1), "bold": (1, 1, 0)}


def test_a_reward_is_counted_whenever_it_comes(world: World) -> None:
    world.handle(batch([reward("a")]))
    assert world.counts() == {}
    world.handle(batch([exposure("a"), exposure("b")]))
    assert world.counts() == {"control": (2, 1, 1)}
    world.handle(batch([reward("b")]))
    assert world.counts() == {"control": (2, 2, 2)}


def test_an_item_is_kept_until_nothing_can_come_again(world: World) -> None:
    world.handle(batch([exposure("a"), reward("a", at=NOON + 60)]))
    (item,) = world.table.partition("event#a").values()
    # The window, two days in which it may be told, seven in which the stream may repeat it.
    assert int(item["expires"]["N"]) == NOON + 60 + WINDOW + 9 * 86400


def test_a_batch_takes_as_few_transactions_as_it_can(world: World) -> None:
    world.handle(batch([exposure(f"e{n}") for n in range(198)]))
    assert world.table.calls == ["TransactWriteItems"] * 2  # 99 answers and a count each
    assert world.counts() == {"control": (198, 0, 0)}
    world.table.calls.clear()
    world.handle(batch([reward(f"e{n}") for n in range(99)]))
    assert world.table.calls == [
        "BatchGetItem",
        "BatchGetItem",
        "TransactWriteItems",
    ]  # one key was left over
    assert world.counts() == {"control": (198, 99, 99)}


def test_each_count_is_added_to_as_seldom_as_can_be(world: World) -> None:
    hours = [exposure(f"e{n}", at=NOON - 3600 * (n % 10), arm=("bold", "shy")[n % 2]) for n in range(400)]
    calls: list[dict[str, Any]] = []
    world.client.meta.events.register(
        "provide-client-params.dynamodb.*", lambda params, **_: calls.append(params)
    )
    world.handle(batch(hours))
    added = [
        each["Update"]["Key"]["sk"]["S"]
        for call in calls
        for each in call["TransactItems"]
        if "Update" in each
    ]
    assert len(set(added)) == 10
    assert len(added) <= 10 + len(calls) - 1 == 14


def test_a_repeated_batch_changes_nothing(world: World) -> None:
    event = batch([exposure("a"), reward("a"), exposure("b"), reward("z")])
    world.handle(event)
    before = dict(world.table.items)
    assert world.handle(event) == {"batchItemFailures": []}
    assert world.table.items == before
    assert world.log[-1] | {"Events": 4, "Duplicates": 4, "Refused": 0} == world.log[-1]


def test_what_is_refused_is_told_and_let_go(world: World) -> None:
    assert world.handle(batch([b"{", exposure("a", arm="x"), b"}", exposure("a")])) == {
        "batchItemFailures": []
    }
    whole, no_json, unknown = world.log
    assert whole | {"Experiment": "pricing", "Events": 4, "Refused": 3} == whole
    assert no_json | {"Reason": "NotJson", "Refused": 2} == no_json
    assert unknown | {"Reason": "UnknownArm", "Refused": 1} == unknown
    (described,) = unknown["_aws"]["CloudWatchMetrics"]
    assert described == {
        "Namespace": "ConstructsLib/Experiments",
        "Dimensions": [["Experiment", "Reason"]],
        "Metrics": [{"Name": "Refused", "Unit": "Count"}],
    }


def test_what_is_late_or_has_no_exposure_is_told(world: World) -> None:
    world.handle(batch([exposure("a"), reward("b", at=NOON + WINDOW + 1)], arrived=NOON + WINDOW))
    assert world.log[-1] | {"Unmatched": 1, "Late": 0, "Duplicates": 0} == world.log[-1]
    late = [exposure("b"), reward("a", at=NOON + WINDOW + 1)]
    world.handle(batch(late, arrived=NOON + WINDOW))
    assert world.log[-1] | {"Unmatched": 0, "Late": 2, "Duplicates": 0} == world.log[-1]
    assert world.counts() == {"control": (2, 0, 0)}


def test_just_the_records_of_a_failed_transaction_come_again(world: World) -> None:
    faults = Faults(world.client)
    event = batch([b"{", *[exposure(f"e{n}") for n in range(99)], exposure("last"), exposure("e3")])
    faults.spoil(0, "throttled")
    failed = [each["itemIdentifier"] for each in world.handle(event)["batchItemFailures"]]
    numbers = [record["kinesis"]["sequenceNumber"] for record in event["Records"]]
    assert failed == [*numbers[1:100], numbers[101]]
    assert world.counts() == {"control": (1, 0, 0)}
    assert world.log[-2] | {"Failed": 100} == world.log[-2]


def test_a_conflict_is_tried_again_on_another_part_of_the_counts(world: World) -> None:
    faults = Faults(world.client)
    faults.spoil(0, "conflict")
    assert world.handle(batch([exposure("a")], shard=63)) == {"batchItemFailures": []}
    assert world.table.partition("count#0")
    assert not world.table.partition("count#63")


def test_who_never_gets_through_fails_in_the_end(world: World) -> None:
    faults = Faults(world.client)
    faults.waiting = dict.fromkeys(range(6), "conflict")
    assert len(world.handle(batch([exposure("a")]))["batchItemFailures"]) == 1
    assert world.counts() == {}


def test_shards_of_the_stream_add_to_parts_of_their_own(world: World) -> None:
    for shard in (0, 1, 64):
        world.handle(batch([exposure(f"e{shard}")], shard=shard))
    assert [bool(world.table.partition(f"count#{shard}")) for shard in range(3)] == [True, True, False]


def test_a_batch_of_an_unknown_shard_has_a_place_too() -> None:
    assert counter_shard("shardId-000000000066:49") == 2
    assert counter_shard("another stream") == 0


def spoiled(records: Records, fault: Fault, expected: object) -> int:
    """Deliver with each call in turn spoiled; how many calls there were."""
    recording = World()
    with Faults(recording.client).recorded() as calls:
        deliver(records, recording.handle)
    assert as_truth(recording.ledger.counted()) == expected
    for number, operation in enumerate(calls):
        if fault == "conflict" and operation != "TransactWriteItems":
            continue
        world = World()
        faults = Faults(world.client)
        faults.spoil(number, fault)
        deliver(records, world.handle)
        assert faults.happened, "nothing went wrong"
        assert as_truth(world.ledger.counted()) == expected, f"{fault} at call {number}, {operation}"
    return len(calls)


@pytest.mark.parametrize("fault", [*FAULTS, "conflict"])
def test_whatever_goes_wrong_with_any_call_each_event_counts_once(fault: Fault) -> None:
    records = random_records(7, 60)
    assert spoiled(records, fault, truth(records)) >= 3


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 60), st.integers(1, 200), st.lists(st.sampled_from(FAULTS)))
def test_random_streams_with_random_faults_come_to_the_truth(
    seed: int, count: int, size: int, planned: list[Fault]
) -> None:
    records = random_records(seed, count, values=(-5, 0.1, 250, 1 / 3, 99.99))
    world = World(NUMERIC)
    faults = Faults(world.client)
    faults.waiting = {(seed + place * 7) % 17 + place: fault for place, fault in enumerate(planned)}
    deliver(records, world.handle, size=size)
    deliver(records[::-3], world.handle, size=size, shard=1)
    faults.waiting.clear()
    assert as_truth(world.ledger.counted(), NUMERIC) == truth(records, NUMERIC)
