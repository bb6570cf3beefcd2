"""A knob of ministack's own: SFN_WAIT_SCALE shortens what state machines wait, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tools.embedded_aws import LocalAws, local_aws

from .conftest import QUICK
from .neighbours import INVOKE, function
from .test_step_functions import Machine, task

HOUR = 3600


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """A server whose state machines wait a ten-thousandth of what they should."""
    settings = {**QUICK, "SFN_WAIT_SCALE": "0.0001"}
    with local_aws(tmp_path_factory.mktemp("hasty"), settings=settings) as aws:
        yield aws


def test_waits_are_shorter(hasty: LocalAws) -> None:
    states: dict[str, dict[str, Any]] = {
        "Wait": {"Type": "Wait", "Seconds": HOUR, "Next": "Told"},
        "Told": {"Type": "Wait", "SecondsPath": "$.seconds", "End": True},
    }
    assert Machine(hasty, **states).run(seconds=HOUR)["status"] == "SUCCEEDED"


def test_retries_come_sooner(hasty: LocalAws, tmp_path: Path) -> None:
    busy = {"FunctionName": function(hasty), "Payload": {"count": str(tmp_path / "attempts"), "until": 4}}
    again = [{"ErrorEquals": ["Busy"], "IntervalSeconds": HOUR, "MaxAttempts": 3}]
    assert Machine(hasty, Only=task(INVOKE, busy, Retry=again)).run()["status"] == "SUCCEEDED"


def test_timeouts_stay_as_they_are(hasty: LocalAws) -> None:
    slow = {"FunctionName": function(hasty), "Payload": {"sleep": 0.5}}
    assert Machine(hasty, Only=task(INVOKE, slow, TimeoutSeconds=10)).run()["status"] == "SUCCEEDED"
