"""A job, as the API shows it: what processing, transform and compilation jobs have in common."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, ClassVar

from botocore.model import Shape, StructureShape

from .. import emulator
from ..emulator import Scope
from ..shapes import service_model
from .store import Record

RUNNING = ("InProgress", "Stopping")
_LONGEST_TEXT = 1024
_logger = logging.getLogger(__name__)


class JobError(Exception):
    """A job cannot go on; the message is fit for a FailureReason."""


class DataError(JobError):
    """The data of a job cannot be read or written."""


@dataclass(frozen=True, slots=True)
class JobKind:
    """How AWS names everything about one kind of jobs."""

    noun: str
    """`Processing`, as in CreateProcessingJob."""

    @property
    def label(self) -> str:
        """What messages say."""
        return f"{self.noun.lower()} job"

    @property
    def arn_kind(self) -> str:
        """What ARNs say."""
        return f"{self.noun.lower()}-job"

    @property
    def log_group(self) -> str:
        """Where its containers write."""
        return f"/aws/sagemaker/{self.noun}Jobs"

    def operation(self, verb: str) -> str:
        """The operation: `Describe` is `DescribeProcessingJob`."""
        return f"{verb}{self.noun}Job"

    def member(self, name: str) -> str:
        """The member: `Status` is `ProcessingJobStatus`."""
        return f"{self.noun}Job{name}"


PROCESSING = JobKind("Processing")
TRANSFORM = JobKind("Transform")
COMPILATION = JobKind("Compilation")


@dataclass(slots=True, kw_only=True)
class Job(Record):
    """A job: its request, and what became of it."""

    kind: ClassVar[JobKind]
    outcome: ClassVar[tuple[str, ...]] = ("status", "modified", "failure_reason", "started", "ended")
    """What became of it, which outlives the server."""

    scope: Scope
    status: str = "InProgress"
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

    def conclude(self, problem: BaseException | None) -> None:
        """Come to the end that was asked for, or that the work has come to."""
        if self.status == "Stopping":
            self.move("Stopped")
        elif problem is None:
            self.move("Completed")
        elif isinstance(problem, JobError):
            self.fail(str(problem))
        else:
            _logger.error("%s %s", self.kind.label, self.name, exc_info=problem)
            self.fail("InternalServerError: We encountered an internal error. Please try again.")

    def own_members(self) -> dict[str, Any]:
        """What only jobs of this kind show, beside their request; None is not shown."""
        return {}

    def describe(self) -> dict[str, Any]:
        """The answer to the kind's Describe operation: the members that AWS's model of it has."""
        noun = self.kind.noun
        known = {
            **self.request,
            self.kind.member("Arn"): self.arn,
            self.kind.member("Status"): self.status,
            "CreationTime": self.created,
            "LastModifiedTime": self.modified,
            "FailureReason": self.failure_reason,
            f"{noun}StartTime": self.started,
            f"{noun}EndTime": self.ended,
            **self.own_members(),
        }
        return _shown(known, _described_members(self.kind))

    def summary(self) -> dict[str, Any]:
        """The job in the answer to the kind's List operation."""
        known = {**self.describe(), "LastModifiedTime": self.modified}
        return _shown(known, _listed_members(self.kind))


def _shown(known: Mapping[str, Any], members: frozenset[str]) -> dict[str, Any]:
    return {name: value for name, value in known.items() if name in members and value is not None}


@cache
def _described_members(kind: JobKind) -> frozenset[str]:
    operation = service_model("sagemaker").operation_model(kind.operation("Describe"))
    return _members(operation.output_shape)


@cache
def _listed_members(kind: JobKind) -> frozenset[str]:
    return _members(service_model("sagemaker").shape_for(kind.member("Summary")))


def _members(shape: Shape | None) -> frozenset[str]:
    return frozenset(shape.members if isinstance(shape, StructureShape) else ())


def in_milliseconds(description: Mapping[str, Any]) -> dict[str, Any]:
    """A description with its times as events have them."""
    times = {name: round(description[name] * 1000) for name in description if name.endswith("Time")}
    return {**description, **times}


def announce(job: Job, tags: list[dict[str, str]]) -> None:
    """Tell EventBridge about the state of a job.

    Source: https://docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html
    """
    detail = {**in_milliseconds(job.describe()), "Tags": {tag["Key"]: tag["Value"] for tag in tags}}
    with job.scope.active():
        emulator.put_event("aws.sagemaker", f"SageMaker {job.kind.noun} Job State Change", detail, [job.arn])


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a job may run, and how long it may take to end when it is told to."""

    longest: float | None = None
    """Seconds that it may run; None: as long as it takes."""
    ask_to_end: Callable[[], None] = lambda: None
    last_seconds: float = 0


async def attend(job: Job, work: asyncio.Task[None], patience: Patience) -> BaseException | None:
    """Wait for the end of the work, for a stop or for the time limit, whichever is first.

    What the work came to: what it raised, or OutOfTimeError. When this returns, the work has ended.
    """
    stop = asyncio.create_task(job.asked_to_stop.wait())
    try:
        await asyncio.wait({work, stop}, timeout=patience.longest, return_when=asyncio.FIRST_COMPLETED)
        in_time = work.done() or stop.done()
        if not work.done():
            patience.ask_to_end()
            await asyncio.wait({work}, timeout=patience.last_seconds)
    finally:
        stop.cancel()
        work.cancel()
        (outcome,) = await asyncio.gather(work, return_exceptions=True)
    return outcome if in_time else OutOfTimeError(patience.longest or 0)


class OutOfTimeError(JobError):
    """A job ran longer than it may."""

    def __init__(self, longest: float) -> None:
        super().__init__(f"ClientError: The job ran longer than MaxRuntimeInSeconds ({longest:g} seconds).")
