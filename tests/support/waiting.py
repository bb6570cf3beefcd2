"""To wait for what another thread or process does."""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE = 30.0
"""Seconds after which what has not happened will not: far more than it takes."""


def until(condition: Callable[[], object]) -> None:
    """Return as soon as it is true."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)
