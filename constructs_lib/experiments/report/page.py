"""The page: the verdict, the arms, the charts, what happened. One file that asks nobody for anything else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..runtime.counts import Totals
from ..runtime.decision import Belief, Verdict
from . import charts
from .findings import Findings, Stretch
from .formats import NOTHING, Amounts, count, duration, machine_time, moment, percent
from .markup import Markup, document, element, style_sheet, together
from .style import css
from .words import Story, kind, question, status, story

# Nothing may run, and nothing may be fetched: whatever a name holds, it stays text.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_MOST_ROWS = 60  # of looks
_LATEST = 12  # epochs


def page(findings: Findings) -> str:
    """The report as HTML."""
    name = findings.experiment.name
    head = together(
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="referrer", content="no-referrer"),
        element("title", f"Experiment {name}"),
        style_sheet(css()),
    )
    told = story(findings)
    body = element(
        "main",
        _header(findings),
        _verdict(told),
        _arms(findings),
        *_charts(findings),
        *_history(findings),
        _help(),
    )
    return document(language="en", head=head, body=body)


def _header(findings: Findings) -> Markup:
    experiment, last = findings.experiment, findings.last
    looked = "" if last is None else f" Last look: {moment(last.at)} UTC."
    return element(
        "header",
        element("h1", f"Experiment {experiment.name}"),
        element("span", status(findings), class_="pill"),
        element(
            "p",
            f"{kind(findings)}, on endpoint {experiment.endpoint}. Began: {moment(findings.began)} UTC, "
            f"{duration(findings.made_at - findings.began)} ago.{looked}",
        ),
        element("p", question(findings)),
    )


def _verdict(told: Story) -> Markup:
    notices = [
        element("li", element("strong", notice.title), notice.text, class_=notice.tone)
        for notice in told.notices
    ]
    return element(
        "section",
        element("h2", told.headline),
        *(element("p", sentence) for sentence in told.sentences),
        element("ul", *notices, class_="notices") if notices else "",
        class_=f"card verdict {told.tone}",
        id="verdict",
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
    return _card(
        "Variants",
        "Exposures and rewards are all that were counted; matured are the exposures whose time for a reward is "
        "over, which all else rests on. P(best) is the probability that no other variant has a better mean reward; the "
        "difference is that to the control.",
        _table(header, rows),
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
    return together(mean, element("span", amounts.interval(belief.low, belief.high), class_="below"))


def _arm_name(findings: Findings, name: str) -> Markup:
    tags = []
    if name == findings.control:
        tags.append(element("span", "control", class_="tag note"))
    if name in findings.tripped:
        tags.append(element("span", "taken out", class_="tag bad"))
    if name == findings.best:
        tags.append(element("span", "kept", class_="tag good"))
    swatch = element("span", class_=f"swatch s{findings.series(name)}")
    return together(swatch, name, *tags)


def _probability(value: float, series: int) -> Markup:
    bar = element("i", style=f"width:{value * 100:.1f}%")
    return together(percent(value), element("span", bar, class_=f"bar s{series}", aria_hidden="true"))


def _against_control(findings: Findings, name: str) -> str:
    verdicts: tuple[Verdict, ...] = () if findings.last is None else findings.last.decision.verdicts
    for verdict in verdicts:
        if verdict.arm != name:
            continue
        if verdict.low is None or verdict.high is None:
            return verdict.kind
        amounts = Amounts(findings.experiment.reward)
        difference = amounts.differences(verdict.low, verdict.high).removesuffix(amounts.points)
        return together(verdict.kind, element("span", difference, class_="below"))
    return NOTHING


# --- the charts -----------------------------------------------------------------------------------------


def _charts(findings: Findings) -> Iterator[Markup]:
    yield _chart(
        "Traffic",
        "The share of each variant, one upon the other. A step is a change of the endpoint's weights.",
        charts.traffic(findings),
        "The values are in the table of epochs below." if findings.epochs else "",
    )
    rewards, posteriors = charts.rewards(findings), charts.posteriors(findings)
    if rewards is not None:
        yield _chart(
            "Mean reward over time",
            "A line is the mean that was believed at each look, and 95 % of the belief lay within its band. "
            "It narrows as answers mature.",
            rewards,
            _rewards_table(findings),
        )
    if posteriors is not None:
        yield _chart(
            "Mean reward now",
            "What is believed of each mean: the higher the curve, the more probable. Curves that lie apart belong "
            "to variants that differ.",
            posteriors,
            "Means and intervals are in the table of variants above.",
        )


def _chart(title: str, lead: str, chart: Markup, alternative: str) -> Markup:
    below = alternative
    if alternative and not isinstance(alternative, Markup):
        below = element("p", alternative, class_="lead")
    return _card(title, lead, element("figure", chart), below)


def _rewards_table(findings: Findings) -> Markup:
    amounts, names = Amounts(findings.experiment.reward), findings.experiment.names
    looks = charts.knowing(findings)
    rows = [
        [
            _time(look.at),
            *(
                f"{amounts.mean(belief.mean, width=belief.high - belief.low)} "
                f"({amounts.interval(belief.low, belief.high)})"
                for belief in (look.decision.beliefs[name] for name in names)
            ),
        ]
        for look in charts.thinned(looks, _MOST_ROWS)
    ]
    shown = f"{len(rows)} of {len(looks)} looks" if len(rows) < len(looks) else "all looks"
    return element(
        "details", element("summary", f"As a table ({shown})"), _table(("Look (UTC)", *names), rows)
    )


# --- what happened --------------------------------------------------------------------------------------


def _history(findings: Findings) -> Iterator[Markup]:
    guarded = [name for name in findings.experiment.names if findings.alarms(name)]
    if guarded:
        yield _card(
            "Guardrails",
            "When one of a variant's alarms goes off, it loses its traffic, whatever it earns.",
            _table(
                ("Variant", "State", "Alarms"), [_guarded(findings, name) for name in guarded], text_last=True
            ),
        )
    if findings.epochs:
        yield _card(
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
    yield _table(header, latest, text_last=True)
    if earlier:
        summary = element("summary", f"{len(earlier)} earlier")
        yield element("details", summary, _table(header, earlier, text_last=True))


def _guarded(findings: Findings, name: str) -> list[str]:
    since = {trip.arm: moment(trip.at) for trip in findings.trips}
    state = f"taken out, {since[name]} UTC" if name in since else "not tripped"
    return [name, state, ", ".join(findings.alarms(name))]


def _epoch(findings: Findings, stretch: Stretch) -> list[str]:
    began = "not in force yet" if stretch.settled_at is None else _time(stretch.settled_at)
    ended = NOTHING if stretch.ended_at is None else _time(stretch.ended_at)
    whole = sum(stretch.weights.values()) or 1.0
    shares = [percent(stretch.weights.get(name, 0.0) / whole) for name in findings.experiment.names]
    return [str(stretch.number), began, ended, *shares, stretch.reason or NOTHING]


# --- help -----------------------------------------------------------------------------------------------

_TERMS = {
    "Control": "The first variant, which the others are compared with.",
    "95 % interval": "Of the mean reward: it lies within with 95 % probability, given what was counted.",
    "Confidence": "Of a difference: the interval holds however often one looks, for all variants together. So a "
    "verdict may be acted on any day; it is wider than one for a single look.",
    "P(best)": "The probability that a variant's mean reward is the best of those that may have traffic.",
    "Epoch": "A time in which the weights did not change.",
}


def _help() -> Markup:
    terms = [together(element("dt", term), element("dd", meaning)) for term, meaning in _TERMS.items()]
    return element(
        "section", element("h2", "How to read this"), element("dl", *terms), class_="card", id="help"
    )


# --- parts ----------------------------------------------------------------------------------------------


def _card(title: str, lead: str, *children: str, id: str | None = None) -> Markup:
    return element(
        "section", element("h2", title), element("p", lead, class_="lead"), *children, class_="card", id=id
    )


def _table(header: Iterable[str], rows: Iterable[Iterable[str]], *, text_last: bool = False) -> Markup:
    header = list(header)
    heads = [
        element("th", text, scope="col", class_="text" if text_last and number == len(header) - 1 else None)
        for number, text in enumerate(header)
    ]
    lines = []
    for row in rows:
        first, *middle, last = row
        cells = [element("th", first, scope="row"), *(element("td", cell) for cell in middle)]
        cells.append(element("td", last, class_="text" if text_last else None))
        lines.append(element("tr", *cells))
    table = element("table", element("thead", element("tr", *heads)), element("tbody", *lines))
    return element("div", table, class_="wide", tabindex="0", role="region", aria_label="Table")


def _time(at: float) -> Markup:
    return element("time", moment(at), datetime=machine_time(at))
