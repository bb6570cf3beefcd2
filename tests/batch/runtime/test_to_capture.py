"""Records for monitors, read as monitors read them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from constructs_lib.batch.runtime import to_capture, write
from constructs_lib.batch.runtime.to_capture import is_sampled
from constructs_lib.core.runtime.store import S3Store
from constructs_lib.core.runtime.windows import Window
from constructs_lib.monitoring.runtime.reading.captured import captured_items, records
from constructs_lib.monitoring.runtime.reading.lines import lines
from constructs_lib.monitoring.runtime.reading.rows import Reading, chunks
from constructs_lib.monitoring.runtime.reading.tally import Tally
from tests.support.batch_sinks import ORDER, SinkAws, broken_off, event, kills
from tests.support.bucket import BUCKET
from tests.support.capturing import whole

SINK = {"kind": "capture", "name": "c", "bucket": BUCKET, "prefix": "capture/", "percent": 100}
WINDOW = Window(ORDER / 1000 - 1800, ORDER / 1000 + 1800)
FILE = "capture/nightly/batch/2026/11/29/02/r1-000003.jsonl"


def _write(aws: SinkAws, told: dict[str, Any], **more: object) -> dict[str, Any]:
    write.write({**SINK, **more}, told, 60, aws.client)
    counted: dict[str, Any] = json.loads(aws.bucket.objects["runs/r1/written/c/000003.json"])
    return counted


def _captured(aws: SinkAws, window: Window = WINDOW) -> list[str]:
    store = S3Store(aws.bucket.client("s3"), BUCKET, "capture")
    tally = Tally()
    read = lines(store, captured_items(store, "nightly", window, variants=["batch"]))
    return [each.key for each, _ in records(read, window, tally)]


def test_monitors_read_it() -> None:
    aws = SinkAws()
    assert _write(aws, event(aws)) == {"n": 3, "written": 3, "stale": 0}
    store = S3Store(aws.bucket.client("s3"), BUCKET, "capture")
    items = captured_items(store, "nightly", WINDOW)
    tally = Tally()
    reading = Reading(columns=("age", "name"), outputs={"score": "0"})
    # An empty field is a missing value.
    assert whole(chunks(lines(store, items), WINDOW, reading, tally)) == {
        "score": ["0.5", "", "1e-07"],
        "age": ["30", "", "7"],
        "name": ["Ann", "Bo, jr", ""],
    }
    assert (tally.records, tally.unread, tally.outside) == (3, 0, 0)


def test_a_record_is_one_of_data_capture() -> None:
    aws = SinkAws()
    _write(aws, event(aws))
    assert [*aws.bucket.objects].count(FILE) == 1
    second = json.loads(aws.bucket.objects[FILE].split(b"\n")[1])
    assert second == {
        "captureData": {
            "endpointInput": {
                "observedContentType": "text/csv",
                "mode": "INPUT",
                "data": ',"Bo, jr"',
                "encoding": "CSV",
            },
            "endpointOutput": {
                "observedContentType": "text/csv",
                "mode": "OUTPUT",
                "data": '""',
                "encoding": "CSV",
            },
        },
        "eventMetadata": {
            "eventId": "r1-0:18",
            "inferenceId": "b",
            "inferenceTime": "2026-11-29T02:00:00Z",
        },
        "eventVersion": "0",
    }


def test_a_run_has_one_time_when_its_records_were_counted() -> None:
    # A run that began hours ago is seen whole, by the monitor of the hour in which it is told.
    aws, later = SinkAws(), ORDER + 2 * 3_600_000 + 59_000
    _write(aws, event(aws, at=later))
    file = FILE.replace("/02/", "/04/")
    assert {key for key in aws.bucket.objects if key.startswith("capture/")} == {file}
    told = [json.loads(each) for each in aws.bucket.objects[file].splitlines()]
    assert {each["eventMetadata"]["inferenceTime"] for each in told} == {"2026-11-29T04:00:59Z"}
    assert _captured(aws) == []
    assert _captured(aws, Window(WINDOW.start + 7200, WINDOW.end + 7200)) == ["a", "b", "c"]


def test_keys_of_several_columns_and_sides_that_are_not_there() -> None:
    aws = SinkAws()
    columns = [
        {"name": "id", "type": "string", "role": "key"},
        {"name": "day", "type": "bigint", "role": "key"},
        {"name": "ok", "type": "boolean", "role": "prediction"},
    ]
    _write(aws, event(aws, b"a,7,TRUE\n", columns=columns))
    told = json.loads(aws.bucket.objects[FILE])
    assert [*told["captureData"]] == ["endpointOutput"]
    assert told["captureData"]["endpointOutput"]["data"] == "true"
    assert told["eventMetadata"]["inferenceId"] == "a|7"
    _write(aws, event(aws, b"a,7,TRUE\n", columns=[{**each, "role": "feature"} for each in columns]))
    told = json.loads(aws.bucket.objects[FILE])
    assert [*told["captureData"]] == ["endpointInput"]
    assert "inferenceId" not in told["eventMetadata"]


def test_the_same_customers_are_sampled_in_each_run() -> None:
    columns = [
        {"name": "id", "type": "string", "role": "key"},
        {"name": "x", "type": "int", "role": "feature"},
    ]
    found = []
    for x in (1, 2):
        aws = SinkAws()
        body = b"".join(b"%d,%d\n" % (customer, x) for customer in range(4000))
        told = event(aws, body, columns=columns, order=ORDER + x)
        assert _write(aws, told, percent=25)["written"] == 4000
        found.append(_captured(aws))
    assert found[0] == found[1]
    assert 900 < len(found[0]) < 1100


def test_where_nothing_is_sampled_no_file_is_written() -> None:
    aws = SinkAws()
    assert _write(aws, event(aws), percent=0)["written"] == 3
    assert not [key for key in aws.bucket.objects if key.startswith("capture/")]


def test_a_greater_sample_has_the_smaller_one_in_it() -> None:
    keys = [[f"c{at}", at] for at in range(500)]
    small, large = ({at for at, key in enumerate(keys) if is_sampled(key, p)} for p in (10, 60))
    assert small < large
    assert not any(is_sampled(key, 0) for key in keys)
    assert all(is_sampled(key, 100) for key in keys)


def test_a_chunk_of_many_records_makes_several_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(to_capture, "_MOST_BYTES", 800)
    aws = SinkAws()
    _write(aws, event(aws))
    assert {key for key in aws.bucket.objects if key.startswith("capture/")} == {
        FILE,
        FILE.replace(".jsonl", "-1.jsonl"),
    }
    assert sorted(_captured(aws)) == ["a", "b", "c"]


def _calls() -> int:
    aws = SinkAws()
    _write(aws, event(aws))
    return len(aws.calls)


@pytest.mark.parametrize("kill", kills(_calls()))
def test_a_call_that_breaks_off_anywhere_and_is_made_again(
    kill: tuple[int, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(to_capture, "_MOST_BYTES", 800)
    clean, aws = SinkAws(), SinkAws(kill=kill)
    _write(clean, event(clean))
    broken_off(aws, lambda aws: _write(aws, event(aws)))
    assert aws.state() == clean.state()
