"""CreateProcessingJob and its relatives."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from ..emulator import Scope
from ..settings import settings
from ..workspace import Workspace
from .capacity import Capacity
from .errors import NameTakenError, RefusedError
from .models import require_usable_role
from .processing_data import DataError
from .processing_job import ProcessingJob
from .processing_request import JobSpec
from .processing_run import ContainerError, ProcessingRun
from .store import Shelf, own_copy
from .telemetry import Logs

_logger = logging.getLogger(__name__)
LOG_GROUP = "/aws/sagemaker/ProcessingJobs"
# What AWS leaves a container between SIGTERM and SIGKILL.
_LAST_SECONDS = 120

Environment = Callable[[Scope, JobSpec], AbstractContextManager[dict[str, str]]]
"""How a job finds AWS, and as whom, while it runs."""


class ProcessingJobs(Shelf[ProcessingJob]):
    """The processing jobs of all accounts; none is ever forgotten, as its name is never free again."""

    def __init__(
        self, workspace: Workspace, capacity: Capacity, logs: Logs, environment: Environment,
        changed: Callable[[ProcessingJob], None],
    ) -> None:  # fmt: skip
        super().__init__("processing job", "processing-job")
        self._workspace = workspace
        self._capacity = capacity
        self._logs = logs
        self._environment = environment
        self._changed = changed
        self._tasks: set[asyncio.Task[None]] = set()

    def find(self, name: str) -> ProcessingJob:
        """The job; RefusedError when there is none."""
        job: ProcessingJob | None = self._records.get(name)
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

    def create(self, request: dict[str, Any], tell: Callable[[ProcessingJob], None]) -> ProcessingJob:
        """Keep a job and start it; `tell` is called before anybody hears of it."""
        name = request["ProcessingJobName"]
        self.require_free(name)
        spec = JobSpec.of(request)
        require_usable_role(spec.role)
        self._capacity.reserve(spec.instances)
        job = ProcessingJob(
            name=name, arn=self.arn(name), request=own_copy(request), scope=Scope.current()
        )  # fmt: skip
        self.add(job)
        tell(job)
        self._changed(job)
        # The loop holds tasks only weakly.
        task = asyncio.get_running_loop().create_task(self._live(job, spec))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return job

    def stop(self, name: str) -> None:
        """Let a job come to an end; RefusedError when it has come to one."""
        job = self.find(name)
        if not job.runs:
            raise RefusedError(
                f"The request was rejected because the processing job is in status {job.status}."
            )
        if job.status == "InProgress":
            job.move("Stopping")
            self._changed(job)
            job.asked_to_stop.set()

    async def _live(self, job: ProcessingJob, spec: JobSpec) -> None:
        """The life of a job."""
        stamp = int(time.time() * 1000)
        sink = self._logs.group_sink(job.scope, LOG_GROUP, job.name)
        run = ProcessingRun(
            job.describe(), spec, job.scope, self._workspace.new_folder("j"),
            lambda host, line: sink(f"{host}-{stamp}", line),
        )  # fmt: skip
        job.started = time.time()
        try:
            with self._environment(job.scope, spec) as environment:
                await self._attend(job, spec, run, asyncio.create_task(run.perform(environment)))
        finally:
            self._capacity.release(spec.instances)
            await run.remove()
        self._changed(job)

    async def _attend(
        self, job: ProcessingJob, spec: JobSpec, run: ProcessingRun, work: asyncio.Task[None]
    ) -> None:
        """Wait for the end of the work, for a stop or for the time limit, whichever is first."""
        stop = asyncio.create_task(job.asked_to_stop.wait())
        try:
            await asyncio.wait({work, stop}, timeout=spec.longest, return_when=asyncio.FIRST_COMPLETED)
            in_time = work.done() or stop.done()
            if not work.done():
                run.ask_to_end()
                await asyncio.wait({work}, timeout=settings().wait(_LAST_SECONDS))
        finally:
            stop.cancel()
            work.cancel()
            (outcome,) = await asyncio.gather(work, return_exceptions=True)
        await _conclude(job, run, outcome if in_time else OutOfTimeError(spec.longest))

    async def abandon(self) -> None:
        """End every job at once, without a word."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class OutOfTimeError(Exception):
    """A job ran longer than it may."""

    def __init__(self, longest: int) -> None:
        super().__init__(f"ClientError: The job ran longer than MaxRuntimeInSeconds ({longest} seconds).")


async def _conclude(job: ProcessingJob, run: ProcessingRun, outcome: BaseException | None) -> None:
    """Bring a job to the status that its end calls for."""
    try:
        if job.status == "Stopping" or outcome is not None:
            await run.upload_continuous()
        job.leave_message(run.messages())
    except DataError as error:
        outcome = outcome or error
    except UnicodeDecodeError:
        outcome = outcome or DataError("ClientError: The text in /opt/ml/output/message is not UTF-8.")
    if job.status == "Stopping":
        job.move("Stopped")
    elif outcome is None:
        job.move("Completed")
    elif isinstance(outcome, ContainerError | DataError | OutOfTimeError):
        job.fail(str(outcome))
    else:
        _logger.error("processing job %s", job.name, exc_info=outcome)
        job.fail("InternalServerError: We encountered an internal error. Please try again.")
