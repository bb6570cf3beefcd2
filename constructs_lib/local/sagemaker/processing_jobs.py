"""CreateProcessingJob and its relatives."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

from ..emulator import Scope
from ..settings import settings
from ..workspace import Workspace
from .capacity import Capacity
from .faults import Faults
from .job import DataError, Job, Patience, attend
from .job_shelf import Jobs
from .models import require_usable_role
from .processing_job import ProcessingJob
from .processing_request import JobSpec
from .processing_run import ProcessingRun
from .store import own_copy
from .telemetry import Logs

# What AWS leaves a container between SIGTERM and SIGKILL.
_LAST_SECONDS = 120

Environment = Callable[[Scope, JobSpec], AbstractContextManager[dict[str, str]]]
"""How a job finds AWS, and as whom, while it runs."""


class ProcessingJobs(Jobs[ProcessingJob]):
    """The processing jobs of all accounts."""

    def __init__(
        self, workspace: Workspace, capacity: Capacity, faults: Faults, logs: Logs, environment: Environment,
        changed: Callable[[Job], None],
    ) -> None:  # fmt: skip
        super().__init__(ProcessingJob, capacity, faults, changed)
        self._workspace = workspace
        self._logs = logs
        self._environment = environment

    def create(self, request: dict[str, Any], tell: Callable[[ProcessingJob], None]) -> ProcessingJob:
        """Keep a job and start it; `tell` is called before anybody hears of it."""
        name = request["ProcessingJobName"]
        self.require_free(name)
        spec = JobSpec.of(request)
        require_usable_role(spec.role)
        job = ProcessingJob(
            name=name, arn=self.arn(name), request=own_copy(request), scope=Scope.current()
        )  # fmt: skip
        self._begin(job, partial(self._work, job, spec), spec.instances, tell)
        return job

    async def _work(self, job: ProcessingJob, spec: JobSpec) -> None:
        """Run the job's containers to their end."""
        stamp = int(time.time() * 1000)
        sink = self._logs.group_sink(job.scope, self.kind.log_group, job.name)
        run = ProcessingRun(
            job.describe(), spec, job.scope, self._workspace.new_folder("j"),
            lambda host, line: sink(f"{host}-{stamp}", line),
        )  # fmt: skip
        patience = Patience(
            longest=spec.longest, ask_to_end=run.ask_to_end, last_seconds=settings().wait(_LAST_SECONDS)
        )
        try:
            with self._environment(job.scope, spec) as environment:
                outcome = await attend(job, asyncio.create_task(run.perform(environment)), patience)
                await _conclude(job, run, outcome)
        finally:
            await run.remove()


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
    job.conclude(outcome)
