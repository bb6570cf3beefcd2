"""A processing job, as the API shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from .job import PROCESSING, Job, JobKind

_LONGEST_MESSAGE = 1024


@dataclass(slots=True, kw_only=True)
class ProcessingJob(Job):
    """A processing job: its request, and what became of it."""

    kind: ClassVar[JobKind] = PROCESSING
    outcome: ClassVar[tuple[str, ...]] = (*Job.outcome, "exit_message")

    exit_message: str | None = None

    def leave_message(self, messages: list[bytes]) -> None:
        """Keep the first kilobyte of what the containers left; UnicodeDecodeError when it is no UTF-8.

        Source: https://docs.aws.amazon.com/sagemaker/latest/dg/byoc-metadata.html
        """
        text = b"".join(messages).decode()
        kept = text.encode()[:_LONGEST_MESSAGE].decode(errors="ignore")
        self.exit_message = kept or None

    def own_members(self) -> dict[str, Any]:
        """What the containers left as their last words."""
        return {"ExitMessage": self.exit_message}
