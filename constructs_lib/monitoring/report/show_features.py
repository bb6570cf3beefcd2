"""Features in pictures: the baseline's distribution and the one now, laid upon each other."""

from __future__ import annotations

from collections.abc import Iterator

from ...pages import parts
from ...pages.axes import Axis, number_axis
from ...pages.formats import NOTHING, chance, given, percent, significant
from ...pages.markup import Markup, together
from ...pages.rows import Rows
from ...pages.svg import SMALL, Chart
from .bins import Bins, common_bins
from .findings import Categories, Distribution, Feature, Findings, Numbers
from .names import SHORT_METHODS
from .words import distance_of

MOST_PICTURES = 60
"""More are no help, and make a page that browsers are slow with: the table has all."""
MOST_ROWS = 1000
_MOST_CATEGORIES = 8
_MOST_NEW = 5
_LEGEND = ("baseline", "this window")


def features(findings: Findings) -> Iterator[Markup]:
    """The sections about features."""
    numbered = list(enumerate(findings.features))
    first = [each for each in numbered if each[1].drifted or each[1].violations]
    others = [each for each in numbered if not (each[1].drifted or each[1].violations)]
    shown = first[:MOST_PICTURES]
    if shown:
        more = (
            "" if len(shown) == len(first) else f" These are {len(shown)} of {len(first)}: the table has all."
        )
        yield parts.card(
            "What is different",
            f"Each picture has the shares of the records, at the baseline and in this window.{more}",
            parts.legend(_LEGEND),
            parts.pictures(_picture(number, feature) for number, feature in shown),
            id="different",
        )
    yield _table(findings)
    rest = others[: MOST_PICTURES - len(shown)]
    if rest:
        yield parts.card(
            "What is as it was" if findings.status in ("passed", "violated") else "What was measured",
            "The other features, the closest to their threshold first.",
            parts.folded(
                f"{len(rest)} pictures"
                if len(rest) == len(others)
                else f"{len(rest)} of {len(others)} pictures",
                parts.legend(_LEGEND),
                parts.pictures(_picture(number, feature) for number, feature in rest),
            ),
            id="others",
        )


def _picture(number: int, feature: Feature) -> Markup:
    told = [distance_of(feature), *_changes(feature)]
    chart = _chart(number, feature)
    return parts.picture(feature.name, " ".join(told), chart, *_tags(feature))


def _tags(feature: Feature) -> list[Markup]:
    if feature.drifted:
        return [parts.tag("drifted", "bad")]
    return [parts.tag("ignored", "note")] if feature.ignored else []


def _changes(feature: Feature) -> Iterator[str]:
    before, now = feature.before, feature.now
    if isinstance(before, Numbers) and isinstance(now, Numbers) and None not in (before.mean, now.mean):
        yield f"Mean {significant(before.mean or 0.0)} → {significant(now.mean or 0.0)}."
    if feature.missing and (feature.missing_before is None or feature.missing > feature.missing_before):
        yield f"{percent(feature.missing)} missing."
    if feature.unfit:
        yield f"{percent(feature.unfit)} of another type."
    if feature.out_of_range:
        yield f"{percent(feature.out_of_range)} out of range."
    if feature.new_categories:
        yield f"New: {_some(feature.new_categories)}."


def _some(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - _MOST_NEW} more" if len(names) > _MOST_NEW else ""
    return ", ".join(names[:_MOST_NEW]) + more


# --- the pictures ---------------------------------------------------------------------------------------


def _chart(number: int, feature: Feature) -> Markup:
    before, now = feature.before, feature.now
    if isinstance(before, Categories) or isinstance(now, Categories):
        return _categories(number, feature)
    bins = common_bins(_numbers(before), _numbers(now), whole=feature.type == "Integral")
    return together("No distribution was written.") if bins is None else _histogram(number, feature, bins)


def _numbers(of: Distribution | None) -> Numbers | None:
    return of if isinstance(of, Numbers) else None


def _histogram(number: int, feature: Feature, bins: Bins) -> Markup:
    outside = f" {percent(bins.outside)} of the values now lie beyond the ends." if bins.outside else ""
    highest = max((*bins.before, *bins.now))
    chart = Chart(
        name=f"feature-{number}",
        title=f"{feature.name}: baseline and this window",
        description=f"Two histograms over the same bins. {distance_of(feature)}{outside}",
        x=_exactly(bins),
        y=number_axis(0, highest or 1.0, ticks=3, percent=True),
        frame=SMALL,
    )
    for series, shares in enumerate((bins.before, bins.now)):
        if shares:
            chart.histogram(bins.edges, shares, series=series)
    chart.tell([(edge, _told(bins, place)) for place, edge in enumerate(bins.edges[:-1])], hold=True)
    return chart.svg()


