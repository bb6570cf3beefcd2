"""What applications tell of their requests: an exposure for each answer, a reward once it is known.

An event is a line of JSON, and a record of the stream is as many events as it has lines: so says the object
that Firehose makes of many records too, and both ways of counting read the same events.

    {"type": "exposure", "experiment": "…", "id": "…", "arm": "…", "at": 1700000000.0}
    {"type": "reward", "experiment": "…", "id": "…", "value": 1, "at": 1700000060.0}

Further members (unit, epoch, propensity, diverted) are for those who read the raw events: nothing here does.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple, TypeAlias

from .amounts import Unit
from .experiment import Experiment

LONGEST = 8192
"""Bytes of a line."""
FUTURE = 300.0
"""Seconds that an application's clock may be ahead."""
LATENESS = 2 * 86400.0
"""Seconds after which an event is too old to be told: how long the events of a period may still come."""

Reason: TypeAlias = Literal[
    "TooLarge",
    "NotJson",
    "NotAnEvent",
    "OtherExperiment",
    "BadId",
    "BadTime",
    "Future",
    "Stale",
    "UnknownArm",
    "BadValue",
]

_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


class Exposure(NamedTuple):
    """An arm answered. Of two exposures with one inference id the lesser is the first."""

    id: str
    at: float
    arm: str


class Reward(NamedTuple):
    """What an answer was worth, in the experiment's units. Of two the lesser is the first."""

    id: str
    at: float
    units: int


class Refused(NamedTuple):
    """A line that tells of nothing that can be counted."""

    reason: Reason


Event: TypeAlias = Exposure | Reward


class Parser:
    """Reads the events of one experiment. Never raises, whatever it is given."""

    def __init__(self, experiment: Experiment) -> None:
        self._name = experiment.name
        self._arms = frozenset(experiment.names)
        self._reward = experiment.reward
        self._unit = Unit(experiment.reward)

    def parse(self, line: bytes, *, arrived: float) -> Event | Refused:
        """Read a line that came in at `arrived`: when the stream took it, not when it is looked at.

        So it is judged alike each time it is delivered.
        """
        if len(line) > LONGEST:
            return Refused("TooLarge")
        try:
            given = json.loads(line.decode())
        except (ValueError, RecursionError):  # no UTF-8, no JSON, or nested beyond reason
            return Refused("NotJson")
        if not isinstance(given, dict) or given.get("type") not in ("exposure", "reward"):
            return Refused("NotAnEvent")
        if given.get("experiment") != self._name:
            return Refused("OtherExperiment")
        id = given.get("id")
        if not isinstance(id, str) or not _ID.fullmatch(id):
            return Refused("BadId")
        at = _number(given.get("at"))
        if at is None:
            return Refused("BadTime")
        if at > arrived + FUTURE:
            return Refused("Future")
        if at < arrived - LATENESS:
            return Refused("Stale")
        return self._exposure(given, id, at) if given["type"] == "exposure" else self._outcome(given, id, at)

    def _exposure(self, given: dict[str, Any], id: str, at: float) -> Event | Refused:
        arm = given.get("arm")
        if not isinstance(arm, str) or arm not in self._arms:
            return Refused("UnknownArm")
        return Exposure(id, at, arm)

    def _outcome(self, given: dict[str, Any], id: str, at: float) -> Event | Refused:
        value = _number(given.get("value"))
        if value is None or not self._reward.low <= value <= self._reward.high:
            return Refused("BadValue")
        if self._reward.kind == "binary" and value not in (0.0, 1.0):
            return Refused("BadValue")
        return Reward(id, at, self._unit.units(value))


def lines(data: bytes) -> Iterator[bytes]:
    """The lines of a record that are not blank."""
    return (line for line in data.split(b"\n") if line.strip())


def _number(given: object) -> float | None:
    """A finite number; JSON's true is none."""
    if isinstance(given, bool) or not isinstance(given, int | float):
        return None
    try:
        number = float(given)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None
