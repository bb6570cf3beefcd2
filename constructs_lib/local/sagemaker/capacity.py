"""How many instances this machine gives away in all."""

from __future__ import annotations

from .errors import LimitError


class Capacity:
    """A count with a limit: every container of an instance is a process here, and counts."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._used = 0

    def reserve(self, count: int) -> None:
        """Take so many instances; LimitError, and none taken, when there are fewer."""
        if self._used + count > self._limit:
            raise LimitError(
                f"The limit of this emulator is {self._limit} Instances, with current utilization of "
                f"{self._used} Instances and a request delta of {count} Instances. "
                "Raise it with CONSTRUCTS_LOCAL_MAX_WORKERS."
            )
        self._used += count

    def release(self, count: int) -> None:
        """Give instances back."""
        self._used -= count

    def release_all(self) -> None:
        """Start anew."""
        self._used = 0
