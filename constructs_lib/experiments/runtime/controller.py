"""The function that looks after an experiment: on a schedule, and when an alarm changes its state.

A person resets an arm that a guardrail has tripped by invoking it with `{"reset": "the arm"}`.
"""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from .adapters import CloudWatchAlarms, CloudWatchMetrics, SageMakerEndpoint
from .clients import client
from .decide import decide
from .experiment import Experiment
from .fold import Counting
from .ledger import Ledger
from .look import Controller
from .schema import TABLE_VARIABLE
from .state import StateStore


@cache
def _controller() -> Controller:
    experiment = Experiment.from_environment()
    table, dynamodb = os.environ[TABLE_VARIABLE], client("dynamodb")
    cloudwatch = client("cloudwatch")
    return Controller(
        experiment,
        store=StateStore(dynamodb, table),
        counts=Ledger(dynamodb, table, Counting(experiment)),
        endpoint=SageMakerEndpoint(client("sagemaker"), experiment.endpoint),
        alarms=CloudWatchAlarms(cloudwatch),
        metrics=CloudWatchMetrics(cloudwatch, experiment.name),
        decide=decide,
    )


def handle(event: dict[str, Any], _context: object) -> dict[str, str]:
    """Entry point of the function."""
    return {"outcome": _controller().look(reset=event.get("reset"))}