def _exactly(bins: Bins) -> Axis:
    """From the first edge to the last, with the round numbers between them."""
    low, high = bins.edges[0], bins.edges[-1]
    ticks = number_axis(low, high, ticks=5).ticks
    return Axis(low=low, high=high, ticks=tuple(each for each in ticks if low <= each[0] <= high))


def _told(bins: Bins, place: int) -> str:
    lines = [f"{significant(bins.edges[place])} to {significant(bins.edges[place + 1])}"]
    for name, shares in zip(_LEGEND, (bins.before, bins.now), strict=True):
        if shares:
            lines.append(f"{name}: {percent(shares[place])}")
    return "\n".join(lines)


def _categories(number: int, feature: Feature) -> Markup:
    before, now = _shares(feature.before), _shares(feature.now)
    names = sorted({*before, *now}, key=lambda name: (-max(before.get(name, 0.0), now.get(name, 0.0)), name))
    shown, rest = names[:_MOST_CATEGORIES], names[_MOST_CATEGORIES:]
    rows = [(name, before.get(name, 0.0), now.get(name, 0.0)) for name in shown]
    if rest:
        of_rest = [sum(shares.get(name, 0.0) for name in rest) for shares in (before, now)]
        rows.append((f"{len(rest)} others", of_rest[0], of_rest[1]))
    picture = Rows(
        name=f"feature-{number}",
        title=f"{feature.name}: baseline and this window",
        description=f"Of each category the share of the records, then and now. {distance_of(feature)}",
        labels=[name for name, _, _ in rows],
        x=number_axis(0, max(max(pair) for _, *pair in rows) or 1.0, ticks=4, percent=True),
        lanes=2,
    )
    for row, (name, *pair) in enumerate(rows):
        for lane, share in enumerate(pair):
            told = f"{name}\n{_LEGEND[lane]}: {percent(share)}"
            picture.bar(row, lane, share, series=lane, told=told)
            picture.note(row, percent(share), lane=lane)
    return picture.svg()


def _shares(of: Distribution | None) -> dict[str, float]:
    if not isinstance(of, Categories):
        return {}
    whole = sum(of.counts.values())
    return {value: many / whole for value, many in of.counts.items()}


# --- the table ------------------------------------------------------------------------------------------


def _table(findings: Findings) -> Markup:
    columns = ("Distance / threshold", "p", "By", "Missing", "Out of range", "Type", "New categories")
    shown = findings.features[:MOST_ROWS]
    every = len(findings.features)
    more = "" if len(shown) == every else f" These are {len(shown)} of {every}."
    return parts.card(
        "All features",
        "Drifted ones first, then the closest to their threshold, which is the middle of the bar. Missing is the share "
        f"of the records, at the baseline and now.{more}",
        parts.table(("Feature", *columns), [_row(each) for each in shown], text_last=True),
        id="features",
    )


def _row(feature: Feature) -> list[str]:
    drift = feature.drift
    name = together(feature.name, *_tags(feature))
    distance: str = NOTHING
    if drift is not None and drift.distance is not None:
        bar = parts.gauge(feature.closeness, bad=drift.drifted) if feature.closeness >= 0 else ""
        limit = "" if drift.threshold is None else f" / {given(drift.threshold)}"
        distance = together(significant(drift.distance), limit, bar)
    return [
        name,
        distance,
        NOTHING if drift is None or drift.p_value is None else _small(drift.p_value),
        NOTHING if drift is None else SHORT_METHODS.get(drift.method, drift.method) or NOTHING,
        _missing(feature),
        NOTHING if feature.out_of_range is None else percent(feature.out_of_range),
        feature.type or NOTHING,
        _some(feature.new_categories) or NOTHING,
    ]


def _small(p: float) -> str:
    return chance(p).removeprefix("p\u00a0").removeprefix("=\u00a0")


def _missing(feature: Feature) -> str:
    now = NOTHING if feature.missing is None else percent(feature.missing)
    if feature.missing_before is None or feature.missing_before == feature.missing:
        return now
    return f"{percent(feature.missing_before)} → {now}"
