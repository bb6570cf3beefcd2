"""The function that tells of failed runs: all that have to know do, and a letter of it runs once."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from constructs_lib.batch.runtime import fail, start
from constructs_lib.batch.runtime.fail import UnknownRequestError
from tests.support.batch_aws import MACHINE_NAME, QUEUE_URL, TOPIC, BatchAws, context, ended, message
from tests.support.fake_aws import Killed, Params, Refused
from tests.support.faults import FAULTS, Fault

from .test_start import BATCH, DAY

QUEUE = "arn:aws:sqs:eu-west-1:111122223333:nightly"
FAIL = {
    "transform": "nightly",
    "bucket": "out",
    "prefix": "runs",
    "queue_url": QUEUE_URL,
    "topics": [TOPIC],
    "machine_name": MACHINE_NAME,
    "requests": QUEUE,
}
CAUSE = {"error": "CountMismatch", "cause": "1,000 records in, 998 out"}
STOP = 1_795_920_000_000
TROUBLE = (Killed, ClientError, BotoCoreError, UnknownRequestError)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> BatchAws:
    aws = BatchAws()
    aws.answers(monkeypatch)
    monkeypatch.setenv("BATCH", json.dumps(BATCH))
    set_up(monkeypatch)
    aws.put(DAY + "part-0")
    return aws


def set_up(monkeypatch: pytest.MonkeyPatch, **changes: Any) -> None:
    monkeypatch.setenv("FAIL", json.dumps({**FAIL, **changes}))


def a_run(aws: BatchAws, status: str = "FAILED", **more: Any) -> str:
    """A run that was started, and has ended."""
    run: str = start.handle({"at": "2026-11-29T02:00:00Z", **more}, context())["run"]
    aws.executions[run] |= {"status": status, **(CAUSE if status == "FAILED" else {})}
    aws.calls.clear()
    aws.metrics.clear()
    return run


def tell(run: str, status: str = "FAILED", **more: Any) -> str:
    outcome: str = fail.handle(ended(run, status, **more), context())["outcome"]
    return outcome


def marked(aws: BatchAws, run: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(aws.objects["out", f"runs/{run}/failed.json"])
    return told


def redrive(aws: BatchAws, *letters: Params) -> None:
    """The letters go back to the queue, and what starts runs takes them."""
    for number, each in enumerate(letters or aws.letters):
        event = {"Records": [message(each["MessageBody"], f"redriven-{number}")]}
        assert start.handle(event, context()) == {"batchItemFailures": []}


def problem(aws: BatchAws, run: str, n: int, reason: str, **more: Any) -> None:
    told = {"step": "inspect", "object": f"s3://out/{run}/{n}.out", "offset": 7, "reason": reason, **more}
    aws.put(f"s3://out/runs/{run}/problems/inspect-{n:06}.json", json.dumps(told))


# --- who is told what -----------------------------------------------------------------------------------


def test_all_are_told(aws: BatchAws) -> None:
    run = a_run(aws)
    assert tell(run) == f"{run} failed: CountMismatch: 1,000 records in, 998 out"
    (letter,) = aws.letters
    assert json.loads(letter["MessageBody"]) == {
        "input": DAY,
        "at": "2026-11-29T02:00:00Z",
        "force": "",
        "attempt": 2,
        "failed": {
            "run": run,
            "error": "CountMismatch",
            "reason": "1,000 records in, 998 out",
            "at": "2026-11-29T02:40:00Z",
        },
    }
    assert letter["MessageAttributes"] == {
        "run": {"DataType": "String", "StringValue": run},
        "error": {"DataType": "String", "StringValue": "CountMismatch"},
    }
    assert aws.counted() == {"RunsFailed": 1}
    assert marked(aws, run) == {
        "run": run,
        "status": "FAILED",
        "error": "CountMismatch",
        "reason": "1,000 records in, 998 out",
        "attempt": 1,
        "request": {"input": DAY, "at": "2026-11-29T02:00:00Z", "force": "", "attempt": 1},
        "execution": ended(run)["detail"]["executionArn"],
        "started": "2026-11-29T02:00:00Z",
        "ended": "2026-11-29T02:40:00Z",
        "ended_ms": STOP,
        "problems": [],
        "told": [TOPIC, "letter", "metric"],
    }
    # Sent first, then marked.
    assert aws.calls.index("SendMessage") < aws.calls.index("PutObject")
    assert aws.calls[-1] == "PutObject"


def test_a_notice_has_what_is_needed_at_night(aws: BatchAws) -> None:
    run = a_run(aws, force="the scaler was wrong")
    tell(run)
    (notice,) = aws.notices
    assert notice["Subject"] == "Batch nightly failed: CountMismatch"
    for told in (
        "Reason:    1,000 records in, 998 out",
        f"Input:     {DAY}",
        f"Run:       {run} (FAILED, attempt 1)",
        "Started:   2026-11-29T02:00:00Z",
        f"Files:     s3://out/runs/{run}/",
        "Forced:    the scaler was wrong",
        f"--execution-arn arn:aws:states:eu-west-1:111122223333:execution:{MACHINE_NAME}:{run}",
        f"aws sqs start-message-move-task --source-arn {QUEUE}-dead --destination-arn {QUEUE}",
    ):
        assert told in notice["Message"], told


def test_without_a_topic_no_notice_is_missed(aws: BatchAws, monkeypatch: pytest.MonkeyPatch) -> None:
    set_up(monkeypatch, topics=[], requests=None)
    run = a_run(aws)
    tell(run)
    assert tell(run) == f"{run} is known"
    assert (len(aws.letters), aws.notices) == (1, [])
    assert "Publish" not in aws.calls


def test_a_letter_that_comes_back_is_the_next_attempt(aws: BatchAws) -> None:
    run = a_run(aws)
    tell(run)
    redrive(aws)
    assert list(aws.executions) == [run, f"{run}-r2"]
    aws.executions[f"{run}-r2"]["status"] = "TIMED_OUT"
    tell(f"{run}-r2", "TIMED_OUT")
    assert json.loads(aws.letters[-1]["MessageBody"])["attempt"] == 3
    redrive(aws)  # the old letter too
    assert list(aws.executions) == [run, f"{run}-r2", f"{run}-r3"]


# --- twice, late, and after all -------------------------------------------------------------------------


def test_an_event_that_comes_twice_is_told_once(aws: BatchAws) -> None:
    run = a_run(aws)
    tell(run)
    aws.calls.clear()
    assert tell(run) == f"{run} is known"
    assert aws.calls == ["GetObject"]
    assert (len(aws.letters), len(aws.notices), aws.counted()) == (1, 1, {"RunsFailed": 1})


def test_two_deliveries_at_once_are_one_run(aws: BatchAws) -> None:
    run = a_run(aws)
    aws.meanwhile = {"SendMessage": lambda: tell(run)}
    tell(run)
    assert marked(aws, run)["told"] == [TOPIC, "letter", "metric"]
    assert len(aws.letters) == 2
    redrive(aws)
    assert list(aws.executions) == [run, f"{run}-r2"]


def test_a_run_that_was_redriven_and_failed_again_is_told_again(aws: BatchAws) -> None:
    run = a_run(aws)
    tell(run)
    aws.executions[run]["status"] = "RUNNING"  # by Step Functions' own redrive
    redrive(aws)  # and so nothing comes of the letter
    assert list(aws.executions) == [run]
    aws.executions[run] |= {"status": "FAILED", "error": "BadRecord"}
    assert "BadRecord" in tell(run, stop=STOP + 60_000)
    assert len(aws.letters) == 2
    assert marked(aws, run)["ended_ms"] == STOP + 60_000
    assert tell(run) == f"{run} is known"  # of the first end, late
    redrive(aws, aws.letters[-1])
    assert list(aws.executions) == [run, f"{run}-r2"]


def test_what_has_succeeded_after_all_is_not_told(aws: BatchAws) -> None:
    run = a_run(aws)
    aws.executions[run]["status"] = "SUCCEEDED"
    assert tell(run) == f"{run} was redriven, and has succeeded"
    assert aws.letters == []


def test_an_end_that_step_functions_does_not_tell_of_yet_is_told(aws: BatchAws) -> None:
    run = a_run(aws, "RUNNING")  # describing an execution is eventually consistent
    assert "failed" in tell(run)
    assert len(aws.letters) == 1


@pytest.mark.parametrize(
    "detail", [{"status": "SUCCEEDED"}, {"stateMachineArn": "arn:aws:states:r:1:stateMachine:x"}]
)
def test_what_is_none_of_ours_is_left_alone(aws: BatchAws, detail: dict[str, str]) -> None:
    event = ended("run")
    event["detail"] |= detail
    assert fail.handle(event, context())["outcome"].endswith("is none of ours")
    assert aws.calls == []


# --- reasons --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "error", "reason"),
    [
        ("TIMED_OUT", "States.Timeout", "The run took longer than a run may."),
        ("ABORTED", "Aborted", "The run was stopped, and whoever did it gave no reason."),
        ("FAILED", "Unknown", "Nothing says why."),
    ],
)
def test_an_end_without_a_cause_is_named(aws: BatchAws, status: str, error: str, reason: str) -> None:
    run = a_run(aws, "RUNNING")
    assert tell(run, status) == f"{run} failed: {error}: {reason}"
    assert aws.letters[0]["MessageAttributes"]["error"]["StringValue"] == error


def test_whoever_stopped_a_run_is_heard(aws: BatchAws) -> None:
    run = a_run(aws, "ABORTED")
    aws.executions[run] |= {"error": "Operator", "cause": "wrong data"}
    assert tell(run, "ABORTED") == f"{run} failed: Operator: wrong data"


def test_the_event_tells_what_step_functions_has_forgotten(aws: BatchAws) -> None:
    run = a_run(aws)
    told = aws.executions.pop(run)
    assert tell(run, error="E", cause="c", input=told["input"]) == f"{run} failed: E: c"
    assert json.loads(aws.letters[0]["MessageBody"])["input"] == DAY


def test_the_plan_knows_what_asked_for_the_run(aws: BatchAws) -> None:
    run = a_run(aws, "RUNNING")
    aws.executions.clear()
    tell(run, "TIMED_OUT", input=None)  # too large for the event, say
    assert json.loads(aws.letters[0]["MessageBody"])["input"] == DAY


def test_a_letter_of_an_unknown_request_is_dead_again(aws: BatchAws) -> None:
    tell("started-by-hand", input="{no json")
    (letter,) = aws.letters
    event = {"Records": [message(letter["MessageBody"])]}
    assert start.handle(event, context()) == {"batchItemFailures": []}
    assert aws.letters[1]["MessageBody"] == letter["MessageBody"]
    assert aws.executions == {}
    assert "Input:     unknown" in aws.notices[0]["Message"]


def test_the_reason_of_a_job_is_told(aws: BatchAws) -> None:
    run = a_run(aws)
    job = {
        "TransformJobName": "j-t1",
        "TransformJobStatus": "Failed",
        "FailureReason": "AlgorithmError: exit code: 1",
    }
    aws.executions[run] |= {"error": "States.TaskFailed", "cause": json.dumps(job)}
    assert tell(run) == f"{run} failed: AlgorithmError: AlgorithmError: exit code: 1 (job j-t1)"


def test_problems_tell_more_than_a_map_does(aws: BatchAws) -> None:
    run = a_run(aws)
    aws.executions[run] |= {
        "error": "States.ExceedToleratedFailureThreshold",
        "cause": "The specified tolerated failure threshold was exceeded",
    }
    for n in range(7):
        problem(aws, run, n, f"score is 'x{n}', and no double", error="BadRecord")
    outcome = tell(run)
    assert outcome.startswith(
        f"{run} failed: BadRecord: score is 'x0', and no double (s3://out/{run}/0.out, byte 7); score is 'x1'"
    )
    assert "x4" in outcome
    assert "x5" not in outcome
    assert len(marked(aws, run)["problems"]) == 5


def test_problems_are_added_to_a_reason_that_lacks_them(aws: BatchAws) -> None:
    run = a_run(aws)
    problem(aws, run, 0, "998 out")
    problem(aws, run, 1, "customers/7.csv has 2 less", offset=None)
    assert tell(run).endswith(
        f"CountMismatch: 1,000 records in, 998 out; customers/7.csv has 2 less (s3://out/{run}/1.out)"
    )


def test_a_map_that_left_no_problems_still_says_something(aws: BatchAws) -> None:
    run = a_run(aws)
    aws.executions[run] |= {"error": "States.ExceedToleratedFailureThreshold", "cause": "exceeded"}
    assert tell(run) == f"{run} failed: States.ExceedToleratedFailureThreshold: exceeded"


def test_odd_problems_stop_nothing(aws: BatchAws) -> None:
    run = a_run(aws)
    aws.put(f"s3://out/runs/{run}/problems/inspect-000000.json", "no json")
    assert tell(run).endswith("998 out")
    assert len(aws.letters) == 1


def test_a_place_that_the_reason_names_is_not_named_twice(aws: BatchAws) -> None:
    run = a_run(aws)
    reason = "s3://out/k is not what it was when the run began"
    problem = {
        "step": "write-t",
        "error": "ObjectChanged",
        "object": "s3://out/k",
        "offset": None,
        "reason": reason,
    }
    aws.put(f"s3://out/runs/{run}/problems/write-t-000003.json", json.dumps(problem))
    aws.executions[run] |= {"error": "States.ExceedToleratedFailureThreshold", "cause": "too many"}
    assert tell(run) == f"{run} failed: ObjectChanged: {reason}"


def test_long_and_foreign_words_go_through(aws: BatchAws, monkeypatch: pytest.MonkeyPatch) -> None:
    set_up(monkeypatch, transform="nächtlich-" + "漢" * 200)
    run = a_run(aws)
    aws.executions[run] |= {
        "error": "Fehler\nÜ" + "x" * 300,
        "cause": "\x00\ud800 日本 \u2028" + "z" * 300_000,
    }
    tell(run)
    (letter,), (notice,) = aws.letters, aws.notices
    assert len(json.loads(letter["MessageBody"])["failed"]["reason"]) == 900
    assert len(letter["MessageAttributes"]["error"]["StringValue"]) == 256
    assert notice["Subject"].startswith("Batch n?chtlich-???")
    assert marked(aws, run)["reason"].endswith("…")


# --- faults ---------------------------------------------------------------------------------------------


def until_told(aws: BatchAws, run: str) -> int:
    """Deliver the event as EventBridge and Lambda do; how often that was."""
    event = ended(run, input=aws.executions[run]["input"])
    for time in range(1, 4):
        try:
            fail.handle(event, context())
        except TROUBLE:
            continue
        return time
    raise AssertionError("it is never told")


@pytest.mark.parametrize("fault", FAULTS)
def test_whatever_call_goes_wrong_all_are_told_and_run_once(aws: BatchAws, fault: Fault) -> None:
    begun = dict(aws.objects)
    run = a_run(aws)
    problem(aws, run, 0, "x")
    assert until_told(aws, run) == 1
    calls = list(aws.calls)
    for number in range(len(calls)):
        aws.objects, aws.executions, aws.spoiled = dict(begun), {}, {}
        run = a_run(aws)
        problem(aws, run, 0, "x")
        aws.letters, aws.notices, aws.spoiled = [], [], {number: fault}
        until_told(aws, run)
        aws.spoiled = {}
        assert aws.letters, calls[number]
        assert aws.notices, calls[number]
        assert aws.counted()["RunsFailed"] >= 1, calls[number]
        assert marked(aws, run)["told"] == [TOPIC, "letter", "metric"]
        if "killed" not in fault and calls[number] != "PutObject" and fault != "answer lost":
            # Nobody is told twice for the sake of another.
            assert (len(aws.letters), len(aws.notices), aws.counted()["RunsFailed"]) == (1, 1, 1), calls[
                number
            ]
        redrive(aws)
        assert list(aws.executions) == [run, f"{run}-r2"]
        told = len(aws.letters)
        until_told(aws, run)
        assert len(aws.letters) == told


def test_a_topic_that_is_gone_keeps_no_letter_back(aws: BatchAws) -> None:
    run = a_run(aws)
    aws.refused = {"Publish": Refused("NotFound", "Topic does not exist")}
    for _ in range(3):
        with pytest.raises(ClientError, match="Topic does not exist"):
            tell(run)
    assert (len(aws.letters), aws.counted()) == (1, {"RunsFailed": 1})
    assert marked(aws, run)["told"] == ["letter", "metric"]
    aws.refused = {}
    tell(run)
    assert (len(aws.letters), len(aws.notices)) == (1, 1)


@pytest.mark.parametrize("operation", ["GetObject", "ListObjectsV2", "DescribeExecution"])
def test_what_only_makes_it_clearer_may_be_refused(aws: BatchAws, operation: str) -> None:
    run = a_run(aws)
    aws.refused = {operation: Refused("AccessDenied", "no")}
    tell(run, input=aws.executions[run]["input"], **CAUSE)
    assert json.loads(aws.letters[0]["MessageBody"])["input"] == DAY


def test_a_request_that_cannot_be_read_now_is_read_later(aws: BatchAws) -> None:
    run = a_run(aws)
    aws.refused = {
        "DescribeExecution": Refused("ThrottlingException", "x"),
        "GetObject": Refused("SlowDown", "x"),
    }
    with pytest.raises(UnknownRequestError, match=run):
        tell(run)
    assert aws.letters == []
    aws.refused = {}
    tell(run)
    assert json.loads(aws.letters[0]["MessageBody"])["input"] == DAY
