"""The verdict: the first thing on a page, in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .markup import Markup, element

Tone = Literal["good", "bad", "open", "waiting"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something that must be known before the result is used."""

    tone: Literal["bad", "warning", "note"]
    title: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """The verdict, what supports it, and what speaks against it."""

    tone: Tone
    headline: str
    sentences: tuple[str, ...] = ()
    notices: tuple[Notice, ...] = ()


def verdict_card(told: Story) -> Markup:
    """The story as a card."""
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
