"""Two start functions at once, and calls that go wrong: nothing is lost, and nothing runs twice."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from botocore.exceptions import ClientError

from tests.support.batch_aws import BatchAws
from tests.support.fake_aws import Killed, Refused
from tests.support.faults import FAULTS, Fault

from .test_start import DAY, SCHEDULED, ask, aws, deliver, end, letter, the_input, the_plan

__all__ = ["aws"]  # the fixture

# --- two at once ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", ["ListObjectsV2", "DescribeExecution", "PutObject", "StartExecution"])
def test_two_functions_with_one_input_at_once_are_one_run(aws: BatchAws, operation: str) -> None:
    """Another function does all of its work just before this one's call takes effect."""
    aws.meanwhile = {operation: lambda: deliver({"input": DAY}, ids=("other",))}
    assert deliver(SCHEDULED, ids=("this",)) == []
    assert not aws.meanwhile
    (run,) = aws.executions
    assert the_input(aws, run)["order"] == the_plan(aws, run)["order"]
    assert the_input(aws, run)["request"] == the_plan(aws, run)["request"]


def test_a_run_that_ends_before_the_slower_function_starts_it_is_told(aws: BatchAws) -> None:
    def other() -> None:
        deliver({"input": DAY}, ids=("other",))
        for each in aws.executions.values():
            each["status"] = "SUCCEEDED"

    aws.meanwhile = {"StartExecution": other}
    assert (ask()["outcome"], len(aws.executions)) == ("duplicate", 1)


def test_two_letters_at_once_where_the_faster_failed_already(aws: BatchAws) -> None:
    first = ask()["run"]
    end(aws, first)
    again = letter(aws, first)

    def other() -> None:
        deliver(again, ids=("other",))
        end(aws, f"{first}-r2")

    aws.meanwhile = {"StartExecution": other}
    answer = ask(again)
    assert (answer["outcome"], answer["run"], answer["status"]) == ("duplicate", f"{first}-r2", "FAILED")
    assert len(aws.executions) == 2


# --- faults ---------------------------------------------------------------------------------------------


def until_done(body: object) -> int:
    """Deliver a message as a queue does, until it is taken; how often that was."""
    for time in range(1, 5):
        try:
            if not deliver(body):
                return time
        except Killed:
            continue
    raise AssertionError("it is never done")


def scene_new(aws: BatchAws) -> tuple[object, int]:
    return SCHEDULED, 1


def scene_manifest(aws: BatchAws) -> tuple[object, int]:
    aws.put("s3://landing/daily/x.manifest", json.dumps([{"prefix": DAY}, "part-0"]))
    return {"input": "s3://landing/daily/x.manifest"}, 1


def scene_forced(aws: BatchAws) -> tuple[object, int]:
    ask()
    return {"input": DAY, "force": "why"}, 2


def scene_letter(aws: BatchAws) -> tuple[object, int]:
    run = ask()["run"]
    end(aws, run)
    return letter(aws, run), 2


def scene_duplicate(aws: BatchAws) -> tuple[object, int]:
    end(aws, ask()["run"], "SUCCEEDED")
    return SCHEDULED, 1


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("scene", [scene_new, scene_manifest, scene_forced, scene_letter, scene_duplicate])
def test_whatever_call_goes_wrong_the_run_is_one(
    aws: BatchAws, scene: Callable[[BatchAws], tuple[object, int]], fault: Fault
) -> None:
    begun = dict(aws.objects)
    body, runs = scene(aws)
    aws.calls.clear()
    assert until_done(body) == 1
    calls = list(aws.calls)
    expected = set(aws.executions)
    for number in range(len(calls)):
        aws.objects, aws.executions, aws.metrics = dict(begun), {}, []
        body, runs = scene(aws)
        aws.calls, aws.spoiled = [], {number: fault}
        taken = until_done(body)
        aws.spoiled = {}
        assert set(aws.executions) == expected, (calls[number], fault)
        assert len(expected) == runs
        # To count is all that comes after the start; a queue does not ask twice for that alone.
        assert taken == (1 if calls[number] == "PutMetricData" and "killed" not in fault else 2)
        assert until_done(body) == 1
        assert set(aws.executions) == expected
        for run in expected:
            assert the_input(aws, run)["order"] == the_plan(aws, run)["order"]


def test_what_is_throttled_forever_is_never_lost(aws: BatchAws) -> None:
    aws.refused = {"StartExecution": Refused("ThrottlingException", "Rate exceeded")}
    assert [deliver(SCHEDULED) for _ in range(5)] == [["m-1"]] * 5
    assert aws.executions == {}
    order = the_plan(aws, next(key for _, key in aws.objects if key.startswith("runs/")).split("/")[1])[
        "order"
    ]
    aws.refused = {}
    assert deliver(SCHEDULED) == []
    (run,) = aws.executions
    assert the_input(aws, run)["order"] == order


def test_trouble_of_a_direct_call_is_the_callers(aws: BatchAws) -> None:
    aws.refused = {"StartExecution": Refused("ThrottlingException", "Rate exceeded")}
    with pytest.raises(ClientError, match="Rate exceeded"):
        ask()
    aws.refused = {"DescribeExecution": Refused("AccessDeniedException", "no")}
    with pytest.raises(ClientError, match="no"):
        ask()


def test_a_run_that_cannot_be_counted_is_started_all_the_same(
    aws: BatchAws, caplog: pytest.LogCaptureFixture
) -> None:
    aws.refused = {"PutMetricData": Refused("InternalServiceFault", "down")}
    assert ask()["outcome"] == "started"
    assert "could not be counted" in caplog.text
