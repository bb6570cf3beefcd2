"""The CDK CLI, as the steps call it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from .assembly import PipelineError

_QUIET = {"NO_COLOR": "1", "FORCE_COLOR": "0", "CI": "1", "CDK_DISABLE_CLI_TELEMETRY": "1"}


def synth(environment: str, output: Path, context: Mapping[str, str]) -> None:
    """Synthesize the app (that of cdk.json) for an environment."""
    told = {"environment": environment, **context}
    flags = [flag for name, value in told.items() for flag in ("--context", f"{name}={value}")]
    run("synth", "--quiet", "--output", str(output), *flags)


def deploy(assembly: Path) -> None:
    """Deploy all stacks of an assembly as it is, without asking: who may was asked by GitHub."""
    run("deploy", "--all", *_of(assembly), "--require-approval", "never", "--progress", "events")


def diff(assembly: Path) -> str:
    """How the stacks of an assembly differ from those that are deployed, by their templates alone.

    Not by change sets: to make these takes a role that may change things, which a pull request must not have.
    """
    return run("diff", "--all", *_of(assembly), "--method", "template", shown=False)


def drift(assembly: Path) -> None:
    """Fail when what is deployed was changed by other means."""
    run("drift", "--all", *_of(assembly), "--fail")


def _of(assembly: Path) -> tuple[str, ...]:
    return ("--app", str(assembly))


def run(*arguments: str, shown: bool = True) -> str:
    """Run one command; what it printed, which is also shown unless that is up to the caller.

    :raises PipelineError: when it fails, or there is no CLI.
    """
    found = shutil.which("cdk")
    if found is None:
        raise PipelineError("there is no cdk on the PATH: npm ci, and add node_modules/.bin")
    done = subprocess.run(  # noqa: S603 - the CLI, with arguments of ours
        [found, *arguments],
        env={**os.environ, **_QUIET},
        text=True,
        encoding="utf-8",
        errors="replace",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    if shown or done.returncode:
        print(done.stdout, end="", flush=True)
    if done.returncode:
        raise PipelineError(f"cdk {arguments[0]} ended with {done.returncode}")
    return done.stdout
