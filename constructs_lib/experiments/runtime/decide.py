"""The decision of a look: from the description, the situation and the counts, and from nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from . import allocation as shares
from .comparison import probabilities_best, value_remaining
from .counts import Bucket, Totals
from .decision import Belief, Decision, SampleRatio, Situation
from .density import Density
from .experiment import Experiment
from .memory import by_arm, matured, outstanding, remembered
from .posterior import credible, mean, posterior
from .sample_ratio import sample_ratio
from .verdict import verdicts

STEPS_WITHIN = 20
"""A change by less than the hysteresis divided by this is none, by whatever factor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Knowledge:
    """What the counts say, before anything is decided."""

    experiment: Experiment
    situation: Situation
    standing: tuple[str, ...]
    """The arms that may have traffic."""
    totals: Mapping[str, Totals]
    """Of all matured periods."""
    remembered: Mapping[str, Totals]
    """As the allocation sees them."""
    posteriors: Mapping[str, Density]
    probabilities: Mapping[str, float]
    """That an arm is the best of those that stand."""
    value_remaining: float
    sample_ratio: SampleRatio
    batch: float
    """How many answers are given before more is known."""

    @property
    def leader(self) -> str:
        """The arm that is most probably the best."""
        return max(self.probabilities, key=lambda arm: self.probabilities[arm])

    @property
    def least_known(self) -> str:
        """Of the arms that stand and have initial traffic, the one with the fewest matured units."""
        meant = [arm.name for arm in self.experiment.arms if arm.name in self.standing and arm.share > 0]
        return min(meant or self.standing, key=lambda arm: self.totals[arm].exposures)

    @property
    def fewest(self) -> float:
        """The matured units of the least known."""
        return self.totals[self.least_known].exposures

    @property
    def enough(self) -> bool:
        """Whether every arm has its minimum of units."""
        return self.fewest >= self.experiment.allocation.minimum_units

    @property
    def elapsed(self) -> float:
        """Seconds since the beginning."""
        return max(self.situation.now - self.situation.began, 0.0)


def decide(experiment: Experiment, situation: Situation, buckets: Sequence[Bucket]) -> Decision:
    """What is to be done. Once it has stopped, only a guardrail moves its traffic."""
    known = _knowledge(experiment, situation, buckets)
    stop = not situation.stopped and _is_done(known)
    weights = shares.rounded(_wanted(known, stop), experiment.names)
    change = _is_material(known, weights, stop)
    best = None
    if stop or situation.stopped:
        best = max(known.standing, key=lambda arm: weights[arm])
    return Decision(
        weights=weights,
        change=change,
        reason=_reason(known, weights, stop, change),
        stop=stop or situation.stopped,
        best=best,
        value_remaining=known.value_remaining,
        beliefs=_beliefs(known),
        verdicts=verdicts(experiment, known.totals),
        sample_ratio=known.sample_ratio,
    )


def _knowledge(experiment: Experiment, situation: Situation, buckets: Sequence[Bucket]) -> Knowledge:
    seen = remembered(experiment, situation, buckets)
    posteriors = {arm: posterior(experiment.reward, totals) for arm, totals in seen.items()}
    standing = shares.standing(experiment.names, situation.tripped)
    racing = {arm: posteriors[arm] for arm in standing}
    probabilities = probabilities_best(racing)
    leader = max(probabilities, key=lambda arm: probabilities[arm])
    return Knowledge(
        experiment=experiment,
        situation=situation,
        standing=standing,
        totals=by_arm(experiment, matured(experiment, situation, buckets)),
        remembered=seen,
        posteriors=posteriors,
        probabilities=probabilities,
        value_remaining=value_remaining(racing, leader, experiment.reward),
        sample_ratio=sample_ratio(experiment, situation, buckets),
        batch=outstanding(experiment, situation, buckets),
    )


def _is_done(known: Knowledge) -> bool:
    """Either threshold, after the minimum duration; never of a fixed split, nor by what cannot be trusted.

    An arm that has lost its rivals to guardrails has not won, and a sample-ratio mismatch says that the arms were
    not compared alike.
    """
    stopping = known.experiment.stopping
    if stopping is None or known.experiment.allocation.kind == "fixed":
        return False
    if len(known.standing) < 2 or not known.enough or known.sample_ratio.mismatch:
        return False
    return known.elapsed >= stopping.minimum_duration and (
        known.probabilities[known.leader] >= stopping.probability_best
        or known.value_remaining < stopping.value_remaining
    )


