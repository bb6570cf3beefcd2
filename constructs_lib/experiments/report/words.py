"""The verdict in words: what the experiment has found, how sure that is, and what speaks against it."""

from __future__ import annotations

from collections.abc import Iterator

from ...pages.formats import count, duration, given, listing, moment, number, percent
from ...pages.verdict import Notice, Story, Tone
from ..runtime.decision import Verdict
from .amounts import Amounts
from .findings import Findings, Look, Trip

STALE_AFTER = 26 * 3600.0
"""Seconds: the controller looks once a day at least."""
_KINDS = {
    "fixed": "A/B test, fixed split",
    "thompson": "Bandit, Thompson sampling",
    "epsilon_greedy": "Bandit, ε-greedy",
    "kl_ucb": "Bandit, KL-UCB",
}


_TOLD_APART = 2  # variants of which nothing is known but intervals
_BEYOND_TELLING = 10.0  # ten times as much: nothing is known yet


def kind(findings: Findings) -> str:
    """What kind of experiment it is."""
    return _KINDS[findings.experiment.allocation.kind]


def status(findings: Findings) -> str:
    """Whether it runs."""
    return "stopped" if findings.stopped else "running"


def question(findings: Findings) -> str:
    """What is compared, and how."""
    reward = findings.experiment.reward
    within = f"within {duration(reward.window)} of the answer"
    if reward.kind == "binary":
        return f"Reward: success or none, {within}; a missing one is a failure then."
    better = "less is better" if reward.minimize else "more is better"
    return (
        f"Reward: a number from {given(reward.low)} to {given(reward.high)}, {better}, {within}; "
        "an answer without one does not count."
    )


def story(findings: Findings) -> Story:
    """The verdict on what is known now."""
    tone, headline = _headline(findings)
    return Story(
        tone=tone,
        headline=headline,
        sentences=tuple(_sentences(findings)),
        notices=tuple(_notices(findings)),
    )


def _headline(findings: Findings) -> tuple[Tone, str]:
    last, control = findings.last, _the_control(findings)
    if last is None:
        return "waiting", "Nothing has been looked at yet"
    if last.decision.sample_ratio.mismatch:
        return "bad", "The traffic is not what it should be: do not trust the results"
    if findings.stopped and findings.best in findings.tripped:
        return "bad", f"{findings.best} was kept, but a guardrail has taken it out"
    if findings.stopped and findings.best is not None:
        keep = control if findings.best == findings.control else findings.best
        return "good", f"It is decided: keep {keep}"
    verdicts = last.decision.verdicts
    all_better = [verdict.arm for verdict in verdicts if verdict.kind == "better"]
    better = [arm for arm in all_better if arm not in findings.tripped]
    if all_better and not better:
        which = f"{listing(all_better)} {_is(all_better)}"
        return "bad", f"{which} better than {control}, but taken out by a guardrail"
    if better:
        first, *others = sorted(better, key=lambda arm: -_probability(last, arm))
        also = f"; so {_is(others)} {listing(others)}" if others else ""
        return "good", f"{first} is better than {control}{also}"
    if all(verdict.kind == "no data" for verdict in verdicts):
        return "waiting", "There is too little data for a verdict"
    if all(verdict.kind == "worse" for verdict in verdicts):
        arms = [verdict.arm for verdict in verdicts]
        return "bad", f"{listing(arms)} {_is(arms)} worse than {control}"
    return "open", f"Inconclusive: nothing is known to be better than {control}"


def _is(arms: list[str]) -> str:
    return "is" if len(arms) == 1 else "are"


def _the_control(findings: Findings) -> str:
    """Its name, unless that says it already."""
    name = findings.control
    return "the control" if name.lower() == "control" else f"{name}, the control"


def _probability(look: Look, arm: str) -> float:
    belief = look.decision.beliefs.get(arm)
    return 0.0 if belief is None else belief.probability_best


# --- sentences ------------------------------------------------------------------------------------------


def _sentences(findings: Findings) -> Iterator[str]:
    last = findings.last
    if last is None:
        yield "The controller looks on its schedule; come back after its first look."
        return
    yield from _ended(findings, last)
    for kind in ("better", "worse", "inconclusive", "no data"):
        alike = [verdict for verdict in last.decision.verdicts if verdict.kind == kind]
        if kind == "no data" and alike:
            yield _missing(findings, last, [verdict.arm for verdict in alike])
        elif kind == "inconclusive" and len(alike) > _TOLD_APART:
            arms = listing([verdict.arm for verdict in alike])
            yield f"{arms} may be better or worse than {findings.control}: see the table of variants."
        else:
            yield from (about(verdict, findings, last) for verdict in alike)
    yield from _outlook(findings, last)


def about(verdict: Verdict, findings: Findings, last: Look) -> str:
    """One arm against the control."""
    arm, control = verdict.arm, findings.control
    if verdict.difference is None or verdict.low is None or verdict.high is None:
        return f"{arm}: {verdict.kind}."
    amounts = Amounts(findings.experiment.reward)
    confidence = percent(1 - findings.experiment.analysis.alpha)
    known = f"between {_ends(amounts, verdict.low, verdict.high)}, with {confidence} confidence"
    if verdict.kind == "inconclusive":
        return f"{arm} may be better or worse than {control}: the difference of its mean reward lies {known}."
    size = amounts.difference(abs(verdict.difference), width=verdict.high - verdict.low).removeprefix("+")
    return (
        f"{arm} is {verdict.kind} than {control} by {size}{_relative(verdict, last, control)}. "
        f"The difference lies {known}."
    )


