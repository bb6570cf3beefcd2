"""One page with what runs, what answered, what shifted and what drifted."""

from __future__ import annotations

from collections.abc import Iterable

from constructs_lib.pages import parts
from constructs_lib.pages.markup import Markup, element
from constructs_lib.pages.verdict import Notice, Story, verdict_card
from tools.demo.stage import Row, Seen

_EMULATED = Notice(
    tone="note",
    title="On an embedded AWS",
    text="Deployed with the real CDK CLI, called with boto3, to a local emulator: nothing here has reached AWS.",
)


def page(seen: Seen) -> str:
    """The page as HTML: one file that asks nobody for anything."""
    constructs = sorted({row[0] for row in seen.runs})
    story = Story(
        tone="good",
        headline=f"{len(constructs)} constructs deployed, and each did what it is for",
        sentences=(", ".join(constructs) + ".",),
        notices=(_EMULATED,),
    )
    return parts.page(
        "The demo",
        parts.header("The demo", "everything happened as it must"),
        verdict_card(story),
        _card(
            "What runs",
            "As AWS describes it, while all stacks stood.",
            ("Construct", "Stack", "What", "State"),
            seen.runs,
        ),
        _card(
            "What answered",
            "Records that no model has seen in training.",
            ("Construct", "Who", "Asked", "What came of it"),
            seen.answered,
        ),
        _card("What shifted", "Traffic, and why.", ("Construct", "What", "From", "To", "Why"), seen.shifted),
        _card(
            "What drifted",
            "Three measurements were made larger on purpose.",
            ("Monitor", "Of", "Verdict", "What it names"),
            seen.drifted,
        ),
        parts.card("More", "Pages beside this one.", element("ul", *map(_link, seen.reports.items()))),
    )


def _card(title: str, lead: str, head: Row, rows: Iterable[Row]) -> Markup:
    return parts.card(title, lead, parts.table(head, rows, text_last=True))


def _link(report: tuple[str, str]) -> Markup:
    file, what = report
    return element("li", element("a", what, href=file))
