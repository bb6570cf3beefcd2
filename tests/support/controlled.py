"""A controller over a table in memory, with an endpoint, alarms and decisions that a test sets."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from constructs_lib.experiments.runtime.counts import Bucket
from constructs_lib.experiments.runtime.decision import Decision, Situation
from constructs_lib.experiments.runtime.experiment import Experiment
from constructs_lib.experiments.runtime.look import Controller, Measure, Seen
from constructs_lib.experiments.runtime.state import EpochRecord, State, StateStore
from tests.support.experiment_events import EXPERIMENT, NOON
from tests.support.memory_table import MemoryTable

EVENLY = {"control": 0.5, "bold": 0.3, "shy": 0.2}
BOLD = {"control": 0.1, "bold": 0.8, "shy": 0.1}


class FakeEndpoint:
    """Updating from when it is asked for weights until `settle`."""

    def __init__(self, weights: Mapping[str, float]) -> None:
        self.status = "InService"
        self.weights = dict(weights)
        self.asked: list[dict[str, float]] = []
        self.written: Callable[[], Mapping[str, float] | None] = lambda: None
        """The weights that are written down as about to be asked for."""
        self.unwritten: list[dict[str, float]] = []
        """What was asked for without."""

    def see(self) -> Seen:
        return Seen(status=self.status, weights=self.weights)

    def weigh(self, weights: Mapping[str, float]) -> None:
        if self.written() != weights:
            self.unwritten.append(dict(weights))
        if self.status == "InService":
            self.asked.append(dict(weights))
            self.status = "Updating"

    def settle(self) -> None:
        if self.status == "Updating" and self.asked:
            self.weights = self.asked[-1]
        self.status = "InService"


class Bench:
    """Everything about one experiment."""

    def __init__(self, experiment: Experiment = EXPERIMENT) -> None:
        self.experiment = experiment
        self.now = NOON
        self.table = MemoryTable()
        self.client = self.table.client()
        self.store = StateStore(self.client, "ledger")
        self.endpoint = FakeEndpoint(EVENLY)
        self.endpoint.written = self.pending
        self.alarms: set[str] = set()
        self.counted: list[Bucket] = []
        self.measured: list[Measure] = []
        self.situations: list[Situation] = []
        self.wanted: Callable[[Situation], Decision] = lambda situation: keep(situation)

    def alarming(self, names: Collection[str]) -> set[str]:
        return self.alarms & set(names)

    def buckets(self, since: float) -> list[Bucket]:
        return [bucket for bucket in self.counted if bucket.start >= since]

    def put(self, measures: Sequence[Measure]) -> None:
        self.measured.extend(measures)

    def decide(self, experiment: Experiment, situation: Situation, buckets: Sequence[Bucket]) -> Decision:
        self.situations.append(situation)
        return self.wanted(situation)

    def controller(self) -> Controller:
        return Controller(
            self.experiment,
            store=self.store,
            counts=self,
            endpoint=self.endpoint,
            alarms=self,
            metrics=self,
            decide=self.decide,
            clock=lambda: self.now,
        )

    def look(self, *, reset: str | None = None, later: float = 300.0) -> str:
        """A look, by a function that has just started."""
        self.now += later
        return self.controller().look(reset=reset)

    def pending(self) -> Mapping[str, float] | None:
        """In the table, without a call to it."""
        pending = State.of(self.table.items[("state", "state")]).pending
        return None if pending is None else pending.weights

    def state(self) -> State:
        state = self.store.read()
        assert state is not None
        return state

    def epochs(self) -> list[EpochRecord]:
        return self.store.epochs()


def keep(situation: Situation) -> Decision:
    return Decision(weights=situation.weights, change=False, reason="as it is")


def towards(weights: Mapping[str, float]) -> Callable[[Situation], Decision]:
    """Decides on these weights, without what has tripped."""

    def decision(situation: Situation) -> Decision:
        left = {arm: 0.0 if arm in situation.tripped else weight for arm, weight in weights.items()}
        total = sum(left.values())
        wanted = {arm: weight / total for arm, weight in left.items()}
        return Decision(weights=wanted, change=wanted != dict(situation.weights), reason="towards")

    return decision
