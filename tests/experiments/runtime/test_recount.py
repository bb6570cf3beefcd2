"""Counting again from the raw events: the same events, the same counts."""

from __future__ import annotations

import gzip
import io
import json
import random
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from constructs_lib.experiments.runtime.amounts import Amounts
from constructs_lib.experiments.runtime.events import LONGEST, lines
from constructs_lib.experiments.runtime.fold import Counting
from constructs_lib.experiments.runtime.ingest import Ingest, respond
from constructs_lib.experiments.runtime.ledger import Ledger
from constructs_lib.experiments.runtime.raw import bounded_lines
from constructs_lib.experiments.runtime.recount import Group, Recount, Report, groups, tell
from tests.support.experiment_events import (
    EXPERIMENT,
    NOON,
    PERIOD,
    WINDOW,
    Truth,
    as_truth,
    batch,
    exposure,
    reward,
    truth,
)
from tests.support.memory_table import MemoryTable
from tests.support.streams import Records, deliver, random_records

START = int(NOON // PERIOD * PERIOD)
DUE = START + PERIOD + WINDOW + 2 * 86400 + 3600


class Archive:
    """What Firehose has written: records, and when they arrived."""

    def __init__(self, records: Records = ()) -> None:  # type: ignore[assignment]
        self.records = list(records)
        self.read = 0

    def lines(self, since: float, until: float) -> Iterator[tuple[bytes, float]]:
        for data, arrived in self.records:
            if (since // 3600 - 1) * 3600 <= arrived < until:  # whole hours, as S3 has them
                self.read += 1
                yield from ((line, arrived) for line in lines(data))


class World:
    def __init__(self, records: Records = (), *, most: int = 1000) -> None:  # type: ignore[assignment]
        self.table = MemoryTable()
        self.ledger = Ledger(self.table.client(), "ledger", Counting(EXPERIMENT), pause=lambda _: None)
        self.archive = Archive(records)
        self.recount = Recount(EXPERIMENT, self.ledger, self.archive, most_answers=most)

    def count(self, records: Records) -> None:
        ingest = Ingest(EXPERIMENT, self.ledger, log=lambda _: None)
        deliver(records, lambda event: respond(ingest, event))

    def run(self, now: float = DUE + 10 * PERIOD, **more: Any) -> Report:
        return self.recount.run(now, began=START, **more)

    def buckets(self) -> dict[tuple[float, str], tuple[float, float]]:
        return {
            (each.start, each.arm): (each.totals.exposures, each.totals.rewards)
            for each in self.ledger.buckets()
        }

    def recounts(self) -> Truth:
        again = self.ledger.recounted()
        tally = {
            (start, arm): each for start, arms in again.items() for arm, each in arms.items() if any(each)
        }
        return as_truth(tally)


RECORDS: Records = [
    (exposure("a"), NOON),
    (exposure("b", arm="bold"), NOON),
    (reward("b"), NOON + 90),
    (exposure("c", at=NOON + PERIOD), NOON + PERIOD),
    (b"bogus", NOON),
]


def test_where_both_counts_agree_nothing_changes() -> None:
    world = World(RECORDS)
    world.count(RECORDS)
    before = world.buckets()
    report = world.run(now=DUE + PERIOD)
    assert (report.exposures, report.rewards, report.incomplete) == (0, 0, [])
    assert report.recounted == [START, START + int(PERIOD)]
    assert {cell: each for cell, each in world.buckets().items() if any(each)} == before


def test_what_the_first_count_missed_is_put_right_and_told() -> None:
    world = World(RECORDS)
    world.count(RECORDS[:1])
    report = world.run(now=DUE)
    assert (report.exposures, report.rewards) == (1, 1)
    assert world.buckets()[(START, "bold")] == (1, 1)
    lines: list[str] = []
    tell(EXPERIMENT, report, at=NOON, log=lines.append)
    told = json.loads(lines[0])
    assert told | {"DriftExposures": 1, "DriftRewards": 1, "RecountedPeriods": 1} == told


def test_a_period_is_recounted_once_nothing_of_it_can_come_any_more() -> None:
    world = World(RECORDS)
    assert world.run(now=DUE - 1).recounted == []
    assert world.run(now=DUE).recounted == [START]
    assert world.run(now=DUE).recounted == []


def test_periods_before_the_experiment_began_are_not_asked_for() -> None:
    world = World(RECORDS)
    assert list(world.recount.due(DUE + 2 * PERIOD, START + 1)) == [START + PERIOD, START + 2 * PERIOD]


def test_a_count_that_comes_after_the_recount_does_not_count_twice() -> None:
    """The stream was held up for days; the raw events were not."""
    world = World(RECORDS)
    world.run()
    again = world.buckets()
    world.count(RECORDS)
    assert world.buckets() == again


def test_raw_events_that_are_missing_take_nothing_away() -> None:
    world = World(RECORDS[1:])
    world.count(RECORDS)
    report = world.run(now=DUE)
    assert (report.incomplete, report.recounted, report.exposures) == ([START], [], 1)
    assert world.buckets()[(START, "control")] == (1, 0)
    world.archive.records = list(RECORDS)  # they have come after all
    assert world.run(now=DUE).recounted == [START]


def test_a_person_may_say_that_fewer_is_right() -> None:
    world = World(RECORDS[1:])
    world.count(RECORDS)
    assert world.run(now=DUE, accept_fewer=True).recounted == [START]
    assert world.buckets()[(START, "control")] == (0, 0)


def test_a_run_without_time_leaves_the_rest_to_the_next() -> None:
    world = World(RECORDS, most=1)
    world.count(RECORDS)
    answers = iter([False, True])
    assert world.run(now=DUE + PERIOD, time_is_up=lambda: next(answers)).recounted == [START]
    assert world.run(now=DUE + PERIOD).recounted == [START + PERIOD]


def test_an_answer_given_in_an_earlier_period_counts_there_only() -> None:
    twice: Records = [
        (exposure(id, at=at), at) for id, at in (("a", NOON), ("a", NOON + PERIOD), ("b", NOON + PERIOD))
    ]
    world = World(twice, most=1)
    world.count(twice)
    world.run(now=DUE + PERIOD)
    assert len(groups([START, START + int(PERIOD)], world.ledger.counted(), 1)) == 2
    assert world.recounts() == truth(twice)


def test_groups_are_as_large_as_memory_allows() -> None:
    counted = {(0, "a"): 3, (0, "b"): 3, (60, "a"): 4, (120, "a"): 1, (180, "a"): 25, (240, "a"): 2}
    tally = {cell: Amounts(exposures=count) for cell, count in counted.items()}
    assert groups(range(0, 301, 60), tally, 10) == [
        Group((0, 60)),
        Group((120,)),
        Group((180,), parts=3),
        Group((240, 300)),
    ]
    assert groups([], tally, 10) == []


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([7, 10_000]))
def test_random_streams_are_recounted_as_they_were_counted(seed: int, most: int) -> None:
    records = random_records(seed, 60, reused=0.0 if most == 7 else 0.2)
    world = World(records, most=most)
    world.count(records)
    random.Random(seed).shuffle(world.archive.records)  # noqa: S311
    report = world.run()
    assert (report.exposures, report.rewards, report.incomplete) == (0, 0, [])
    assert world.recounts() == truth(records) == as_truth(world.ledger.counted())


# --- lines of an object ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n\n",
        b"a",
        b"a\nb",
        b"a\r\n \nb\n",
        b"x" * LONGEST + b"\ny\n",
        b"x" * (LONGEST + 1) + b"\ny\n",
        b"x" * (LONGEST + 2) + b"\ny\n",
        b"x" * (LONGEST + 3) + b"\ny\n",
        b"y\n" + b"x" * 3_000_000 + b"\ny",
        b"x" * 3_000_000,
    ],
)
def test_an_object_has_the_lines_of_its_records(data: bytes) -> None:
    read = list(bounded_lines(io.BytesIO(data)))
    assert [line[: LONGEST + 2] for line in lines(data)] == read
    packed = gzip.open(io.BytesIO(gzip.compress(data)))  # noqa: SIM115
    assert list(bounded_lines(packed)) == read


def test_of_a_line_without_end_a_piece_at_a_time_is_held() -> None:
    class Endless(io.RawIOBase):
        left = 200 * 2**20

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> int:
            size = min(len(buffer), self.left)
            self.left -= size
            buffer[:size] = b"x" * size
            return size

    import tracemalloc

    tracemalloc.start()
    (line,) = bounded_lines(io.BufferedReader(Endless()))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(line) == LONGEST + 2
    assert peak < 8 * 2**20


def test_a_batch_that_nobody_reads_again_is_not_lost() -> None:
    """The stream dropped it before it was counted: the recount has it."""
    world = World([(exposure(f"e{number}"), NOON) for number in range(5)])
    respond(Ingest(EXPERIMENT, world.ledger, log=lambda _: None), batch([exposure("e0")], arrived=NOON))
    assert world.run(now=DUE).exposures == 4
    assert world.buckets()[(START, "control")] == (5, 0)
