"""The three charts: who got the traffic, what the mean rewards were believed to be, and what they are now."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from ...pages.axes import Axis, number_axis, time_axis
from ...pages.formats import moment, percent, thinned
from ...pages.markup import Markup
from ...pages.svg import Chart
from ..runtime.decision import Belief
from ..runtime.experiment import Reward
from .amounts import Amounts
from .findings import Findings, Look

_CURVE = 160  # points of a density
_SPREAD = 3.5  # standard deviations of a density that are drawn
_MANY = 4  # bands, one upon the other
_NORMAL_95 = 1.959964


def traffic(findings: Findings) -> Markup:
    """The shares of the traffic over time, one upon the other."""
    changes = shares_over_time(findings)
    until = max(findings.made_at, changes[-1][0])
    held = [*changes, (until, changes[-1][1])]
    names = findings.experiment.names
    chart = Chart(
        name="traffic",
        title="Shares of the traffic over time",
        description=f"Now: {', '.join(f'{name} {percent(findings.share(name))}' for name in names)}.",
        x=time_axis(held[0][0], until),
        y=number_axis(0, 1, percent=True),
    )
    below = [(at, 0.0) for at, _ in held]
    for name in reversed(names):
        above = [
            (at, floor + shares.get(name, 0.0)) for (at, floor), (_, shares) in zip(below, held, strict=True)
        ]
        chart.stack(below, above, series=findings.series(name))
        chart.end_name((below[-1][1] + above[-1][1]) / 2, name, series=findings.series(name))
        below = above
    _mark_trips(chart, findings)
    told = [(at, [f"{name}: {percent(shares.get(name, 0.0))}" for name in names]) for at, shares in held]
    chart.tell([(at, _lines(at, lines)) for at, lines in told], hold=True)
    return chart.svg()


def shares_over_time(findings: Findings) -> list[tuple[float, Mapping[str, float]]]:
    """From when on which shares were in force, at least since the beginning."""
    known = [
        (stretch.settled_at, _shares(stretch.weights))
        for stretch in findings.epochs
        if stretch.settled_at is not None
    ]
    return known or [(findings.began, _shares(findings.weights))]


def _shares(weights: Mapping[str, float]) -> Mapping[str, float]:
    whole = sum(weights.values())
    return {arm: weight / whole for arm, weight in weights.items()} if whole > 0 else {}


def rewards(findings: Findings) -> Markup | None:
    """The mean reward of each arm over time, with 95 % of what is believed; None while nothing is."""
    looks = knowing(findings)
    if not looks:
        return None
    amounts = Amounts(findings.experiment.reward)
    chart = Chart(
        name="rewards",
        title="Mean reward over time",
        description="Of each arm the mean that is believed, and a band that holds 95 % of the belief.",
        x=time_axis(looks[0].at, looks[-1].at),
        y=number_axis(*_range(looks), percent=amounts.percent),
        crowded=_is_crowded(findings),
    )
    courses = {
        name: [(look.at, look.decision.beliefs[name]) for look in looks] for name in findings.experiment.names
    }
    for name, course in courses.items():
        lower, upper = (
            [(at, belief.low) for at, belief in course],
            [(at, belief.high) for at, belief in course],
        )
        chart.band(lower, upper, series=findings.series(name))
    for name, course in courses.items():
        means = [(at, belief.mean) for at, belief in course]
        chart.line(means, series=findings.series(name))
        chart.end_name(means[-1][1], name, series=findings.series(name))
    _mark_trips(chart, findings)
    chart.tell([(look.at, _lines(look.at, _told(look, amounts))) for look in thinned(looks)])
    return chart.svg()


def knowing(findings: Findings) -> list[Look]:
    """The looks at which anything had matured: before that, beliefs are all alike and about nothing."""
    return [
        look for look in findings.looks if any(belief.units > 0 for belief in look.decision.beliefs.values())
    ]


def _range(looks: Sequence[Look]) -> tuple[float, float]:
    """Of the beliefs, but for the first quarter, which is as wide as it was ignorant."""
    late = [belief for look in looks[len(looks) // 4 :] for belief in look.decision.beliefs.values()]
    return min(belief.low for belief in late), max(belief.high for belief in late)


def _told(look: Look, amounts: Amounts) -> list[str]:
    return [
        f"{name}: {amounts.mean(belief.mean, width=belief.high - belief.low)}"
        f" ({amounts.interval(belief.low, belief.high)})"
        for name, belief in look.decision.beliefs.items()
    ]


def posteriors(findings: Findings) -> Markup | None:
    """What is believed of each arm's mean reward now, as densities; None while nothing is."""
    looks = knowing(findings)
    if not looks:
        return None
    last = looks[-1]
    reward, amounts = findings.experiment.reward, Amounts(findings.experiment.reward)
    curves = {name: density(belief, reward) for name, belief in last.decision.beliefs.items()}
    points = [point for curve in curves.values() for point in curve]
    chart = Chart(
        name="posteriors",
        title="Mean reward as it is believed now",
        description="The higher the curve of an arm, the more probable is that mean.",
        x=number_axis(min(x for x, _ in points), max(x for x, _ in points), ticks=7, percent=amounts.percent),
        y=Axis(low=0, high=1.05 * max(y for _, y in points), ticks=()),
        crowded=_is_crowded(findings),
    )
    for (name, curve), told in zip(curves.items(), _told(last, amounts), strict=True):
        chart.area(curve, series=findings.series(name), told=told)
        chart.end_name(max(y for _, y in curve), name, series=findings.series(name))
    return chart.svg()


def density(belief: Belief, reward: Reward) -> list[tuple[float, float]]:
    """The curve of a belief.

    Of binary rewards it is the Beta distribution, which mean and units determine; of numeric ones the normal one
    with the same interval, which is what Student's t comes to.
    """
    if reward.kind == "binary":
        successes, failures = belief.mean * (belief.units + 2), (1 - belief.mean) * (belief.units + 2)
        deviation = math.sqrt(belief.mean * (1 - belief.mean) / (belief.units + 3))
        whole = math.lgamma(successes + failures) - math.lgamma(successes) - math.lgamma(failures)

        def height(x: float) -> float:
            inside = min(max(x, 1e-12), 1 - 1e-12)
            return math.exp(whole + (successes - 1) * math.log(inside) + (failures - 1) * math.log1p(-inside))

    else:
        deviation = max((belief.high - belief.low) / (2 * _NORMAL_95), 1e-9 * (reward.high - reward.low))

        def height(x: float) -> float:
            z = (x - belief.mean) / deviation
            return math.exp(-z * z / 2) / deviation / math.sqrt(2 * math.pi)

    low = max(belief.mean - _SPREAD * deviation, reward.low)
    high = min(belief.mean + _SPREAD * deviation, reward.high)
    places = [low + (high - low) * number / (_CURVE - 1) for number in range(_CURVE)]
    return [(x, height(x)) for x in places]


def _is_crowded(findings: Findings) -> bool:
    return len(findings.experiment.arms) > _MANY


def _mark_trips(chart: Chart, findings: Findings) -> None:
    for trip in findings.trips:
        if trip.at is not None:
            chart.mark(trip.at, f"{trip.arm} taken out")


def _lines(at: float, lines: Iterable[str]) -> str:
    return "\n".join([f"{moment(at)} UTC", *lines])
