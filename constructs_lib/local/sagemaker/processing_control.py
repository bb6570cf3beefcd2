"""The control plane's operations on processing jobs, by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .paging import page
from .processing_jobs import ProcessingJobs
from .store import Tags

Answer = dict[str, Any]


class ProcessingControl:
    """What may be asked about processing jobs."""

    def __init__(self, jobs: ProcessingJobs, tags: Tags) -> None:
        self._jobs = jobs
        self._tags = tags
        self.operations: dict[str, Callable[[dict[str, Any]], Answer]] = {
            "CreateProcessingJob": self._create,
            "DescribeProcessingJob": lambda request: self._jobs.find(request["ProcessingJobName"]).describe(),
            "ListProcessingJobs": self._list,
            "StopProcessingJob": self._stop,
        }

    def _create(self, request: dict[str, Any]) -> Answer:
        tags = request.get("Tags", [])
        job = self._jobs.create(request, lambda job: self._tags.add(job.arn, tags))
        return {"ProcessingJobArn": job.arn}

    def _list(self, request: dict[str, Any]) -> Answer:
        jobs, more = page(self._jobs.all(), request)
        return {"ProcessingJobSummaries": [job.summary() for job in jobs], **more}

    def _stop(self, request: dict[str, Any]) -> Answer:
        self._jobs.stop(request["ProcessingJobName"])
        return {}