def _wanted(known: Knowledge, stop: bool) -> dict[str, float]:
    """The shares of the arms that stand, not rounded."""
    experiment, allocation = known.experiment, known.experiment.allocation
    first = shares.initial(experiment, known.standing)
    if stop:
        return {arm: float(arm == known.leader) for arm in known.standing}
    if known.situation.stopped:
        kept = {arm: known.situation.weights.get(arm, 0.0) for arm in known.standing}
        return kept if any(kept.values()) else first
    trust = shares.trust(allocation, known.fewest)
    if allocation.kind == "fixed" or trust == 0:
        return first
    learned = shares.learned(experiment, known.posteriors, known.probabilities, known.remembered, known.batch)
    even = dict.fromkeys(known.standing, 1 / len(known.standing))
    return shares.mixed(shares.mixed(first, learned, trust), even, shares.floor(allocation, known.elapsed))


def _is_material(known: Knowledge, weights: Mapping[str, float], stop: bool) -> bool:
    """By the hysteresis; but a guardrail, and the end, need no minimum."""
    in_force = known.situation.weights
    if stop and any(weights[arm] != in_force.get(arm, 0.0) for arm in weights):
        return True
    if any(in_force.get(arm, 0.0) > 0 and arm not in known.standing for arm in weights):
        return True
    hysteresis = known.experiment.allocation.hysteresis
    return any(_moves(in_force.get(arm, 0.0), share, hysteresis) for arm, share in weights.items())


def _moves(before: float, after: float, hysteresis: float) -> bool:
    """Whether a share differs by the hysteresis; or, if it is smaller than that, by a factor of two.

    Else what a bad arm has left below the hysteresis would stay for ever, and an arm that had bad luck at first
    would never come back.
    """
    if before == after:
        return False
    little = hysteresis / STEPS_WITHIN
    return abs(after - before) >= hysteresis or not 0.5 < (after + little) / (before + little) < 2


def _beliefs(known: Knowledge) -> dict[str, Belief]:
    reward = known.experiment.reward
    found = {}
    for arm, density in known.posteriors.items():
        low, high = credible(reward, density)
        found[arm] = Belief(
            mean=mean(reward, density),
            low=low,
            high=high,
            probability_best=known.probabilities.get(arm, 0.0),
            units=known.remembered[arm].exposures,
        )
    return found


def _reason(known: Knowledge, weights: Mapping[str, float], stop: bool, change: bool) -> str:
    sentences = [_about_guardrails(known), _about_weights(known, weights, stop, change)]
    if known.sample_ratio.mismatch:
        sentences.append(
            "The arms do not get the traffic that their weights say: results are not to be trusted."
        )
    return " ".join(sentence for sentence in sentences if sentence)


def _about_guardrails(known: Knowledge) -> str:
    tripped = [name for name in known.experiment.names if name in known.situation.tripped]
    if not tripped:
        return ""
    if len(tripped) == len(known.experiment.names):
        return "Guardrails have taken out every arm: all traffic goes to the control."
    return f"Guardrails have taken out {', '.join(tripped)}."


def _about_weights(known: Knowledge, weights: Mapping[str, float], stop: bool, change: bool) -> str:
    allocation = known.experiment.allocation
    leader = f"{known.leader} is best with {known.probabilities[known.leader]:.1%} probability"
    remaining = f"another arm might gain {known.value_remaining:.1%} at most"
    if known.situation.stopped:
        return "The experiment has stopped: its weights stay."
    if stop:
        return f"Stopped: {leader}, {remaining}."
    if len(known.standing) == 1:
        return f"Only {known.standing[0]} has traffic."
    if allocation.kind == "fixed":
        return "The split is fixed."
    if not known.enough:
        return (
            f"Initial shares: {known.least_known} has {known.fewest:.0f} of the {allocation.minimum_units} "
            "matured units that each arm needs before the first shift."
        )
    if not change:
        return f"No change: no share would move enough. {leader}, {remaining}."
    moved = ", ".join(f"{arm} {weight:.1%}" for arm, weight in weights.items())
    return f"New shares: {moved}. {leader}, {remaining}."
