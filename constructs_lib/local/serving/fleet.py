"""The processes that serve one variant of one endpoint configuration."""

from __future__ import annotations

import asyncio
import shutil
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from ..settings import settings
from ..workspace import Workspace
from .artifact import ArtifactError, unpack
from .channel import Reply, UnreachableError
from .worker import StartError, Worker

_RESTART_PAUSE = 0.5
_DRAIN_POLL = 0.02


class FleetError(Exception):
    """The fleet cannot be started; the message is fit for a FailureReason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerSpec:
    """A container as the model describes it, with its artefacts already fetched."""

    image: str
    archive: bytes | None
    environment: Mapping[str, str] = field(default_factory=dict)
    code_archive: bytes | None = None


LogSink = Callable[[str, str], None]
"""Takes the id of a worker and a line of its log."""


class Fleet:
    """`size` processes of one model: started, restarted when they crash, and stopped.

    A list of containers because SageMaker has pipelines of them; one is served so far.
    """

    def __init__(
        self, containers: list[ContainerSpec], workspace: Workspace, log: LogSink, startup_timeout: float,
        memory_bytes: int | None = None,
    ) -> None:  # fmt: skip
        self._container = containers[0]
        self._workspace = workspace
        self._log = log
        self._memory_bytes = memory_bytes or settings().worker_memory_bytes
        self._startup_timeout = min(startup_timeout, settings().startup_timeout)
        self._base: Path | None = None
        self._keepers: dict[Worker, asyncio.Task[None]] = {}
        self._starting: set[Worker] = set()

    @property
    def workers(self) -> list[Worker]:
        """The processes, healthy or not."""
        return list(self._keepers)

    @property
    def size(self) -> int:
        """How many instances the fleet has."""
        return len(self._keepers)

    @property
    def in_flight(self) -> int:
        """Requests being answered now."""
        return sum(worker.in_flight for worker in self._keepers)

    async def start(self, size: int) -> None:
        """Unpack the model and start `size` healthy processes, or none and raise FleetError."""
        try:
            self._base = await asyncio.to_thread(self._unpack)
            await self.resize(size)
        except BaseException:
            await self.stop()
            raise

    def _unpack(self) -> Path:
        base = self._workspace.new_folder("f")
        (base / "model").mkdir()
        limit = settings().max_model_bytes
        try:
            if self._container.archive is not None:
                unpack(self._container.archive, base / "model", max_bytes=limit)
            if self._container.code_archive is not None:
                (base / "code").mkdir()
                unpack(self._container.code_archive, base / "code", max_bytes=limit)
        except ArtifactError as error:
            raise FleetError(f"Failed to extract model data archive: {error}") from error
        return base

    async def resize(self, size: int) -> None:
        """Start or stop processes until there are `size`."""
        missing = size - self.size
        if missing > 0:
            started = await asyncio.gather(*(self._started() for _ in range(missing)), return_exceptions=True)
            for outcome in started:
                if isinstance(outcome, Worker):
                    self._starting.discard(outcome)
                    self._keepers[outcome] = asyncio.create_task(self._keep_alive(outcome))
            for outcome in started:
                if isinstance(outcome, BaseException):
                    raise outcome
        elif missing < 0:
            await asyncio.gather(*(self._retire(worker) for worker in self.workers[size:]))

    async def _started(self) -> Worker:
        worker_id = uuid.uuid4().hex[:12]
        assert self._base is not None  # noqa: S101  # start() unpacks first
        # A folder per process: its socket, and its working directory.
        folder = self._base / worker_id
        folder.mkdir()
        worker = Worker(worker_id, folder / "s", lambda line: self._log(worker_id, line))
        self._starting.add(worker)
        await self._launch(worker)
        return worker

    async def _launch(self, worker: Worker) -> None:
        assert self._base is not None  # noqa: S101
        arguments = [str(self._base / "model"), str(self._memory_bytes), str(self._workspace.root)]
        try:
            await worker.start(arguments, self._environment(self._base), self._startup_timeout)
        except StartError as error:
            raise FleetError(str(error)) from error

    def _environment(self, base: Path) -> dict[str, str]:
        """The container's environment, and nothing of this machine's but where programs are."""
        return {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "HOME": str(base),
            "TMPDIR": str(base),
            "PYTHONDONTWRITEBYTECODE": "1",
            # One thread each: an instance is one of many processes on this machine here.
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
            **self._container.environment,
            "SAGEMAKER_BASE_DIR": str(base),
            **self._submit_directory(base),
        }

    def _submit_directory(self, base: Path) -> dict[str, str]:
        """Where the code is that was submitted apart from the model, if any."""
        given = self._container.environment.get("SAGEMAKER_SUBMIT_DIRECTORY")
        if given is None:
            return {}
        local = str(base / "code") if self._container.code_archive else given.replace("/opt/ml", str(base), 1)
        return {"SAGEMAKER_SUBMIT_DIRECTORY": local}

    async def _keep_alive(self, worker: Worker) -> None:
        """Start the process anew whenever it ends by itself."""
        while True:
            await worker.ended()
            await asyncio.sleep(_RESTART_PAUSE)
            self._log(worker.worker_id, "the model process ended; starting it again")
            with suppress(FleetError):
                await self._launch(worker)

    async def invoke(self, headers: Mapping[str, str], body: bytes) -> tuple[Worker, Reply]:
        """Let the least busy process answer; UnreachableError when there is none."""
        return await ask_one(lambda: self.workers, least_busy, headers, body)

    async def drain(self) -> None:
        """Wait until no request is being answered; a request cannot last longer than its timeout."""
        with suppress(TimeoutError):
            async with asyncio.timeout(settings().request_timeout):
                while self.in_flight:
                    await asyncio.sleep(_DRAIN_POLL)

    async def _retire(self, worker: Worker) -> None:
        """Take one process out of service, then let it finish, then stop it."""
        keeper = self._keepers.pop(worker)
        await _cancelled(keeper)
        while worker.in_flight:
            await asyncio.sleep(_DRAIN_POLL)
        await worker.stop()

    async def stop(self) -> None:
        """Stop every process at once and remove the model."""
        keepers, self._keepers = self._keepers, {}
        await asyncio.gather(*(_cancelled(keeper) for keeper in keepers.values()))
        starting, self._starting = self._starting, set()
        await asyncio.gather(*(worker.stop() for worker in [*keepers, *starting]))
        if self._base is not None:
            await asyncio.to_thread(_remove, self._base)


def least_busy(workers: Sequence[Worker]) -> Worker:
    """The process that answers the fewest requests now."""
    return min(workers, key=lambda worker: worker.in_flight)


async def ask_one(
    workers: Callable[[], Sequence[Worker]], choose: Callable[[Sequence[Worker]], Worker],
    headers: Mapping[str, str], body: bytes,
) -> tuple[Worker, Reply]:  # fmt: skip
    """Let one of the healthy processes answer; UnreachableError when there is none that can be reached."""
    tried: set[Worker] = set()
    while True:
        candidates = [worker for worker in workers() if worker.ready and worker not in tried]
        if not candidates:
            raise UnreachableError("no healthy instance")
        worker = choose(candidates)
        try:
            return worker, await worker.invoke(headers, body, settings().request_timeout)
        except UnreachableError:
            tried.add(worker)


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
