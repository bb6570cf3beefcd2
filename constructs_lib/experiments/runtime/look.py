"""One look of the controller at its experiment: what it sees, what it decides, what it has done about it.

Whatever it is about to ask of the endpoint it writes down first, so that it may be killed between any two
calls: the next look finds the intent and the endpoint, and carries on. Only weights are ever asked for, never
capacities: those are auto scaling's.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Protocol

from .counts import Bucket, Totals, summed
from .decision import Decision, Situation
from .experiment import Experiment
from .items import Item
from .state import REMEMBERED, EpochRecord, OvertakenError, Pending, State, StateStore, first_state, look_item

_SAME = 1e-5  # of a share; SageMaker keeps weights as 32-bit floats

log = logging.getLogger(__name__)
log.setLevel(logging.INFO)


class Decide(Protocol):
    """What the weights should be, and why."""

    def __call__(self, experiment: Experiment, situation: Situation, buckets: Sequence[Bucket]) -> Decision:
        """Decide; the same for the same."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The endpoint at a moment."""

    status: str
    weights: Mapping[str, float]
    """By variant."""

    def ready(self, names: Collection[str]) -> bool:
        """Whether it is in service, with all arms."""
        return self.status == "InService" and set(names) <= set(self.weights)


class Endpoint(Protocol):
    """The endpoint that the experiment runs on."""

    def see(self) -> Seen:
        """What there is."""
        ...

    def weigh(self, weights: Mapping[str, float]) -> None:
        """Ask for these weights. Does nothing where the endpoint is busy with something else."""
        ...


class Alarms(Protocol):
    """CloudWatch's alarms."""

    def alarming(self, names: Collection[str]) -> Collection[str]:
        """Those of them that are in alarm."""
        ...


@dataclass(frozen=True, slots=True)
class Measure:
    """A number for CloudWatch; of an arm, or of the experiment."""

    name: str
    value: float
    arm: str | None = None


class Metrics(Protocol):
    """Where measures go."""

    def put(self, measures: Sequence[Measure]) -> None:
        """Put them."""
        ...


class Counts(Protocol):
    """Where the counts come from."""

    def buckets(self, since: float) -> list[Bucket]:
        """Of the periods that began then or later."""
        ...


