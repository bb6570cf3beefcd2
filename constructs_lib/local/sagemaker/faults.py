"""Failures that a test asks for: what AWS's jobs come to now and then through no fault of theirs.

`POST /` with the header `X-Amz-Target: SageMaker.LocalFailNextJobs` and a JSON body, for example
`{"Job": "Transform", "Count": 2, "Reason": "CapacityError"}`. The next `Count` jobs of that kind, in whichever
account and region, are accepted and fail at once with that reason; the next such request takes the place of
this one, so 0 takes it back. It is no operation of AWS's: only a program that knows this emulator sends it.
"""

from __future__ import annotations

from typing import Any

from .errors import RefusedError
from .job import COMPILATION, PROCESSING, TRANSFORM, JobKind

OPERATION = "LocalFailNextJobs"
# As users of AWS have reported them.
_REASONS = {
    "CapacityError": "CapacityError: Unable to provision requested ML compute capacity. Please retry using a "
    "different ML instance type.",
    "InternalServerError": "InternalServerError: We encountered an internal error. Please try again.",
}
_KINDS = {kind.noun: kind for kind in (PROCESSING, TRANSFORM, COMPILATION)}


class Faults:
    """How many jobs are still to fail, and why."""

    def __init__(self) -> None:
        self._waiting: dict[JobKind, tuple[int, str]] = {}

    def ask(self, request: Any) -> dict[str, Any]:
        """Let the next jobs fail, as the request says; a Reason that has no name here is taken as it is."""
        given = request if isinstance(request, dict) else {}
        kind, count, reason = _KINDS.get(given.get("Job", "")), given.get("Count"), given.get("Reason")
        if kind is None or not isinstance(count, int) or count < 0 or not isinstance(reason, str):
            raise RefusedError(
                f"{OPERATION} needs Job ({' or '.join(_KINDS)}), Count (0 or more) and Reason (a text, or "
                f"{' or '.join(_REASONS)})."
            )
        self._waiting[kind] = count, _REASONS.get(reason, reason)
        return {}

    def take(self, kind: JobKind) -> str | None:
        """Why the job that begins now fails, if it is to."""
        count, reason = self._waiting.get(kind, (0, ""))
        if not count:
            return None
        self._waiting[kind] = count - 1, reason
        return reason

    def clear(self) -> None:
        """Let nothing fail any more."""
        self._waiting.clear()
