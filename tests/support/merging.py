"""A bare repository whose hook does what GitHub does on a push: it runs the workflow of that commit.

The hook is this module: ``python -m tests.support.merging CONFIG`` reads what was pushed from its input.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from .workflows import ROOT, Runner

WORKFLOW = ".github/workflows/deploy.yml"
_TAKEN = (
    *("Makefile", "app.py", "cdk.json", "package.json", "package-lock.json", "pyproject.toml"),
    *("constructs_lib", "stacks", "examples", "requirements", ".github", ".gitignore"),
)
_ROLE = {"AWS_DEPLOY_ROLE_ARN": "arn:aws:iam::123456789012:role/Deploy", "AWS_REGION": "eu-west-1"}


@dataclass(frozen=True)
class Run:
    """What a workflow came to."""

    commit: str
    results: Mapping[str, str]
    logs: Mapping[str, str]


@dataclass(frozen=True)
class Team:
    """Somebody's clone, and the repository that it is pushed to."""

    folder: Path
    credentials: Mapping[str, str]

    @property
    def clone(self) -> Path:
        """Where files are edited."""
        return self.folder / "clone"

    def begin(self) -> None:
        """Make the repository, its hook and a clone with the library and its app, but nothing deployed yet."""
        bare = self.folder / "models.git"
        _git(self.folder, "init", "--quiet", "--bare", "--initial-branch=main", str(bare))
        _git(self.folder, "clone", "--quiet", str(bare), str(self.clone))
        for name in _TAKEN:
            _copy(ROOT / name, self.clone / name)
        (self.folder / "config.json").write_text(json.dumps({"credentials": dict(self.credentials)}))
        hook = bare / "hooks" / "post-receive"
        command = (
            f"cd {ROOT} && unset GIT_DIR && exec {sys.executable} -m tests.support.merging {self.folder}"
        )
        hook.write_text(f"#!/bin/sh\n{command}\n")
        hook.chmod(0o755)

    def push(self, message: str, *, branch: str = "main") -> Run | None:
        """Commit all that was edited and push it; what the workflow came to, if the push began one."""
        _git(self.clone, "add", "--all")
        _git(self.clone, "commit", "--quiet", "--message", message)
        _git(self.clone, "push", "--quiet", "origin", f"HEAD:{branch}")
        commit = _git(self.clone, "rev-parse", "HEAD").strip()
        return self._told(commit)

    def push_head(self) -> Run:
        """Push what is committed to main."""
        _git(self.clone, "push", "--quiet", "origin", "HEAD:main")
        run = self._told(_git(self.clone, "rev-parse", "HEAD").strip())
        assert run is not None, "the push began no workflow"
        return run

    def approve(self, commit: str, environment: str) -> Run:
        """Let the jobs of a run go on that wait for this environment."""
        _run_workflow(self.folder, commit, approved=frozenset({environment}))
        run = self._told(commit)
        assert run is not None
        return run

    def git(self, *arguments: str) -> str:
        """Run git in the clone."""
        return _git(self.clone, *arguments)

    def _told(self, commit: str) -> Run | None:
        told = self.folder / commit / "told.json"
        return Run(commit=commit, **_results(told)) if told.exists() else None


def _results(told: Path) -> dict[str, Any]:
    found = json.loads(told.read_text())
    return {name: found[name] for name in ("results", "logs")}


def _run_workflow(folder: Path, commit: str, *, approved: frozenset[str] = frozenset()) -> None:
    """Run the jobs of the commit's own workflow that have not run yet."""
    bare, place = folder / "models.git", folder / commit
    place.mkdir(exist_ok=True)
    workflow = yaml.load(_git(bare, "show", f"{commit}:{WORKFLOW}"), Loader=yaml.BaseLoader)  # noqa: S506
    inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    told = place / "told.json"
    before = json.loads(told.read_text()) if told.exists() else {}
    runner = Runner(
        repository=bare,
        commit=commit,
        folder=place,
        environment=inherited,
        credentials=json.loads((folder / "config.json").read_text())["credentials"],
        variables=_ROLE,
        approved=approved,
        **before,
    )
    runner.run(workflow)
    told.write_text(json.dumps({name: getattr(runner, name) for name in ("results", "logs", "outputs")}))


def _triggers(workflow: Mapping[str, Any]) -> list[str]:
    return [f"refs/heads/{branch}" for branch in workflow["on"]["push"]["branches"]]


def _copy(source: Path, target: Path) -> None:
    """What git would take of it: nothing built, nothing cached."""
    listed = _git(ROOT, "ls-files", "--cached", "--others", "--exclude-standard", "--", str(source))
    for name in listed.splitlines():
        place = target.parent / name
        place.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).exists():
            place.write_bytes((ROOT / name).read_bytes())


def _git(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=team", "-c", "user.email=team@example.com")
    done = subprocess.run(
        ["git", *who, *arguments],
        cwd=folder,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def main(folder: Path, pushed: str) -> None:
    """The hook: for each ref that was pushed, its workflow, if it asks for that."""
    for line in pushed.splitlines():
        _, commit, ref = line.split()
        text = _git(folder / "models.git", "show", f"{commit}:{WORKFLOW}")
        if ref in _triggers(yaml.load(text, Loader=yaml.BaseLoader)):  # noqa: S506
            _run_workflow(folder, commit)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.stdin.read())
