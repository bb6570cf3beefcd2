"""An endpoint configuration that runs: its variants, each with its fleet."""

from __future__ import annotations

import asyncio
import math
import time
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from ..serving.container import ContainerSpec, FleetError
from ..serving.fleet import Fleet
from ..serving.instance import Instance
from ..serving.on_demand import OnDemandFleet
from .async_config import AsyncSettings
from .capture import CaptureSettings
from .endpoint_configs import VariantSpec
from .errors import LimitError
from .serverless import ServerlessSettings
from .shadow_rules import SHADOWS


class DeploymentError(Exception):
    """The deployment failed; the message is the FailureReason."""


class Serving(Protocol):
    """What a variant is served by: a fleet of its model, or the instances for inference components."""

    @property
    def size(self) -> int:
        """How many instances there are."""

    @property
    def instances(self) -> list[Instance]:
        """Those that run a model, healthy or not."""

    async def start(self, size: int) -> None:
        """Start so many instances."""

    async def resize(self, size: int) -> None:
        """Bring them to this number."""

    async def drain(self) -> None:
        """Wait until no request is under way."""

    async def stop(self) -> None:
        """Stop all at once."""


@dataclass(slots=True, kw_only=True)
class DeployedVariant:
    """A variant in service, with the weight and the count it has now."""

    spec: VariantSpec
    fleet: Serving
    containers: list[ContainerSpec]
    direct: bool
    """Whether a request names the one container that answers it."""
    weight: float
    desired_weight: float
    desired_count: int
    desired_serverless: ServerlessSettings | None = None
    since: float = field(default_factory=time.time)
    config_name: str | None = None
    """The endpoint configuration it stands in."""
    stage: dict[str, Any] | None = None
    """How far its deployment is, while it is under way."""

    @property
    def instances(self) -> Fleet:
        """The fleet of a variant that has a model and is not serverless."""
        assert isinstance(self.fleet, Fleet)  # noqa: S101
        return self.fleet

    def summary(self) -> dict[str, Any]:
        """The variant as DescribeEndpoint shows it."""
        return {
            "VariantName": self.spec.name,
            "DeployedImages": [self._deployed(container.image) for container in self.containers],
            "CurrentWeight": self.weight,
            "DesiredWeight": self.desired_weight,
            **({} if self.stage is None else {"VariantStatus": [self.stage]}),
            **self._capacity(),
        }

    def _deployed(self, image: str) -> dict[str, Any]:
        return {"SpecifiedImage": image, "ResolvedImage": image, "ResolutionTime": self.since}

    def _capacity(self) -> dict[str, Any]:
        if self.desired_serverless is None or not isinstance(self.fleet, OnDemandFleet):
            return {"CurrentInstanceCount": self.fleet.size, "DesiredInstanceCount": self.desired_count}
        desired = replace(self.desired_serverless, provisioned=self.desired_count)
        current = replace(desired, max_concurrency=self.fleet.max_concurrency, provisioned=self.fleet.size)
        return {
            "CurrentInstanceCount": 0,
            "CurrentServerlessConfig": current.members(),
            "DesiredServerlessConfig": desired.members(),
        }

    def desire_concurrency(self, maximum: int) -> None:
        """Ask for another maximum concurrency of a serverless variant."""
        if self.desired_serverless is not None:
            self.desired_serverless = replace(self.desired_serverless, max_concurrency=maximum)

    def apply_concurrency(self) -> None:
        """Let the maximum concurrency that was asked for hold."""
        if self.desired_serverless is not None and isinstance(self.fleet, OnDemandFleet):
            self.fleet.max_concurrency = self.desired_serverless.max_concurrency


@dataclass(slots=True, kw_only=True)
class Generation:
    """The fleets of one endpoint configuration."""

    config_name: str
    variants: dict[str, DeployedVariant]
    """All of them, the shadow variant too."""
    capture: CaptureSettings | None = None
    asynchronous: AsyncSettings | None = None

    def __post_init__(self) -> None:
        """Tell the variants where they belong."""
        for variant in self.variants.values():
            variant.config_name = self.config_name

    def enter(self, stage: str | None) -> None:
        """Come to a stage of a deployment (`VariantStatus` of the API), or to its end."""
        for variant in self.variants.values():
            variant.stage = None if stage is None else {"Status": stage, "StartTime": time.time()}

    @property
    def production(self) -> dict[str, DeployedVariant]:
        """The variants that answer callers."""
        return {name: variant for name, variant in self.variants.items() if not variant.spec.shadow}

    @property
    def shadow(self) -> DeployedVariant | None:
        """The variant that gets copies of requests, if there is one."""
        return next((variant for variant in self.variants.values() if variant.spec.shadow), None)

    @property
    def instance_count(self) -> int:
        """How many instances that answer callers were asked for in all."""
        return sum(variant.desired_count for variant in self.production.values())

    @property
    def process_count(self) -> int:
        """How many processes that is: an instance has one for each container."""
        return sum(variant.desired_count * len(variant.containers) for variant in self.variants.values())

    @property
    def serverless(self) -> bool:
        """Whether it has no instances, but processes on demand."""
        return any(variant.spec.serverless for variant in self.variants.values())

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
        except LimitError as error:
            raise DeploymentError(str(error)) from error
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

    def summaries(self) -> dict[str, list[dict[str, Any]]]:
        """The variants as DescribeEndpoint shows them, by the member that it shows them in."""
        shown = {"ProductionVariants": [variant.summary() for variant in self.production.values()]}
        return {**shown, SHADOWS: [self.shadow.summary()]} if self.shadow is not None else shown


def _part(count: int, percent: float) -> int:
    return math.ceil(count * percent / 100 - 1e-9)


def _failed_health_check(variant_name: str, error: FleetError) -> str:
    return (
        f"The {error.container} container for production variant {variant_name} did not pass the ping health check. "
        f"Please check CloudWatch logs for this endpoint. {error}"
    )
