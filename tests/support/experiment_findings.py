"""What a report is about: an experiment that goes on day by day, as told here and not by chance."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from constructs_lib.experiments.report.findings import Findings, Look, Stretch, Trip
from constructs_lib.experiments.runtime.counts import Totals
from constructs_lib.experiments.runtime.decision import Belief, Decision, SampleRatio, Verdict
from constructs_lib.experiments.runtime.experiment import (
    Allocation,
    Arm,
    Experiment,
    Guardrail,
    Reward,
    Stopping,
)

BEGAN = 1_800_000_000.0
DAY = 86400.0
SHARES = ((0.34, 0.33, 0.33), (0.25, 0.45, 0.3), (0.15, 0.6, 0.25), (0.08, 0.8, 0.12))
RATES = {"control": 0.05, "bold": 0.062, "shy": 0.053}

BINARY = Experiment(
    name="pricing",
    endpoint="pricing",
    arms=tuple(Arm(name=name, model=f"model-{name}", share=1 / 3) for name in RATES),
    reward=Reward(kind="binary", window=DAY),
    allocation=Allocation(kind="thompson"),
    stopping=Stopping(),
    guardrails=(Guardrail(alarm="pricing-bold-errors", arm="bold"),),
)
NUMERIC = replace(BINARY, reward=Reward(kind="numeric", window=3600.0, low=-5.0, high=250.0, minimize=True))
SPLIT = replace(BINARY, allocation=Allocation(kind="fixed"), stopping=None)


def findings(
    experiment: Experiment = BINARY, *, days: int = 12, per_day: float = 4000, **more: Any
) -> Findings:
    """An experiment after so many days, with a look every eight hours and new shares every few days."""
    epochs = _epochs(experiment, days)
    looks = tuple(_look(experiment, number / 3, per_day) for number in range(1, days * 3 + 1))
    given: dict[str, Any] = {
        "experiment": experiment,
        "made_at": BEGAN + days * DAY,
        "began": BEGAN,
        "seen_at": BEGAN + days * DAY,
        "weights": epochs[-1].weights,
        "epochs": epochs,
        "looks": looks,
    }
    return Findings(**{**given, **more})


def with_verdicts(of: Findings, *verdicts: Verdict, **decision: Any) -> Findings:
    """The same with another last look."""
    *before, last = of.looks
    decided = replace(last.decision, verdicts=verdicts, **decision)
    return replace(of, looks=(*before, replace(last, decision=decided)))


def verdict(arm: str, kind: Any, low: float | None = None, high: float | None = None) -> Verdict:
    middle = None if low is None or high is None else (low + high) / 2
    return Verdict(arm=arm, kind=kind, difference=middle, low=low, high=high)


def tripped(of: Findings, arm: str = "bold") -> Findings:
    weights = {name: 0.0 if name == arm else weight for name, weight in of.weights.items()}
    return replace(of, trips=(Trip(arm=arm, at=of.made_at - DAY),), weights=weights)


def renamed(of: Experiment, names: Sequence[str]) -> Experiment:
    arms = tuple(Arm(name=name, model="m", share=1 / len(names)) for name in names)
    return replace(of, arms=arms)


def _epochs(experiment: Experiment, days: int) -> tuple[Stretch, ...]:
    fixed = experiment.allocation.kind == "fixed"
    changes = (
        [(0, SHARES[0])] if fixed else [(3 * n, shares) for n, shares in enumerate(SHARES) if 3 * n < days]
    )
    found = []
    for number, (day, shares) in enumerate(changes):
        last = number == len(changes) - 1
        asked = BEGAN + day * DAY
        found.append(
            Stretch(
                number=number,
                weights=_weights(experiment, shares),
                requested_at=asked,
                settled_at=asked + 60,
                ended_at=None if last else BEGAN + changes[number + 1][0] * DAY,
                reason="Initial shares." if number == 0 else "New shares: bold is best.",
            )
        )
    return tuple(found)


def _weights(experiment: Experiment, shares: Sequence[float]) -> Mapping[str, float]:
    """The shares among the arms, however many there are."""
    given = [shares[number % len(shares)] for number in range(len(experiment.arms))]
    return {name: share / sum(given) for name, share in zip(experiment.names, given, strict=True)}


def _look(experiment: Experiment, day: float, per_day: float) -> Look:
    units = max(day - 1, 0) * per_day / len(experiment.arms)
    beliefs, totals = {}, {}
    for number, name in enumerate(experiment.names):
        rate = RATES.get(name, 0.04 + 0.002 * number) + 0.012 * math.sin(3 * day + number) / (1 + day)
        seen = Totals(exposures=round(units), rewards=round(units * rate), total=units * rate)
        totals[name] = seen
        beliefs[name] = _belief(experiment, seen, rate, number)
    return Look(
        at=BEGAN + day * DAY,
        decision=Decision(
            weights=_weights(experiment, SHARES[-1]),
            change=False,
            reason="No change.",
            value_remaining=0.04 / (1 + day),
            beliefs=beliefs,
            verdicts=tuple(_verdict(experiment, beliefs, name) for name in experiment.names[1:]),
            sample_ratio=SampleRatio(p=0.4),
        ),
        totals=totals,
    )


def _belief(experiment: Experiment, seen: Totals, rate: float, number: int) -> Belief:
    mean = (seen.total + 1) / (seen.exposures + 2)
    deviation = math.sqrt(mean * (1 - mean) / (seen.exposures + 3))
    best = 0.9 if number == 1 else 0.1 / (len(experiment.arms) - 1)
    numeric = experiment.reward.kind == "numeric"
    if numeric:
        mean, deviation = 100 - 900 * rate, 40 / math.sqrt(seen.exposures + 1)
    return Belief(
        mean=mean,
        low=mean - 1.96 * deviation if numeric else max(mean - 1.96 * deviation, 0),
        high=mean + 1.96 * deviation if numeric else min(mean + 1.96 * deviation, 1),
        probability_best=best,
        units=seen.exposures,
    )


def _verdict(experiment: Experiment, beliefs: Mapping[str, Belief], name: str) -> Verdict:
    mine, control = beliefs[name], beliefs[experiment.names[0]]
    gap, width = mine.mean - control.mean, (mine.high - mine.low + control.high - control.low) * 0.7
    kind: Any = "inconclusive"
    if abs(gap) > width:
        kind = "better" if (gap > 0) != experiment.reward.minimize else "worse"
    if mine.units < 100:
        return Verdict(arm=name, kind="no data", biased=experiment.allocation.kind != "fixed")
    return Verdict(
        arm=name,
        kind=kind,
        difference=gap,
        low=gap - width,
        high=gap + width,
        biased=experiment.allocation.kind != "fixed",
    )
