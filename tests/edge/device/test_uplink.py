"""What a device sends: batches, order, refusals, outages, the end of the program."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from constructs_lib.edge.runtime.device.backoff import Backoff
from constructs_lib.edge.runtime.device.buffer import DiskBuffer
from constructs_lib.edge.runtime.device.messages import record_of
from constructs_lib.edge.runtime.device.transport.file import FileTransport
from constructs_lib.edge.runtime.device.uplink import Uplink
from tests.support.waiting import PATIENCE, until


class Broker:
    """Keeps what is published; loses, refuses or hangs as it is told."""

    def __init__(self) -> None:
        self.connected = True
        self.connections = 1
        self.answer: Callable[[str], bool] = lambda _: True
        self.sent: list[tuple[str, dict[str, Any]]] = []
        self.attempts: list[float] = []
        self.largest = 0
        self.timeouts: list[float] = []

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def subscribe(self, topic: str, handle: Callable[[str, bytes], None]) -> None: ...

    def publish(self, topic: str, payload: bytes, *, timeout: float) -> bool:
        self.attempts.append(time.monotonic())
        self.timeouts.append(timeout)
        self.largest = max(self.largest, len(payload))
        acknowledged = self.connected and self.answer(topic)
        if acknowledged:
            self.sent.append((topic, json.loads(payload)))
        return acknowledged

    @property
    def results(self) -> list[Any]:
        return [record["id"] for _, told in self.sent for record in told.get("records", ())]


class Set:
    """A buffer, a broker, and an uplink between them."""

    def __init__(self, folder: Path) -> None:
        self.buffer = DiskBuffer(folder, max_bytes=4 << 20)
        self.broker = Broker()
        self._made: list[Uplink] = []

    def uplink(self, **options: Any) -> Uplink:
        chosen: dict[str, Any] = {"batch_bytes": 2000, "batch_seconds": 0.05, "backoff": Backoff(first=0.01)}
        made = Uplink(
            buffer=self.buffer,
            transport=self.broker,
            fleet="cams",
            thing="cam-1",
            clock=lambda: 1_800_000_000.0,
            **{**chosen, **options},
        )
        made.start()
        self._made.append(made)
        return made

    def close(self) -> None:
        for each in self._made:
            each.stop(drain_seconds=0)
        self.buffer.close()

    def result(self, id: object, **body: object) -> None:
        self.buffer.append(record_of("inference", {"id": id, **body}))


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[Set]:
    made = Set(tmp_path / "buffer")
    yield made
    made.close()


def test_results_go_together_and_say_whose_they_are(kit: Set) -> None:
    for i in range(3):
        kit.result(i, output=[0.5])
    kit.uplink()
    until(lambda: not kit.buffer.records)
    assert kit.broker.sent == [
        (
            "dt/cams/cam-1/inference",
            {
                "fleet": "cams",
                "thing": "cam-1",
                "sent": 1_800_000_000_000,
                "records": [{"id": i, "output": [0.5]} for i in range(3)],
            },
        )
    ]
    assert kit.buffer.delivered == 3


def test_a_summary_goes_alone_and_the_order_stays(kit: Set) -> None:
    kit.result(1)
    kit.buffer.append(record_of("summary", {"number": 7, "fleet": "cams"}))
    kit.buffer.append(record_of("summary", {"number": 8}))
    kit.result(2)
    kit.uplink()
    until(lambda: not kit.buffer.records)
    assert [topic.rpartition("/")[2] for topic, _ in kit.broker.sent] == [
        "inference",
        "summary",
        "summary",
        "inference",
    ]
    assert kit.broker.sent[1][1] == {"fleet": "cams", "thing": "cam-1", "number": 7}
    assert kit.broker.results == [1, 2]


def test_no_message_is_larger_than_a_batch(kit: Set) -> None:
    for i in range(200):
        kit.result(i, output="x" * 100)
    kit.uplink(batch_bytes=1000)
    until(lambda: not kit.buffer.records)
    assert kit.broker.results == list(range(200))
    assert 700 < kit.broker.largest <= 1000


def test_what_surrounds_the_results_counts_too(kit: Set) -> None:
    for i in range(2):
        kit.result(i, output="x" * 448)  # two of them, as the buffer has them, are less than 1000
    kit.uplink(batch_bytes=1000)
    until(lambda: not kit.buffer.records)
    assert len(kit.broker.sent) == 2
    assert kit.broker.largest <= 1000


def test_little_waits_for_its_time_and_much_does_not(kit: Set) -> None:
    kit.uplink(batch_seconds=600, batch_bytes=4000)
    kit.result("small")
    time.sleep(0.6)
    assert kit.broker.sent == []
    for i in range(40):
        kit.result(i, output="x" * 200)
    until(lambda: kit.broker.results)
    assert kit.broker.results[0] == "small"
    # What is not enough for another message waits again.
    until(lambda: kit.buffer.bytes < 4000)
    assert kit.buffer.records > 0


def test_without_a_connection_nothing_is_tried(kit: Set) -> None:
    kit.broker.connected = False
    kit.result(1)
    kit.uplink()
    time.sleep(0.5)
    assert (kit.broker.attempts, kit.buffer.records) == ([], 1)
    kit.broker.connected = True
    until(lambda: kit.broker.results == [1])


def test_what_was_not_acknowledged_is_sent_again(kit: Set) -> None:
    answers = iter([False, False, True])
    kit.broker.answer = lambda _: next(answers, True)
    kit.result(1)
    kit.uplink()
    until(lambda: not kit.buffer.records)
    assert len(kit.broker.attempts) == 3
    assert kit.broker.results == [1]


def test_what_was_acknowledged_is_not_sent_again_when_the_next_message_fails(kit: Set) -> None:
    failed = []

    def answer(topic: str) -> bool:
        if topic.endswith("summary") and not failed:
            failed.append(topic)
            return False
        return True

    kit.broker.answer = answer
    kit.result(1)
    kit.buffer.append(record_of("summary", {"number": 1}))
    kit.uplink()
    until(lambda: not kit.buffer.records)
    assert failed
    assert kit.broker.results == [1]


def test_an_uplink_that_ends_before_the_buffer_knows_sends_again(
    kit: Set, monkeypatch: pytest.MonkeyPatch
) -> None:
    kit.result(1)
    with monkeypatch.context() as patch:
        patch.setattr(DiskBuffer, "confirm", lambda *_: (_ for _ in ()).throw(RuntimeError("it ends here")))
        first = kit.uplink()
        until(lambda: kit.broker.results)
        first.stop(drain_seconds=0)
    kit.uplink()
    until(lambda: not kit.buffer.records)
    assert set(kit.broker.results) == {1}
    assert len(kit.broker.results) >= 2


def test_refusals_are_answered_with_longer_and_longer_pauses(kit: Set) -> None:
    class Told(Backoff):
        def __init__(self) -> None:
            super().__init__()
            self.bounds: list[float] = []

        def next(self) -> float:
            self.bounds.append(self._bound)
            super().next()
            return 0.0

    backoff = Told()
    kit.broker.answer = lambda _: len(kit.broker.attempts) > 8
    kit.result(1)
    kit.uplink(backoff=backoff, batch_seconds=0.01)
    until(lambda: not kit.buffer.records)
    assert backoff.bounds == [1, 2, 4, 8, 16, 32, 60, 60]
    until(lambda: backoff._bound == 1.0)


def test_a_pause_is_anywhere_below_its_bound() -> None:
    backoff = Backoff(first=64, most=64)
    pauses = [backoff.next() for _ in range(400)]
    assert 0 <= min(pauses) < 4
    assert 60 < max(pauses) <= 64


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        ({"input": "i" * 5000, "output": [1]}, {"input": None, "output": [1]}),
        ({"input": "i" * 5000, "output": "o" * 5000}, {"input": None, "output": None}),
        (
            {"input": None, "output": None, "error": "e" * 5000, "status": "error"},
            {"error": None, "status": "error"},
        ),
        (
            {"at": 5, "status": "ok", "model_version": "1.2.3" * 999, "what": "w" * 5000},
            {"at": 5, "status": "ok"},
        ),
    ],
)
def test_a_result_that_is_too_large_is_cut_and_says_so(
    kit: Set, body: dict[str, Any], kept: dict[str, Any]
) -> None:
    kit.result("before")
    kit.result("large", **body)
    kit.result("after")
    kit.uplink(largest=1000, batch_bytes=2000)
    until(lambda: not kit.buffer.records)
    assert kit.broker.results == ["before", "large", "after"]
    assert kit.broker.largest <= 1000
    (large,) = [each for _, told in kit.broker.sent for each in told["records"] if each["id"] == "large"]
    assert large["truncated"] is True
    assert kept.items() <= large.items()
    others = [each for _, told in kit.broker.sent for each in told["records"] if each["id"] != "large"]
    assert all("truncated" not in each for each in others)


def test_a_result_of_megabytes_fits_what_aws_iot_takes(kit: Set) -> None:
    kit.result("photo", input="é" * 1_000_000, output=[1])
    kit.result("next")
    kit.uplink(batch_bytes=32_768)
    until(lambda: not kit.buffer.records)
    assert kit.broker.results == ["photo", "next"]
    assert kit.broker.largest <= 128_000


def test_a_result_just_below_the_limit_is_whole(kit: Set) -> None:
    kit.result("large", input="i" * 127_000)
    kit.uplink(batch_bytes=32_768)
    until(lambda: not kit.buffer.records)
    assert kit.broker.sent[0][1]["records"] == [{"id": "large", "input": "i" * 127_000}]


@pytest.mark.parametrize(
    "rubbish",
    [
        b"",
        b"no json",
        b"\xff\xfe",
        b"[]",
        b'{"topic":"inference"}',
        b'{"topic":"else","body":{}}',
        b'{"topic":"summary","body":1}',
    ],
)
def test_what_is_no_record_stops_no_other(kit: Set, rubbish: bytes, caplog: pytest.LogCaptureFixture) -> None:
    kit.buffer.append(rubbish)
    kit.result(1)
    kit.buffer.append(rubbish)
    kit.uplink()
    until(lambda: not kit.buffer.records)
    assert kit.broker.results == [1]
    assert "cannot be read" in caplog.text


def test_stopping_sends_what_waits(kit: Set) -> None:
    uplink = kit.uplink(batch_seconds=600)
    for i in range(500):
        kit.result(i, output="x" * 50)
    uplink.stop(drain_seconds=PATIENCE)
    assert kit.broker.results == list(range(500))
    assert kit.buffer.records == 0


def test_stopping_takes_no_longer_than_it_may_and_keeps_the_rest(kit: Set) -> None:
    def slow(_: str) -> bool:
        time.sleep(0.1)
        return False

    kit.broker.answer = slow
    uplink = kit.uplink(batch_seconds=600)
    kit.result(1)
    began = time.monotonic()
    uplink.stop(drain_seconds=0.5)
    assert time.monotonic() - began < 2
    assert kit.buffer.records == 1
    assert 0 < max(kit.broker.timeouts) <= 0.5


def test_stopping_does_not_wait_for_a_message_that_hangs(kit: Set) -> None:
    release = threading.Event()
    kit.broker.answer = lambda _: release.wait(PATIENCE)
    uplink = kit.uplink()
    kit.result(1)
    until(lambda: kit.broker.attempts)
    began = time.monotonic()
    uplink.stop(drain_seconds=0.2)
    assert time.monotonic() - began < 2
    release.set()


def test_an_error_in_the_transport_is_a_failure_like_others(kit: Set) -> None:
    calls: list[str] = []

    def answer(topic: str) -> bool:
        calls.append(topic)
        if len(calls) == 1:
            raise RuntimeError("unforeseen")
        return True

    kit.broker.answer = answer
    kit.result(1)
    kit.uplink()
    until(lambda: not kit.buffer.records)
    assert kit.broker.results == [1]


def test_into_files(tmp_path: Path) -> None:
    buffer = DiskBuffer(tmp_path / "buffer", max_bytes=1 << 20)
    transport = FileTransport(tmp_path / "out")
    transport.start()
    uplink = Uplink(
        buffer=buffer,
        transport=transport,
        fleet="cams",
        thing="cam-1",
        batch_bytes=32_768,
        batch_seconds=0.05,
    )
    uplink.start()
    buffer.append(record_of("inference", {"id": "ä"}))
    buffer.append(record_of("summary", {"number": 1}))
    uplink.stop(drain_seconds=PATIENCE)
    transport.stop()
    buffer.close()
    (line,) = (tmp_path / "out" / "dt~cams~cam-1~inference.jsonl").read_text().splitlines()
    assert json.loads(line)["records"] == [{"id": "ä"}]
    (line,) = (tmp_path / "out" / "dt~cams~cam-1~summary.jsonl").read_text().splitlines()
    assert json.loads(line) == {"fleet": "cams", "thing": "cam-1", "number": 1}
