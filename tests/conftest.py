"""Fixtures that every room's tests share."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NODE = ROOT / ".venv" / "bin" / "node"
if NODE.exists():
    os.environ.setdefault("JSII_NODE", str(NODE))

import aws_cdk as cdk  # noqa: E402 - jsii reads JSII_NODE when it is imported

from tests.support import synth  # noqa: E402
from tests.support.browser import REQUIRED, Browser, missing  # noqa: E402


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


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A headless Chromium; without one, its tests are skipped where they may be."""
    reason = missing()
    if reason is not None and os.environ.get(REQUIRED) == "1":
        pytest.fail(f"{REQUIRED}=1, but there is {reason}")
    if reason is not None:
        pytest.skip(reason)
    with Browser(tmp_path_factory.mktemp("profile")) as started:
        yield started
