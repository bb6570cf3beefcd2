"""Embedded AWSs to deploy to with the real CDK CLI, each bootstrapped once."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import sleep

import pytest

from tools.cdk_cli import Cdk
from tools.embedded_aws import ACCOUNT, REGION, LocalAws, local_aws

QUICK = {
    "CONSTRUCTS_LOCAL_UPDATE_DELAY": "0.3",
    "CONSTRUCTS_LOCAL_TIME_SCALE": "0.001",
    # States that wait do so a fiftieth as long.
    "SFN_WAIT_SCALE": "0.02",
    # Less than the fifty small models of a test take.
    "CONSTRUCTS_LOCAL_MULTI_MODEL_MEMORY_MB": "64",
}


@dataclass(frozen=True)
class Account:
    """A bootstrapped account on an embedded AWS."""

    aws: LocalAws
    folder: Path

    def cdk(self, app: str) -> Cdk:
        """The CLI for one of the apps beside these tests."""
        return Cdk(
            environment={**self.aws.environment(), "PYTHONPATH": "."},
            folder=self.folder,
            app=f"{sys.executable} tests/deploy/apps/{app}.py",
        )


@pytest.fixture(scope="session")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """An account where IAM does not stand in the way."""
    folder = tmp_path_factory.mktemp("deploy")
    with local_aws(folder, settings=QUICK) as aws:
        account = Account(aws, folder)
        account.cdk("scaled").bootstrap(ACCOUNT, REGION)
        yield account


@pytest.fixture(scope="session")
def strict_account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """An account whose IAM policies are enforced."""
    folder = tmp_path_factory.mktemp("strict")
    with local_aws(folder, "--enforce-iam", settings=QUICK) as aws:
        yield Account(aws, folder)


def early_in_an_hour() -> datetime:
    """Now, or when the next hour has begun where this one is about to end: what is compared is an hour."""
    while (now := datetime.now(UTC)).minute == 59:
        sleep(1)
    return now
