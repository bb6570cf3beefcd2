"""The course of the last days: each distance or metric over time, with its threshold."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence

from ...pages import parts
from ...pages.axes import number_axis, time_axis
from ...pages.formats import count, given, moment, significant, thinned
from ...pages.markup import Markup, element
from ...pages.svg import SMALL, Chart
from .findings import Course, Findings, Past
from .names import CONSTANT, STATUSES
from .names import metric as named

MOST_PICTURES = 12
_MOST_MOMENTS = 60


def course(findings: Findings) -> Iterator[Markup]:
    """The section about the past; nothing where it was not asked for."""
    past = findings.course
    if past is None:
        return
    names = _names(findings, past)
    shown = names[:MOST_PICTURES]
    what = "distance of each feature" if findings.kind == "data_quality" else "metrics"
    more = f" These are {len(shown)} of {len(names)}." if len(shown) < len(names) else ""
    body = [
        element("p", _told(past), class_="lead"),
        parts.pictures(_picture(number, name, findings, past) for number, name in enumerate(shown)),
    ]
    yield parts.card(
        f"The last {past.days} days" if past.days > 1 else "The last day",
        f"The {what} over time; the dashed line is the threshold, a point in orange was beyond it.{more}",
        *(body if past.windows else body[:1]),
        id="course",
    )


def _told(past: Course) -> str:
    """How many windows there were, by what came of them."""
    if not past.windows:
        return "No window of these days has a result.json."
    by_status = Counter(each.status for each in past.windows)
    parts_ = [f"{count(many)} {STATUSES[status]}" for status, many in by_status.most_common()]
    left_out = f" {count(past.left_out)} more were not read." if past.left_out else ""
    return f"{count(len(past.windows))} windows: {', '.join(parts_)}.{left_out}"


def _names(findings: Findings, past: Course) -> list[str]:
    """Drifted ones first, then those that were beyond the most often."""
    beyond = Counter(name for each in past.windows for name in each.beyond)
    seen = Counter(name for each in past.windows for name in each.values if not name.endswith(CONSTANT))
    # One point is no course, unless there is but one window.
    known = [name for name, times in seen.items() if times > 1 or len(past.windows) == 1]
    if findings.kind == "data_quality":
        order = {feature.name: place for place, feature in enumerate(findings.features)}
        drifted = set(findings.drifted)
        return sorted(
            known, key=lambda name: (name not in drifted, -beyond[name], order.get(name, len(order)))
        )
    violated = {each.subject for each in findings.violations}
    return sorted(known, key=lambda name: (name not in violated, name not in past.limits))


def _threshold(name: str, findings: Findings, past: Course) -> float | None:
    for feature in findings.features:
        if feature.name == name:
            return None if feature.drift is None else feature.drift.threshold
    return past.limits[name][0] if name in past.limits else None


def _picture(number: int, name: str, findings: Findings, past: Course) -> Markup:
    title = name if findings.kind == "data_quality" else named(name)
    windows, threshold = past.windows, _threshold(name, findings, past)
    known = [(each.at, each.values[name]) for each in windows if name in each.values]
    values = [value for _, value in known]
    ends = [*values, *([] if threshold is None else [threshold])]
    low = 0.0 if findings.kind == "data_quality" else min(ends)
    beyond = sum(name in each.beyond for each in windows)
    chart = Chart(
        name=f"course-{number}",
        title=f"{title} over time",
        description=f"{len(known)} windows, from {significant(min(values))} to {significant(max(values))}; the last: "
        f"{significant(values[-1])}. Beyond the threshold in {beyond}.",
        x=time_axis(windows[0].at, windows[-1].at, ticks=4),
        y=number_axis(low, max(ends), ticks=3),
        frame=SMALL,
    )
    for stretch in _stretches(windows, name):
        chart.line(stretch, series=1)
    for each in windows:
        if name in each.beyond and name in each.values:
            told = f"{moment(each.at)} UTC: {significant(each.values[name])}"
            chart.dot(each.at, each.values[name], series=5, told=told)
    if threshold is not None:
        chart.limit(threshold, f"threshold {given(threshold)}")
    moments = thinned(known, _MOST_MOMENTS)
    chart.tell([(at, f"{moment(at)} UTC\n{title}: {significant(value)}") for at, value in moments])
    lead = f"Last: {significant(values[-1])}."
    if threshold is not None:
        lead += f" Beyond in {beyond} of {len(known)} windows."
    return parts.picture(title, lead, chart.svg())


def _stretches(windows: Sequence[Past], name: str) -> Iterator[list[tuple[float, float]]]:
    """The line breaks where a window was not judged."""
    for known, group in itertools.groupby(windows, key=lambda each: name in each.values):
        if known:
            yield [(each.at, each.values[name]) for each in group]
