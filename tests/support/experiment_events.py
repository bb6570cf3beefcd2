"""An experiment, its events as the stream delivers them, and what they come to: counted another way."""

from __future__ import annotations

import base64
import itertools
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

from constructs_lib.experiments.runtime.amounts import Tally, Unit
from constructs_lib.experiments.runtime.experiment import Allocation, Arm, Experiment, Reward

NOON = 1_700_000_000.0
PERIOD = 3600.0
WINDOW = 7200.0

_numbers = itertools.count(1)

EXPERIMENT = Experiment(
    name="pricing",
    endpoint="pricing",
    arms=(
        Arm(name="control", model="model-1", share=0.5),
        Arm(name="bold", model="model-2", share=0.3),
        Arm(name="shy", model="model-3", share=0.2),
    ),
    reward=Reward(kind="binary", window=WINDOW),
    allocation=Allocation(kind="thompson"),
    period=PERIOD,
)
NUMERIC = replace(EXPERIMENT, reward=Reward(kind="numeric", window=WINDOW, low=-5.0, high=250.0))


def line(**members: Any) -> bytes:
    """An event as an application writes it."""
    return json.dumps(members).encode()


def exposure(id: str, *, arm: str = "control", at: float = NOON, **more: Any) -> bytes:
    return line(type="exposure", experiment="pricing", id=id, arm=arm, at=at, **more)


def reward(id: str, *, value: Any = 1, at: float = NOON + 60, **more: Any) -> bytes:
    return line(type="reward", experiment="pricing", id=id, value=value, at=at, **more)


def batch(records: Iterable[bytes], *, arrived: float = NOON + 90, shard: int = 0) -> dict[str, Any]:
    """What Lambda hands over of a shard."""
    return {"Records": [_record(data, arrived, shard) for data in records]}


def _record(data: bytes, arrived: float, shard: int) -> dict[str, Any]:
    sequence = f"{next(_numbers):056d}"
    return {
        "eventID": f"shardId-{shard:012d}:{sequence}",
        "eventSource": "aws:kinesis",
        "eventName": "aws:kinesis:record",
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": "x",
            "sequenceNumber": sequence,
            "data": base64.b64encode(data).decode(),
            "approximateArrivalTimestamp": arrived,
        },
    }


Truth = dict[tuple[int, str], tuple[int, int, Fraction, Fraction]]


def truth(records: Sequence[tuple[bytes, float]], experiment: Experiment = EXPERIMENT) -> Truth:
    """What these records, with their times of arrival, count: worked out answer by answer, the plain way."""
    exposures: dict[str, list[tuple[float, str]]] = {}
    rewards: dict[str, list[tuple[float, Fraction]]] = {}
    for data, arrived in records:
        for each in data.split(b"\n"):
            event = _valid(each, arrived, experiment)
            if event is None:
                continue
            if event["type"] == "exposure":
                exposures.setdefault(event["id"], []).append((event["at"], event["arm"]))
            else:
                rewards.setdefault(event["id"], []).append(
                    (event["at"], _rounded(event["value"], experiment))
                )
    counted: dict[tuple[int, str], list[Any]] = {}
    for id, shown in exposures.items():
        at, arm = min(shown)
        cell = counted.setdefault(
            (math.floor(at / experiment.period) * int(experiment.period), arm), [0, 0, 0, 0]
        )
        cell[0] += 1
        if id in rewards:
            rewarded_at, value = min(rewards[id])
            if -300 <= rewarded_at - at <= experiment.reward.window:
                cell[1] += 1
                cell[2] += value
                cell[3] += value**2
    return {cell: (each[0], each[1], Fraction(each[2]), Fraction(each[3])) for cell, each in counted.items()}


def as_truth(tally: Tally, experiment: Experiment = EXPERIMENT) -> Truth:
    """The counts of the ledger in the same terms."""
    unit = Unit(experiment.reward)
    return {
        cell: (
            amounts.exposures,
            amounts.rewards,
            Fraction(Decimal(unit.decimal(amounts.total))),
            Fraction(Decimal(unit.decimal_squares(amounts.squares))),
        )
        for cell, amounts in tally.items()
    }


def _valid(data: bytes, arrived: float, experiment: Experiment) -> dict[str, Any] | None:
    if len(data) > 8192:
        return None
    try:
        event = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError):
        return None
    if not isinstance(event, dict) or event.get("experiment") != experiment.name:
        return None
    id, at = event.get("id"), event.get("at")
    allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"
    if not isinstance(id, str) or not 1 <= len(id) <= 64 or not set(id) <= set(allowed):
        return None
    if type(at) not in (int, float) or not abs(at) < 1e300 or not arrived - 172800 <= at <= arrived + 300:
        return None
    if event.get("type") == "exposure":
        return event if event.get("arm") in [arm.name for arm in experiment.arms] else None
    value = event.get("value")
    if event.get("type") != "reward" or type(value) not in (int, float) or not abs(value) < 1e300:
        return None
    if experiment.reward.kind == "binary":
        return event if value in (0, 1) else None
    return event if experiment.reward.low <= value <= experiment.reward.high else None


def _rounded(value: float, experiment: Experiment) -> Fraction:
    """To the 12th digit of the largest reward."""
    largest = max(abs(experiment.reward.low), abs(experiment.reward.high))
    digits = 12 - len(str(int(largest)))
    return Fraction(round(Decimal(repr(float(value))), digits))
