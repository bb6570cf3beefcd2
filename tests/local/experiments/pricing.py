"""An endpoint with an arm for each answer, and its controller."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from constructs_lib.experiments.runtime.adapters import (
    CloudWatchAlarms,
    CloudWatchMetrics,
    SageMakerEndpoint,
)
from constructs_lib.experiments.runtime.decision import Decision, Situation
from constructs_lib.experiments.runtime.experiment import Experiment, Guardrail
from constructs_lib.experiments.runtime.look import Controller
from constructs_lib.experiments.runtime.state import State
from tests.support.controlled import keep
from tests.support.experiment_events import EXPERIMENT
from tools.embedded_aws import LocalAws

from ..hosting import Hosting
from .laboratory import Laboratory

ALARM = "bold-errors"
GUARDED = replace(EXPERIMENT, guardrails=(Guardrail(alarm=ALARM, arm="bold"),))


def config(hosting: Hosting, weights: Mapping[str, float]) -> str:
    """A configuration with these variants, each of which answers its own name."""
    return hosting.config(
        *(
            {"VariantName": arm, "ModelName": hosting.model(NAME=arm), "InitialVariantWeight": weight}
            for arm, weight in weights.items()
        )
    )


class Controlled(Laboratory):
    """An experiment on an endpoint."""

    def __init__(self, aws: LocalAws, endpoint: str, experiment: Experiment = GUARDED) -> None:
        super().__init__(aws, replace(experiment, endpoint=endpoint))
        self.hosting = Hosting(aws)
        self.sagemaker, self.cloudwatch = self.client("sagemaker"), self.client("cloudwatch")
        self.wanted: Callable[[Situation], Decision] = keep
        self.alarm(on=False)

    def alarm(self, *, on: bool) -> None:
        cloudwatch = self.aws.client("cloudwatch")
        cloudwatch.put_metric_alarm(
            AlarmName=ALARM,
            MetricName="Errors",
            Namespace="Test",
            ComparisonOperator="GreaterThanThreshold",
            EvaluationPeriods=1,
            Period=60,
            Statistic="Sum",
            Threshold=0,
            TreatMissingData="ignore",
        )
        cloudwatch.set_alarm_state(AlarmName=ALARM, StateValue="ALARM" if on else "OK", StateReason="a test")

    def controller(self, **instead: Any) -> Controller:
        """The function that looks, just started."""
        ports = {
            "store": self.store,
            "counts": self.ledger,
            "endpoint": SageMakerEndpoint(self.sagemaker, self.experiment.endpoint),
            "alarms": CloudWatchAlarms(self.cloudwatch),
            "metrics": CloudWatchMetrics(self.cloudwatch, self.experiment.name),
            "decide": lambda _experiment, situation, _buckets: self.wanted(situation),
            "clock": time.time,
        }
        return Controller(self.experiment, **{**ports, **instead})

    def look(self, **more: Any) -> str:
        """A look, and then what it asked for has happened."""
        outcome = self.controller().look(**more)
        self.settled()
        return outcome

    def settled(self) -> dict[str, Any]:
        return self.hosting.settled(self.experiment.endpoint)

    def state(self) -> State:
        state = self.store.read()
        assert state is not None
        return state

    def weights(self) -> dict[str, float]:
        """On the endpoint, as shares."""
        variants = self.settled()["ProductionVariants"]
        total = sum(each["CurrentWeight"] for each in variants)
        return {each["VariantName"]: round(each["CurrentWeight"] / total, 5) for each in variants}


def at_once(*calls: Callable[[], object]) -> None:
    """All of them, beginning together."""
    start = threading.Barrier(len(calls))

    def run(call: Callable[[], object]) -> None:
        start.wait()
        call()

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
