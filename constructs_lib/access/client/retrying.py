"""Asking again, where that is safe and may help."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

from .deadline import Deadline
from .errors import DeadlineExceeded, InferenceError
from .settings import ClientSettings

Result = TypeVar("Result")


def sleep_before(attempt: int, settings: ClientSettings, retry_after: float | None) -> float:
    """Seconds to wait after `attempt` failed: full jitter, and never less than the service asked for.

    Source: https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/
    """
    most = min(settings.max_backoff, settings.backoff * 2.0 ** (attempt - 1))
    jittered = random.uniform(0, most)  # noqa: S311  spreads callers, guards nothing
    return jittered if retry_after is None else retry_after + jittered


def retried(
    attempt_once: Callable[[], Result],
    *,
    settings: ClientSettings,
    deadline: Deadline,
    repeatable: bool = True,
    inference_id: str | None = None,
) -> Result:
    """The result of the first attempt that has one.

    What is not `repeatable` is not sent again once the service may have acted on it.

    :raises InferenceError: the last attempt's, or one that no attempt can mend.
    :raises DeadlineExceeded: no time is left for another attempt; caused by what the last one met.
    """
    for attempt in range(1, settings.attempts + 1):
        deadline.check(inference_id)
        try:
            return attempt_once()
        except InferenceError as error:
            if not error.retryable or (error.maybe_taken and not repeatable) or attempt == settings.attempts:
                raise
            pause = sleep_before(attempt, settings, error.retry_after)
            if pause >= deadline.remaining():
                raise DeadlineExceeded(
                    f"No time is left for another attempt after: {error.message}", inference_id=inference_id
                ) from error
            time.sleep(pause)
    raise AssertionError("settings.attempts is at least 1")
