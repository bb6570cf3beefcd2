"""A program of one's own for each test."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from .support import Running


@pytest.fixture
def program() -> Iterator[Running]:
    """Not started yet. Its folder has a short name: a Unix socket's path has 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="edge-") as folder:
        running = Running(Path(folder))
        yield running
        running.kill()
