"""What the start function says it did, and what to do about it: read by whoever called, and in the log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

STARTED, DUPLICATE, EMPTY, IGNORED = "started", "duplicate", "empty", "ignored"
METRICS = {STARTED: "RunsStarted", DUPLICATE: "Duplicates", EMPTY: "EmptyInputs"}

SUCCEEDED = "SUCCEEDED"
ENDED_BADLY = ("FAILED", "TIMED_OUT", "ABORTED")
"""Of the statuses of an execution; a run of any other goes on, or has succeeded.

Source: https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeExecution.html
"""

_LEFT_OUT = {
    "folders": "folder markers",
    "empty": "empty objects",
    "hidden": 'with a name, or in a folder, that begins with "_" or "."',
    "manifests": "manifests",
    "of runs": "output of runs",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What became of a request."""

    outcome: str
    input: str = ""
    run: str = ""
    execution: str = ""
    """Its ARN."""
    objects: int = 0
    status: str = ""
    """The execution's, as far as known."""
    advice: str = ""

    def told(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "outcome": self.outcome,
            "input": self.input,
            "run": self.run,
            "execution": self.execution,
            "objects": self.objects,
            "status": self.status,
            "advice": self.advice,
        }


def advice_on_empty(uri: str, left_out: Mapping[str, int]) -> str:
    """What to say of an input without objects."""
    if not left_out:
        return f"There is nothing at {uri}: no run was started. Is the data late, or somewhere else?"
    reasons = ", ".join(f"{count:,} {_LEFT_OUT[reason]}" for reason, count in sorted(left_out.items()))
    return f"There is no data at {uri}: no run was started. Left out were {reasons}."


def advice_on_duplicate(run: str, status: str, folder: str) -> str:
    """What to say of an input that has a run already.

    :param folder: the address of the run's folder, with a slash at its end.
    """
    if status in ENDED_BADLY:
        return (
            f"Run {run} of the same objects, model and settings ended as {status}, and no other was started: "
            f"{folder}failed.json says why. When that is mended, redrive the dead-letter queue, where its "
            'request lies; or call again with "force": "why".'
        )
    if status == SUCCEEDED:
        return (
            f"Run {run} has scored the same objects with the same model and settings: {folder}report.json. "
            'To score them again, call with "force": "why".'
        )
    return (
        f"Run {run} is scoring the same objects with the same model and settings now: no other was started."
    )
