"""Attribution in pictures: how much each feature matters to the predictions, then and now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ...pages import parts
from ...pages.axes import number_axis
from ...pages.formats import NOTHING, given, percent, significant
from ...pages.markup import Markup, element
from ...pages.rows import WIDE, Rows
from .findings import Attribution

_MOST_BARS = 12
_MOST_LABELS = 20
_MOST_ROWS = 200
_LEGEND = ("baseline", "this window")


def attributions(all_of_them: tuple[Attribution, ...]) -> Iterator[Markup]:
    """A section for each label."""
    for number, each in enumerate(all_of_them[:_MOST_LABELS]):
        yield parts.card(
            f"What the predictions of {each.label} rest on",
            f"The mean absolute SHAP value of each feature, as a share of all.{_score(each)}",
            parts.legend(_LEGEND),
            element("figure", _bars(number, each)),
            _table(each),
            id=f"label-card-{number}",
        )


def _score(of: Attribution) -> str:
    if of.score is None:
        return ""
    limit = "" if of.threshold is None else f"; below {given(of.threshold)} counts as drift"
    return f" The order agrees by {significant(of.score)} (nDCG, 1 is the same{limit})."


def _shares(importances: Mapping[str, float]) -> dict[str, float]:
    whole = sum(abs(value) for value in importances.values())
    return {name: abs(value) / whole for name, value in importances.items()} if whole > 0 else {}


def ranks(importances: Mapping[str, float]) -> dict[str, int]:
    """The place of each feature: 1 matters most."""
    order = sorted(importances, key=lambda name: (-abs(importances[name]), name))
    return {name: place for place, name in enumerate(order, start=1)}


def _bars(number: int, of: Attribution) -> Markup:
    before, now = _shares(of.before), _shares(of.now)
    names = sorted({*before, *now}, key=lambda name: (-max(before.get(name, 0.0), now.get(name, 0.0)), name))
    names = names[:_MOST_BARS]
    places = (ranks(of.before), ranks(of.now))
    highest = max((*(before.get(name, 0.0) for name in names), *(now.get(name, 0.0) for name in names), 0.0))
    picture = Rows(
        name=f"label-{number}",
        title=f"What the predictions of {of.label} rest on",
        description="Of each feature the share of all importance, at the baseline and in this window.",
        labels=names,
        x=number_axis(0, highest or 1.0, percent=True),
        lanes=2,
        shape=WIDE,
    )
    for row, name in enumerate(names):
        for lane, shares in enumerate((before, now)):
            if name in shares:
                place = places[lane][name]
                told = f"{name}\n{_LEGEND[lane]}: {percent(shares[name])}, place {place}"
                picture.bar(row, lane, shares[name], series=lane, told=told)
                picture.note(row, f"{percent(shares[name])} (#{place})", lane=lane)
    return picture.svg()


def _table(of: Attribution) -> Markup:
    then, now = ranks(of.before), ranks(of.now)
    shares = (_shares(of.before), _shares(of.now))
    rows = []
    for name in sorted({*then, *now}, key=lambda name: (now.get(name, 10**9), name))[:_MOST_ROWS]:
        cells = [NOTHING if name not in each else percent(each[name]) for each in shares]
        rows.append(
            [name, str(then.get(name, NOTHING)), str(now.get(name, NOTHING)), *cells, _moved(name, then, now)]
        )
    header = ("Feature", "Place then", "Place now", "Share then", "Share now", "Moved")
    return parts.folded("All features as a table", parts.table(header, rows))


def _moved(name: str, then: Mapping[str, int], now: Mapping[str, int]) -> str:
    if name not in then or name not in now:
        return NOTHING
    up = then[name] - now[name]
    if up == 0:
        return "same"
    return f"{'up' if up > 0 else 'down'} {abs(up)}"