class Controller:
    """Looks after one experiment."""

    def __init__(
        self,
        experiment: Experiment,
        *,
        store: StateStore,
        counts: Counts,
        endpoint: Endpoint,
        alarms: Alarms,
        metrics: Metrics,
        decide: Decide,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._experiment = experiment
        self._store = store
        self._counts = counts
        self._endpoint = endpoint
        self._alarms = alarms
        self._metrics = metrics
        self._decide = decide
        self._clock = clock

    def look(self, *, reset: str | None = None) -> str:
        """Look once; `reset` takes back that a guardrail has tripped for this arm. The answer is what was done."""
        try:
            outcome = self._look(self._clock(), reset)
        except OvertakenError:
            outcome = "another look was faster"
        log.info("%s: %s", self._experiment.name, outcome)
        return outcome

    def _look(self, now: float, reset: str | None) -> str:
        state = self._guarded(self._state(now), reset)
        seen = self._endpoint.see()
        if not seen.ready(self._experiment.names):
            self._measure([Measure("NotReady", 1.0)])
            return f"the endpoint is {seen.status} with variants {', '.join(sorted(seen.weights))}"
        if state.pending is not None and same(seen.weights, state.pending.weights):
            state = self._settle(state, state.pending, now)
        elif state.pending is not None and not any(state.pending.weights[arm] for arm in state.tripped):
            return self._ask_again(state, state.pending, now)
        elif state.pending is None and not same(seen.weights, state.weights):
            return self._restore(state, now)
        elif state.pending is None:
            self._store.seen(state, now)
        return self._judge(state, now)

    # --- before the decision ----------------------------------------------------------------------------

    def _state(self, now: float) -> State:
        """Where the experiment stands; for a new generation, its beginning."""
        before = self._store.read()
        if before is not None and before.generation == self._experiment.generation:
            return before
        state = first_state(self._experiment, now=now, before=before)
        ended = {} if before is None else {before.latest: {"ended_at": now}}
        return self._store.write(state, opened=self._record(state), stamps=ended)

    def _guarded(self, state: State, reset: str | None) -> State:
        """Guardrails first: applications read from the state which arms not to use, whatever the endpoint does.

        What has tripped stays so until a person resets it, or the experiment is another one.
        """
        _control, *others = self._experiment.names
        alarming = self._alarms.alarming({guardrail.alarm for guardrail in self._experiment.guardrails})
        tripped = state.tripped - {reset}
        for guardrail in self._experiment.guardrails:
            if guardrail.alarm in alarming:
                tripped |= set(others) if guardrail.arm is None else {guardrail.arm}
        if tripped == state.tripped:
            return state
        log.warning("%s: tripped are now %s", self._experiment.name, sorted(tripped) or "none")
        return self._store.write(replace(state, tripped=tripped))

    def _settle(self, state: State, pending: Pending, now: float) -> State:
        """The endpoint has the weights that were asked for: they are in force."""
        settled = replace(state, weights=pending.weights, epoch=pending.epoch, pending=None, seen_at=now)
        # Applications that assign follow when they have read the state again.
        delay = REMEMBERED if self._experiment.routing == "assignment" else 0.0
        return self._store.write(settled, stamps={pending.epoch: {"settled_at": now + delay}})

    def _ask_again(self, state: State, pending: Pending, now: float) -> str:
        """The endpoint has not got the weights: the last look was cut short, or the update failed."""
        self._store.write(replace(state, pending=replace(pending, asked_at=now)))
        self._endpoint.weigh(pending.weights)
        return f"asked again for epoch {pending.epoch}"

    def _restore(self, state: State, now: float) -> str:
        """A deployment has put other weights on the endpoint. Until when ours were there is not known exactly."""
        reason = "the endpoint had other weights"
        pending = Pending(weights=state.weights, epoch=state.epoch + 1, asked_at=now, reason=reason)
        asked = replace(state, pending=pending)
        ended = {state.epoch: {"ended_at": state.seen_at}}
        self._store.write(asked, opened=self._record(asked), stamps=ended)
        self._endpoint.weigh(pending.weights)
        return f"{reason}: epoch {pending.epoch} asks for those in force"

    # --- the decision -----------------------------------------------------------------------------------

    def _judge(self, state: State, now: float) -> str:
        buckets = self._counts.buckets(state.began)
        decision = self._decide(self._experiment, self._situation(state, now), buckets)
        check(decision.weights, self._experiment.names)
        totals = summed(buckets)
        stopped = replace(
            state, stopped=state.stopped or decision.stop, best=decision.best if decision.stop else state.best
        )
        if decision.change or state.pending is not None:
            self._change(stopped, decision, totals, now)
            outcome = f"epoch {stopped.latest + 1}: {decision.reason}"
        elif stopped != state:
            self._store.write(stopped, look=_look(now, now, decision, totals))
            outcome = decision.reason
        else:
            period = now // self._experiment.period * self._experiment.period
            self._store.write_look(_look(period, now, decision, totals))
            outcome = f"no change: {decision.reason}"
        self._measure(measures(self._experiment, stopped, decision, totals))
        return outcome

    def _situation(self, state: State, now: float) -> Situation:
        epochs = [each.settled() for each in self._store.epochs() if each.generation == state.generation]
        return Situation(
            now=now,
            began=state.began,
            weights=state.weights,
            epochs=tuple(epoch for epoch in epochs if epoch is not None),
            tripped=state.tripped,
            stopped=state.stopped,
        )

    def _change(self, state: State, decision: Decision, totals: Mapping[str, Totals], now: float) -> None:
        """Write down what is about to be asked for, then ask."""
        number = state.latest
        pending = Pending(weights=decision.weights, epoch=number + 1, asked_at=now, reason=decision.reason)
        asked = replace(state, pending=pending)
        self._store.write(
            asked,
            opened=self._record(asked),
            stamps={number: {"ended_at": now}},
            look=_look(now, now, decision, totals),
        )
        self._endpoint.weigh(decision.weights)

    def _record(self, state: State) -> EpochRecord:
        """The epoch that is asked for."""
        assert state.pending is not None  # noqa: S101 - only asked of such
        return EpochRecord(
            generation=state.generation,
            number=state.pending.epoch,
            weights=state.pending.weights,
            reason=state.pending.reason,
            requested_at=state.pending.asked_at,
        )

    def _measure(self, told: Sequence[Measure]) -> None:
        """A look that did its work has not failed because nobody was told."""
        try:
            self._metrics.put(told)
        except Exception:
            log.exception("%s: no metrics", self._experiment.name)


class WrongWeightsError(Exception):
    """A decision that the endpoint would not take. Nothing was changed."""


def check(weights: Mapping[str, float], names: Collection[str]) -> None:
    """Weights of all arms and no other, finite, not negative, and one of them more than zero."""
    fine = all(math.isfinite(weight) and weight >= 0.0 for weight in weights.values())
    if set(weights) != set(names) or not fine or not any(weights.values()):
        raise WrongWeightsError(f"no weights for {', '.join(names)}: {dict(weights)}")


def same(weights: Mapping[str, float], wanted: Mapping[str, float]) -> bool:
    """Whether the variants in `wanted` get the same shares by both."""
    total, sought = sum(weights[name] for name in wanted), sum(wanted.values())
    if not total:
        return False
    return all(abs(weights[name] / total - wanted[name] / sought) < _SAME for name in wanted)


def measures(
    experiment: Experiment, state: State, decision: Decision, totals: Mapping[str, Totals]
) -> list[Measure]:
    """What a look has to tell CloudWatch."""
    told = [
        Measure("Epoch", float(state.epoch)),
        Measure("Stopped", float(state.stopped)),
        Measure("SampleRatioMismatch", float(decision.sample_ratio.mismatch)),
    ]
    if decision.value_remaining is not None:
        told.append(Measure("ValueRemaining", decision.value_remaining))
    for arm in experiment.names:
        counted = totals.get(arm, Totals())
        told += [
            Measure("Weight", decision.weights[arm], arm),
            Measure("Tripped", float(arm in state.tripped), arm),
            Measure("Exposures", counted.exposures, arm),
            Measure("Rewards", counted.rewards, arm),
        ]
        if arm in decision.beliefs:
            belief = decision.beliefs[arm]
            told += [
                Measure("MeanReward", belief.mean, arm),
                Measure("ProbabilityBest", belief.probability_best, arm),
            ]
    return told


def _look(key: float, now: float, decision: Decision, totals: Mapping[str, Totals]) -> Item:
    arms = {arm: asdict(each) for arm, each in totals.items()}
    return look_item(key, at=now, decision=asdict(decision), totals=arms)
