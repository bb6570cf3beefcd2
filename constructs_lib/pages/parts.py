"""What pages are made of: the frame that lets nothing run, cards, tables, charts with their tables, small marks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .formats import machine_time, moment
from .markup import Markup, document, element, style_sheet, together
from .style import css

# Nothing may run, and nothing may be fetched: whatever a name holds, it stays text.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def page(title: str, *sections: str) -> str:
    """A whole page as HTML: one file that asks nobody for anything else."""
    head = together(
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="referrer", content="no-referrer"),
        element("title", title),
        style_sheet(css()),
    )
    return document(language="en", head=head, body=element("main", *sections))


def header(title: str, pill: str, *paragraphs: str) -> Markup:
    """What the page is about, and in what state that is."""
    return element(
        "header",
        element("h1", title),
        element("span", pill, class_="pill"),
        *(element("p", text) for text in paragraphs),
    )


def card(title: str, lead: str, *children: str, id: str | None = None) -> Markup:
    """A section with a heading, and what to know before one reads it."""
    return element(
        "section", element("h2", title), element("p", lead, class_="lead"), *children, class_="card", id=id
    )


def chart_card(title: str, lead: str, chart: Markup, alternative: str, *, id: str | None = None) -> Markup:
    """A section with a chart; the `alternative` is the same as a table, or says where it stands."""
    below = alternative
    if alternative and not isinstance(alternative, Markup):
        below = element("p", alternative, class_="lead")
    return card(title, lead, element("figure", chart), below, id=id)


def table(header: Iterable[str], rows: Iterable[Iterable[str]], *, text_last: bool = False) -> Markup:
    """A table; the first cell of a row says what the row is about. `text_last`: the last column is prose."""
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
    whole = element("table", element("thead", element("tr", *heads)), element("tbody", *lines))
    return element("div", whole, class_="wide", tabindex="0", role="region", aria_label="Table")


def folded(summary: str, *children: str) -> Markup:
    """What only those see who ask for it."""
    return element("details", element("summary", summary), *children)


def picture(title: str, lead: str, chart: Markup, *tags: Markup) -> Markup:
    """One of many small charts."""
    return element(
        "article",
        element("h3", title, *tags),
        element("p", lead),
        element("figure", chart),
        class_="picture",
    )


def pictures(each: Iterable[Markup]) -> Markup:
    """Small charts beside each other, as many as there is room for."""
    return element("div", *each, class_="pictures")


def legend(names: Iterable[str]) -> Markup:
    """The names of the series 0, 1 and so on."""
    items = [element("li", swatch(series), name) for series, name in enumerate(names)]
    return element("ul", *items, class_="legend")


def steps(title: str, each: Iterable[str]) -> Markup:
    """What to do, one after the other."""
    items = [element("li", step) for step in each]
    return element(
        "section", element("h2", title), element("ol", *items, class_="steps"), class_="card", id="next"
    )


def glossary(title: str, terms: Mapping[str, str]) -> Markup:
    """The words of the page, and what they mean."""
    pairs = [together(element("dt", term), element("dd", meaning)) for term, meaning in terms.items()]
    return element("section", element("h2", title), element("dl", *pairs), class_="card", id="help")


def tag(text: str, tone: str) -> Markup:
    """A word beside a name, in the colour of a tone: good, bad, warning, open, waiting or note."""
    return element("span", text, class_=f"tag {tone}")


def swatch(series: int) -> Markup:
    """The colour of a series."""
    return element("span", class_=f"swatch s{series}")


def bar(share: float, series: int) -> Markup:
    """A share of 1 as a bar, for eyes only: the number must stand beside it."""
    filled = element("i", style=f"width:{min(max(share, 0.0), 1.0) * 100:.1f}%")
    return element("span", filled, class_=f"bar s{series}", aria_hidden="true")


def gauge(closeness: float, *, bad: bool) -> Markup:
    """How near a value is to its limit, which is in the middle: for eyes only, as `bar` is."""
    filled = element("i", style=f"width:{min(max(closeness, 0.0), 2.0) * 50:.1f}%")
    return element("span", filled, class_=f"bar gauge s{5 if bad else 1}", aria_hidden="true")


def command(line: str) -> Markup:
    """What a person types."""
    return element("code", line)


def below(text: str) -> Markup:
    """A smaller line under a number."""
    return element("span", text, class_="below")


def time(at: float) -> Markup:
    """A time, in UTC."""
    return element("time", moment(at), datetime=machine_time(at))
