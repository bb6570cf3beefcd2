"""How often the loop looks, and how fast its time goes."""

from __future__ import annotations

import pytest

from constructs_lib.local.autoscaling.timing import Timing

SCALE, INTERVAL = "CONSTRUCTS_LOCAL_TIME_SCALE", "CONSTRUCTS_LOCAL_SCALING_INTERVAL"


@pytest.mark.parametrize(
    ("given", "interval"),
    [
        ({}, 10),
        # Time that flies is looked at as often, by its own measure: an alarm on 30 seconds lasts 0.3 here.
        ({SCALE: "0.01"}, 0.1),
        ({SCALE: "0.01", INTERVAL: "2"}, 2),
        # No busy loop, however fast.
        ({SCALE: "0.0001"}, 10 * 0.5 / 60),
        ({INTERVAL: "0"}, 0.05),
    ],
)
def test_the_interval_follows_the_scale(given: dict[str, str], interval: float) -> None:
    assert Timing.from_environment(given).interval == pytest.approx(interval)


@pytest.mark.parametrize("text", ["soon", "-1", "nan", "inf"])
def test_what_is_no_time_is_refused_by_name(text: str) -> None:
    with pytest.raises(ValueError, match=INTERVAL):
        Timing.from_environment({INTERVAL: text})
