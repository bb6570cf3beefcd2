"""The function that counts: reads the stream of events, batch by batch, into the ledger.

What cannot be an event is told of by a metric and let go: a second attempt would not make it one, and would
hold up what comes after it. What could not be written is reported, record by record, and the stream delivers
it again, with everything after it; that changes nothing of what is counted already.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.kinesis_stream_event import KinesisStreamRecord

from .clients import client
from .emf import metric_line
from .events import Event, Parser, Refused, lines
from .experiment import Experiment
from .fold import Counting, fold
from .ledger import Ledger, Recorded
from .schema import COUNTER_SHARDS, TABLE_VARIABLE


class Ingest:
    """Counts the records of an experiment's stream."""

    def __init__(
        self,
        experiment: Experiment,
        ledger: Ledger,
        *,
        clock: Callable[[], float] = time.time,
        log: Callable[[str], object] = print,
    ) -> None:
        self._experiment = experiment
        self._parser = Parser(experiment)
        self._counting = Counting(experiment)
        self._ledger = ledger
        self._clock = clock
        self._log = log

    def commit(self, records: Sequence[KinesisStreamRecord]) -> dict[str, Exception]:
        """Count the events of a batch; why it failed, by sequence number, for the records it failed for."""
        told: dict[str, list[Event]] = {}
        refused: Counter[str] = Counter()
        for record in records:
            events = told[record.kinesis.sequence_number] = []
            arrived = record.kinesis.approximate_arrival_timestamp
            for line in lines(record.kinesis.data_as_bytes()):
                match self._parser.parse(line, arrived=arrived):
                    case Refused(reason):
                        refused[reason] += 1
                    case event:
                        events.append(event)
        everything = [event for events in told.values() for event in events]
        recorded = self._ledger.record(fold(everything), shard=counter_shard(records[0].event_id))
        self._tell(everything, recorded, refused)
        failed = recorded.failed
        return {
            number: failed[event.id]
            for number, events in told.items()
            for event in events
            if event.id in failed
        }

    def _tell(self, events: list[Event], recorded: Recorded, refused: Counter[str]) -> None:
        happened = Counter(Events=len(events) + refused.total(), Refused=refused.total())
        happened["Duplicates"] = sum(event.id in recorded.done for event in events)
        for before, after in recorded.done.values():
            if after.exposure != before.exposure:
                happened["Duplicates"] -= 1
            if after.reward != before.reward:
                happened["Duplicates"] -= 1
                happened["Unmatched"] += after.exposure is None
            happened["Late"] += self._counting.is_late(after) and not self._counting.is_late(before)
        happened["Failed"] = sum(event.id in recorded.failed for event in events)
        now, name = self._clock(), self._experiment.name
        self._log(metric_line(happened, at=now, Experiment=name))
        for reason, times in sorted(refused.items()):
            self._log(metric_line({"Refused": times}, at=now, Experiment=name, Reason=reason))


def counter_shard(event_id: str) -> int:
    """The part of the counts that a batch adds to: shards of the stream are read at the same time."""
    digits = event_id.partition(":")[0].rpartition("-")[2]
    return int(digits) % COUNTER_SHARDS if digits.isdecimal() else 0


@cache
def _ingest() -> Ingest:
    experiment = Experiment.from_environment()
    return Ingest(experiment, Ledger(client("dynamodb"), os.environ[TABLE_VARIABLE], Counting(experiment)))


def handle(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Entry point of the function."""
    return respond(_ingest(), event)


def respond(ingest: Ingest, event: dict[str, Any]) -> dict[str, Any]:
    """Count a batch, and answer which records of it are to be delivered again.

    The transactions were for many records at once; the processor then asks for each record how it went.
    """
    failed = ingest.commit([KinesisStreamRecord(record) for record in event["Records"]])

    def outcome(record: KinesisStreamRecord) -> None:
        if (error := failed.get(record.kinesis.sequence_number)) is not None:
            raise error

    processor = BatchProcessor(EventType.KinesisDataStreams, raise_on_entire_batch_failure=False)
    return dict(process_partial_response(event, outcome, processor))
