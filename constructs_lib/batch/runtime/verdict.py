"""Whether a job that failed is worth another try, and how long to wait for it.

Worth it is what may pass by itself: throttling, no machines to be had, a quota that others use up now, a fault
within AWS. Everything else, most of all what the model or the data did, would fail again and cost as much again.
The names are *inferred* where they are not in AWS's list: it has none of the failure reasons of jobs.

Source: https://docs.aws.amazon.com/sagemaker/latest/APIReference/CommonErrors.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .causes import MOST_TOLD, TIMEOUT, Cause, explained, shortened

THROTTLING, CAPACITY, LIMIT, SERVICE = "throttling", "capacity", "limit", "service"
LONGEST_WAIT = 1800
"""Seconds."""
_FIRST_WAIT = {THROTTLING: 60, CAPACITY: 60, LIMIT: 300, SERVICE: 60}

_BY_NAME = {
    "throttling": THROTTLING,
    "throttlingexception": THROTTLING,
    "toomanyrequests": THROTTLING,
    "toomanyrequestsexception": THROTTLING,
    "requestlimitexceeded": THROTTLING,
    "capacityerror": CAPACITY,
    "insufficientcapacity": CAPACITY,
    "insufficientcapacityerror": CAPACITY,
    "insufficientcapacityexception": CAPACITY,
    "insufficientinstancecapacity": CAPACITY,
    "resourcelimitexceeded": LIMIT,
    "resourcelimitexceededexception": LIMIT,
    "internalservererror": SERVICE,
    "internalserverexception": SERVICE,
    "internalerror": SERVICE,
    "internalfailure": SERVICE,
    "serviceunavailable": SERVICE,
    "serviceunavailableexception": SERVICE,
    "sdkclientexception": SERVICE,
}
"""Names of errors in lower case. The last one is Step Functions' own, when it does not reach SageMaker (inferred)."""
_BY_TEXT = {
    "rate exceeded": THROTTLING,
    "throttlingexception": THROTTLING,
    "too many requests": THROTTLING,
    "unable to provision requested ml compute capacity": CAPACITY,
    "insufficient capacity": CAPACITY,
    "insufficientcapacity": CAPACITY,
    "capacityerror": CAPACITY,
    "resourcelimitexceeded": LIMIT,
    "account-level service limit": LIMIT,
    "internal server error": SERVICE,
    "internalservererror": SERVICE,
    "we encountered an internal error": SERVICE,
    "service unavailable": SERVICE,
    "serviceunavailable": SERVICE,
}
"""For errors whose name says nothing: what their reason says, in lower case."""
_NAMELESS = ("taskfailed", "amazonsagemakerexception", "unknown", "all")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What to do about a job that failed."""

    retry: bool
    wait: int
    """Seconds until the next try; 0 where there is none."""
    error: str
    """The error's name, as a Fail state may have it: none that begins with ``States.``, which are reserved."""
    reason: str
    attempt: int
    """The attempt that failed, from 1."""

    def told(self) -> dict[str, Any]:
        """As the state machine takes it; its `attempt` is the next one."""
        return {
            "retry": self.retry,
            "wait": self.wait,
            "attempt": self.attempt + 1,
            "error": self.error,
            "reason": self.reason,
        }


def verdict(failure: Mapping[str, Any], attempt: int, most: int) -> Verdict:
    """Judge a failure.

    :param failure: ``Error`` and ``Cause``, as a state machine catches them.
    :param attempt: which attempt failed, from 1.
    :param most: attempts that may be made in all.
    """
    told = explained(failure.get("Error"), failure.get("Cause"))
    error = _plain(told.error)
    kind = kind_of(Cause(error, told.reason))
    reason = told.reason or _SILENT.get(error, "It gives no reason.")
    if kind is None or attempt >= most:
        tries = f" It was tried {attempt} times." if kind is not None and attempt > 1 else ""
        return Verdict(
            retry=False,
            wait=0,
            error=error,
            reason=shortened(reason, MOST_TOLD - len(tries)) + tries,
            attempt=attempt,
        )
    # Not 2**attempt for whatever attempt comes: it is cut off at the longest wait long before.
    wait = min(_FIRST_WAIT[kind] * 2 ** min(attempt - 1, 10), LONGEST_WAIT)
    return Verdict(retry=True, wait=wait, error=error, reason=shortened(reason), attempt=attempt)


def kind_of(told: Cause) -> str | None:
    """What kind of passing trouble an error is; None where it is none.

    A reason is only searched where the error's name says nothing: a model may have "Rate exceeded" in its own.
    """
    name = told.error.lower()
    if name in _BY_NAME:
        return _BY_NAME[name]
    if name not in _NAMELESS:
        return None
    reason = told.reason.lower()
    return next((kind for text, kind in _BY_TEXT.items() if text in reason), None)


_SILENT = {TIMEOUT: "It took longer than it may."}


def _plain(error: str) -> str:
    """Without the name of the service, or of Step Functions: ``States.Timeout`` is ``Timeout``."""
    return error.rpartition(".")[2] or error
