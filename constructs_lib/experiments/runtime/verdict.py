"""Each arm against the control: better, worse, not to be told yet, or too little known."""

from __future__ import annotations

from collections.abc import Mapping

from .counts import Totals
from .decision import Verdict, VerdictKind
from .experiment import Experiment
from .sequences import Moments, Sequence, difference, moments

FEWEST_EXPECTED = 10.0
"""Successes, and failures, of each arm if there were no difference. With less, and a small share, an A/A test that is
watched all the time was wrong oftener than alpha (simulated)."""


def verdicts(experiment: Experiment, totals: Mapping[str, Totals]) -> tuple[Verdict, ...]:
    """One for each arm but the control; alpha is divided among them (Bonferroni)."""
    control, *challengers = experiment.names
    adaptive = experiment.allocation.kind != "fixed"
    found = []
    for arm in challengers:
        sequence = _sequence(
            experiment, totals[arm], totals[control], experiment.analysis.alpha / len(challengers)
        )
        if sequence is None:
            found.append(Verdict(arm=arm, kind="no data", biased=adaptive))
        else:
            found.append(
                Verdict(
                    arm=arm,
                    kind=_kind(sequence, experiment.reward.minimize),
                    difference=sequence.difference,
                    low=sequence.low,
                    high=sequence.high,
                    biased=adaptive,
                )
            )
    return tuple(found)


def _sequence(experiment: Experiment, arm: Totals, control: Totals, alpha: float) -> Sequence | None:
    """None while too little is known of either."""
    mine, theirs = moments(experiment.reward, arm), moments(experiment.reward, control)
    if mine is None or theirs is None or min(mine.count, theirs.count) < experiment.analysis.minimum_units:
        return None
    if experiment.reward.kind == "binary" and _rare(mine, theirs):
        return None
    return difference(mine, theirs, alpha=alpha, adaptive=experiment.allocation.kind != "fixed")


def _rare(arm: Moments, control: Moments) -> bool:
    """Whether so few successes, or failures, are to be expected of the smaller arm that means are not yet normal."""
    units = arm.count + control.count
    rate = (arm.mean * arm.count + control.mean * control.count) / units
    return min(arm.count, control.count) * min(rate, 1 - rate) < FEWEST_EXPECTED


def _kind(sequence: Sequence, minimize: bool) -> VerdictKind:
    if sequence.low > 0:
        return "worse" if minimize else "better"
    if sequence.high < 0:
        return "better" if minimize else "worse"
    return "inconclusive"
