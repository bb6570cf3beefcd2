"""Records as a partition of a table."""

from __future__ import annotations

import copy
import gzip
import json
from typing import Any

import pytest

from constructs_lib.batch.runtime import write
from constructs_lib.batch.runtime.to_table import folder
from tests.support.batch_sinks import ORDER, SinkAws, broken_off, event, kills
from tests.support.bucket import BUCKET
from tests.support.fake_aws import Refused

SINK = {
    "kind": "table",
    "name": "t",
    "bucket": BUCKET,
    "prefix": "scores",
    "database": "ml",
    "table": "scores",
}
FILE = "scores/scored_on=2026-11-29/run=r1/part-000003.json.gz"


def _all(aws: SinkAws, told: dict[str, Any]) -> None:
    """Write and commit, as a run does."""
    write.write(SINK, told, 60, aws.client)
    committed = write.commit(SINK, {"step": "commit", "run": told["run"], "batch": told["batch"]}, aws.client)
    assert committed == {"partition": "s3://captured/scores/scored_on=2026-11-29/run=r1/"}


def test_a_chunk_is_a_file_and_a_run_a_partition() -> None:
    aws = SinkAws()
    before = copy.deepcopy(aws.table)
    _all(aws, event(aws))
    lines = gzip.decompress(aws.bucket.objects[FILE]).decode().splitlines()
    common = {"scored_at": ORDER}
    assert [json.loads(each) for each in lines] == [
        {"id": "a", "age": 30, "name": "Ann", "score": 0.5, "ok": True, "record": "0:0", **common},
        {"id": "b", "age": None, "name": "Bo, jr", "score": None, "ok": False, "record": "0:18", **common},
        {"id": "c", "age": 7, "name": None, "score": 1e-7, "ok": False, "record": "0:37", **common},
    ]
    assert json.loads(aws.bucket.objects["runs/r1/written/t/000003.json"]) == {
        "n": 3,
        "written": 3,
        "stale": 0,
    }
    assert aws.partitions == {
        ("2026-11-29", "r1"): {
            "Values": ["2026-11-29", "r1"],
            "StorageDescriptor": {
                "Columns": [{"Name": "id", "Type": "string"}],
                "Location": "s3://captured/scores/scored_on=2026-11-29/run=r1/",
            },
        }
    }
    assert aws.table == before


def test_texts_stay_what_they_are() -> None:
    aws = SinkAws()
    columns = [{"name": "id", "type": "string", "role": "key"}]
    body = json.dumps({"id": 'Zoë\n"\u2028'}).encode()
    write.write(SINK, event(aws, body, columns=columns, format="jsonl"), 60, aws.client)
    (line,) = gzip.decompress(aws.bucket.objects[FILE]).split(b"\n")[:-1]
    assert json.loads(line)["id"] == 'Zoë\n"\u2028'
    assert "Zoë".encode() in line


def test_a_chunk_without_records_makes_no_file() -> None:
    aws = SinkAws()
    write.write(SINK, event(aws, b"\n\n"), 60, aws.client)
    assert FILE not in aws.bucket.objects
    assert json.loads(aws.bucket.objects["runs/r1/written/t/000003.json"])["written"] == 0


def test_a_partition_is_named_by_the_keys_of_the_table_in_their_order() -> None:
    aws = SinkAws()
    aws.table["PartitionKeys"].reverse()
    _all(aws, event(aws))
    assert [*aws.partitions] == [("r1", "2026-11-29")]
    aws.table["PartitionKeys"] = [{"Name": "day", "Type": "string"}]
    with pytest.raises(ValueError, match=r"ml.scores is partitioned by \['day'\], not by"):
        _all(aws, event(aws))


def test_what_is_special_in_a_folder_is_escaped() -> None:
    assert folder("/a/b/", "2026-11-29", "x/y=1%") == "a/b/scored_on=2026-11-29/run=x%2Fy%3D1%25/"
    assert folder("", "2026-11-29", "r") == "scored_on=2026-11-29/run=r/"


def _calls() -> int:
    aws = SinkAws()
    _all(aws, event(aws))
    return len(aws.calls)


@pytest.mark.parametrize("kill", kills(_calls()))
def test_a_call_that_breaks_off_anywhere_and_is_made_again(
    kill: tuple[int, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clean, aws = SinkAws(), SinkAws(kill=kill)
    _all(clean, event(clean))
    monkeypatch.setattr("time.time", lambda: 1.0)  # the bytes of a file do not tell when it was made
    broken_off(aws, lambda aws: _all(aws, event(aws)))
    assert aws.state() == clean.state()


def test_other_errors_of_glue_are_raised() -> None:
    aws = SinkAws(errors={"CreatePartition": [Refused("ResourceNumberLimitExceededException", "too many")]})
    with pytest.raises(Exception, match="too many"):
        _all(aws, event(aws))


def test_other_sinks_have_nothing_to_commit() -> None:
    aws = SinkAws()
    told = {"step": "commit", "run": event(aws)["run"], "batch": {}}
    assert write.commit({"kind": "dynamodb", "name": "d"}, told, aws.client) == {}
    assert aws.calls == []
