"""A laboratory for each test, on the embedded AWS of all."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tools.embedded_aws import LocalAws

from .laboratory import Laboratory, Stream


@pytest.fixture
def laboratory(aws: LocalAws) -> Iterator[Laboratory]:
    """An experiment and its table."""
    mine = Laboratory(aws)
    yield mine
    mine.delete()


@pytest.fixture
def stream(aws: LocalAws) -> Iterator[Stream]:
    """A stream of events with two shards."""
    mine = Stream(aws)
    yield mine
    mine.delete()
