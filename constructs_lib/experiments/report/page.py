"""The page: the verdict, the arms, the charts, what happened. One file that asks nobody for anything else."""

from __future__ import annotations

from collections.abc import Iterator

from ...pages import parts
from ...pages.formats import NOTHING, count, duration, moment, percent, thinned
from ...pages.markup import Markup, together
from ...pages.verdict import verdict_card
from ..runtime.counts import Totals
from ..runtime.decision import Belief, Verdict
from . import charts
from .amounts import Amounts
from .findings import Findings, Stretch
from .words import kind, question, status, story

_MOST_ROWS = 60  # of looks
_LATEST = 12  # epochs


def page(findings: Findings) -> str:
    """The report as HTML."""
    return parts.page(
        f"Experiment {findings.experiment.name}",
        _header(findings),
        verdict_card(story(findings)),
        _arms(findings),
        *_charts(findings),
        *_history(findings),
        parts.glossary("How to read this", _TERMS),
    )


def _header(findings: Findings) -> Markup:
    experiment, last = findings.experiment, findings.last
    looked = "" if last is None else f" Last look: {moment(last.at)} UTC."
    return parts.header(
        f"Experiment {experiment.name}",
        status(findings),
        f"{kind(findings)}, on endpoint {experiment.endpoint}. Began: {moment(findings.began)} UTC, "
        f"{duration(findings.made_at - findings.began)} ago.{looked}",
        question(findings),
    )


# --- the arms -------------------------------------------------------------------------------------------


def _arms(findings: Findings) -> Markup:
    rows = [_arm(findings, name) for name in findings.experiment.names]
    header = (
        "Variant",
        "Share now",
        "Exposures",
        "Rewards",
        "Matured",
        "Mean reward, 95 %",
        "P(best)",
        f"Difference{' (% points)' if findings.experiment.reward.kind == 'binary' else ''}",
    )
    return parts.card(
        "Variants",
        "Exposures and rewards are all that were counted; matured are the exposures whose time for a reward is "
        "over, which all else rests on. P(best) is the probability that no other variant has a better mean reward; the "
        "difference is that to the control.",
        parts.table(header, rows),
        id="variants",
    )


def _arm(findings: Findings, name: str) -> list[str]:
    last = findings.last
    belief = None if last is None else last.decision.beliefs.get(name)
    totals = None if last is None else last.totals.get(name, Totals())
    return [
        _arm_name(findings, name),
        percent(findings.share(name)),
        NOTHING if totals is None else count(totals.exposures),
        NOTHING if totals is None else count(totals.rewards),
        NOTHING if belief is None else count(belief.units),
        NOTHING if belief is None else _mean(belief, Amounts(findings.experiment.reward)),
        NOTHING if belief is None else _probability(belief.probability_best, findings.series(name)),
        _against_control(findings, name),
    ]


def _mean(belief: Belief, amounts: Amounts) -> Markup:
    if not belief.units:
        return together(NOTHING)
    mean = amounts.mean(belief.mean, width=belief.high - belief.low)
    return together(mean, parts.below(amounts.interval(belief.low, belief.high)))


def _arm_name(findings: Findings, name: str) -> Markup:
    tags = []
    if name == findings.control:
        tags.append(parts.tag("control", "note"))
    if name in findings.tripped:
        tags.append(parts.tag("taken out", "bad"))
    if name == findings.best:
        tags.append(parts.tag("kept", "good"))
    return together(parts.swatch(findings.series(name)), name, *tags)


def _probability(value: float, series: int) -> Markup:
    return together(percent(value), parts.bar(value, series))


def _against_control(findings: Findings, name: str) -> str:
    verdicts: tuple[Verdict, ...] = () if findings.last is None else findings.last.decision.verdicts
    for verdict in verdicts:
        if verdict.arm != name:
            continue
        if verdict.low is None or verdict.high is None:
            return verdict.kind
        amounts = Amounts(findings.experiment.reward)
        difference = amounts.differences(verdict.low, verdict.high).removesuffix(amounts.points)
        return together(verdict.kind, parts.below(difference))
    return NOTHING


# --- the charts -----------------------------------------------------------------------------------------


