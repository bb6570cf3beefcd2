"""How much time is left, by a clock that nobody sets."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

from .errors import DeadlineExceeded


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment by which an answer is of use; hand it on, so that several calls share it."""

    at: float
    """By `time.monotonic()`; infinity is never."""

    @staticmethod
    def after(seconds: float) -> Deadline:
        """So many seconds from now.

        :raises ValueError: that is no number of seconds.
        """
        if math.isnan(seconds):
            raise ValueError("A deadline is a number of seconds from now.")
        return Deadline(time.monotonic() + seconds)

    @staticmethod
    def of(given: Deadline | float | None) -> Deadline:
        """What a caller gave: a deadline, seconds from now, or none."""
        if given is None:
            return Deadline(math.inf)
        return given if isinstance(given, Deadline) else Deadline.after(given)

    def remaining(self) -> float:
        """Seconds left, at least 0."""
        return max(0.0, self.at - time.monotonic())

    def check(self, inference_id: str | None = None) -> None:
        """Fail if it has passed.

        :raises DeadlineExceeded: it has.
        """
        if self.remaining() <= 0:
            raise DeadlineExceeded("The deadline has passed.", inference_id=inference_id)