def _ends(amounts: Amounts, low: float, high: float) -> str:
    return amounts.differences(low, high).replace(" to ", " and ")


def _relative(verdict: Verdict, last: Look, control: str) -> str:
    belief = last.decision.beliefs.get(control)
    if belief is None or belief.mean <= 0 or verdict.difference is None:
        return ""
    change = abs(verdict.difference) / belief.mean * 100
    return f", relatively by {number(change, decimals=1 if change < 10 else 0)} %"


def _missing(findings: Findings, last: Look, arms: list[str]) -> str:
    """What is needed before there can be a verdict on these arms."""
    needed = findings.experiment.analysis.minimum_units
    if findings.experiment.reward.kind == "binary":
        what, units = "answers whose time for a reward is over", _matured(last)
    else:
        what, units = "rewards", {name: totals.rewards for name, totals in last.totals.items()}
    have = listing([f"{name} has {count(units.get(name, 0.0))}" for name in (findings.control, *arms)])
    return f"Too little is known of {listing(arms)}. A verdict needs {needed} {what}, of the control too: {have}."


def _matured(last: Look) -> dict[str, float]:
    return {name: belief.units for name, belief in last.decision.beliefs.items()}


def _ended(findings: Findings, last: Look) -> Iterator[str]:
    """How sure it was to stop: by a rule that is not that of the verdicts."""
    best = findings.best
    if findings.stopped and best is not None and best in last.decision.beliefs:
        yield (
            f"The experiment has stopped: of the variants that may have traffic, {best} is the best with a "
            f"probability of {percent(_probability(last, best))}. What follows is judged more strictly: it holds at "
            "any time, and for all variants together."
        )


def _outlook(findings: Findings, last: Look) -> Iterator[str]:
    """What is still to be won by going on."""
    decision, stopping = last.decision, findings.experiment.stopping
    told = any(verdict.kind != "no data" for verdict in decision.verdicts)
    if told and decision.beliefs and not findings.stopped:
        leader = max(decision.beliefs, key=lambda arm: _probability(last, arm))
        yield f"Most probably the best so far: {leader}, with {percent(_probability(last, leader))}."
    if findings.stopped or findings.experiment.allocation.kind == "fixed":
        return
    remaining = decision.value_remaining
    if told and remaining is not None and remaining < _BEYOND_TELLING:
        yield f"Another choice might still gain {percent(remaining)} at most, relative."
    if stopping is not None:
        yield (
            f"It stops by itself when a variant is the best with {percent(stopping.probability_best)} "
            f"probability, or when less than {percent(stopping.value_remaining)} could still be gained; "
            f"not before {moment(findings.began + stopping.minimum_duration)} UTC."
        )


# --- notices --------------------------------------------------------------------------------------------


def _notices(findings: Findings) -> Iterator[Notice]:
    last = findings.last
    if last is not None and last.decision.sample_ratio.mismatch:
        yield _mismatch(last)
    for trip in findings.trips:
        yield Notice(
            tone="bad",
            title=f"A guardrail has taken {trip.arm} out",
            text=f"{_tripped(findings, trip)} It stays out until a person lets it back in: python -m "
            f"constructs_lib.experiments reset {findings.experiment.name} --arm {trip.arm}",
        )
    if last is not None and any(
        verdict.biased and verdict.kind != "no data" for verdict in last.decision.verdicts
    ):
        yield Notice(
            tone="warning",
            title="The sizes of the differences are biased",
            text="The traffic followed the rewards, so an arm that was unlucky early on got less of it and no "
            "chance to make up for it. Which arm is better holds; by how much is not to be quoted.",
        )
    looked = max(findings.seen_at, 0.0 if last is None else last.at)
    if findings.made_at - looked > STALE_AFTER:
        yield Notice(
            tone="warning",
            title="The controller has not looked for a while",
            text=f"Its last look was {duration(findings.made_at - looked)} before this report. Its log says why.",
        )


def _tripped(findings: Findings, trip: Trip) -> str:
    alarms = findings.alarms(trip.arm)
    which = f"The alarm {alarms[0]}" if len(alarms) == 1 else "One of its alarms"
    if len(alarms) > 1:
        which += f" ({listing(alarms)})"
    if trip.at is None:
        return f"{which} went off; the endpoint's weights have not followed yet."
    return f"{which} went off; it has had no traffic since {moment(trip.at)} UTC."


def _mismatch(last: Look) -> Notice:
    p = last.decision.sample_ratio.always_valid
    chance = "" if p is None else f" (p = {p:.2g}, however often one looks)"
    return Notice(
        tone="bad",
        title="Sample ratio mismatch",
        text=f"The variants did not get the traffic that their weights say{chance}. Something loses exposures, or "
        "counts them for the wrong variant; until it is found, no difference between them means anything.",
    )
