"""One inference component: its state, and the work that changes it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from ..emulator import Scope
from ..serving.instance import Answer
from ..serving.routing import any_one, ask_one, least_busy
from ..settings import settings
from .capacity import Capacity
from .component_rollout import RollingPlan, roll_out
from .component_variant import ComponentVariant, hosting_variant
from .copies import Copies, Copy
from .endpoint import Endpoint
from .errors import RefusedError
from .generation import DeploymentError
from .store import Record

_logger = logging.getLogger(__name__)
_LONGEST_REASON = 1024
# What a status is called in AWS's refusals (two were seen, the others are inferred).
_IN_PROGRESS = {
    "Creating": "CREATE_IN_PROGRESS",
    "Updating": "UPDATE_RC_IN_PROGRESS",
    "Deleting": "DELETE_IN_PROGRESS",
}


@dataclass(slots=True, kw_only=True)
class Component(Record):
    """An inference component. Everything here happens on the server's event loop."""

    scope: Scope
    endpoint: Endpoint
    live: Copies
    desired: int
    capacity: Capacity
    pending: Copies | None = None
    status: str = "Creating"
    failure_reason: str | None = None
    deployment_config: dict[str, Any] | None = None
    reserved: int = 0
    """The processes that were taken from the capacity of this machine."""
    work: asyncio.Task[None] | None = field(default=None, repr=False)

    @property
    def variant(self) -> ComponentVariant:
        """The variant that it stands on."""
        found = hosting_variant(self.endpoint.live)
        assert found is not None  # noqa: S101  # no update takes it away
        return found

    @property
    def copies(self) -> list[Copy]:
        """The copies that answer: of both versions while one replaces the other."""
        return self.live.running + (self.pending.running if self.pending else [])

    @property
    def in_flight(self) -> int:
        """Requests being answered now."""
        return sum(copy.in_flight for copy in self.copies)

    def require_idle(self, verb: str) -> None:
        """RefusedError while a change is under way, of the component or of its endpoint."""
        state = _IN_PROGRESS.get(self.status)
        if state is not None:
            raise RefusedError(
                f'Cannot {verb} inference component "{self.arn}" while it is in state {state}.'
            )
        self.endpoint.require_idle()

    async def invoke(self, headers: Mapping[str, str], body: bytes) -> Answer:
        """Let one of the copies answer, as the variant's RoutingConfig says."""
        choose = any_one if self.variant.hosting.random_routing else least_busy
        return await ask_one(lambda: self.copies, choose, headers, body)

    def begin_create(self) -> None:
        """Start the first copies, once the endpoint is there."""
        self._reserve(self.desired)
        self._do(self._create())

    def begin_resize(self, count: int) -> None:
        """Start to change the number of copies. The component must be idle and not have failed."""
        self._reserve(count)
        self.desired, self.failure_reason = count, None
        self._become("Updating")
        self._do(self._resize())

    def begin_update(self, new: Copies, plan: RollingPlan, config: dict[str, Any] | None) -> None:
        """Start to replace the copies by those of another version. The component must be idle."""
        self._reserve(max(self.live.size, plan.copies) + plan.batch)
        self.pending, self.deployment_config, self.failure_reason = new, config, None
        self.desired = plan.copies
        self._become("Updating")
        self._do(self._update(new, plan))

    def begin_delete(self, forget: Callable[[], None]) -> None:
        """Start to stop the copies; `forget` is called when they are gone. The component must be idle."""
        self._become("Deleting")
        self._do(self._delete(forget))

    async def stop(self) -> None:
        """Stop everything at once, whatever is under way."""
        if self.work is not None:
            self.work.cancel()
            await asyncio.wait([self.work])
        for copies in (self.live, self.pending):
            if copies is not None:
                await copies.stop()

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        self.work = asyncio.get_running_loop().create_task(self._guarded(work))

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> None:
        """An error of ours must not leave the component in progress for ever."""
        try:
            await work
        except Exception as error:
            _logger.exception("work on inference component %s failed", self.name)
            self._fail(f"Internal error of the emulator: {error}")
        finally:
            self._give_back()

    def _become(self, status: str) -> None:
        self.status = status
        self.modified = time.time()

    def _fail(self, reason: str) -> None:
        self.failure_reason = reason
        self._become("Failed")

    def _reserve(self, count: int) -> None:
        """Take what is missing from the capacity; LimitError, and nothing changed, when it is not there."""
        missing = max(0, count - self.reserved)
        self.capacity.reserve(missing)
        self.reserved += missing

    def _give_back(self) -> None:
        """Give back what was reserved and is not, or no longer, used."""
        self.capacity.release(self.reserved - self.live.size)
        self.reserved = self.live.size

    async def _create(self) -> None:
        if self.endpoint.work is not None:
            await asyncio.wait([self.endpoint.work])
        try:
            await self.live.start(self.desired)
        except DeploymentError as error:
            self._fail(str(error))
        else:
            self._become("InService")

    async def _resize(self) -> None:
        # AWS takes minutes here; long enough to be seen, and to refuse a second change.
        await asyncio.sleep(settings().update_delay)
        try:
            await self.live.resize(self.desired)
        except DeploymentError as error:
            self.failure_reason = str(error)
            self.desired = self.live.size
        self._become("InService")

    async def _update(self, new: Copies, plan: RollingPlan) -> None:
        await asyncio.sleep(settings().update_delay)
        old, before = self.live, self.live.size
        try:
            await roll_out(old, new, plan)
        except DeploymentError as error:
            self.failure_reason = str(error)
            await self._roll_back(old, new, before)
        else:
            self.live, self.pending = new, None
            self.request = {**self.request, "Specification": new.spec.request}
            await old.stop()
        self._become("InService")

    async def _roll_back(self, old: Copies, new: Copies, count: int) -> None:
        """Back to the old copies, some of which answered all the time."""
        with suppress(DeploymentError):
            await old.resize(count)
        with suppress(DeploymentError):
            await new.resize(0)
        await new.stop()
        # What the new ones left may be what the old ones lacked.
        with suppress(DeploymentError):
            await old.resize(count)
        self.pending, self.desired = None, old.size

    async def _delete(self, forget: Callable[[], None]) -> None:
        with suppress(DeploymentError):
            await self.live.resize(0)
        await self.live.stop()
        forget()

    def describe(self) -> dict[str, Any]:
        """The answer to DescribeInferenceComponent."""
        shown: dict[str, Any] = {
            **self.summary(),
            "Specification": self.live.spec.summary(self.created),
            "RuntimeConfig": {"DesiredCopyCount": self.desired, "CurrentCopyCount": len(self.copies)},
        }
        if self.failure_reason:
            shown["FailureReason"] = _shortened(self.failure_reason)
        if self.deployment_config:
            shown["LastDeploymentConfig"] = self.deployment_config
        return shown

    def summary(self) -> dict[str, Any]:
        """The component as ListInferenceComponents shows it."""
        return {
            "InferenceComponentName": self.name,
            "InferenceComponentArn": self.arn,
            "EndpointName": self.endpoint.name,
            "EndpointArn": self.endpoint.arn,
            "VariantName": self.variant.spec.name,
            "InferenceComponentStatus": self.status,
            "CreationTime": self.created,
            "LastModifiedTime": self.modified,
        }


def _shortened(reason: str) -> str:
    """At most as long as AWS's; what is left out is the middle: the last lines of a log say most."""
    if len(reason) <= _LONGEST_REASON:
        return reason
    half = _LONGEST_REASON // 2 - 1
    return f"{reason[:half]}…{reason[-half:]}"
