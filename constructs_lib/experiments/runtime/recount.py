"""The function that counts again: from the raw events in S3, whatever became of them in between.

A period is counted again once nothing of it can come any more, and then its recount is what holds. Events are
read as the first count reads them and merged by the same rule; all arms of a period are written at once, and
absolutely, so a recount may be repeated or be cut short.

Fewer raw events than were counted mean that some are missing in S3, for what was counted was there. Such a
period is left as it is and told of, and tried again, until a person says `{"accept_fewer": true}`.

Memory is bounded: the answers of several periods are held together, but of so many periods only as have at
most MOST_ANSWERS by the first count; a period with more is done in parts, each part reading all of it.
About 400 bytes are held of each answer.

An inference id that is used for two answers counts once, for the first of them. Of an answer that was given
more than an hour before the periods that are read together nothing is seen: there it counts a second time.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Protocol
from zlib import crc32

from .amounts import Amounts, Tally, gathered
from .clients import client
from .emf import metric_line
from .events import FUTURE, LATENESS, Event, Exposure, Parser, Refused
from .experiment import Experiment
from .fold import Counting, Known
from .ledger import RETENTION, Ledger
from .raw import BUCKET_VARIABLE, PREFIX_VARIABLE, RawEvents
from .schema import TABLE_VARIABLE
from .state import StateStore

MOST_ANSWERS = 1_000_000
DELIVERY = 3600.0
"""Seconds after which Firehose has surely written what it got: its buffer holds it for 15 minutes at most."""
_SPARE = 60_000  # milliseconds that a function must have left to begin with another group


class Raw(Protocol):
    """Where the raw events come from."""

    def lines(self, since: float, until: float) -> Iterator[tuple[bytes, float]]:
        """All lines that arrived then, and about when each did."""
        ...


@dataclass(frozen=True, slots=True)
class Group:
    """Periods that are counted again together, and in how many parts."""

    starts: tuple[int, ...]
    parts: int = 1


@dataclass(slots=True)
class Report:
    """What a run has found."""

    recounted: list[int] = field(default_factory=list)
    incomplete: list[int] = field(default_factory=list)
    """Periods with fewer raw events than were counted."""
    exposures: int = 0
    rewards: int = 0
    """By how many the first count was wrong, in either direction, over arms and periods."""


class Recount:
    """Counts the periods of an experiment again."""

    def __init__(
        self, experiment: Experiment, ledger: Ledger, raw: Raw, *, most_answers: int = MOST_ANSWERS
    ) -> None:
        self._experiment = experiment
        self._period = int(experiment.period)
        self._parser = Parser(experiment)
        self._counting = Counting(experiment)
        self._ledger = ledger
        self._raw = raw
        self._most = most_answers

    def run(
        self,
        now: float,
        *,
        began: float,
        accept_fewer: bool = False,
        time_is_up: Callable[[], bool] = lambda: False,
    ) -> Report:
        """Count again what is due and was not yet; what there is no time for is the next run's."""
        counted = self._ledger.counted(began)
        done = self._ledger.recounted(began)
        due = [start for start in self.due(now, began) if start not in done]
        report = Report()
        for group in groups(due, counted, self._most):
            if time_is_up():
                break
            self._compare(group, counted, report, now=now, accept_fewer=accept_fewer)
        return report

    def due(self, now: float, began: float) -> range:
        """The periods of which nothing can come any more, as long as their raw events are looked for."""
        after = self._period + self._experiment.reward.window + LATENESS + DELIVERY
        first = max(began, now - after - RETENTION)
        return range(-int(-first // self._period) * self._period, int(now - after) + 1, self._period)

    def _compare(
        self, group: Group, counted: Tally, report: Report, *, now: float, accept_fewer: bool
    ) -> None:
        truth = self.truth(group)
        for start in group.starts:
            then = {arm: amounts for (at, arm), amounts in counted.items() if at == start}
            again = {arm: truth.get((start, arm), Amounts()) for arm in {*self._experiment.names, *then}}
            report.exposures += _apart(then, again, "exposures")
            report.rewards += _apart(then, again, "rewards")
            if not accept_fewer and any(_is_fewer(again[arm], amounts) for arm, amounts in then.items()):
                report.incomplete.append(start)
            else:
                self._ledger.write_recount(start, again, at=now)
                report.recounted.append(start)

    def truth(self, group: Group) -> Tally:
        """What the raw events say of some periods."""
        answers = (each for part in range(group.parts) for each in self._answers(group, part))
        return gathered(worth for each in answers if (worth := self._counting.worth(each)) is not None)

    def _answers(self, group: Group, part: int) -> Iterator[Known]:
        """The answers of a part of a group.

        Read twice, the exposures first: rewards of other periods are in the same objects, many more of them.
        """
        first, end = group.starts[0], group.starts[-1] + self._period
        known: dict[str, Known] = {}
        for event in self._events(first, end + LATENESS, group.parts, part):
            # Those before the first period too: an answer that was given there counts there, not here.
            if isinstance(event, Exposure) and event.at < end:
                told = Known(exposure=event)
                known[event.id] = known[event.id].merged(told) if event.id in known else told
        until = end + self._experiment.reward.window + LATENESS
        for event in self._events(first, until, group.parts, part):
            if not isinstance(event, Exposure) and event.id in known:
                known[event.id] = known[event.id].merged(Known(reward=event))
        yield from known.values()

    def _events(self, since: float, until: float, parts: int, part: int) -> Iterator[Event]:
        for line, arrived in self._raw.lines(since - FUTURE, until + DELIVERY):
            event = self._parser.parse(line, arrived=arrived)
            if not isinstance(event, Refused) and crc32(event.id.encode()) % parts == part:
                yield event


def groups(due: list[int] | range, counted: Mapping[tuple[int, str], Amounts], most: int) -> list[Group]:
    """Periods one after the other, as many together as have at most so many answers."""
    answers = dict.fromkeys(due, 0)
    for (start, _arm), amounts in counted.items():
        if start in answers:
            answers[start] += amounts.exposures
    made: list[Group] = []
    together: list[int] = []
    for start, count in answers.items():
        if together and sum(answers[each] for each in together) + count > most:
            made.append(Group(tuple(together)))
            together = []
        together.append(start)
        if count > most:
            made.append(Group((start,), parts=-(-count // most)))
            together = []
    return [*made, Group(tuple(together))] if together else made


def _is_fewer(again: Amounts, then: Amounts) -> bool:
    return again.exposures < then.exposures or again.rewards < then.rewards


def _apart(then: Mapping[str, Amounts], again: Mapping[str, Amounts], what: str) -> int:
    nothing = Amounts()
    return sum(abs(getattr(again[arm], what) - getattr(then.get(arm, nothing), what)) for arm in again)


@cache
def _made() -> tuple[Experiment, Recount, StateStore]:
    experiment, table, dynamodb = (
        Experiment.from_environment(),
        os.environ[TABLE_VARIABLE],
        client("dynamodb"),
    )
    raw = RawEvents(client("s3"), os.environ[BUCKET_VARIABLE], os.environ.get(PREFIX_VARIABLE, ""))
    recount = Recount(experiment, Ledger(dynamodb, table, Counting(experiment)), raw)
    return experiment, recount, StateStore(dynamodb, table)


def handle(event: dict[str, Any], context: Any) -> dict[str, list[int]]:
    """Entry point of the function."""
    experiment, recount, store = _made()
    state = store.read()
    if state is None or state.generation != experiment.generation:
        return {}
    report = recount.run(
        time.time(),
        began=state.began,
        accept_fewer=bool(event.get("accept_fewer")),
        time_is_up=lambda: context.get_remaining_time_in_millis() < _SPARE,
    )
    tell(experiment, report, at=time.time())
    return {"recounted": report.recounted, "incomplete": report.incomplete}


def tell(experiment: Experiment, report: Report, *, at: float, log: Callable[[str], object] = print) -> None:
    """The drift of the first count, as metrics."""
    measured: dict[str, float] = {
        "RecountedPeriods": len(report.recounted),
        "IncompletePeriods": len(report.incomplete),
        "DriftExposures": report.exposures,
        "DriftRewards": report.rewards,
    }
    log(metric_line(measured, at=at, Experiment=experiment.name))
