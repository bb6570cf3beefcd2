"""The demo's second act: a bandit finds out which of two models is better, and moves the traffic to it."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tools.cdk_cli import Cdk
from tools.embedded_aws import ROOT, LocalAws
from tools.visitors import Visitors, described, look, weights

STACK = "Experiment"
REPORT = "demo-experiment.html"
# Seconds in place of a day, an hour and two weeks.
CONTEXT = {"window": "2", "period": "1", "least": "20"}
_VISITORS = 40  # between two looks
_PATIENCE_SECONDS = 75


class ExperimentNotDecidedError(Exception):
    """The better model did not win in time."""


def run(aws: LocalAws, cdk: Cdk, say: Callable[[str], None]) -> Path:
    """Deploy, send visitors until a model has won, write the report; where the report is."""
    say(f"cdk deploy {STACK}: two models, one that sees 1 measurement and one that sees 30")
    cdk.deploy(STACK, context=CONTEXT)
    outputs = aws.outputs(STACK)
    endpoint = described(aws, outputs).endpoint
    visitors = Visitors(aws, outputs)
    say("visitors come, and tell when an answer was right; the deployed controller looks every second or so")
    deadline, shown = time.monotonic() + _PATIENCE_SECONDS, weights(aws, endpoint)
    outcome = ""
    while "stopped" not in outcome:
        if time.monotonic() > deadline:
            raise ExperimentNotDecidedError(f"no model had won: {outcome}; weights {shown}")
        visitors.come(_VISITORS)
        outcome = look(aws, outputs)
        if weights(aws, endpoint) != shown:
            shown = weights(aws, endpoint)
            shares = ", ".join(f"{name} {weight:.0%}" for name, weight in shown.items())
            say(f"{visitors.served.total():5} answers: traffic is now {shares}")
    _must_have_won(shown)
    report = ROOT / REPORT
    _report(aws, outputs["ExperimentName"], report)
    cdk.run("destroy", STACK, "--force")
    return report


def _must_have_won(shares: dict[str, float]) -> None:
    if shares != {"few": 0, "many": 1}:
        raise ExperimentNotDecidedError(f"the better model was to get all traffic: {shares}")


def _report(aws: LocalAws, name: str, target: Path) -> None:
    """As a person would make it, from the name alone."""
    command = [sys.executable, "-m", "constructs_lib.experiments", "report", name, "-o", str(target)]
    subprocess.run(  # noqa: S603 - our own command
        command, cwd=ROOT, env=aws.environment(), check=True, stdout=subprocess.DEVNULL
    )
