"""What the tests read in a page: its blocks of code, its links, its headings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = (
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    *sorted((ROOT / "docs").rglob("*.md")),
)

_FENCE = re.compile(
    r"^(?P<fence>```+)(?P<language>[\w-]*)[^\n]*\n(?P<code>.*?)^(?P=fence)[ \t]*$", re.M | re.S
)
_LINK = re.compile(r"!?\[[^\]]*\]\((?P<target>[^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} +(?P<title>.+?) *$", re.M)
_CODE_SPAN = re.compile(r"`[^`\n]+`")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One fenced block."""

    page: Path
    line: int
    language: str
    code: str

    @property
    def place(self) -> str:
        """Where it stands, as an editor understands it."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(page: Path, *languages: str) -> Iterator[Block]:
    """The fenced blocks of `page` in one of `languages`."""
    text = page.read_text(encoding="utf-8")
    for match in _FENCE.finditer(text):
        if match["language"] in languages:
            line = text.count("\n", 0, match.start("code")) + 1
            yield Block(page=page, line=line, language=match["language"], code=match["code"])


def prose(page: Path) -> str:
    """The text of `page` without its blocks."""
    return _FENCE.sub("", page.read_text(encoding="utf-8"))


def links(page: Path) -> list[str]:
    """The targets of all links of `page`."""
    return [match["target"] for match in _LINK.finditer(_CODE_SPAN.sub("``", prose(page)))]


def anchors(page: Path) -> set[str]:
    """The anchors of the headings of `page`, as GitHub makes them."""
    found: dict[str, int] = {}
    for match in _HEADING.finditer(prose(page)):
        slug = re.sub(r"[^\w\- ]", "", match["title"].lower()).replace(" ", "-")
        found[slug] = found.get(slug, -1) + 1
    return {
        slug if not index else f"{slug}-{index}" for slug, last in found.items() for index in range(last + 1)
    }


def code_spans(page: Path) -> list[str]:
    """What stands between single backticks in the text of `page`."""
    return [match.group()[1:-1] for match in _CODE_SPAN.finditer(prose(page))]
