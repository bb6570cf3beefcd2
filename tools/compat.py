"""`make compat`: the synthesis tests on the oldest and the newest CDK we promise, on every Python we promise.

Each combination gets a virtual environment under `.cache/compat/`, named after what is in it and kept for
the next time. Pythons are looked for in PYTHONS (paths, separated as in PATH), on the PATH and among
pyenv's; one that is not on the machine is said to be missing, and is not a failure.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
CACHE = ROOT / ".cache" / "compat"

PYTHONS = ("3.11", "3.12", "3.13")
TESTS = ("tests/core", "tests/model", "tests/hosting")
CDK = "aws-cdk-lib"
TEST_TOOLS = ("pytest", "hypothesis", "syrupy", "boto3", "pytest-xdist", "cfn-lint")
"""Those of the dev extra that the synthesis tests need."""


@dataclass(frozen=True, slots=True)
class Combination:
    """One line of the table."""

    python: str
    cdk: str
    requirements: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a combination."""

    combination: Combination
    seconds: float
    failed: bool
    summary: str


def main(arguments: Sequence[str] | None = None) -> int:
    """Run all combinations; 0 if none failed."""
    parser = argparse.ArgumentParser(prog="python -m tools.compat", description=__doc__)
    parser.add_argument("--cdk", action="append", help="aws-cdk-lib versions in place of floor and newest")
    parser.add_argument("--python", action="append", help=f"in place of {', '.join(PYTHONS)}")
    parser.add_argument("tests", nargs="*", default=TESTS, help=f"default: {' '.join(TESTS)}")
    options = parser.parse_args(arguments)
    outcomes = []
    for version in options.python or PYTHONS:
        interpreter = find_python(version)
        for requirements in wanted(options.cdk):
            combination = Combination(version, _pinned(requirements), requirements)
            print(f"… Python {version}, {CDK} {combination.cdk}", flush=True)
            outcomes.append(_outcome(combination, interpreter, options.tests))
    print(table(outcomes))
    return 1 if any(each.failed for each in outcomes) else 0


def wanted(cdk_versions: Sequence[str] | None) -> Iterator[tuple[str, ...]]:
    """The requirements of each environment: every floor we declare, and the newest of everything."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared: list[str] = project["dependencies"]
    tools = tuple(each for each in project["optional-dependencies"]["dev"] if _name(each) in TEST_TOOLS)
    others = tuple(each for each in declared if _name(each) != CDK)
    for version in cdk_versions or ():
        yield (f"{CDK}=={version}", *others, *tools)
    if not cdk_versions:
        yield (*map(floor, declared), *tools)
        yield (f"{CDK}=={newest(CDK)}", *others, *tools)


def floor(requirement: str) -> str:
    """``name>=1.2,<2`` → ``name==1.2``."""
    lowest = re.search(r">=\s*([0-9.]+)", requirement)
    if lowest is None:
        raise SystemExit(f"{requirement}: declares no floor")
    return f"{_name(requirement)}=={lowest[1]}"


def newest(name: str) -> str:
    """The newest release on the index; the locked one where the index does not answer."""
    asked = _run([sys.executable, "-m", "pip", "index", "versions", name])
    answer = re.search(rf"^{re.escape(name)} \(([0-9.]+)\)", asked.stdout, re.MULTILINE)
    if answer is not None:
        return answer[1]
    locked = re.search(
        rf"^{re.escape(name)}==([0-9.]+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE
    )
    if locked is None:
        raise SystemExit(f"neither the index nor the lock knows {name}")
    print(f"the index does not answer; taking the locked {name} {locked[1]} for the newest")
    return locked[1]


def find_python(version: str) -> Path | None:
    """An interpreter of `version` that starts; a pyenv shim that is switched off does not."""
    return next((path for path in _candidates(version) if _version_of(path) == version), None)


def _candidates(version: str) -> Iterator[Path]:
    yield from (Path(each) for each in os.environ.get("PYTHONS", "").split(os.pathsep) if each)
    yield Path(sys.executable)
    on_path = shutil.which(f"python{version}")
    if on_path is not None:
        yield Path(on_path)
    yield from sorted((Path.home() / ".pyenv" / "versions").glob(f"{version}.*/bin/python"), reverse=True)


def _version_of(path: Path) -> str | None:
    if not path.exists():
        return None
    asked = _run([path, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"])
    return asked.stdout.strip() if asked.returncode == 0 else None


def _outcome(combination: Combination, interpreter: Path | None, tests: Sequence[str]) -> Outcome:
    if interpreter is None:
        return Outcome(combination, 0, failed=False, summary="not on this machine")
    started = time.monotonic()
    try:
        python = _environment(combination, interpreter)
    except subprocess.CalledProcessError as error:
        print(error.stdout, error.stderr, sep="\n")
        return Outcome(combination, time.monotonic() - started, failed=True, summary="could not be installed")
    started = time.monotonic()
    ran = _run([python, "-m", "pytest", *tests, "-m", "not sdk", "-q", "-p", "no:cacheprovider"])
    seconds = time.monotonic() - started
    if ran.returncode != 0:
        print(ran.stdout, ran.stderr, sep="\n")
    lines = ran.stdout.strip().splitlines() or ran.stderr.strip().splitlines() or ["no output"]
    return Outcome(combination, seconds, failed=ran.returncode != 0, summary=lines[-1].strip("= "))


def _environment(combination: Combination, interpreter: Path) -> Path:
    """The interpreter of an environment with the requirements, made if it is not there yet."""
    exact = _run([interpreter, "-VV"]).stdout
    named = hashlib.sha256("\n".join([exact, *combination.requirements]).encode()).hexdigest()[:12]
    folder = CACHE / f"py{combination.python}-cdk{combination.cdk}-{named}"
    python = folder / "bin" / "python"
    if not (folder / ".done").exists():
        _run([interpreter, "-m", "venv", "--clear", folder], check=True)
        _run([python, "-m", "pip", "install", "--quiet", *combination.requirements], check=True)
        (folder / ".done").touch()
    return python


def table(outcomes: Sequence[Outcome]) -> str:
    """The outcomes as text."""
    rows = [("Python", CDK, "seconds", "", "")]
    for each in outcomes:
        verdict = "FAILED" if each.failed else "ok" if each.seconds else "–"
        rows.append(
            (each.combination.python, each.combination.cdk, f"{each.seconds:.0f}", verdict, each.summary)
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _name(requirement: str) -> str:
    return re.split(r"[^A-Za-z0-9_.-]", requirement, maxsplit=1)[0]


def _pinned(requirements: Sequence[str]) -> str:
    return next(each.partition("==")[2] for each in requirements if _name(each) == CDK)


def _run(command: Sequence[Any], *, check: bool = False) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    environment.pop("PYTHONPATH", None)
    return subprocess.run(  # noqa: S603 - our own interpreters and arguments
        [str(part) for part in command],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=check,
    )


if __name__ == "__main__":
    raise SystemExit(main())
