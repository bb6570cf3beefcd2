"""What the program on a device is told: read as a whole, and refused as a whole."""

from __future__ import annotations

import json

import pytest

from constructs_lib.edge.runtime.device.config import BadConfig, config_of

LEAST = {"fleet": "cameras", "transport": {"kind": "file", "folder": "/var/out"}}


def test_what_is_not_said_has_its_default() -> None:
    config = config_of(json.dumps(LEAST), {"AWS_IOT_THING_NAME": "cam-1"}, root="/var/state")
    assert (config.thing, config.group, config.threads, config.memory_mb) == ("cam-1", "fleet", 1, 512)
    assert config.sampling.percent == 100


@pytest.mark.parametrize(
    ("told", "named"),
    [
        ({**LEAST, "thredas": 2}, "thredas"),
        ({**LEAST, "threads": "two"}, "threads"),
        ({**LEAST, "transport": {"kind": "pigeon"}}, "pigeon"),
        ([], "configuration"),
    ],
)
def test_what_cannot_be_is_named(told: object, named: str) -> None:
    with pytest.raises(BadConfig, match=named):
        config_of(json.dumps(told), {"AWS_IOT_THING_NAME": "cam-1"}, root="/var/state")
