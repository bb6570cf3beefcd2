"""CreateTransformJob and its relatives."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from ..emulator import Scope
from ..serving.container import ContainerSpec
from ..serving.fleet import Fleet
from ..serving.instance import LogSink
from .capacity import Capacity
from .faults import Faults
from .job import Job, Patience, attend
from .job_shelf import Jobs
from .models import Models, require_usable_role
from .store import own_copy
from .telemetry import Logs
from .transform_job import TransformJob
from .transform_request import TransformSpec, require_for_batch
from .transform_run import TransformRun

NewFleet = Callable[[Scope, list[ContainerSpec], LogSink], Fleet]


class TransformJobs(Jobs[TransformJob]):
    """The transform jobs of all accounts."""

    def __init__(
        self, models: Models, capacity: Capacity, faults: Faults, logs: Logs, new_fleet: NewFleet,
        changed: Callable[[Job], None],
    ) -> None:  # fmt: skip
        super().__init__(TransformJob, capacity, faults, changed)
        self._models = models
        self._logs = logs
        self._new_fleet = new_fleet

    def create(self, request: dict[str, Any], tell: Callable[[TransformJob], None]) -> TransformJob:
        """Keep a job and start it; `tell` is called before anybody hears of it."""
        name = request["TransformJobName"]
        self.require_free(name)
        spec = TransformSpec.of(request)
        model = self._models.find(spec.model).request
        require_for_batch(model)
        role = model.get("ExecutionRoleArn")
        require_usable_role(role)
        containers = [_told(each, spec) for each in self._models.containers(spec.model)]
        job = TransformJob(
            name=name, arn=self.arn(name), request=own_copy(request), scope=Scope.current()
        )  # fmt: skip
        work = partial(self._work, job, spec, containers, role)
        self._begin(job, work, spec.instances * len(containers), tell)
        return job

    async def _work(
        self, job: TransformJob, spec: TransformSpec, containers: list[ContainerSpec], role: str | None
    ) -> None:
        """Transform everything; the model's processes end with it."""
        stamp = int(time.time() * 1000)
        keep = self._logs.group_sink(job.scope, self.kind.log_group, job.name)

        def log(stream: str, line: str) -> None:
            instance, slash, rest = stream.partition("/")
            keep(f"{instance}-{stamp}{slash}{rest}" if instance != "data-log" else stream, line)

        fleet = self._new_fleet(job.scope, containers, log)
        run = TransformRun(spec, job.scope, role, fleet, log)
        try:
            # A stop does not wait: AWS keeps nothing of a job that was stopped.
            outcome = await attend(job, asyncio.create_task(run.perform()), Patience())
        finally:
            await fleet.stop()
        job.conclude(outcome)


def _told(container: ContainerSpec, spec: TransformSpec) -> ContainerSpec:
    """The container of the model as it is in a transform job.

    Source of the names: https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-batch-code.html.
    That the job's environment goes to every container of a pipeline is inferred.
    """
    batch: Mapping[str, str] = {
        "SAGEMAKER_BATCH": "true",
        "SAGEMAKER_MAX_PAYLOAD_IN_MB": str(spec.payload_mb),
        "SAGEMAKER_BATCH_STRATEGY": spec.strategy,
        "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": str(spec.concurrency),
    }
    return replace(container, environment={**container.environment, **batch, **spec.environment})
