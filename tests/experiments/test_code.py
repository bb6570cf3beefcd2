"""The archive that the functions of experiments run from."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import aws_cdk as cdk
import pytest

from constructs_lib.experiments import code
from constructs_lib.experiments.code import runtime_archive
from tests.support.experiments import an_ab_test, arms
from tests.support.refusals import sole_violation
from tests.support.synth import fresh_app


@pytest.fixture
def anew() -> Iterator[None]:
    """Archives are made once a process; here, once a test."""
    runtime_archive.cache_clear()
    yield
    runtime_archive.cache_clear()


@pytest.mark.usefixtures("anew")
def test_packed_twice_it_is_the_same() -> None:
    first = runtime_archive()
    content = Path(first.path).read_bytes()
    runtime_archive.cache_clear()
    second = runtime_archive()
    assert first.path != second.path
    assert second.digest == first.digest
    assert Path(second.path).read_bytes() == content


@pytest.mark.parametrize("module", ["ingest", "controller", "recount", "client"])
def test_the_functions_start_from_it_alone(module: str, tmp_path: Path) -> None:
    """With boto3, which Lambda brings, and nothing else of this environment."""
    with zipfile.ZipFile(runtime_archive().path) as archive:
        archive.extractall(tmp_path)
    blocked = "import sys; sys.modules.update(dict.fromkeys(('constructs_lib', 'aws_cdk', 'jsii', 'numpy')))"
    where = "print(runtime.__file__, aws_lambda_powertools.__file__)"
    program = f"{blocked}; import runtime.{module}, aws_lambda_powertools; {where}"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(str(tmp_path)) == 2


@pytest.mark.usefixtures("anew")
def test_a_package_that_is_missing_is_told_before_anything_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(code, "find_spec", lambda _: None)
    stack = cdk.Stack(fresh_app(), "Stack")
    variants = arms(stack, "A", "B")
    before = len(stack.node.children)
    violation = sole_violation(lambda: an_ab_test(stack, variants=variants))
    assert violation.rule == "SM-ABTEST-001"
    assert violation.fix == "pip install 'constructs-lib[experiments]'"
    assert len(stack.node.children) == before
