"""What the acts of the demo have in common: the AWS that they play on, and what they have to show in the end."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tools.cdk_cli import Cdk
from tools.embedded_aws import ROOT, LocalAws


class DemoFailedError(Exception):
    """Something that must happen did not."""


def must(condition: bool, what: str) -> None:
    """Stop the demo where `condition` does not hold."""
    if not condition:
        raise DemoFailedError(what)


Row = tuple[str, ...]


@dataclass
class Seen:
    """What was seen: the rows of the page, card by card."""

    runs: list[Row] = field(default_factory=list)
    """Construct, stack, what it is, in what state."""
    answered: list[Row] = field(default_factory=list)
    """Construct, who was asked, how often, what came of it."""
    shifted: list[Row] = field(default_factory=list)
    """Construct, what moved, from, to, why."""
    drifted: list[Row] = field(default_factory=list)
    """Monitor, what was asked, verdict, what it names."""
    reports: dict[str, str] = field(default_factory=dict)
    """Other pages: file name → what is on it."""


@dataclass(frozen=True)
class Stage:
    """One run of the demo."""

    aws: LocalAws
    cdk: Cdk
    folder: Path
    """For what is only needed meanwhile."""
    pages: Path
    """For what is there to be read."""
    seen: Seen = field(default_factory=Seen)
    started: float = field(default_factory=time.monotonic)

    def say(self, what: str) -> None:
        """Tell whoever is watching."""
        print(f"[{time.monotonic() - self.started:5.1f} s] {what}", flush=True)

    def deploy(self, what: str, *stacks: str, context: Mapping[str, str] | None = None) -> None:
        """Deploy with the real CLI."""
        self.say(f"cdk deploy {' '.join(stacks)}: {what}")
        began = time.monotonic()
        self.cdk.deploy(*stacks, context=context)
        self.say(f"deployed in {time.monotonic() - began:.0f} s")

    def report(self, room: str, of: str, file: str, what: str) -> None:
        """A page as a person would make it, with the room's command."""
        target = self.pages / file
        command = [sys.executable, "-m", f"constructs_lib.{room}", "report", of, "-o", str(target)]
        subprocess.run(  # noqa: S603 - our own command
            command, cwd=ROOT, env=self.aws.environment(), check=True, stdout=subprocess.DEVNULL
        )
        self.seen.reports[file] = what
