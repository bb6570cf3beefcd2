"""A multi-model container: one process that forks another for each model."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from ..settings import settings
from .artifact import ArtifactError
from .channel import Reply, UnreachableError, connect
from .container import Catalogue
from .model_cache import ModelCache, Recorder
from .model_files import ModelFiles
from .model_process import LoadError, ModelProcess, ask
from .worker import LogSink, Worker

TARGET_MODEL = "x-amzn-sagemaker-target-model"


class MultiModelWorker(Worker):
    """Loads models when they are asked for. It is healthy as soon as it can load one."""

    program = Path(__file__).with_name("multi_model_server.py")

    def __init__(self, socket_path: Path, log: LogSink, catalogue: Catalogue, record: Recorder) -> None:
        super().__init__(socket_path, log)
        self._folder = socket_path.parent
        self._record = record
        self._numbers = itertools.count(1)
        self._catalogue = catalogue
        self._files = ModelFiles(self._folder / "models", catalogue.fetch, settings().max_model_bytes)
        self._cache = ModelCache(
            self._load, record, max_bytes=settings().multi_model_memory_bytes, keeps=catalogue.cached
        )
        self._preloading: asyncio.Task[None] | None = None

    async def _is_healthy(self) -> bool:
        # It listens when it is ready to fork.
        _reader, writer = await connect(self._socket_path)
        writer.close()
        return True

    def holds(self, model: str | None) -> bool:
        """Whether the model is loaded or is being loaded."""
        return model is not None and model in self._cache

    @property
    def loaded_models(self) -> int:
        """How many models are loaded."""
        return len(self._cache.loaded)

    async def invoke(self, headers: Mapping[str, str], body: bytes, timeout: float) -> Reply:
        """Let the model that the headers name answer; LoadError or ModelNotReadyError when it is not there."""
        name = headers[TARGET_MODEL]
        try:
            async with self._cache.borrowed(name, timeout) as process:
                return await process.invoke(headers, body, timeout)
        finally:
            if not self._catalogue.cached and name not in self._cache:
                await self._files.remove(name)

    async def _load(self, name: str) -> ModelProcess:
        model_dir = await self._fetched(name)
        began = time.perf_counter()
        folder = self._folder / f"p{next(self._numbers)}"
        process = await ModelProcess.load(self._socket_path, model_dir, folder)
        self._record("ModelLoadingTime", (time.perf_counter() - began) * 1_000_000, "Microseconds")
        if self._preloading is None:
            self._preloading = asyncio.create_task(self._preload(process.modules))
        return process

    async def _fetched(self, name: str) -> Path:
        here, began = name in self._files, time.perf_counter()
        try:
            model_dir = await self._files.folder(name, in_use=self._cache.loaded)
        except ArtifactError as error:
            raise LoadError(f"Failed to extract model data archive: {error}") from error
        if not here:
            self._record("ModelDownloadingTime", (time.perf_counter() - began) * 1_000_000, "Microseconds")
        return model_dir

    async def _preload(self, modules: list[str]) -> None:
        """Have what the first model imported at hand for the others: that makes them quick and small."""
        with suppress(UnreachableError, OSError):
            connection = await connect(self._socket_path)
            await ask(connection, {"preload": modules})
            connection[1].close()

    def utilization(self) -> tuple[float, float] | None:
        """CPU and memory in percent since the last call, of the container with its models."""
        own = super().utilization()
        if own is None:
            return None
        used = [own, *(process.utilization() for process in self._cache.loaded.values())]
        return sum(cpu for cpu, _ in used), sum(memory for _, memory in used)

    async def ended(self) -> None:
        """Return when the container's process has ended; its models end with it."""
        await super().ended()
        await self._cache.clear()

    async def stop(self) -> None:
        """End the container and its models, and wait for them."""
        self.ready = False
        await self._cache.clear()
        await super().stop()
        self._preloading = None
