"""The instances that serve one variant of one endpoint configuration."""

from __future__ import annotations

import asyncio
import shutil
import uuid
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path

from ..settings import settings
from ..workspace import Workspace
from .container import ContainerSpec, FleetError, UnpackedContainer
from .instance import Answer, Instance, LogSink
from .model_cache import Recorder
from .multi_model import TARGET_MODEL
from .routing import ask_one, least_busy

_RESTART_PAUSE = 0.5
_DRAIN_POLL = 0.02


class Fleet:
    """`size` instances of one model: started, restarted when a process of theirs crashes, and stopped."""

    def __init__(
        self, containers: list[ContainerSpec], workspace: Workspace, log: LogSink, startup_timeout: float,
        *, memory_bytes: int | None = None, record: Recorder = lambda _name, _value, _unit: None,
    ) -> None:  # fmt: skip
        self._specs = containers
        self._workspace = workspace
        self._log = log
        self._record = record
        self._startup_timeout = min(startup_timeout, settings().startup_timeout)
        self._memory_bytes = settings().worker_memory_bytes if memory_bytes is None else memory_bytes
        self._base: Path | None = None
        self._containers: list[UnpackedContainer] = []
        self._keepers: dict[Instance, asyncio.Task[None]] = {}
        self._starting: set[Instance] = set()

    @property
    def instances(self) -> list[Instance]:
        """The instances, healthy or not."""
        return list(self._keepers)

    @property
    def size(self) -> int:
        """How many instances the fleet has."""
        return len(self._keepers)

    @property
    def healthy(self) -> int:
        """How many instances can answer now."""
        return sum(instance.ready for instance in self._keepers)

    @property
    def in_flight(self) -> int:
        """Requests being answered now."""
        return sum(instance.in_flight for instance in self._keepers)

    async def start(self, size: int) -> None:
        """Unpack the containers and start `size` healthy instances, or none and raise FleetError."""
        try:
            self._base = self._workspace.new_folder("f")
            self._containers = [UnpackedContainer(spec, self._base / spec.name) for spec in self._specs]
            for container in self._containers:
                await asyncio.to_thread(container.unpack)
            await self.resize(size)
        except BaseException:
            await self.stop()
            raise

    async def resize(self, size: int) -> None:
        """Start or stop instances until there are `size`."""
        missing = size - self.size
        if missing > 0:
            started = await asyncio.gather(*(self._started() for _ in range(missing)), return_exceptions=True)
            for outcome in started:
                if isinstance(outcome, Instance):
                    self._starting.discard(outcome)
                    self._keepers[outcome] = asyncio.create_task(self._keep_alive(outcome))
            for outcome in started:
                if isinstance(outcome, BaseException):
                    raise outcome
        elif missing < 0:
            await asyncio.gather(*(self.retire(instance) for instance in self.instances[size:]))

    async def add(self) -> Instance:
        """Start one more instance; FleetError when it does not become healthy."""
        instance = await self._started()
        self._starting.discard(instance)
        self._keepers[instance] = asyncio.create_task(self._keep_alive(instance))
        return instance

    async def _started(self) -> Instance:
        instance_id = uuid.uuid4().hex[:12]
        instance = Instance(instance_id, self._containers, self._log, self._record)
        self._starting.add(instance)
        await self._launch(instance)
        return instance

    async def _launch(self, instance: Instance) -> None:
        arguments = [str(self._memory_bytes), str(self._workspace.root)]
        await instance.start(arguments, self._startup_timeout)

    async def _keep_alive(self, instance: Instance) -> None:
        """Start the processes anew whenever one ends by itself."""
        while True:
            await instance.ended()
            await instance.stop()
            await asyncio.sleep(_RESTART_PAUSE)
            instance.log("the model process ended; starting it again")
            with suppress(FleetError):
                await self._launch(instance)

    async def invoke(
        self, headers: Mapping[str, str], body: bytes, *, timeout: float | None = None
    ) -> Answer:
        """Let an instance answer that has the model loaded, or the least busy one.

        In the longest time of a real-time answer unless another is given. UnreachableError when
        there is no instance.
        """
        choose = partial(least_busy, model=headers.get(TARGET_MODEL))
        return await ask_one(lambda: self.instances, choose, headers, body, timeout)

    async def drain(self) -> None:
        """Wait until no request is being answered; a request cannot last longer than its timeout."""
        with suppress(TimeoutError):
            async with asyncio.timeout(settings().request_timeout):
                while self.in_flight:
                    await asyncio.sleep(_DRAIN_POLL)

    async def retire(self, instance: Instance) -> None:
        """Take one instance out of service, then let it finish, then stop it."""
        keeper = self._keepers.pop(instance)
        await _cancelled(keeper)
        while instance.in_flight:
            await asyncio.sleep(_DRAIN_POLL)
        await instance.stop()

    async def stop(self) -> None:
        """Stop every process at once and remove the model."""
        keepers, self._keepers = self._keepers, {}
        await asyncio.gather(*(_cancelled(keeper) for keeper in keepers.values()))
        starting, self._starting = self._starting, set()
        await asyncio.gather(*(instance.stop() for instance in [*keepers, *starting]))
        if self._base is not None:
            await asyncio.to_thread(_remove, self._base)


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
