"""Records as items: the newest run's of each key, whatever breaks off."""

from __future__ import annotations

import json
import re
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from constructs_lib.batch.runtime import write
from constructs_lib.batch.runtime.rows import BadRecord
from constructs_lib.batch.runtime.sinks import ChunkTooLarge, DuplicateKey, ForeignRecord
from constructs_lib.batch.runtime.to_dynamodb import CONFIG, attribute
from tests.support.batch_sinks import COLUMNS, ORDER, SinkAws, broken_off, event, kills
from tests.support.fake_aws import Refused

SINK = {"kind": "dynamodb", "name": "dynamodb-0", "table": "scores", "key": ["id"], "ttl": None}
ID = [{"name": "id", "type": "string", "role": "key"}]


def _write(
    aws: SinkAws, told: dict[str, Any], sink: dict[str, Any] = SINK, left: float = 60
) -> dict[str, Any]:
    write.write(sink, told, left, aws.client)
    return _counted(aws, told["run"]["run"], told["chunk"]["n"])


def _counted(aws: SinkAws, run: str = "r1", n: int = 3) -> dict[str, Any]:
    counted: dict[str, Any] = json.loads(aws.bucket.objects[f"runs/{run}/written/dynamodb-0/{n:06}.json"])
    return counted


def test_a_record_is_an_item_without_its_nulls() -> None:
    aws = SinkAws()
    assert _write(aws, event(aws)) == {"n": 3, "written": 3, "stale": 0}
    common = {"run": {"S": "r1"}, "scored_at": {"N": str(ORDER)}}
    assert aws.items == {
        ("a",): {
            "id": {"S": "a"},
            "age": {"N": "30"},
            "name": {"S": "Ann"},
            "score": {"N": "0.5"},
            "ok": {"BOOL": True},
            "record": {"S": "0:0"},
            **common,
        },
        ("b",): {
            "id": {"S": "b"},
            "name": {"S": "Bo, jr"},
            "ok": {"BOOL": False},
            "record": {"S": "0:18"},
            **common,
        },
        ("c",): {
            "id": {"S": "c"},
            "age": {"N": "7"},
            "score": {"N": "1e-07"},
            "ok": {"BOOL": False},
            "record": {"S": "0:37"},
            **common,
        },
    }


def test_an_item_may_expire() -> None:
    aws = SinkAws()
    _write(aws, event(aws), {**SINK, "ttl": {"attribute": "gone", "seconds": 60}})
    assert aws.items[("a",)]["gone"] == {"N": str(ORDER // 1000 + 60)}


def test_the_newer_run_stays_whichever_comes_last() -> None:
    aws = SinkAws()
    _write(aws, event(aws, b"a\nb\n", columns=ID))
    assert _write(aws, event(aws, b"b\nc\n", run="r2", order=ORDER + 1, columns=ID))["written"] == 2
    assert _write(aws, event(aws, b"a\nb\nc\n", columns=ID, n=4)) == {"n": 4, "written": 1, "stale": 2}
    assert {key: item["run"]["S"] for key, item in aws.items.items()} == {
        ("a",): "r1",
        ("b",): "r2",
        ("c",): "r2",
    }


def test_of_two_runs_of_one_millisecond_the_first_stays() -> None:
    aws = SinkAws()
    _write(aws, event(aws, b"a\n", columns=ID))
    assert _write(aws, event(aws, b"a\n", run="r2", columns=ID))["stale"] == 1
    assert aws.items[("a",)]["run"] == {"S": "r1"}


def test_two_records_of_one_key_are_an_error_wherever_they_are() -> None:
    aws = SinkAws()
    with pytest.raises(DuplicateKey, match=r"the records at 0:[06] and 0:[06] have the same key id='a'"):
        _write(aws, event(aws, b"a\nbb\n\na\n", columns=ID))
    problem = json.loads(aws.bucket.objects["runs/r1/problems/write-dynamodb-0-000003.json"])
    assert (problem["step"], problem["error"]) == ("write-dynamodb-0", "DuplicateKey")
    assert problem["object"] == "s3://captured/runs/r1/output/1/0.csv.out"
    aws = SinkAws()
    _write(aws, event(aws, b"a\n", columns=ID))
    with pytest.raises(DuplicateKey, match="the records at 0:0 and 1:2 have the same key"):
        _write(aws, event(aws, b"b\na\n", columns=ID, file=1, n=4))


def test_a_key_of_two_columns() -> None:
    aws = SinkAws(key=("id", "day"))
    columns = [*ID, {"name": "day", "type": "int", "role": "key"}]
    sink = {**SINK, "key": ["id", "day"]}
    assert _write(aws, event(aws, b"a,1\na,2\n", columns=columns), sink)["written"] == 2
    with pytest.raises(DuplicateKey, match="id='a', day='2'"):
        _write(aws, event(aws, b"a,2\n", columns=columns, file=1), sink)


@pytest.mark.parametrize("more", [{}, {"scored_at": {"S": "today"}}])
def test_what_no_run_wrote_is_not_replaced(more: dict[str, Any]) -> None:
    aws = SinkAws()
    theirs = {"id": {"S": "a"}, "mine": {"S": "x"}, **more}
    aws.items[("a",)] = theirs
    with pytest.raises(ForeignRecord, match="under the key id='a' lies what no run wrote"):
        _write(aws, event(aws))
    assert aws.items[("a",)] == theirs


def _calls() -> int:
    aws = SinkAws()
    _write(aws, event(aws))
    return len(aws.calls)


@pytest.mark.parametrize("kill", kills(_calls()))
def test_a_call_that_breaks_off_anywhere_and_is_made_again(kill: tuple[int, str]) -> None:
    clean, aws = SinkAws(), SinkAws(kill=kill)
    _write(clean, event(clean))
    broken_off(aws, lambda aws: _write(aws, event(aws)))
    assert _counted(aws)["written"] == 3
    assert aws.state() == clean.state()


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (0.1, {"N": "0.1"}),
        (-1.7976931348623157e100, {"N": "-1.7976931348623157e+100"}),
        (1e-130, {"N": "1e-130"}),
        (1e-131, {"N": "0"}),
        (-5e-324, {"N": "0"}),
        (-0.0, {"N": "0"}),
        (9.99e125, {"N": "9.99e+125"}),
        (-(2**63), {"N": "-9223372036854775808"}),
        (True, {"BOOL": True}),
        ("", {"S": ""}),
    ],
)
def test_values(value: Any, told: dict[str, Any]) -> None:
    assert attribute(value) == told


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"a,30,Ann,1e126,true\n", "1e\\+126 is beyond the numbers of DynamoDB"),
        (b"a,30," + b"x" * 409_600 + b",1,true\n", "item of 409,7.. bytes"),
        (b"a,30," + "ä".encode() * 205_000 + b",1,true\n", "item of 410,1.. bytes"),
        ("é".encode() * 1025 + b",30,Ann,1,true\n", "id is a key of 2,050 bytes"),
    ],
)
def test_a_record_that_is_no_item_is_never_put(body: bytes, reason: str) -> None:
    aws = SinkAws()
    with pytest.raises(BadRecord, match=f"csv.out, byte 0: .*{reason}"):
        _write(aws, event(aws, body))
    assert "PutItem" not in aws.calls


