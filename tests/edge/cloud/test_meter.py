"""The meter: every summary is counted once, whatever comes, in whatever order, and whatever fails in between."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from constructs_lib.edge.runtime.cloud.fleet import FleetSettings
from constructs_lib.edge.runtime.cloud.meter import Meter, UnreadError, handle
from constructs_lib.edge.runtime.device.buffer import DiskBuffer
from constructs_lib.edge.runtime.device.messages import Messages
from constructs_lib.edge.runtime.device.recorder import Recorder
from constructs_lib.edge.runtime.device.sampling import Sampler
from constructs_lib.edge.runtime.device.summary import Counts
from tests.support.fake_aws import Killed, Params
from tests.support.faults import Fault
from tests.support.telemetry import NOW, SETTINGS, TelemetryAws, a_summary, message


def count(aws: TelemetryAws, *messages: Params, now: float = NOW) -> None:
    aws.now = now
    meter = Meter(FleetSettings(**SETTINGS), aws.client("dynamodb"), aws.client("cloudwatch"), lambda _: None)  # type: ignore[arg-type]
    meter.count(messages, now=now)


def test_the_handler_counts_a_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    aws = TelemetryAws()
    aws.answers(monkeypatch)
    monkeypatch.setattr("time.time", lambda: NOW)
    monkeypatch.setenv("EDGE", json.dumps(SETTINGS))
    assert handle({"Records": [message(a_summary())]}, None) == {}
    assert aws.sum("Requests") == 10
    item = aws.items["cam-1"]
    assert item["version"] == {"S": "1.2.3"}
    assert item["group"] == {"S": "fleet"}
    assert float(item["heard_at"]["N"]) == NOW
    assert float(item["told_at"]["N"]) == NOW - 5


def test_what_the_program_of_a_device_tells_is_counted(tmp_path: Path) -> None:
    """Its recorder writes, its buffer keeps, its messages go out: nothing of it is made up here."""
    buffer, counts = DiskBuffer(tmp_path, max_bytes=1 << 20), Counts()
    recorder = Recorder(buffer, counts, Sampler(100), thing="cam-5", inputs=True)
    for failed in (False, False, True):
        counts.inference(latency_ms=12.0, ok=not failed)
    recorder.summarise(group="canary", model_version="1.2.3")
    recorder.summarise(group="canary", model_version=None)
    records, _ = buffer.peek(1 << 20)
    messages = Messages(fleet="cameras", thing="cam-5", batch_bytes=32_768, largest=128_000, clock=time.time)
    aws, now = TelemetryAws(), time.time()
    for each in messages.of(records):
        assert each.topic == "dt/cameras/cam-5/summary"
        count(aws, message(each.payload, thing=each.topic.split("/")[2], received=now), now=now)
    assert not aws.data("MalformedSummaries")
    assert aws.sum("Requests", Group="canary") == 3
    assert (aws.sum("Inferences", ModelVersion="1.2.3"), aws.sum("Errors")) == (2, 1)
    assert aws.items["cam-5"]["version"] == {"S": "none"}


def test_a_summary_that_comes_twice_is_counted_once() -> None:
    aws = TelemetryAws()
    count(aws, message(a_summary()), message(a_summary()))
    count(aws, message(a_summary()))
    assert aws.sum("Requests") == 10


def test_one_that_was_overtaken_in_the_queue_is_counted() -> None:
    """An hour of summaries after an outage, in batches and out of order, some of them twice."""
    aws = TelemetryAws()
    told = [a_summary(number=each, at=int((NOW - 60 * (60 - each)) * 1000)) for each in range(1, 61)]
    shuffled = random.Random(7).sample(  # noqa: S311 - a shuffle of a test
        [*told, *told[::3]], 80
    )
    for start in range(0, 80, 10):
        count(aws, *(message(each) for each in shuffled[start : start + 10]))
    assert aws.sum("Requests") == 600


def test_a_start_of_the_program_numbers_anew() -> None:
    aws = TelemetryAws()
    count(aws, message(a_summary(number=40)))
    count(aws, message(a_summary(boot="ffffffff", number=1), received=NOW + 60), now=NOW + 60)
    assert aws.sum("Requests") == 20


def test_a_clock_that_went_back_hides_nothing() -> None:
    """A device whose clock has no battery begins in 1970; what it says is counted, and it is known to be there."""
    aws = TelemetryAws()
    count(aws, message(a_summary(number=40)))
    told = a_summary(boot="ffffffff", number=1, at=5000, model_version="2.0.0")
    count(aws, message(told, received=NOW + 60), now=NOW + 60)
    assert aws.sum("Requests") == 20
    assert float(aws.items["cam-1"]["heard_at"]["N"]) == NOW + 60
    assert aws.items["cam-1"]["version"] == {"S": "2.0.0"}


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_what_was_received_last_is_what_is_known(order: tuple[int, int]) -> None:
    told = [
        message(a_summary(number=1, model_version="1.0.0", group="canary"), received=NOW - 30),
        message(a_summary(number=2, model_version="2.0.0"), received=NOW - 10),
    ]
    aws = TelemetryAws()
    for index in order:
        count(aws, told[index])
    item = aws.items["cam-1"]
    assert (item["version"], item["group"]) == ({"S": "2.0.0"}, {"S": "fleet"})
    assert float(item["heard_at"]["N"]) == NOW - 10
    assert aws.sum("Requests") == 20


def test_what_a_dead_letter_says_when_it_is_moved_back_makes_nobody_look_alive() -> None:
    aws = TelemetryAws()
    count(aws, message(a_summary(), received=NOW - 86_400))
    assert float(aws.items["cam-1"]["heard_at"]["N"]) == NOW - 86_400


def test_what_is_no_summary_is_counted_and_fails_no_other() -> None:
    aws = TelemetryAws()
    hostile = [
        message(b"[" * 100_000),
        message(b"\x00\xff"),
        message(a_summary(inferences=-1)),
        message(a_summary(number=2), thing="../../etc"),
        {"messageId": "m", "body": "not of the rule"},
    ]
    count(aws, *hostile, message(a_summary()))
    assert aws.sum("MalformedSummaries") == 5
    assert aws.sum("Requests") == 10
    assert list(aws.items) == ["cam-1"]


def test_nothing_but_malformed_ones_ask_for_no_device() -> None:
    aws = TelemetryAws()
    count(aws, message(b""))
    assert aws.calls == ["PutMetricData"]


def test_what_the_table_leaves_out_is_asked_for_again() -> None:
    aws = TelemetryAws(unread=2)
    told = [message(a_summary(), thing=f"cam-{each}") for each in range(5)]
    count(aws, *told)
    aws.unread = 1
    count(aws, *told)
    assert aws.sum("Requests") == 50


def test_a_table_that_leaves_out_all_the_time_fails_the_batch_before_it_is_counted() -> None:
    class Busy(TelemetryAws):
        def _BatchGetItem(self, RequestItems: Params) -> Params:  # noqa: N802, N803
            return {"Responses": {}, "UnprocessedKeys": RequestItems}

    aws = Busy()
    with pytest.raises(UnreadError):
        count(aws, message(a_summary()))
    assert aws.puts == []


def test_two_batches_of_one_device_at_once_lose_nothing_of_each_other() -> None:
    aws = TelemetryAws()
    count(aws, message(a_summary(number=1)))
    between = _interrupting(aws, lambda: count(aws, message(a_summary(number=3), received=NOW - 1)))
    count(aws, message(a_summary(number=2), received=NOW - 2))
    assert between
    # All three are known: none of them counts again.
    count(aws, *(message(a_summary(number=each)) for each in (1, 2, 3)))
    assert aws.sum("Requests") == 30
    assert aws.items["cam-1"]["revision"] == {"N": "3"}


def _interrupting(aws: TelemetryAws, other: Callable[[], None]) -> list[bool]:
    """Let another batch be counted when the next one has read the table."""
    real, done = aws._BatchGetItem, []

    def read(**asked: Any) -> Params:
        found = real(**asked)
        if not done:
            done.append(True)
            other()
        return found

    aws._BatchGetItem = read  # type: ignore[method-assign]
    return done


FAULTS: list[Fault] = ["no connection", "throttled", "answer lost", "killed before", "killed after"]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("call", [0, 1, 2, 3])
def test_whatever_call_goes_wrong_nothing_is_lost_and_at_most_a_batch_counts_twice(
    call: int, fault: Fault
) -> None:
    batch = [message(a_summary(), thing=each) for each in ("a", "b")]
    aws = TelemetryAws(spoiled={call: fault})
    for _ in range(3):  # SQS delivers it until it is done
        try:
            count(aws, *batch)
            break
        except (ClientError, BotoCoreError, Killed):
            continue
    counted = aws.sum("Requests")
    was_killed_on_the_way = fault.startswith("killed") and call >= 1
    may_count_twice = was_killed_on_the_way or (call == 1 and fault == "answer lost")
    assert 20 <= counted <= (40 if may_count_twice else 20)
    # What was kept is what is counted: nothing counts again from here on.
    before = {thing for thing in ("a", "b") if thing in aws.items}
    count(aws, *batch)
    assert aws.sum("Requests") == counted + 10 * (2 - len(before))
