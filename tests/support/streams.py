"""Random streams of events, and a stream that delivers as Kinesis does: again, from the first that failed."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from typing import Any

from tests.support.experiment_events import EXPERIMENT, NOON, PERIOD, WINDOW, batch, exposure, line, reward

Records = list[tuple[bytes, float]]
"""Records and when they arrived."""

Handler = Callable[[dict[str, Any]], dict[str, Any]]


def random_records(
    seed: int, count: int, *, values: Sequence[float] = (0, 1), reused: float = 0.1
) -> Records:
    """A stream that has everything: repetitions, disorder, what is late, foreign, broken, huge or conflicting.

    Of the inference ids, `reused` are some that others have too.
    """
    draw = random.Random(seed)  # noqa: S311
    records: Records = []
    for number in range(count):
        id = f"{seed}-{number if draw.random() >= reused else draw.randrange(count)}"
        at = NOON + round(draw.uniform(0, 3 * PERIOD), draw.choice([0, 3, 9]))
        arm = draw.choice(EXPERIMENT.names)
        shown = exposure(id, arm=arm, at=at, unit=draw.choice(["u", "ünï✓", "\x00", "\u2028"]), epoch=1)
        after = draw.choice([0.0, 1.0, WINDOW, WINDOW + 1, WINDOW * 3, -299.0, draw.uniform(0, WINDOW)])
        known = max(at, at + after) + 1  # earlier than it happened nothing is told of
        told = reward(id, value=draw.choice(values), at=at + after)
        some = [(shown, at)] if draw.random() < 0.9 else []
        some += [(told, known)] * draw.choice([0, 0, 1, 1, 1, 2])
        if draw.random() < 0.1:
            other = at + after + draw.choice([-1, 0, 1])
            some.append((reward(id, value=draw.choice(values), at=other), known))
        if draw.random() < 0.05:
            some = [(b"\n".join(data for data, _ in some), known)]
        records += [(data, happened + draw.choice([0.0, 1.5, PERIOD])) for data, happened in some]
        if draw.random() < 0.2:
            records.append((_bogus(draw, id, at), at))
    records += draw.sample(records, len(records) // 5)
    draw.shuffle(records)
    return records


def _bogus(draw: random.Random, id: str, at: float) -> bytes:
    return draw.choice(
        [
            b"",
            b"\n\n",
            b"\xff\xfe",
            b'{"type":',
            b"[" * 5000,
            exposure(id, at=at, note="x" * 20_000),
            exposure(id, at=at, arm="nobody"),
            exposure(id, at=at + 86400),
            exposure(id, at=at - 3 * 86400),
            exposure(id + "✓", at=at),
            reward(id, value=float("nan"), at=at),
            reward(id, value=1e308, at=at),
            reward(id, value="1", at=at),
            line(type="exposure", experiment="another", id=id, arm="control", at=at),
            json.dumps([exposure(id, at=at).decode()]).encode(),
        ]
    )


def deliver(
    records: Records, handler: Handler, *, size: int = 40, attempts: int = 60, shard: int = 0
) -> None:
    """Deliver all records in batches, as Lambda reads a shard.

    A batch with failures comes again from the first record that failed; one whose function was killed or
    raised comes again as a whole.
    """
    start = 0
    for _ in range(attempts + len(records) // size):
        if start >= len(records):
            return
        some = records[start : start + size]
        event = _joined(some, shard)
        try:
            answer = handler(event)
        except BaseException as error:
            if isinstance(error, AssertionError | KeyboardInterrupt):
                raise
            continue
        failed = {each["itemIdentifier"] for each in answer["batchItemFailures"]}
        numbers = [each["kinesis"]["sequenceNumber"] for each in event["Records"]]
        assert failed <= set(numbers)
        start += next((place for place, each in enumerate(numbers) if each in failed), len(some))
    raise AssertionError("the stream does not get on")


def _joined(records: Records, shard: int) -> dict[str, Any]:
    events = [batch([data], arrived=arrived, shard=shard) for data, arrived in records]
    return {"Records": [record for event in events for record in event["Records"]]}
