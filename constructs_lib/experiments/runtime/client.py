"""For applications: ask the endpoint, and have it known which arm answered and how good that was.

client = ExperimentClient.from_environment()
answer = client.invoke(b"5.1,3.5", content_type="text/csv", unit="user-17")
…
client.reward(answer.inference_id, 1)
client.flush()  # before the process ends, or its Lambda function returns
"""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import boto3

from . import clients
from .chooser import STICKY_SECONDS, Choice, Chooser
from .experiment import Experiment
from .outbox import Outbox
from .schema import TABLE_VARIABLE

STREAM_VARIABLE = "EVENT_STREAM"
"""The environment variable with the name of the stream of events."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the endpoint answered."""

    body: bytes
    content_type: str
    arm: str
    """The variant that answered."""
    inference_id: str
    """What a reward is to be told with."""
    custom_attributes: str = ""
    """What the model said beside its answer."""


class ExperimentClient:
    """Calls the endpoint of an experiment on behalf of units: users, sessions, devices."""

    def __init__(
        self,
        experiment: Experiment,
        *,
        runtime: Any,
        dynamodb: Any,
        table: str,
        outbox: Outbox,
        sticky_seconds: float = STICKY_SECONDS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._experiment = experiment
        self._runtime = runtime
        self._outbox = outbox
        self._clock = clock
        self._chooser = Chooser(
            experiment, dynamodb=dynamodb, table=table, sticky_seconds=sticky_seconds, clock=clock
        )

    @classmethod
    def from_environment(cls, *, runtime: Any = None) -> ExperimentClient:
        """The client of the experiment that this function was given access to.

        :param runtime: asks the endpoint. Default: boto3's client, since a model may take its time.
        """
        return cls(
            Experiment.from_environment(),
            runtime=boto3.client("sagemaker-runtime") if runtime is None else runtime,
            dynamodb=clients.client("dynamodb"),
            table=os.environ[TABLE_VARIABLE],
            outbox=Outbox(clients.client("kinesis"), os.environ[STREAM_VARIABLE]),
        )

    def invoke(
        self,
        body: bytes,
        *,
        content_type: str = "application/json",
        accept: str = "application/json",
        unit: str | None = None,
        arm: str | None = None,
        inference_id: str | None = None,
        custom_attributes: str | None = None,
    ) -> Answer:
        """Have an arm answer. `arm` chooses it by hand: that answer is part of no experiment.

        An experiment that assigns needs the unit; it gets the same arm each time, unless that has tripped.

        :param inference_id: 1–64 letters, digits, dots, underscores and hyphens. A request that is sent
            again with the same one counts once. Default: a new one.
        :param custom_attributes: told to the model beside the body.
        """
        choice = None if arm is not None else self._chooser.choose(unit)
        wanted = arm if choice is None else choice.arm
        inference_id = str(uuid.uuid4()) if inference_id is None else inference_id
        told = {"TargetVariant": wanted, "CustomAttributes": custom_attributes}
        answer = self._runtime.invoke_endpoint(
            EndpointName=self._experiment.endpoint,
            Body=body,
            ContentType=content_type,
            Accept=accept,
            InferenceId=inference_id,
            **{name: each for name, each in told.items() if each is not None},
        )
        content, answered = answer["Body"].read(), answer["InvokedProductionVariant"]
        if choice is not None:
            self._expose(inference_id, answered, unit, choice)
        return Answer(
            body=content,
            content_type=answer.get("ContentType", ""),
            arm=answered,
            inference_id=inference_id,
            custom_attributes=answer.get("CustomAttributes", ""),
        )

    def reward(self, inference_id: str, value: float, *, at: float | None = None) -> None:
        """Tell how good an answer was; at what time that was known, where it is not now."""
        known = self._clock() if at is None else at
        self._tell("reward", inference_id, value=float(value), at=known)

    def flush(self) -> int:
        """Send the events that wait; how many the stream did not take, which are kept."""
        return self._outbox.flush()

    def _expose(self, inference_id: str, arm: str, unit: str | None, choice: Choice) -> None:
        told = dict(choice.told)
        if choice.arm is None:
            told["propensity"] = choice.shares.get(arm, 0.0)
        if unit is not None:
            told["unit"] = unit
        self._tell("exposure", inference_id, arm=arm, at=self._clock(), **told)

    def _tell(self, kind: str, inference_id: str, **members: object) -> None:
        told = {"type": kind, "experiment": self._experiment.name, "id": inference_id, **members}
        self._outbox.add(told)
