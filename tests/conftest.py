"""Fixtures that every room's tests share."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NODE = ROOT / ".venv" / "bin" / "node"
if NODE.exists():
    os.environ.setdefault("JSII_NODE", str(NODE))

import aws_cdk as cdk  # noqa: E402 - jsii reads JSII_NODE when it is imported

from tests.support import synth  # noqa: E402


@pytest.fixture
def app() -> cdk.App:
    """A fresh app; synthesized quickly, without CloudFormation Validate."""
    return synth.fresh_app()


@pytest.fixture
def stack(app: cdk.App) -> cdk.Stack:
    """A stack for no particular account and region."""
    return cdk.Stack(app, "Test")


@pytest.fixture
def stack_in(app: cdk.App) -> Callable[[str], cdk.Stack]:
    """A stack of account 111122223333 in a given region."""
    return lambda region: cdk.Stack(
        app, f"Test-{region}", env=cdk.Environment(account=synth.ACCOUNT, region=region)
    )
