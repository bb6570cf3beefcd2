"""What the functions of experiments stand on."""

from __future__ import annotations

import aws_cdk as cdk
import pytest

from constructs_lib.core import code
from constructs_lib.core.code import runtime_archive
from tests.support.experiments import an_ab_test, arms
from tests.support.refusals import sole_violation
from tests.support.synth import fresh_app


def test_a_package_that_is_missing_is_told_before_anything_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    runtime_archive.cache_clear()
    monkeypatch.setattr(code, "find_spec", lambda _: None)
    stack = cdk.Stack(fresh_app(), "Stack")
    variants = arms(stack, "A", "B")
    before = len(stack.node.children)
    violation = sole_violation(lambda: an_ab_test(stack, variants=variants))
    assert violation.rule == "SM-ABTEST-001"
    assert violation.fix == "pip install 'constructs-lib[experiments]'"
    assert len(stack.node.children) == before
