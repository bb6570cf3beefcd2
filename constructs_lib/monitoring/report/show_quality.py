"""A model's quality in pictures: metrics against thresholds, curves, confusion matrix, reliability."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ...pages import parts
from ...pages.axes import number_axis
from ...pages.formats import NOTHING, count, given, percent, significant
from ...pages.markup import Markup, element, together
from ...pages.rows import NARROW, WIDE, Rows
from ...pages.svg import SQUARE, Chart
from .findings import Metric, Quality
from .names import CONSTANT
from .names import metric as named

_LEGEND = ("baseline", "this window")
_SURE = 1.96  # standard deviations to either side hold 95 %
_MOST_LABELS = 30
_CURVES = {
    "roc": ("ROC curve", "False positive rate", "True positive rate"),
    "pr": ("Precision and recall", "Recall", "Precision"),
}


def quality(of: Quality) -> Iterator[Markup]:
    """The sections about quality."""
    metrics = [each for each in of.metrics if not each.name.endswith(CONSTANT)]
    yield parts.card(
        "Metrics",
        f"Of {of.problem}. A line holds the value with 95 %, as far as its standard deviation is known; the upright "
        "mark is the threshold, the ring the baseline.",
        parts.legend(_LEGEND),
        _metrics(metrics),
        _table(
            metrics,
            {each.name.removesuffix(CONSTANT): each.value for each in of.metrics if each not in metrics},
        ),
        id="metrics",
    )
    curves = [_curve(name, of) for name in _CURVES if name in of.curves]
    if of.reliability:
        curves.append(_reliability(of.reliability))
    if curves:
        yield parts.card(
            "Curves",
            "By decision threshold; and how often it was so, where the model said how probable it is.",
            parts.legend(_LEGEND),
            parts.pictures(curves),
            id="curves",
        )
    if of.matrix:
        yield _matrix(of)


# --- metrics --------------------------------------------------------------------------------------------


def _metrics(metrics: Sequence[Metric]) -> Markup:
    """All upon one axis where they are shares, else each upon its own."""
    drawn = [each for each in metrics if each.value is not None]
    if not drawn:
        return element("p", "No metric has a value in this window.", class_="lead")
    if all(0 <= value <= 1 for each in drawn for value in _values(each)):
        return element("figure", _rows("metrics-all", drawn, 0.0, 1.0, wide=True))
    pictures = []
    for number, each in enumerate(drawn):
        ends = [*_values(each), *_ends(each)]
        chart = _rows(f"metric-{number}", [each], min(ends), max(ends), wide=False)
        tags = [parts.tag("violated", "bad")] if each.violated else []
        pictures.append(parts.picture(named(each.name), _limit(each), chart, *tags))
    return parts.pictures(pictures)


def _values(of: Metric) -> list[float]:
    return [each for each in (of.value, of.before, of.threshold) if each is not None]


def _ends(of: Metric) -> tuple[float, float]:
    value, wide = of.value or 0.0, _SURE * (of.deviation or 0.0)
    return value - wide, value + wide


def _rows(name: str, metrics: Sequence[Metric], low: float, high: float, *, wide: bool) -> Markup:
    picture = Rows(
        name=name,
        title=", ".join(named(each.name) for each in metrics),
        description=" ".join(f"{named(each.name)}: {_value(each)}. {_limit(each)}" for each in metrics),
        labels=[named(each.name) for each in metrics],
        x=number_axis(low, high, ticks=5 if wide else 4),
        shape=WIDE if wide else NARROW,
    )
    for row, each in enumerate(metrics):
        series = 5 if each.violated else 1
        if each.threshold is not None:
            picture.limit(row, each.threshold, told=_limit(each))
        if each.before is not None:
            picture.dot(row, each.before, series=0, told=f"baseline: {significant(each.before)}", hollow=True)
        if each.deviation:
            picture.span(row, *_ends(each), series=series)
        picture.dot(row, each.value or 0.0, series=series, told=f"this window: {_value(each)}")
        picture.note(row, significant(each.value or 0.0))
    return picture.svg()


def _value(of: Metric) -> str:
    if of.value is None:
        return NOTHING
    return significant(of.value) + (f" ± {significant(of.deviation, 2)}" if of.deviation else "")


def _limit(of: Metric) -> str:
    if of.threshold is None:
        return "No threshold."
    return f"{'Not above' if of.rises else 'Not below'} {given(of.threshold)}."


def _table(metrics: Sequence[Metric], constants: dict[str, float | None]) -> Markup:
    header = ["Metric", "Baseline", "Now ± standard deviation", "Threshold"]
    rows = []
    for each in metrics:
        name = together(named(each.name), *([parts.tag("violated", "bad")] if each.violated else []))
        row = [name, NOTHING if each.before is None else significant(each.before), _value(each)]
        row.append(NOTHING if each.threshold is None else _limit(each).removesuffix("."))
        if constants:
            constant = constants.get(each.name)
            row.append(NOTHING if constant is None else significant(constant))
        rows.append(row)
    if constants:
        header.append("Best constant answer")
    return parts.table(header, rows)


# --- curves ---------------------------------------------------------------------------------------------


def _curve(name: str, of: Quality) -> Markup:
    title, x_name, y_name = _CURVES[name]
    areas = {each.name: each.value for each in of.metrics}
    area = areas.get("auc" if name == "roc" else "au_prc")
    lead = "" if area is None else f"Area under it: {significant(area)}."
    chart = Chart(
        name=f"curve-{name}",
        title=title,
        description=f"{y_name} against {x_name.lower()}, at the baseline and in this window. {lead}",
        x=number_axis(0, 1),
        y=number_axis(0, 1),
        x_name=x_name,
        y_name=y_name,
        frame=SQUARE,
    )
    if name == "roc":
        chart.guide([(0, 0), (1, 1)])
    if name in of.curves_before:
        chart.line(of.curves_before[name], series=0)
    chart.line(of.curves[name], series=1)
    return parts.picture(title, lead or f"{len(of.curves[name])} points.", chart.svg())


def _reliability(table: Sequence[tuple[float, float, float]]) -> Markup:
    many = sum(each for _, _, each in table)
    chart = Chart(
        name="reliability",
        title="Reliability",
        description="Of the records that got a probability the share that was so: "
        + ", ".join(f"{percent(said)} said, {percent(was)} was" for said, was, _ in table)
        + ".",
        x=number_axis(0, 1, percent=True),
        y=number_axis(0, 1, percent=True),
        x_name="Probability that the model said",
        y_name="Share that was so",
        frame=SQUARE,
    )
    chart.guide([(0, 0), (1, 1)])
    chart.line([(said, was) for said, was, _ in table], series=1)
    for said, was, each in table:
        told = f"{count(each)} records: {percent(said)} said, {percent(was)} was so"
        chart.dot(said, was, series=1, told=told)
    lead = f"{count(many)} records. On the diagonal, probabilities are what they say."
    return parts.picture("Reliability", lead, chart.svg())


# --- the matrix -----------------------------------------------------------------------------------------


def _matrix(of: Quality) -> Markup:
    labels = list(dict.fromkeys([*of.matrix, *(each for row in of.matrix.values() for each in row)]))
    shown = labels[:_MOST_LABELS]
    more = "" if len(shown) == len(labels) else f" The first {len(shown)} of {len(labels)} labels."
    heads = [element("th", label, scope="col") for label in ("True label", *shown)]
    lines = [
        element(
            "tr",
            element("th", label, scope="row"),
            *(_cell(of.matrix.get(label, {}), predicted) for predicted in shown),
        )
        for label in shown
    ]
    table = element(
        "table", element("thead", element("tr", *heads)), element("tbody", *lines), class_="matrix"
    )
    return parts.card(
        "Confusion matrix",
        f"How many records of each true label (row) got which prediction (column). The darker, the greater its share "
        f"of the row; on the diagonal it is right.{more}",
        element("div", table, class_="wide", tabindex="0", role="region", aria_label="Confusion matrix"),
        id="matrix",
    )


def _cell(row: Mapping[str, float], predicted: str) -> Markup:
    many, whole = row.get(predicted, 0.0), sum(row.values())
    share = many / whole if whole > 0 else 0.0
    return element("td", count(many), parts.below(percent(share)), style=f"--share:{share * 45:.0f}%")
