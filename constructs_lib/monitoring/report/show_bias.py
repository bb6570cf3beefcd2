"""Bias in pictures: each metric of a group of people, at the baseline and in this window."""

from __future__ import annotations

from collections.abc import Iterator

from ...pages import parts
from ...pages.axes import number_axis
from ...pages.formats import NOTHING, significant
from ...pages.markup import Markup, element, together
from ...pages.rows import WIDE, Rows
from .findings import Facet, Metric

_FARTHEST = 2.0
"""Most metrics lie between -1 and 1; ratios may be anywhere, and are in the table then."""
_MOST_FACETS = 40


def facets(all_of_them: tuple[Facet, ...]) -> Iterator[Markup]:
    """A section for each group."""
    for number, facet in enumerate(all_of_them[:_MOST_FACETS]):
        drawn = [each for each in facet.metrics if _is_near(each)]
        left_out = [each.name for each in facet.metrics if each not in drawn and each.value is not None]
        below = f"Too far away to be drawn: {', '.join(left_out)}." if left_out else ""
        yield parts.card(
            f"{facet.name} = {facet.value}",
            "This group against all others: the ring is the baseline, the point this window. Most metrics are 0 "
            "without bias; DI, a ratio, is 1.",
            parts.legend(("baseline", "this window")),
            element("figure", _picture(number, facet, drawn)) if drawn else "",
            element("p", below, class_="lead") if below else "",
            _table(facet),
            id=f"facet-card-{number}",
        )


def _is_near(of: Metric) -> bool:
    known = [each for each in (of.value, of.before) if each is not None]
    return of.value is not None and all(abs(each) <= _FARTHEST for each in known)


def _picture(number: int, facet: Facet, metrics: list[Metric]) -> Markup:
    values = [each for metric in metrics for each in (metric.value, metric.before) if each is not None]
    picture = Rows(
        name=f"facet-{number}",
        title=f"Bias of {facet.name} = {facet.value}",
        description=" ".join(f"{each.name}: {_told(each)}." for each in metrics),
        labels=[each.name for each in metrics],
        x=number_axis(min(0.0, *values), max(0.0, *values), ticks=6),
        shape=WIDE,
    )
    for row, each in enumerate(metrics):
        series, value = (5 if each.violated else 1), each.value or 0.0
        if each.before is not None:
            picture.span(row, *sorted((each.before, value)), series=series)
            picture.dot(row, each.before, series=0, told=f"baseline: {significant(each.before)}", hollow=True)
        picture.dot(row, value, series=series, told=f"{each.name}: {_told(each)}")
        picture.note(row, significant(value))
    return picture.svg()


def _told(of: Metric) -> str:
    now = NOTHING if of.value is None else significant(of.value)
    return now if of.before is None else f"{significant(of.before)} at the baseline, {now} now"


def _table(facet: Facet) -> Markup:
    rows = []
    for each in facet.metrics:
        name = together(each.name, *([parts.tag("drifted", "bad")] if each.violated else []))
        cells = (NOTHING if value is None else significant(value) for value in (each.before, each.value))
        rows.append([name, *cells, facet.described.get(each.name) or NOTHING])
    return parts.table(("Metric", "Baseline", "Now", "What it is"), rows, text_last=True)
