"""The parts of a page: whatever a text holds, it stays text, and nothing may run."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constructs_lib.pages import parts
from constructs_lib.pages.verdict import Notice, Story, verdict_card
from tests.support.page_reader import Reader

TEXTS = st.text(max_size=30) | st.sampled_from(
    ["<script>x()</script>", '"><img src=x>', "&lt;", "\ud800", "\x00"]
)


@given(st.lists(TEXTS, min_size=6, max_size=6))
def test_any_text_stays_text(texts: list[str]) -> None:
    title, pill, name, cell, step, term = texts
    story = Story(tone="bad", headline=title, notices=(Notice(tone="note", title=name, text=cell),))
    html = parts.page(
        title,
        parts.header(title, pill, cell),
        verdict_card(story),
        parts.steps("Next", [step, parts.command(cell)]),
        parts.card(title, cell, parts.table((name, term), [(name, cell)], text_last=True), id="card"),
        parts.pictures([parts.picture(name, cell, parts.swatch(1), parts.tag(term, "bad"))]),
        parts.folded(term, parts.legend([name, cell])),
        parts.glossary("Words", {term: cell}),
    )
    read = Reader(html)

    assert not {"script", "img"} & set(read.tags)
    assert not [name for name, _ in read.attributes if name.startswith("on") or name in ("src", "href")]


def test_the_policy_forbids_everything_but_the_style() -> None:
    policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"

    assert ("content", policy) in Reader(parts.page("t")).attributes


@pytest.mark.parametrize(("share", "width"), [(-1, "0.0"), (0.25, "25.0"), (7, "100.0")])
def test_bars_keep_within(share: float, width: str) -> None:
    assert f"width:{width}%" in parts.bar(share, 1)


@pytest.mark.parametrize(("closeness", "width"), [(-1, "0.0"), (1, "50.0"), (2, "100.0"), (70, "100.0")])
def test_gauges_have_their_limit_in_the_middle(closeness: float, width: str) -> None:
    assert f"width:{width}%" in parts.gauge(closeness, bad=True)
