"""How long to wait before something is tried again."""

from __future__ import annotations

import random


class Backoff:
    """Exponential, with full jitter: devices that lost the broker together do not come back together.

    Source: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
    """

    def __init__(self, *, first: float = 1.0, most: float = 60.0) -> None:
        """Wait up to `first` seconds, twice that each time, up to `most`."""
        self._first = first
        self._most = most
        self._bound = first

    def next(self) -> float:
        """Seconds to wait now."""
        seconds = random.uniform(0, self._bound)  # noqa: S311 - no secret
        self._bound = min(2 * self._bound, self._most)
        return seconds

    def reset(self) -> None:
        """It went well: begin anew."""
        self._bound = self._first
