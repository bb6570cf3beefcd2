"""Follows a lab as a reader would: writes the files that it shows, and runs its commands in one shell.

A block of Python with a title is a file, one of ``bash`` is run, one of ``text`` after it is what that printed, line
by line, where ``…`` stands for anything. What is ``console`` is for a terminal of its own: the test does that part.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from .markdown import ROOT

_BLOCK = re.compile(
    r"^```(?P<language>python|bash|text)(?: title=\"(?P<title>[^\"]+)\")?\n(?P<code>.*?)^```$", re.M | re.S
)
_PATIENCE = 240


@dataclass(frozen=True, slots=True)
class Step:
    """A block of a lab."""

    language: str
    title: str | None
    code: str
    line: int


def steps(page: Path) -> list[Step]:
    """What a lab asks its reader to do, in order."""
    text = page.read_text(encoding="utf-8")
    return [
        Step(found["language"], found["title"], found["code"], text.count("\n", 0, found.start()) + 1)
        for found in _BLOCK.finditer(text)
    ]


def workplace(folder: Path) -> Path:
    """What stands for the checkout: all that is in it, and room for what a lab writes."""
    for each in ROOT.iterdir():
        if each.name not in ("cdk.out", ".git"):
            (folder / each.name).symlink_to(each)
    return folder


def follow(page: Path, folder: Path, environment: Mapping[str, str]) -> Iterator[tuple[Step, str]]:
    """Each step that is run, with what it printed; AssertionError where one fails or prints something else."""
    exported: dict[str, str] = dict(environment)
    printed = ""
    for step in steps(page):
        if step.title is not None:
            (folder / step.title).parent.mkdir(parents=True, exist_ok=True)
            (folder / step.title).write_text(step.code, encoding="utf-8")
        elif step.language == "bash":
            printed, exported = _run(step, folder, exported)
            yield step, printed
        elif step.language == "text":
            _must_have_printed(step, printed)


def _run(step: Step, folder: Path, environment: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """What a block printed, and the environment after it: the reader's shell goes on."""
    after = folder / ".environment"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", f"{step.code}\nenv -0 > {after.name}"],
        cwd=folder,
        env=dict(environment),
        capture_output=True,
        text=True,
        timeout=_PATIENCE,
    )
    assert done.returncode == 0, (
        f"line {step.line}:\n{step.code}\n{done.stdout[-3000:]}\n{done.stderr[-6000:]}"
    )
    pairs = (each.partition("=") for each in after.read_text().split("\0") if each)
    return done.stdout, {name: value for name, _, value in pairs}


def _must_have_printed(step: Step, printed: str) -> None:
    for line in step.code.splitlines():
        pattern = ".*".join(re.escape(part) for part in line.split("…"))
        assert re.search(rf"^{pattern}$", printed, re.M), f"line {step.line}: no {line!r} in\n{printed}"
