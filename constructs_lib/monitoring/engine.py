"""Which engine does the work, and on what it runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

import aws_cdk as cdk

from ..core.checks import duration, whole_number
from ..core.rules import API_REFERENCE, Broken, Rules
from ..core.tokens import is_token
from ..model.image import ContainerImage

_PROCESSING = API_REFERENCE + "API_CreateProcessingJob.html"


class MonitorEngine(Enum):
    """Who computes statistics, constraints and violations."""

    OWNED = "owned"
    """This library's, in your account: see `MonitorCompute`."""
    MODEL_MONITOR = "model_monitor"
    """SageMaker Model Monitor and Clarify, for accounts that have them: they take no new customers since
    2026-07-30."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorCompute:
    """What the owned engine runs on: make one with `function` or `processing`.

    :raises ConstraintError: SM-COMPUTE-001.
    """

    memory_mb: int | None = None
    instance_type: str | None = None
    volume_gb: int = 30
    longest: cdk.Duration | None = None
    image: ContainerImage | None = None

    def __post_init__(self) -> None:
        """Check."""
        compute_rules.enforce(self, path="MonitorCompute")

    @staticmethod
    def function(*, memory_mb: int = 1769) -> MonitorCompute:
        """A Lambda function: for windows that one core reads within 15 minutes (docs/monitoring.md has figures).

        :param memory_mb: 512–10,240; 1,769 is one whole core, and more is no faster.
        """
        return MonitorCompute(memory_mb=memory_mb)

    @staticmethod
    def processing(
        *,
        instance_type: str = "ml.m5.xlarge",
        volume_gb: int = 30,
        longest: cdk.Duration | None = None,
        image: ContainerImage | None = None,
    ) -> MonitorCompute:
        """A SageMaker processing job a window, on one instance, all of whose cores read.

        :param longest: 1 minute – 5 days. Default: 1 hour.
        :param image: with Python 3.11 or newer and boto3. Default: AWS's for scikit-learn, 1.4-2-py312.
        """
        return MonitorCompute(instance_type=instance_type, volume_gb=volume_gb, longest=longest, image=image)

    @property
    def is_function(self) -> bool:
        """Whether it is a function, not a job."""
        return self.memory_mb is not None

    @property
    def longest_seconds(self) -> int:
        """How long a job may take, with its default applied."""
        return 3600 if self.longest is None else int(self.longest.to_seconds())


compute_rules = Rules[MonitorCompute]()


@compute_rules.rule("SM-COMPUTE-001", source=_PROCESSING)
def runs_on_one_thing(compute: MonitorCompute) -> Iterator[Broken]:
    """The engine runs in a function of 512–10,240 MB, or on an instance with 1–16,384 GB for at most 5 days."""
    if (compute.memory_mb is None) == (compute.instance_type is None):
        yield Broken(
            "memory_mb",
            compute.memory_mb,
            "either a function or a job",
            "MonitorCompute.function(…), .processing(…)",
        )
    yield from whole_number("memory_mb", compute.memory_mb, 512, 10_240)
    yield from whole_number("volume_gb", compute.volume_gb, 1, 16_384)
    given = compute.instance_type
    if isinstance(given, str) and not is_token(given) and not given.startswith("ml."):
        yield Broken("instance_type", given, "a type such as ml.m5.xlarge")
    yield from duration("longest", compute.longest, 60, 432_000)
