"""A run that did not succeed: what is told of it, and in which words."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ...core.runtime.windows import iso
from .causes import UNKNOWN, explained, in_a_line, shortened

MOST_PROBLEMS = 5
"""So many problems of a run are told."""
_LONGEST_SUBJECT = 100
"""Characters; SNS takes ASCII without line breaks: https://docs.aws.amazon.com/sns/latest/api/API_Publish.html"""
_LONGEST_ATTRIBUTE = 256

_SILENT = {
    "TIMED_OUT": ("States.Timeout", "The run took longer than a run may."),
    "ABORTED": ("Aborted", "The run was stopped, and whoever did it gave no reason."),
}
_ONLY_POINTING = ("States.ExceedToleratedFailureThreshold", "States.BranchFailed")
"""Errors that say that something else failed, which the problems tell better."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What is known of it."""

    transform: str
    run: str
    execution: str
    status: str
    error: str
    reason: str
    request: Mapping[str, Any] | None
    """What asked for the run; None where nobody knows any more."""
    started: float | None
    """Seconds since 1970."""
    ended: float
    folder: str
    """The address of the run's folder."""
    dead_letters: str
    """ARN of the dead-letter queue."""
    requests: str | None
    """ARN of the queue that a letter goes back to."""

    @property
    def attempt(self) -> int:
        """Which attempt it was."""
        return int((self.request or {}).get("attempt", 1))

    @property
    def letter(self) -> str:
        """The message for the dead-letter queue: the request of the next attempt.

        Without a request it is one that is refused, and so comes back: a request without an input would run, but
        score something else.
        """
        told = {
            "run": self.run,
            "error": self.error,
            "reason": self.reason,
            "at": iso(self.ended),
        }
        if self.request is None:
            return json.dumps({"request": None, "failed": told})
        return json.dumps({**self.request, "attempt": self.attempt + 1, "failed": told})

    @property
    def attributes(self) -> dict[str, dict[str, str]]:
        """Of the message, to filter by and to see at a glance."""
        return attributes_of({"run": self.run, "error": self.error})

    @property
    def subject(self) -> str:
        """Of the notice."""
        return subject_of(self.transform, self.error)

    @property
    def notice(self) -> str:
        """What a person is told who is woken by it."""
        asked = self.request or {}
        facts = {
            "Transform": self.transform,
            "Error": self.error,
            "Reason": self.reason,
            "Input": asked.get("input") or "unknown",
            "Run": f"{self.run} ({self.status}, attempt {self.attempt})",
            "Started": iso(self.started) if self.started is not None else "unknown",
            "Ended": iso(self.ended),
            "Files": self.folder,
        }
        if asked.get("force"):
            facts["Forced"] = asked["force"]
        lines = [f"{name + ':':<11}{value}" for name, value in facts.items()]
        return "\n".join([*lines, "", *self._advice()])

    def _advice(self) -> list[str]:
        destination = self.requests or "<ARN of the queue of requests>"
        return [
            "The run's files are not marked as complete. A sink may have some of its records; the next attempt "
            "writes them again.",
            "",
            "What the last steps were:",
            "  aws stepfunctions get-execution-history --reverse-order --max-items 10 "
            f"--execution-arn {self.execution}",
            # Without a destination, SQS only moves what came from a queue, and these letters never were in one:
            # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/troubleshooting-dlq-redrive.html
            "When the cause is mended, this asks again for all that lies in the dead-letter queue:",
            f"  aws sqs start-message-move-task --source-arn {self.dead_letters} --destination-arn {destination}",
        ]

    def marked(self, told: Iterable[str], problems: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
        """What is kept in the run's folder: the failure, and who has been told of it."""
        return {
            "run": self.run,
            "status": self.status,
            "error": self.error,
            "reason": self.reason,
            "attempt": self.attempt,
            "request": self.request,
            "execution": self.execution,
            "started": None if self.started is None else iso(self.started),
            "ended": iso(self.ended),
            "ended_ms": round(self.ended * 1000),
            "problems": list(problems),
            "told": sorted(told),
        }


def attributes_of(told: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Attributes of a message: short, and of ASCII."""
    return {
        name: {"DataType": "String", "StringValue": _ascii(value)[:_LONGEST_ATTRIBUTE] or UNKNOWN}
        for name, value in told.items()
    }


def subject_of(transform: str, error: str) -> str:
    """The subject of a notice."""
    return _ascii(f"Batch {transform} failed: {error}")[:_LONGEST_SUBJECT]


def reason_of(
    status: str, error: str | None, cause: str | None, problems: Iterable[Mapping[str, Any]]
) -> tuple[str, str]:
    """The error and the reason of a run: what Step Functions tells, and the problems that its workers found."""
    told = explained(error, cause)
    name, reason = told.error, told.reason
    if name == UNKNOWN and status in _SILENT:
        name = _SILENT[status][0]
    if not reason:
        reason = _SILENT.get(status, ("", ""))[1]
    found = list(problems)
    if found and name in (UNKNOWN, *_ONLY_POINTING):
        name, reason = in_a_line(str(found[0].get("error") or name)), ""
    for problem in found:
        line = _line(problem)
        if in_a_line(str(problem.get("reason", ""))) not in reason:
            reason = f"{reason}; {line}" if reason else line
    return name, shortened(reason or "Nothing says why.")


def _line(problem: Mapping[str, Any]) -> str:
    reason = in_a_line(str(problem.get("reason") or problem.get("error") or "a problem"))
    place = in_a_line(str(problem.get("object") or ""))
    if not place or place in reason:
        return reason
    offset = problem.get("offset")
    return f"{reason} ({place}{'' if offset is None else f', byte {offset}'})"


def _ascii(text: str) -> str:
    return in_a_line(text).encode("ascii", "replace").decode()
