"""The models that an instance of a multi-model endpoint has in its memory."""

from __future__ import annotations

import asyncio
import os
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from .model_process import LoadError, ModelProcess

Recorder = Callable[[str, float, str], None]
"""Takes the name, the value and the unit of a metric."""
Load = Callable[[str], Awaitable[ModelProcess]]
# AWS loads as many at a time as the instance has virtual CPUs, times a factor it does not tell.
_LOADS_AT_ONCE = max(2, os.cpu_count() or 1)
# AWS goes on loading for so long when the caller has been told to come back.
_LONGEST_LOAD = 360.0
_MEBIBYTE = 1024 * 1024


class ModelNotReadyError(Exception):
    """The model is still being loaded."""


class _Slot:
    """A model that is loaded or is being loaded, and how many requests are at it."""

    def __init__(self, loading: asyncio.Task[ModelProcess]) -> None:
        self.loading = loading
        # A failure that nobody waited for is none of asyncio's business.
        loading.add_done_callback(lambda task: task.cancelled() or task.exception())
        self.users = 0

    @property
    def process(self) -> ModelProcess | None:
        """The process of the model, once it is loaded."""
        done = self.loading.done() and not self.loading.cancelled() and self.loading.exception() is None
        return self.loading.result() if done else None


class ModelCache:
    """Loads each model once, and unloads the least recently used ones when memory is short.

    The limit is on what the processes of the models have for themselves, measured whenever one
    was loaded. A model with a request is not unloaded: a new one waits until it may stay.
    """

    def __init__(self, load: Load, record: Recorder, *, max_bytes: int, keeps: bool) -> None:
        self._load = load
        self._record = record
        self._max_bytes = max_bytes
        self._keeps = keeps
        self._slots: OrderedDict[str, _Slot] = OrderedDict()
        self._loads = asyncio.Semaphore(_LOADS_AT_ONCE)
        self._admission = asyncio.Lock()
        self._released = asyncio.Event()
        self._unloads: set[asyncio.Task[None]] = set()

    def __contains__(self, name: str) -> bool:
        return name in self._slots

    @property
    def loaded(self) -> dict[str, ModelProcess]:
        """The loaded models, the least recently used one first."""
        return {
            name: slot.process
            for name, slot in self._slots.items()
            if slot.process is not None and slot.process.alive
        }

    @asynccontextmanager
    async def borrowed(self, name: str, timeout: float) -> AsyncIterator[ModelProcess]:
        """The process of a model, loaded when it is not; it stays at least until it is given back.

        LoadError when it cannot be loaded, ModelNotReadyError when that takes longer than `timeout`.
        """
        slot = self._slot(name)
        slot.users += 1
        try:
            yield await self._ready(slot, timeout)
        finally:
            slot.users -= 1
            self._released.set()
            if not self._keeps and slot.users == 0:
                self._drop(name, slot)

    def _slot(self, name: str) -> _Slot:
        slot = self._slots.get(name)
        if slot is not None and slot.process is not None and not slot.process.alive:
            self._drop(name, slot)
            slot = None
        self._record("ModelCacheHit", float(slot is not None and slot.process is not None), "None")
        if slot is None:
            slot = self._slots[name] = _Slot(asyncio.create_task(self._loaded(name)))
        self._slots.move_to_end(name)
        return slot

    async def _ready(self, slot: _Slot, timeout: float) -> ModelProcess:
        if slot.process is not None:
            return slot.process
        began = time.perf_counter()
        try:
            # Who waits may give up: the others, and the model, do not care.
            return await asyncio.wait_for(asyncio.shield(slot.loading), timeout)
        except TimeoutError:
            raise ModelNotReadyError from None
        finally:
            self._record_time("ModelLoadingWaitTime", time.perf_counter() - began)

    async def _loaded(self, name: str) -> ModelProcess:
        try:
            async with asyncio.timeout(_LONGEST_LOAD):
                async with self._loads:
                    process = await self._load(name)
                await self._admit(name, process)
                return process
        except TimeoutError:
            self._slots.pop(name, None)
            raise LoadError(f"the model was not loaded within {_LONGEST_LOAD:g} seconds") from None
        except BaseException:
            self._slots.pop(name, None)
            raise

    async def _admit(self, name: str, process: ModelProcess) -> None:
        """Let a loaded model stay when there is room for it, or room can be made."""
        try:
            async with self._admission:
                while await self._used_with(process) > self._max_bytes:
                    await self._make_room(process)
        except BaseException:
            await self._unload(process)
            raise

    async def _used_with(self, newcomer: ModelProcess) -> int:
        processes = [*self.loaded.values(), newcomer]
        # The kernel looks at every page: not while requests wait for this thread.
        return await asyncio.to_thread(lambda: sum(process.memory for process in processes))

    async def _make_room(self, newcomer: ModelProcess) -> None:
        if not self.loaded:
            raise LoadError(
                f"the model takes {newcomer.memory // _MEBIBYTE} MiB, and the memory for models has "
                f"{self._max_bytes // _MEBIBYTE} MiB",
                507,
            )
        idle = next((name for name in self.loaded if not self._slots[name].users), None)
        if idle is None:
            self._released.clear()
            await self._released.wait()
        else:
            process = self.loaded[idle]
            del self._slots[idle]
            await self._unload(process)

    def _drop(self, name: str, slot: _Slot) -> None:
        """Unload a model without waiting for its end."""
        if self._slots.get(name) is slot:
            del self._slots[name]
        if slot.process is not None:
            unload = asyncio.create_task(self._unload(slot.process))
            self._unloads.add(unload)
            unload.add_done_callback(self._unloads.discard)

    async def _unload(self, process: ModelProcess) -> None:
        self._record_time("ModelUnloadingTime", await process.stop())

    def _record_time(self, name: str, seconds: float) -> None:
        self._record(name, seconds * 1_000_000, "Microseconds")

    async def clear(self) -> None:
        """Unload everything at once."""
        slots, self._slots = self._slots, OrderedDict()
        for slot in slots.values():
            slot.loading.cancel()
        await asyncio.gather(*(slot.loading for slot in slots.values()), return_exceptions=True)
        processes = [slot.process for slot in slots.values() if slot.process is not None]
        await asyncio.gather(*self._unloads, *(process.stop() for process in processes))