def _charts(findings: Findings) -> Iterator[Markup]:
    yield parts.chart_card(
        "Traffic",
        "The share of each variant, one upon the other. A step is a change of the endpoint's weights.",
        charts.traffic(findings),
        "The values are in the table of epochs below." if findings.epochs else "",
    )
    rewards, posteriors = charts.rewards(findings), charts.posteriors(findings)
    if rewards is not None:
        yield parts.chart_card(
            "Mean reward over time",
            "A line is the mean that was believed at each look, and 95 % of the belief lay within its band. "
            "It narrows as answers mature.",
            rewards,
            _rewards_table(findings),
        )
    if posteriors is not None:
        yield parts.chart_card(
            "Mean reward now",
            "What is believed of each mean: the higher the curve, the more probable. Curves that lie apart belong "
            "to variants that differ.",
            posteriors,
            "Means and intervals are in the table of variants above.",
        )


def _rewards_table(findings: Findings) -> Markup:
    amounts, names = Amounts(findings.experiment.reward), findings.experiment.names
    looks = charts.knowing(findings)
    rows = [
        [
            parts.time(look.at),
            *(
                f"{amounts.mean(belief.mean, width=belief.high - belief.low)} "
                f"({amounts.interval(belief.low, belief.high)})"
                for belief in (look.decision.beliefs[name] for name in names)
            ),
        ]
        for look in thinned(looks, _MOST_ROWS)
    ]
    shown = f"{len(rows)} of {len(looks)} looks" if len(rows) < len(looks) else "all looks"
    return parts.folded(f"As a table ({shown})", parts.table(("Look (UTC)", *names), rows))


# --- what happened --------------------------------------------------------------------------------------


def _history(findings: Findings) -> Iterator[Markup]:
    guarded = [name for name in findings.experiment.names if findings.alarms(name)]
    if guarded:
        yield parts.card(
            "Guardrails",
            "When one of a variant's alarms goes off, it loses its traffic, whatever it earns.",
            parts.table(
                ("Variant", "State", "Alarms"), [_guarded(findings, name) for name in guarded], text_last=True
            ),
        )
    if findings.epochs:
        yield parts.card(
            "Epochs",
            "Times in which the weights did not change, the latest first. An epoch begins once the endpoint "
            "surely follows its weights.",
            *_epochs(findings),
        )


def _epochs(findings: Findings) -> Iterator[Markup]:
    """The latest ones, and the others for whoever asks for them."""
    header = ("Epoch", "From (UTC)", "To (UTC)", *findings.experiment.names, "Why")
    rows = [_epoch(findings, each) for each in reversed(findings.epochs)]
    latest, earlier = rows[:_LATEST], rows[_LATEST:]
    yield parts.table(header, latest, text_last=True)
    if earlier:
        yield parts.folded(f"{len(earlier)} earlier", parts.table(header, earlier, text_last=True))


def _guarded(findings: Findings, name: str) -> list[str]:
    since = {trip.arm: moment(trip.at) for trip in findings.trips}
    state = f"taken out, {since[name]} UTC" if name in since else "not tripped"
    return [name, state, ", ".join(findings.alarms(name))]


def _epoch(findings: Findings, stretch: Stretch) -> list[str]:
    began = "not in force yet" if stretch.settled_at is None else parts.time(stretch.settled_at)
    ended = NOTHING if stretch.ended_at is None else parts.time(stretch.ended_at)
    whole = sum(stretch.weights.values()) or 1.0
    shares = [percent(stretch.weights.get(name, 0.0) / whole) for name in findings.experiment.names]
    return [str(stretch.number), began, ended, *shares, stretch.reason or NOTHING]


# --- words ----------------------------------------------------------------------------------------------

_TERMS = {
    "Control": "The first variant, which the others are compared with.",
    "95 % interval": "Of the mean reward: it lies within with 95 % probability, given what was counted.",
    "Confidence": "Of a difference: the interval holds however often one looks, for all variants together. So a "
    "verdict may be acted on any day; it is wider than one for a single look.",
    "P(best)": "The probability that a variant's mean reward is the best of those that may have traffic.",
    "Epoch": "A time in which the weights did not change.",
}
