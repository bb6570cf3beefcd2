"""What `make compat` runs, decided without running it: which versions, which Pythons, what the table says."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tools import compat
from tools.compat import Combination, Outcome, find_python, floor, newest, table, wanted

HERE = "{}.{}".format(*sys.version_info[:2])


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """An index of packages: what pip answers, by the name of the package; nothing for the others."""
    answers: dict[str, str] = {}

    def run(command: Sequence[object], *, check: bool = False) -> subprocess.CompletedProcess[str]:
        assert command[1:-1] == ["-m", "pip", "index", "versions"]
        return subprocess.CompletedProcess([], 0, answers.get(str(command[-1]), ""), "")

    monkeypatch.setattr(compat, "_run", run)
    return answers


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with two dependencies, one tool for tests, one for something else, and a lock."""
    (tmp_path / "pyproject.toml").write_text(
        """
        [project]
        dependencies = ["aws-cdk-lib>=2.269,<3", "constructs>=10.5,<11"]
        [project.optional-dependencies]
        dev = ["pytest>=9", "pytest-cov>=6", "ruff>=0.12"]
        """
    )
    (tmp_path / "requirements.txt").write_text("aws-cdk-lib==2.275.0 \\\n    --hash=sha256:00\n")
    monkeypatch.setattr(compat, "ROOT", tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("requirement", "lowest"),
    [
        ("aws-cdk-lib>=2.269,<3", "aws-cdk-lib==2.269"),
        ("constructs >= 10.5.1", "constructs==10.5.1"),
        ("jsii<2,>=1.100", "jsii==1.100"),
        ("boto3-stubs[sagemaker]>=1.40", "boto3-stubs==1.40"),
    ],
)
def test_the_floor_of_a_requirement(requirement: str, lowest: str) -> None:
    assert floor(requirement) == lowest


@pytest.mark.parametrize("requirement", ["boto3", "boto3<2", "boto3==1.0"])
def test_a_requirement_without_a_floor_stops_the_run(requirement: str) -> None:
    with pytest.raises(SystemExit, match="declares no floor"):
        floor(requirement)


def test_the_newest_is_what_the_index_says(project: Path, index: dict[str, str]) -> None:
    index["aws-cdk-lib"] = "aws-cdk-lib (2.300.1)\nAvailable versions: 2.300.1, 2.300.0\n"
    assert newest("aws-cdk-lib") == "2.300.1"


def test_the_newest_is_the_locked_one_without_an_index(
    project: Path, index: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert newest("aws-cdk-lib") == "2.275.0"
    assert "the index does not answer" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="neither the index nor the lock knows constructs"):
        newest("constructs")


def test_floors_are_tried_together_and_the_newest_with_what_is_declared(
    project: Path, index: dict[str, str]
) -> None:
    assert list(wanted(None)) == [
        ("aws-cdk-lib==2.269", "constructs==10.5", "pytest>=9"),
        ("aws-cdk-lib==2.275.0", "constructs>=10.5,<11", "pytest>=9"),
    ]


def test_versions_asked_for_take_the_place_of_floor_and_newest(project: Path) -> None:
    assert list(wanted(["2.270.0", "2.271.0"])) == [
        ("aws-cdk-lib==2.270.0", "constructs>=10.5,<11", "pytest>=9"),
        ("aws-cdk-lib==2.271.0", "constructs>=10.5,<11", "pytest>=9"),
    ]


def test_every_tool_that_the_tests_need_is_in_the_dev_extra() -> None:
    """Of the real project: a tool renamed there would silently be left out."""
    (requirements,) = wanted(["2.270.0"])
    assert {compat._name(each) for each in requirements} == {"aws-cdk-lib", "constructs", *compat.TEST_TOOLS}


def test_a_python_is_found_by_its_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONS", os.pathsep)
    assert find_python(HERE) == Path(sys.executable)
    assert find_python("2.6") is None


def test_a_python_that_is_given_comes_first_unless_it_does_not_start(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    switched_off, given = tmp_path / "shim", tmp_path / "python"
    switched_off.write_text("#!/bin/sh\nexit 127\n")
    given.write_text("#!/bin/sh\necho 3.99\n")
    for each in (switched_off, given):
        each.chmod(0o755)
    monkeypatch.setenv("PYTHONS", os.pathsep.join(map(str, (tmp_path / "gone", switched_off, given))))
    assert find_python("3.99") == given


def test_an_environment_is_made_once_for_what_is_in_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ran: list[list[str]] = []

    def run(command: Sequence[object], *, check: bool = False) -> subprocess.CompletedProcess[str]:
        ran.append([str(part) for part in command])
        if "venv" in command:
            Path(str(command[-1])).mkdir(parents=True)
        return subprocess.CompletedProcess([], 0, "Python 3.11.2\n", "")

    monkeypatch.setattr(compat, "_run", run)
    monkeypatch.setattr(compat, "CACHE", tmp_path)
    tried = Combination("3.11", "2.269", ("aws-cdk-lib==2.269", "pytest>=9"))
    python = compat._environment(tried, Path("/python"))
    folder = str(python.parents[1])
    assert ran == [
        ["/python", "-VV"],
        ["/python", "-m", "venv", "--clear", folder],
        [str(python), "-m", "pip", "install", "--quiet", "aws-cdk-lib==2.269", "pytest>=9"],
    ]
    ran.clear()
    assert compat._environment(tried, Path("/python")) == python
    assert ran == [["/python", "-VV"]]
    other = Combination("3.11", "2.269", ("aws-cdk-lib==2.269", "pytest>=10"))
    assert compat._environment(other, Path("/python")) != python


def test_the_table_tells_green_red_and_missing() -> None:
    def tried(python: str) -> Combination:
        return Combination(python, "2.269", ())

    outcomes = [
        Outcome(tried("3.11"), 61.4, failed=False, summary="9 passed"),
        Outcome(tried("3.12"), 0, failed=False, summary="not on this machine"),
        Outcome(tried("3.13"), 2, failed=True, summary="could not be installed"),
    ]
    assert [line.split(maxsplit=4) for line in table(outcomes).splitlines()] == [
        ["Python", "aws-cdk-lib", "seconds"],
        ["3.11", "2.269", "61", "ok", "9 passed"],
        ["3.12", "2.269", "0", "–", "not on this machine"],
        ["3.13", "2.269", "2", "FAILED", "could not be installed"],
    ]


@pytest.mark.parametrize(("failed", "status"), [((False, False), 0), ((False, True), 1)])
def test_one_failure_fails_the_run(
    failed: tuple[bool, bool], status: int, monkeypatch: pytest.MonkeyPatch, project: Path
) -> None:
    tried: list[tuple[str, str, tuple[str, ...]]] = []

    def outcome(combination: Combination, _interpreter: Path | None, tests: Sequence[str]) -> Outcome:
        tried.append((combination.python, combination.cdk, tuple(tests)))
        return Outcome(combination, 1, failed=failed[len(tried) - 1], summary="")

    monkeypatch.setattr(compat, "_outcome", outcome)
    arguments = ["--python", "3.11", "--cdk", "2.270.0", "--cdk", "2.271.0", "tests/core"]
    assert compat.main(arguments) == status
    assert tried == [("3.11", "2.270.0", ("tests/core",)), ("3.11", "2.271.0", ("tests/core",))]
