"""One endpoint: its state, and the work that changes it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from ..emulator import Scope
from ..settings import settings
from .async_backlog import Backlog
from .capacity import Capacity
from .deployment import Plan
from .errors import RefusedError
from .generation import DeploymentError, Generation
from .rollout import roll_out
from .store import Record
from .traffic import Routes, only

_logger = logging.getLogger(__name__)
_BUSY = frozenset({"Creating", "Updating", "RollingBack", "SystemUpdating", "Deleting"})


@dataclass(frozen=True, slots=True)
class Desired:
    """What UpdateEndpointWeightsAndCapacities asks of one variant; None keeps what there is.

    The count of a serverless variant is its provisioned concurrency.
    """

    weight: float | None = None
    count: int | None = None
    max_concurrency: int | None = None


@dataclass(slots=True, kw_only=True)
class Endpoint(Record):
    """An endpoint. Everything here happens on the server's event loop."""

    scope: Scope
    live: Generation
    capacity: Capacity
    on_change: Callable[[Endpoint], None]
    status: str = "Creating"
    failure_reason: str | None = None
    routes: Routes = ()
    pending: Generation | None = None
    pending_since: float = 0
    deployment_config: dict[str, Any] | None = None
    backlog: Backlog = field(default_factory=Backlog, repr=False)
    """Of an asynchronous endpoint; it outlives updates."""
    work: asyncio.Task[None] | None = field(default=None, repr=False)

    @property
    def is_busy(self) -> bool:
        """Whether a change is under way."""
        return self.status in _BUSY

    def require_idle(self) -> None:
        """RefusedError while a change is under way."""
        if self.is_busy:
            raise RefusedError(f'Cannot update in-progress endpoint "{self.arn}".')

    def begin_create(self) -> None:
        """Start the first fleets."""
        self.capacity.reserve(self.live.process_count)
        self._do(self._create())

    def begin_update(self, new: Generation, plan: Plan, deployment_config: dict[str, Any] | None) -> None:
        """Start to replace what is live by a new generation. The endpoint must be idle."""
        if self.status == "Failed":
            raise RefusedError(f'Cannot update endpoint "{self.arn}" with status "Failed".')
        self.capacity.reserve(new.process_count)
        self.pending, self.pending_since = new, time.time()
        self.deployment_config = deployment_config
        self.failure_reason = None
        self._become("Updating")
        self._do(self._update(new, plan))

    def begin_rebalance(self, desired: Mapping[str, Desired]) -> None:
        """Start to change weights and counts. The endpoint must be idle."""
        growth = sum(
            (wanted.count - self.live.variants[name].desired_count) * len(self.live.variants[name].containers)
            for name, wanted in desired.items()
            if wanted.count is not None
        )
        self.capacity.reserve(growth)
        self.failure_reason = None
        for name, wanted in desired.items():
            variant = self.live.variants[name]
            variant.desired_weight = variant.weight if wanted.weight is None else wanted.weight
            variant.desired_count = variant.desired_count if wanted.count is None else wanted.count
            if wanted.max_concurrency is not None:
                variant.desire_concurrency(wanted.max_concurrency)
        self._become("Updating")
        self._do(self._rebalance())

    def begin_delete(self, forget: Callable[[], None]) -> None:
        """Start to stop the fleets; `forget` is called when they are gone. The endpoint must be idle."""
        if self.status == "InService":
            self.capacity.release(self.live.process_count)
        self._become("Deleting")
        self.routes = ()
        self._do(self._delete(forget))

    async def stop(self) -> None:
        """Stop everything at once, whatever is under way."""
        if self.work is not None:
            self.work.cancel()
            await asyncio.wait([self.work])
        self.routes = ()
        generations = [self.live] if self.pending is None else [self.live, self.pending]
        await asyncio.gather(*(generation.stop() for generation in generations))

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        self.work = asyncio.get_running_loop().create_task(self._guarded(work))

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> None:
        """An error of ours must not leave the endpoint in progress for ever."""
        try:
            await work
        except Exception as error:
            _logger.exception("work on endpoint %s failed", self.name)
            self.failure_reason = f"Internal error of the emulator: {error}"
            self._become("Failed")

    def _become(self, status: str) -> None:
        self.status = status
        self.modified = time.time()
        self.on_change(self)

    async def _create(self) -> None:
        try:
            await self.live.start()
        except DeploymentError as error:
            self.capacity.release(self.live.process_count)
            self.failure_reason = str(error)
            self._become("Failed")
        else:
            self.routes = only(self.live)
            self._become("InService")

    async def _update(self, new: Generation, plan: Plan) -> None:
        old = self.live
        # AWS takes minutes here; long enough to be seen, and to refuse a second update.
        await asyncio.sleep(settings().update_delay)
        try:
            await roll_out(self, old, new, plan)
        except DeploymentError as error:
            await self._roll_back(old, new, str(error))
            return
        self.live, self.pending = new, None
        await asyncio.sleep(settings().wait(plan.termination_wait_seconds))
        await self._dismiss(old)
        self._become("InService")

    async def _roll_back(self, old: Generation, new: Generation, reason: str) -> None:
        """Back to the old generation, which answered all the time."""
        self._become("RollingBack")
        with suppress(DeploymentError):
            await old.resize(100)
        self.routes = only(old)
        await self._dismiss(new)
        self.pending = None
        self.failure_reason = reason
        self._become("InService")

    async def _dismiss(self, generation: Generation) -> None:
        await generation.drain()
        await generation.stop()
        self.capacity.release(generation.process_count)

    async def _rebalance(self) -> None:
        await asyncio.sleep(settings().update_delay)
        try:
            await self.live.resize(100)
        except DeploymentError as error:
            self.failure_reason = str(error)
        for variant in self.live.variants.values():
            variant.weight = variant.desired_weight
            variant.apply_concurrency()
            if variant.fleet.size != variant.desired_count:
                surplus = variant.desired_count - variant.fleet.size
                self.capacity.release(surplus * len(variant.containers))
                variant.desired_count = variant.fleet.size
        self._become("InService")

    async def _delete(self, forget: Callable[[], None]) -> None:
        await self.live.stop()
        forget()

    def describe(self) -> dict[str, Any]:
        """The answer to DescribeEndpoint."""
        shown: dict[str, Any] = {
            "EndpointName": self.name,
            "EndpointArn": self.arn,
            "EndpointConfigName": self.live.config_name,
            "EndpointStatus": self.status,
            "CreationTime": self.created,
            "LastModifiedTime": self.modified,
        }
        if self.routes or self.status == "Updating":
            shown |= self.live.summaries()
        if self.live.capture is not None:
            shown["DataCaptureConfig"] = self.live.capture.summary()
        if self.live.asynchronous is not None:
            shown["AsyncInferenceConfig"] = self.live.asynchronous.config
        if self.failure_reason:
            shown["FailureReason"] = self.failure_reason
        if self.deployment_config:
            shown["LastDeploymentConfig"] = self.deployment_config
        if self.pending is not None:
            shown["PendingDeploymentSummary"] = {
                "EndpointConfigName": self.pending.config_name,
                **self.pending.summaries(),
                "StartTime": self.pending_since,
            }
        return shown
