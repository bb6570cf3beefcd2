"""An endpoint configuration that runs: its variants, each with its fleet."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from ..serving.channel import Reply
from ..serving.fleet import ContainerSpec, Fleet, FleetError
from ..serving.worker import Worker
from .capture import CaptureSettings
from .endpoint_configs import VariantSpec

FleetFactory = Callable[[VariantSpec, list[ContainerSpec]], Fleet]


class DeploymentError(Exception):
    """The deployment failed; the message is the FailureReason."""


class Serving(Protocol):
    """What a variant is served by: a fleet of its model, or the instances for inference components."""

    @property
    def size(self) -> int:
        """How many instances there are."""

    @property
    def workers(self) -> list[Worker]:
        """The processes."""

    @property
    def in_flight(self) -> int:
        """Requests being answered now."""

    async def start(self, size: int) -> None:
        """Start so many instances."""

    async def resize(self, size: int) -> None:
        """Bring them to this number."""

    async def invoke(self, headers: Mapping[str, str], body: bytes) -> tuple[Worker, Reply]:
        """Answer one request."""

    async def drain(self) -> None:
        """Wait until no request is under way."""

    async def stop(self) -> None:
        """Stop all at once."""


@dataclass(slots=True, kw_only=True)
class DeployedVariant:
    """A variant in service, with the weight and the count it has now."""

    spec: VariantSpec
    fleet: Serving
    image: str
    weight: float
    desired_weight: float
    desired_count: int
    since: float = field(default_factory=time.time)

    @property
    def process_count(self) -> int:
        """How many processes of this machine it takes."""
        return self.desired_count

    def summary(self) -> dict[str, Any]:
        """The variant as DescribeEndpoint shows it."""
        image = {"SpecifiedImage": self.image, "ResolvedImage": self.image, "ResolutionTime": self.since}
        return {
            "VariantName": self.spec.name,
            "DeployedImages": [image],
            "CurrentWeight": self.weight,
            "DesiredWeight": self.desired_weight,
            "CurrentInstanceCount": self.fleet.size,
            "DesiredInstanceCount": self.desired_count,
        }


@dataclass(slots=True, kw_only=True)
class Generation:
    """The fleets of one endpoint configuration."""

    config_name: str
    variants: dict[str, DeployedVariant]
    capture: CaptureSettings | None = None

    @property
    def instance_count(self) -> int:
        """How many instances were asked for in all."""
        return sum(variant.desired_count for variant in self.variants.values())

    @property
    def process_count(self) -> int:
        """How many processes of this machine it takes in all."""
        return sum(variant.process_count for variant in self.variants.values())

    async def start(self, percent: float = 100) -> None:
        """Start so much of every fleet; DeploymentError, and nothing started, when one fails."""
        starts = (self._start(variant, percent) for variant in self.variants.values())
        outcomes = await asyncio.gather(*starts, return_exceptions=True)
        failure = next((outcome for outcome in outcomes if isinstance(outcome, BaseException)), None)
        if failure is not None:
            await self.stop()
            raise failure

    async def _start(self, variant: DeployedVariant, percent: float) -> None:
        try:
            await variant.fleet.start(_part(variant.desired_count, percent))
        except FleetError as error:
            raise DeploymentError(_failed_health_check(variant.spec.name, error)) from error

    async def resize(self, percent: float) -> None:
        """Bring every fleet to so much of its desired count."""
        for variant in self.variants.values():
            try:
                await variant.fleet.resize(_part(variant.desired_count, percent))
            except FleetError as error:
                raise DeploymentError(_failed_health_check(variant.spec.name, error)) from error

    async def drain(self) -> None:
        """Wait until no request is under way."""
        await asyncio.gather(*(variant.fleet.drain() for variant in self.variants.values()))

    async def stop(self) -> None:
        """Stop all fleets at once."""
        await asyncio.gather(*(variant.fleet.stop() for variant in self.variants.values()))

    def summaries(self) -> list[dict[str, Any]]:
        """The variants as DescribeEndpoint shows them."""
        return [variant.summary() for variant in self.variants.values()]


def _part(count: int, percent: float) -> int:
    return math.ceil(count * percent / 100 - 1e-9)


def _failed_health_check(variant_name: str, error: Exception) -> str:
    return (
        f"The primary container for production variant {variant_name} did not pass the ping health check. "
        f"Please check CloudWatch logs for this endpoint. {error}"
    )
