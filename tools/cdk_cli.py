"""The real CDK CLI, run against an embedded AWS; for the demo and the end-to-end tests."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CLI = ROOT / "node_modules" / ".bin" / "cdk"
NODE = ROOT / ".venv" / "bin" / "node"


class CdkError(Exception):
    """The CLI failed; carries what it printed."""

    def __init__(self, command: str, output: str) -> None:
        super().__init__(f"cdk {command} failed:\n{output}")
        self.output = output


@dataclass(frozen=True, slots=True, kw_only=True)
class Cdk:
    """Runs ``cdk`` for one app in one environment.

    `environment` is that of the embedded AWS; `folder` takes assemblies and logs.
    """

    environment: Mapping[str, str]
    folder: Path
    app: str = f"{sys.executable} app.py"

    def run(self, command: str, *arguments: str, context: Mapping[str, str] | None = None) -> str:
        """Run one command and return what it printed.

        :raises CdkError: when it fails.
        """
        full = [str(CLI), command, *arguments, "--app", self.app, "--output", str(self.folder / "cdk.out")]
        for key, value in (context or {}).items():
            full += ["--context", f"{key}={value}"]
        environment = {
            **self.environment,
            "JSII_NODE": str(NODE),
            # The CLI's own scripts begin with `env node`.
            "PATH": f"{NODE.parent}{os.pathsep}{self.environment.get('PATH', os.defpath)}",
        }
        done = subprocess.run(  # noqa: S603 - our own CLI, our own arguments
            full,
            cwd=ROOT,
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        with (self.folder / "cdk.log").open("a", encoding="utf-8") as log:
            log.write(f"$ cdk {command} {' '.join(arguments)}\n{done.stdout}\n")
        if done.returncode != 0:
            raise CdkError(command, done.stdout)
        return done.stdout

    def bootstrap(self, account: str, region: str) -> None:
        """Prepare account and region, as a platform engineer does once."""
        self.run("bootstrap", f"aws://{account}/{region}")

    def deploy(self, *stacks: str, context: Mapping[str, str] | None = None) -> str:
        """Deploy stacks without asking, three at a time."""
        options = ("--require-approval", "never", "--progress", "events", "--concurrency", "3")
        return self.run("deploy", *stacks, *options, context=context)
