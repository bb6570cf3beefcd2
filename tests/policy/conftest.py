"""The app of this repository under the packs, for any environment and for a certain one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import aws_cdk as cdk
import pytest

import app as the_app

from .audit import ROOT, Audit, audited, strict_context


@pytest.fixture(params=["any environment", "111122223333/eu-central-1"])
def built(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[cdk.App]:
    """The app as the CDK CLI has it built."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("CDK_CONTEXT_JSON", strict_context())
    account, _, region = str(request.param).partition("/")
    for name, value in (("CDK_DEFAULT_ACCOUNT", account), ("CDK_DEFAULT_REGION", region)):
        if region:
            monkeypatch.setenv(name, value)
        else:
            monkeypatch.delenv(name, raising=False)
    return the_app.build(str(tmp_path / "cdk.out"))


@pytest.fixture
def audit(built: cdk.App) -> Audit:
    """What the packs say of the app."""
    return audited(built)
