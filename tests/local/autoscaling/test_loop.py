"""The loop, black box: a running server, metrics put into it, and the instances there are."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .scaling import Metric, Scaling, metric


@pytest.fixture
def load(scaling: Scaling) -> Iterator[Metric]:
    with metric(scaling) as feed:
        yield feed


def test_it_follows_its_target_out_and_in(scaling: Scaling, load: Metric) -> None:
    scaling.register(1, 3)
    scaling.track(10, metric=load.name, ScaleOutCooldown=60, ScaleInCooldown=60)
    load.becomes(30)
    scaling.reaches(3)
    load.becomes(1)
    scaling.reaches(1)
