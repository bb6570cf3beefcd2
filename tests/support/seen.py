"""What is to be seen of a page in a browser: where things lie, and in which colours."""

from __future__ import annotations

import re
from typing import Any

from .browser import Page

BOXES = """(selector => [...document.querySelectorAll(selector)].map(each => {
    const box = each.getBoundingClientRect();
    return {left: box.left, right: box.right, top: box.top, bottom: box.bottom,
            width: box.width, height: box.height, text: each.textContent};
}))"""
COLOURS = """(selector => [...document.querySelectorAll(selector)].map(each => {
    const style = getComputedStyle(each);
    return each instanceof SVGElement ? style.fill : style.color;
}))"""


def boxes(shown: Page, selector: str) -> list[dict[str, Any]]:
    """Where each element lies in the window, and its text."""
    return list(shown.evaluate(f"{BOXES}({selector!r})"))


def colours(shown: Page, selector: str) -> set[str]:
    """Those that elements are written in."""
    return set(shown.evaluate(f"{COLOURS}({selector!r})"))


def luminance(colour: str) -> float:
    """Relative luminance, as WCAG 2 has it."""
    channels = [int(each) / 255 for each in re.findall(r"\d+", colour)[:3]]
    linear = [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """As WCAG 2 has it: 1 is none, 4.5 is enough for text."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)
