"""What the site has beside the pages in docs/: the README, the reference of each room, the sources that pages link.

MkDocs calls these functions: https://www.mkdocs.org/user-guide/configuration/#hooks
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

import constructs_lib
from constructs_lib.access import client

ROOT = Path(__file__).resolve().parents[1]
SOURCES = "source"

_MOVED = {"README.md": "index.md", "CHANGELOG.md": "changelog.md", "CONTRIBUTING.md": "contributing.md"}
"""Pages at the top of the repository, and what they are called on the site."""

_LINK = re.compile(r"(?<=\]\()(?P<path>[^)#\s]+)(?P<anchor>#[^)\s]*)?(?=\))")
_LANGUAGES = {
    ".py": "python",
    ".yaml": "yaml",
    ".yml": "yaml",
    ".json": "json",
    ".toml": "toml",
    ".txt": "text",
}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what is made."""
    made = {target: (ROOT / source).read_text(encoding="utf-8") for source, target in _MOVED.items()}
    made |= {f"reference/{room}.md": _reference(room, names) for room, names in rooms().items()}
    made["reference/client.md"] = _client()
    made |= {_page_of(source): _source(source) for source in _linked_sources(made)}
    for path, content in made.items():
        files.append(File.generated(config, path, content=content))
    return files


def on_page_markdown(markdown: str, *, page: Page, **_: object) -> str:
    """Links that are right in the repository are right on the site."""
    here = page.file.src_uri
    return _LINK.sub(lambda link: _on_site(here, link["path"]) + (link["anchor"] or ""), markdown)


def rooms() -> dict[str, list[tuple[str, str]]]:
    """Room → its public names, each with the module that it is in."""
    found: dict[str, list[tuple[str, str]]] = {}
    for home, names in sorted(constructs_lib._HOMES.items()):
        for name in names:
            found.setdefault(home.split(".")[0], []).append((name, home))
    return {room: sorted(names) for room, names in found.items()}


def _reference(room: str, names: Iterable[tuple[str, str]]) -> str:
    listed = "\n\n".join(f"::: constructs_lib.{home}.{name}" for name, home in names)
    return f"# {room.capitalize()}\n\nAll of it is imported from `constructs_lib`.\n\n{listed}\n"


def _client() -> str:
    """What applications import, which starts no CDK."""
    listed = "\n\n".join(f"::: constructs_lib.access.client.{name}" for name in sorted(client.__all__))
    return f"# Client\n\nAll of it is imported from `constructs_lib.access.client`.\n\n{listed}\n"


def _on_site(here: str, target: str) -> str:
    """Where a link of a page leads on the site."""
    if "://" in target or target.startswith("mailto:"):
        return target
    wanted = _in_repository(here, target)
    if wanted.startswith("docs/"):
        there = wanted.removeprefix("docs/")
    elif wanted in _MOVED:
        there = _MOVED[wanted]
    elif (ROOT / wanted).is_file():
        there = _page_of(wanted)
    else:
        return target
    return posixpath.relpath(there, posixpath.dirname(here) or ".")


def _in_repository(here: str, target: str) -> str:
    """The file that a link means, from the top of the repository."""
    source = {site: repository for repository, site in _MOVED.items()}.get(here, f"docs/{here}")
    return posixpath.normpath(posixpath.join(posixpath.dirname(source), target))


def _page_of(source: str) -> str:
    return f"{SOURCES}/{source}.md"


def _source(path: str) -> str:
    """A page that shows a file."""
    language = _LANGUAGES.get(Path(path).suffix, "text")
    return f"# {path}\n\n````{language}\n{(ROOT / path).read_text(encoding='utf-8')}````\n"


def _linked_sources(made: Mapping[str, str]) -> set[str]:
    """Files of the repository that pages link and that are no pages of the site."""
    pages = {
        file.relative_to(ROOT / "docs").as_posix(): file.read_text() for file in (ROOT / "docs").rglob("*.md")
    }
    found = set()
    for here, markdown in (*pages.items(), *made.items()):
        for link in _LINK.finditer(markdown):
            wanted = _in_repository(here, link["path"])
            if wanted not in _MOVED and not wanted.startswith("docs/") and (ROOT / wanted).is_file():
                found.add(wanted)
    return found
