"""Clients are kept from call to call; each test has its own AWS."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from constructs_lib.core.runtime import clients
from tests.support.rollouts import Rollouts, fleet, versions


@pytest.fixture(autouse=True)
def _no_clients_of_before() -> Iterator[None]:
    clients.client.cache_clear()
    yield
    clients.client.cache_clear()


@pytest.fixture
def rolled() -> Rollouts:
    """A fleet that runs version 1 everywhere."""
    rollouts = Rollouts(aws=fleet())
    assert not rollouts.run(components=versions(1)).error
    return rollouts
