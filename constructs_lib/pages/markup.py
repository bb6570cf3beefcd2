"""Elements of HTML and SVG, where every text is escaped unless it is made of elements itself."""

from __future__ import annotations

import re
from html import escape

_NOT_IN_MARKUP = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_VOID = frozenset({"br", "col", "meta"})


class Markup(str):
    """What is markup already. Only this module makes it."""

    __slots__ = ()


def element(name: str, /, *children: str, **attributes: str | float | None) -> Markup:
    """An element.

    :param children: texts, which are escaped, and elements, which are not.
    :param attributes: ``class_`` is class, ``stroke_width`` is stroke-width; ``None`` is left out.
    """
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_plain(_attribute(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _VOID:
        return Markup(f"<{name}{given}>")
    return Markup(f"<{name}{given}>{together(*children)}</{name}>")


def together(*children: str) -> Markup:
    """Texts and elements one after the other."""
    return Markup("".join(each if isinstance(each, Markup) else _plain(each) for each in children))


def style_sheet(css: str) -> Markup:
    """A style element; what stands in it is not escaped, so it must be ours."""
    return Markup(f"<style>{css}</style>")


def document(*, language: str, head: Markup, body: Markup) -> Markup:
    """A whole page."""
    html = element("html", element("head", head), element("body", body), lang=language)
    return Markup(f"<!doctype html>\n{html}\n")


def _plain(text: str) -> str:
    return escape(_NOT_IN_MARKUP.sub("\N{REPLACEMENT CHARACTER}", text), quote=True)


def _attribute(value: str | float) -> str:
    """A number with two decimals: a hundredth of a pixel."""
    return value if isinstance(value, str) else f"{value:.2f}".rstrip("0").rstrip(".")
