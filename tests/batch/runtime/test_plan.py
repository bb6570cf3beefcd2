"""The plan of a run: whoever writes it first is right."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from constructs_lib.batch.runtime.found import Found, Object
from constructs_lib.batch.runtime.plan import agreed, execution_input, key_in, objects_of, planned
from tests.support.batch_aws import BatchAws
from tests.support.fake_aws import Refused

FOUND = Found([Object("d/a é", 3, "e1"), Object("d/b", 4, "e2")])
NIGHT = 1_795_917_600_123


def plan(order: int = NIGHT, found: Found = FOUND) -> dict[str, Any]:
    return planned(
        run="r",
        digest="0123456789abcdef" * 2,
        order=order,
        model="fraud",
        how="0f3a5c7e9b1d",
        bucket="landing",
        found=found,
        request={"input": "s3://landing/d/", "force": "", "attempt": 1},
    )


def settle(aws: BatchAws, mine: dict[str, Any], prefix: str = "runs") -> dict[str, Any]:
    return dict(agreed(aws.client("s3"), "out", prefix, mine, pause=lambda _: None))


def test_the_first_plan_is_kept() -> None:
    aws = BatchAws()
    first = settle(aws, plan())
    assert first == plan()
    assert settle(aws, plan(order=NIGHT + 9)) == first
    assert json.loads(aws.objects["out", "runs/r/plan.json"]) == first
    assert objects_of(first) == FOUND.objects


@pytest.mark.parametrize(
    ("prefix", "key"), [("runs", "runs/r/x"), ("a/b/", "a/b/r/x"), ("", "r/x"), ("/", "r/x")]
)
def test_where_the_files_of_a_run_lie(prefix: str, key: str) -> None:
    assert key_in(prefix, "r", "x") == key
    aws = BatchAws()
    settle(aws, plan(), prefix)
    assert list(aws.objects) == [("out", key.replace("x", "plan.json"))]
    assert settle(aws, plan(order=5), prefix)["order"] == NIGHT


def test_another_write_at_the_same_time_is_waited_for() -> None:
    aws = BatchAws()
    aws.refused = {"PutObject": Refused("ConditionalRequestConflict", "retry")}
    waits: list[float] = []

    def pause(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 2:
            aws.put("s3://out/runs/r/plan.json", json.dumps(plan(order=5)))

    assert agreed(aws.client("s3"), "out", "runs", plan(), pause=pause)["order"] == 5
    assert len(waits) == 2


def test_a_plan_that_cannot_be_written_is_no_plan() -> None:
    aws = BatchAws()
    aws.refused = {"PutObject": Refused("AccessDenied", "no")}
    with pytest.raises(ClientError, match="AccessDenied"):
        settle(aws, plan())
    aws.refused = {"PutObject": Refused("ConditionalRequestConflict", "retry")}
    with pytest.raises(RuntimeError, match=r"s3://out/runs/r/plan\.json can neither be written nor read"):
        settle(aws, plan())


def test_the_state_machine_gets_what_is_small() -> None:
    assert json.loads(execution_input(plan(), "nightly")) == {
        "run": "r",
        "digest": "0123456789abcdef" * 2,
        "model": "fraud",
        "order": NIGHT,
        "job": "nightly-0123456789ab-mx16ywzf",
        "on": "2026-11-29",
        "objects": 2,
        "bytes": 7,
        "request": {"input": "s3://landing/d/", "force": "", "attempt": 1},
    }


def test_a_plan_that_was_read_gives_the_same_input_to_the_letter() -> None:
    read = json.loads(json.dumps(plan()))
    assert execution_input(read, "nightly") == execution_input(plan(), "nightly")


def test_the_plan_of_a_huge_input_stays_small() -> None:
    many = Found(
        [Object(f"landing/customers/2026/11/29/part-{n:06}.csv", 10**9, "f" * 32) for n in range(100_000)]
    )
    aws = BatchAws()
    settle(aws, plan(found=many))
    assert len(aws.objects["out", "runs/r/plan.json"]) < 12_000_000
    assert len(execution_input(plan(found=many), "nightly")) < 1000
