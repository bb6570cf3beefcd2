"""The processes of a serverless variant: started by requests, ended when nobody needs them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from ..settings import settings
from .channel import UnreachableError
from .fleet import Fleet
from .instance import Answer, Instance

_DRAIN_POLL = 0.02


class ThrottledError(Exception):
    """As many requests are being answered as the variant may answer at once."""


class Slots(Protocol):
    """How many processes this machine still has room for."""

    def reserve(self, count: int) -> None:
        """Take so many; an error when there are fewer."""

    def release(self, count: int) -> None:
        """Give them back."""


@dataclass(slots=True, kw_only=True, eq=False)
class Execution:
    """A process that answers one request, and nobody else's meanwhile."""

    instance: Instance
    provisioned: bool = False
    setup_seconds: float | None = None
    """How long the request waited for a cold start; None when the process was warm."""
    broken: bool = False

    async def invoke(self, headers: Mapping[str, str], body: bytes) -> Answer:
        """Let the process answer; errors as a fleet's."""
        try:
            answer = await self.instance.invoke(headers, body, settings().request_timeout)
        except UnreachableError:
            self.broken = True
            raise
        self.broken = answer.failure is not None
        return answer


@dataclass(slots=True)
class Peak:
    """The most requests that were answered at once: in all, and by provisioned processes."""

    executing: int = 0
    provisioned: int = 0


class OnDemandFleet:
    """Up to `max_concurrency` processes, one request each; `size` of them are provisioned: always warm.

    The room for the provisioned ones is the endpoint's to reserve, as that for instances is. That for
    the others is reserved here, when a request needs them.
    """

    def __init__(self, fleet: Fleet, slots: Slots, max_concurrency: int) -> None:
        self.max_concurrency = max_concurrency
        self._fleet = fleet
        self._slots = slots
        self._provisioned: list[Instance] = []
        self._on_demand: set[Instance] = set()
        self._idle: dict[Instance, asyncio.TimerHandle] = {}
        self._executions: set[Instance] = set()
        self._executing = 0
        self._peak = Peak()
        self._farewells: set[asyncio.Task[None]] = set()

    @property
    def instances(self) -> list[Instance]:
        """The processes there are now."""
        return self._fleet.instances

    @property
    def size(self) -> int:
        """How many processes are provisioned."""
        return len(self._provisioned)

    @property
    def in_flight(self) -> int:
        """Requests being answered, or waiting for a cold start."""
        return self._executing

    async def start(self, size: int) -> None:
        """Start the provisioned processes, or one for a trial: a model that cannot load must not be deployed."""
        trial = 0 if size else 1
        self._slots.reserve(trial)
        try:
            await self._fleet.start(size + trial)
            self._provisioned = self._fleet.instances[:size]
            await self._fleet.resize(size)
        finally:
            self._slots.release(trial)

    async def resize(self, size: int) -> None:
        """Start or stop provisioned processes until there are `size`."""
        missing = size - self.size
        started = await asyncio.gather(*(self._fleet.add() for _ in range(missing)), return_exceptions=True)
        self._provisioned += [outcome for outcome in started if isinstance(outcome, Instance)]
        for outcome in started:
            if isinstance(outcome, BaseException):
                raise outcome
        # Those that answer nobody go first.
        surplus = sorted(self._provisioned, key=self._executions.__contains__)[: max(0, -missing)]
        self._provisioned = [instance for instance in self._provisioned if instance not in surplus]
        await asyncio.gather(*(self._fleet.retire(instance) for instance in surplus))

    async def begin(self) -> Execution:
        """A process for one request, warm or started now; ThrottledError at the maximum concurrency."""
        if self._executing >= self.max_concurrency:
            raise ThrottledError
        self._executing += 1
        try:
            execution = self._warm() or await self._cold()
        except BaseException:
            self._executing -= 1
            raise
        self._executions.add(execution.instance)
        self._note_peak()
        return execution

    def end(self, execution: Execution) -> None:
        """The request is answered: the process waits for the next one, for a while."""
        self._executing -= 1
        instance = execution.instance
        self._executions.discard(instance)
        if instance not in self._on_demand:
            return
        if execution.broken:
            self._dismiss(instance)
        else:
            idle = settings().wait(settings().serverless_idle)
            self._idle[instance] = asyncio.get_running_loop().call_later(idle, self._dismiss, instance)

    def _warm(self) -> Execution | None:
        """A process that waits for a request. Provisioned ones come first, as they are paid for."""
        for instance in self._provisioned:
            if instance.ready and instance not in self._executions:
                return Execution(instance=instance, provisioned=True)
        while self._idle:
            # The one that was used last: the others may end sooner.
            instance, expiry = self._idle.popitem()
            expiry.cancel()
            if instance.ready:
                return Execution(instance=instance)
            self._dismiss(instance)
        return None

    async def _cold(self) -> Execution:
        self._note_peak()
        self._slots.reserve(1)
        began = time.perf_counter()
        try:
            instance = await self._fleet.add()
        except BaseException:
            self._slots.release(1)
            raise
        self._on_demand.add(instance)
        return Execution(instance=instance, setup_seconds=time.perf_counter() - began)

    def _dismiss(self, instance: Instance) -> None:
        """End a process that was started for a request."""
        self._idle.pop(instance, None)
        if instance in self._on_demand:
            self._on_demand.discard(instance)
            farewell = asyncio.get_running_loop().create_task(self._say_farewell(instance))
            self._farewells.add(farewell)
            farewell.add_done_callback(self._farewells.discard)

    async def _say_farewell(self, instance: Instance) -> None:
        try:
            await self._fleet.retire(instance)
        finally:
            self._slots.release(1)

    def _note_peak(self) -> None:
        provisioned = sum(instance in self._executions for instance in self._provisioned)
        self._peak.executing = max(self._peak.executing, self._executing)
        self._peak.provisioned = max(self._peak.provisioned, provisioned)

    def take_peak(self) -> Peak:
        """The most that was going on since the last call."""
        self._note_peak()
        peak, self._peak = self._peak, Peak()
        return peak

    async def drain(self) -> None:
        """Wait until no request is being answered; a request cannot last longer than its timeout."""
        with suppress(TimeoutError):
            async with asyncio.timeout(settings().request_timeout):
                while self._executing:
                    await asyncio.sleep(_DRAIN_POLL)

    async def stop(self) -> None:
        """End every process at once and remove the model."""
        while self._idle:
            self._idle.popitem()[1].cancel()
        await asyncio.gather(*self._farewells, return_exceptions=True)
        self._slots.release(len(self._on_demand))
        self._on_demand.clear()
        self._provisioned.clear()
        await self._fleet.stop()
