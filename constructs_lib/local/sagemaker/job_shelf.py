"""The jobs of one kind: their names, their starts, their stops."""

from __future__ import annotations

import asyncio
import time
from abc import abstractmethod
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from .capacity import Capacity
from .errors import NameTakenError, RefusedError
from .faults import Faults
from .job import Job, JobError
from .store import Shelf

J = TypeVar("J", bound=Job)


class Jobs(Shelf[J]):
    """The jobs of all accounts; none is ever forgotten, as its name is never free again."""

    def __init__(
        self, record: type[J], capacity: Capacity, faults: Faults, changed: Callable[[Job], None]
    ) -> None:
        super().__init__(record.kind.label, record.kind.arn_kind)
        self.record = record
        self.kind = record.kind
        self._capacity = capacity
        self._faults = faults
        self._changed = changed
        self._tasks: set[asyncio.Task[None]] = set()

    @abstractmethod
    def create(self, request: dict[str, Any], tell: Callable[[J], None]) -> J:
        """Keep a job and start it; `tell` is called before anybody hears of it."""

    def find(self, name: str) -> J:
        """The job; RefusedError when there is none."""
        job: J | None = self._records.get(name)
        if job is None:
            raise RefusedError(f"Could not find requested job with name: {name}")
        return job

    def require_free(self, name: str) -> None:
        """NameTakenError when there is, or was, a job of the name."""
        if name in self._records:
            raise NameTakenError(
                "Job name must be unique within an AWS account and region, and a job with this name already "
                f"exists ({self.arn(name)})"
            )

    def _begin(
        self, job: J, work: Callable[[], Coroutine[Any, Any, None]], containers: int, tell: Callable[[J], None]
    ) -> None:  # fmt: skip
        """Keep a job and let it work; LimitError when this machine has no room for its containers."""
        self._capacity.reserve(containers)
        self.add(job)
        tell(job)
        self._changed(job)
        # The loop holds tasks only weakly.
        task = asyncio.get_running_loop().create_task(self._live(job, work, containers))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _live(self, job: J, work: Callable[[], Coroutine[Any, Any, None]], containers: int) -> None:
        """The life of a job."""
        try:
            fault = self._faults.take(self.kind)
            if fault is not None:
                job.conclude(JobError(fault))
            else:
                job.started = time.time()
                await work()
        finally:
            self._capacity.release(containers)
        self._changed(job)

    def stop(self, name: str) -> None:
        """Let a job come to an end; RefusedError when it has come to one."""
        job = self.find(name)
        if not job.runs:
            raise RefusedError(f"The request was rejected because the {self.noun} is in status {job.status}.")
        if job.status == "InProgress":
            job.move("Stopping")
            self._changed(job)
            job.asked_to_stop.set()

    async def abandon(self) -> None:
        """End every job at once, without a word."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
