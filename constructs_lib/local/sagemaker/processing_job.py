"""A processing job, as the API shows it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .. import emulator
from ..emulator import Scope
from .store import Record

RUNNING = ("InProgress", "Stopping")
_LONGEST_TEXT = 1024
_TIMES = ("CreationTime", "ProcessingStartTime", "ProcessingEndTime", "LastModifiedTime")


@dataclass(slots=True, kw_only=True)
class ProcessingJob(Record):
    """A job: its request, and what became of it."""

    scope: Scope
    status: str = "InProgress"
    exit_message: str | None = None
    failure_reason: str | None = None
    started: float | None = None
    ended: float | None = None
    asked_to_stop: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def runs(self) -> bool:
        """Whether it has not come to an end yet."""
        return self.status in RUNNING

    def move(self, status: str) -> None:
        """Go to another status."""
        self.status = status
        self.modified = time.time()
        if not self.runs:
            self.ended = self.modified

    def fail(self, reason: str) -> None:
        """Come to an end that is not the wanted one."""
        self.failure_reason = reason[:_LONGEST_TEXT]
        self.move("Failed")

    def leave_message(self, messages: list[bytes]) -> None:
        """Keep the first kilobyte of what the containers left; UnicodeDecodeError when it is no UTF-8.

        Source: https://docs.aws.amazon.com/sagemaker/latest/dg/byoc-metadata.html
        """
        text = b"".join(messages).decode()
        kept = text.encode()[:_LONGEST_TEXT].decode(errors="ignore")
        self.exit_message = kept or None

    def describe(self) -> dict[str, Any]:
        """The answer to DescribeProcessingJob."""
        known = {
            "ExitMessage": self.exit_message,
            "FailureReason": self.failure_reason,
            "ProcessingStartTime": self.started,
            "ProcessingEndTime": self.ended,
        }
        return {
            **self.request,
            "ProcessingJobArn": self.arn,
            "ProcessingJobStatus": self.status,
            "CreationTime": self.created,
            "LastModifiedTime": self.modified,
            **{name: value for name, value in known.items() if value is not None},
        }

    def summary(self) -> dict[str, Any]:
        """The job in the answer to ListProcessingJobs."""
        shown = (
            "ProcessingJobName", "ProcessingJobArn", "CreationTime", "ProcessingEndTime", "LastModifiedTime",
            "ProcessingJobStatus", "FailureReason", "ExitMessage",
        )  # fmt: skip
        described = self.describe()
        return {name: described[name] for name in shown if name in described}


def in_milliseconds(description: Mapping[str, Any]) -> dict[str, Any]:
    """A description with its times as events have them."""
    times = {name: round(description[name] * 1000) for name in _TIMES if name in description}
    return {**description, **times}


def announce(job: ProcessingJob, tags: list[dict[str, str]]) -> None:
    """Tell EventBridge about the state of a job.

    Source: https://docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html
    """
    detail = {**in_milliseconds(job.describe()), "Tags": {tag["Key"]: tag["Value"] for tag in tags}}
    with job.scope.active():
        emulator.put_event("aws.sagemaker", "SageMaker Processing Job State Change", detail, [job.arn])