def test_the_largest_item() -> None:
    aws = SinkAws()
    text = b"x" * 409_450
    assert _write(aws, event(aws, b"a,30," + text + b",1,true\n"))["written"] == 1


def test_an_error_of_the_table_ends_it() -> None:
    aws = SinkAws(errors={"PutItem": [Refused("ResourceNotFoundException", "no table")]})
    body = b"".join(b"%d\n" % number for number in range(1000))
    with pytest.raises(Exception, match="no table"):
        _write(aws, event(aws, body, columns=ID))
    assert aws.calls.count("PutItem") < 900
    assert "runs/r1/written/dynamodb-0/000003.json" not in aws.bucket.objects


def test_a_bad_record_ends_it() -> None:
    aws = SinkAws()
    with pytest.raises(BadRecord, match="byte 18: the line has 1 fields"):
        _write(aws, event(aws, b"a,30,Ann,0.5,true\nb\n"))
    assert json.loads(aws.bucket.objects["runs/r1/problems/write-dynamodb-0-000003.json"]) == {
        "step": "write-dynamodb-0",
        "error": "BadRecord",
        "object": "s3://captured/runs/r1/output/1/0.csv.out",
        "offset": 18,
        "reason": f"the line has 1 fields, and there are {len(COLUMNS)} columns",
    }


def test_without_time_it_says_so() -> None:
    aws = SinkAws()
    with pytest.raises(
        ChunkTooLarge, match=r"the 5. bytes from 0 of s3://captured/.* a target that takes more"
    ):
        _write(aws, event(aws), left=-1)
    assert "PutItem" not in aws.calls


def test_the_user_agent_is_short_and_tells_who_asks() -> None:
    sent = []

    def take(request: AWSPreparedRequest, **_: object) -> AWSResponse:
        sent.append(request.headers["User-Agent"])
        return AWSResponse("", 200, {}, SimpleNamespace(stream=lambda: [b"{}"]))

    client = boto3.Session("test", "test", region_name="eu-west-1").client("dynamodb", config=CONFIG)
    client.meta.events.register("before-send", take)
    client.put_item(TableName="scores", Item={"id": {"S": "a"}})
    (told,) = sent
    # What else a process imports may add to it: Powertools does.
    assert re.match(rb"constructs-lib-batch Botocore/\d+\.\d+\.\d+( |$)", told)
    assert len(told) < 80
