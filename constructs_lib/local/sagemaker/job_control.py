"""The control plane's operations on the jobs of one kind, by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .job import Job
from .job_shelf import Jobs
from .paging import page
from .store import Tags

Answer = dict[str, Any]


class JobControl:
    """What may be asked about jobs."""

    def __init__(self, jobs: Jobs[Any], tags: Tags) -> None:
        self._jobs = jobs
        self._tags = tags
        self._name = jobs.kind.member("Name")
        operation = jobs.kind.operation
        self.operations: dict[str, Callable[[dict[str, Any]], Answer]] = {
            operation("Create"): self._create,
            operation("Describe"): lambda request: self._find(request).describe(),
            f"{operation('List')}s": self._list,
            operation("Stop"): self._stop,
        }

    def _find(self, request: dict[str, Any]) -> Job:
        job: Job = self._jobs.find(request[self._name])
        return job

    def _create(self, request: dict[str, Any]) -> Answer:
        tags = request.get("Tags", [])
        job = self._jobs.create(request, lambda job: self._tags.add(job.arn, tags))
        return {self._jobs.kind.member("Arn"): job.arn}

    def _list(self, request: dict[str, Any]) -> Answer:
        jobs, more = page(self._jobs.all(), request)
        return {self._jobs.kind.member("Summaries"): [job.summary() for job in jobs], **more}

    def _stop(self, request: dict[str, Any]) -> Answer:
        self._jobs.stop(request[self._name])
        return {}
