"""The functions behind custom resources: one asset for all of them, with runtime code alone."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import aws_cdk as cdk
import pytest

from constructs_lib.hosting import stack_function as module
from constructs_lib.hosting.stack_function import stack_function
from tests.support.synth import flat, fresh_app, properties, statements, synthesized

RUNTIME = Path(module.__file__).parent / "runtime"


def uploaded() -> tuple[str, Path]:
    """The hash of the function's code, and the folder of it in the assembly."""
    app = fresh_app()
    stack_function(cdk.Stack(app, "Test"), handler="x.handle", description="X", role_description="Y")
    assembly = Path(app.synth().directory)
    files = json.loads((assembly / "Test.assets.json").read_text())["files"]
    ((hash, file),) = [each for each in files.items() if each[1]["source"]["packaging"] == "zip"]
    return hash, assembly / file["source"]["path"]


def test_the_asset_is_the_package_runtime_and_nothing_else() -> None:
    _, code = uploaded()
    wanted = sorted(f"runtime/{each.name}" for each in RUNTIME.glob("*.py"))
    assert sorted(each.relative_to(code).as_posix() for each in code.rglob("*") if each.is_file()) == wanted
    assert "runtime/model_placement.py" in wanted
    for name in wanted:
        assert (code / name).read_bytes() == (RUNTIME.parent / name).read_bytes()


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout of the room somewhere else."""
    there = tmp_path / "hosting"
    shutil.copytree(RUNTIME.parent, there, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(module, "_HERE", there)
    return there


def test_its_hash_tells_of_its_content_alone(copied: Path) -> None:
    """A changed hash deploys every stack's functions anew."""
    first, _ = uploaded()
    (copied / "runtime" / "__pycache__").mkdir()
    (copied / "runtime" / "__pycache__" / "x.cpython-314.pyc").write_bytes(b"compiled")
    (copied / "realtime.py").write_text("changed")
    (copied / "notes.txt").write_text("beside it")
    for each in (copied / "runtime").glob("*.py"):
        each.touch()
    assert uploaded()[0] == first
    (copied / "runtime" / "model_placement.py").write_text("changed")
    assert uploaded()[0] != first


def test_the_hash_is_the_same_wherever_the_library_lies(
    copied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there, _ = uploaded()
    monkeypatch.undo()
    assert uploaded()[0] == there


def test_the_function_may_write_its_logs_and_nothing_else(stack: cdk.Stack) -> None:
    stack_function(stack, handler="model_placement.handle", description="X", role_description="Y")
    template = synthesized(stack)
    (only,) = statements(template)
    assert only["Action"] == ["logs:CreateLogStream", "logs:PutLogEvents"]
    assert flat(only["Resource"]).startswith("<Logs")
    function = properties(template, "AWS::Lambda::Function")
    assert function["Handler"] == "runtime.model_placement.handle"
    assert (function["Timeout"], function["MemorySize"]) == (300, 256)
    assert properties(template, "AWS::Logs::LogGroup")["RetentionInDays"] == 90
