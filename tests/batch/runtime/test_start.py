"""The function that starts runs, as Lambda calls it: each input runs once, however often and however it is asked for,
and whatever goes wrong in between.
"""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from constructs_lib.batch.runtime import start
from constructs_lib.batch.runtime.inputs import InputError
from constructs_lib.batch.runtime.request import MOST_ATTEMPTS
from tests.support.batch_aws import MACHINE, QUEUE_URL, TOPIC, BatchAws, context, message
from tests.support.fake_aws import Params, Refused

from .test_request import s3_event

BATCH = {
    "transform": "nightly",
    "bucket": "out",
    "prefix": "runs",
    "input": {"bucket": "landing", "prefix": "daily/{yyyy}-{mm}-{dd}/", "lag_seconds": 0, "manifest": False},
    "arrival_suffix": "_SUCCESS",
    "model": "fraud-1",
    "how": "0f3a5c7e9b1d",
    "machine": MACHINE,
    "job_prefix": "nightly",
    "queue_url": QUEUE_URL,
    "topics": [TOPIC],
}
DAY = "s3://landing/daily/2026-11-29/"
SCHEDULED = {"scheduled": "2026-11-29T02:00:00Z"}


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> BatchAws:
    aws = BatchAws()
    aws.answers(monkeypatch)
    set_up(monkeypatch)
    monkeypatch.setattr("time.sleep", lambda _: None)
    for name in ("part-0", "part 1+%"):
        aws.put(DAY + name)
    return aws


def set_up(monkeypatch: pytest.MonkeyPatch, **changes: Any) -> None:
    monkeypatch.setenv("BATCH", json.dumps({**BATCH, **changes}))


def ask(request: dict[str, Any] | None = None, id: str = "call-1") -> Params:
    return start.handle(SCHEDULED if request is None else request, context(request_id=id))


def deliver(*bodies: object, ids: tuple[str, ...] = ("m-1", "m-2", "m-3"), seconds: float = 300) -> list[str]:
    records = [
        message(each if isinstance(each, str) else json.dumps(each), id)
        for each, id in zip(bodies, ids, strict=False)
    ]
    answer = start.handle({"Records": records}, context(seconds))
    return [each["itemIdentifier"] for each in answer["batchItemFailures"]]


def the_input(aws: BatchAws, run: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(aws.executions[run]["input"])
    return told


def the_plan(aws: BatchAws, run: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(aws.objects["out", f"runs/{run}/plan.json"])
    return told


# --- what is started ------------------------------------------------------------------------------------


def test_a_run_is_planned_and_started(aws: BatchAws) -> None:
    answer = ask()
    (run,) = aws.executions
    assert answer == {
        "outcome": "started",
        "input": DAY,
        "run": run,
        "execution": MACHINE.replace("stateMachine", "execution") + f":{run}",
        "objects": 2,
        "status": "RUNNING",
        "advice": f"The run's files, and in the end its report, lie at s3://out/runs/{run}/",
    }
    told, plan = the_input(aws, run), the_plan(aws, run)
    assert told["run"] == told["digest"] == plan["run"] == run
    assert (told["objects"], told["bytes"], told["model"]) == (2, 8, "fraud-1")
    assert told["order"] == plan["order"]
    assert told["request"] == {"input": DAY, "at": "2026-11-29T02:00:00Z", "force": "", "attempt": 1}
    assert [key for key, _, _ in plan["objects"]] == ["daily/2026-11-29/part 1+%", "daily/2026-11-29/part-0"]
    assert plan["bucket"] == "landing"
    assert aws.counted() == {"RunsStarted": 1}


def test_schedule_arrival_and_request_are_one_run(aws: BatchAws) -> None:
    aws.put(DAY + "_SUCCESS", b"")
    assert deliver(SCHEDULED, s3_event("daily/2026-11-29/_SUCCESS"), {"input": DAY}) == []
    assert len(aws.executions) == 1
    assert ask({"at": "2026-11-29T23:59:59Z"})["outcome"] == "duplicate"
    assert aws.counted() == {"RunsStarted": 1, "Duplicates": 3}


def test_a_manifest_is_another_way_to_name_the_same_objects(aws: BatchAws) -> None:
    names = ["part-0", "part 1+%"]
    aws.put("s3://landing/daily/x.manifest", json.dumps([{"prefix": DAY}, *names]))
    assert ask({"input": "s3://landing/daily/x.manifest"})["outcome"] == "started"
    assert ask({"input": DAY})["outcome"] == "duplicate"


def test_what_is_new_is_another_run(aws: BatchAws, monkeypatch: pytest.MonkeyPatch) -> None:
    ask()
    aws.put(DAY + "part-0", b"changed")
    assert ask()["outcome"] == "started"
    set_up(monkeypatch, model="fraud-2")
    assert ask()["outcome"] == "started"
    set_up(monkeypatch, how="1f3a5c7e9b1d")
    assert ask()["outcome"] == "started"
    assert len(aws.executions) == 4


def test_a_message_without_a_time_asks_for_the_time_it_was_sent(
    aws: BatchAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    # However late it comes: a message that waits over midnight must not ask for another day.
    monkeypatch.setattr("time.time", lambda: 1_795_917_600.0 + 86_400)
    assert deliver({}) == []
    (run,) = aws.executions
    assert the_input(aws, run)["request"]["input"] == DAY


def test_a_direct_call_without_a_time_asks_for_now(aws: BatchAws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: 1_795_917_600.0 + 86_400)
    answer = ask({})
    assert (answer["outcome"], answer["input"]) == ("empty", "s3://landing/daily/2026-11-30/")


def test_a_marker_at_the_root_announces_the_whole_bucket(
    aws: BatchAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_up(monkeypatch, input={"bucket": "landing", "prefix": ""})
    assert deliver(s3_event("_SUCCESS")) == []
    (run,) = aws.executions
    assert the_input(aws, run)["request"]["input"] == "s3://landing/"


def test_the_marker_of_a_run_starts_no_other(aws: BatchAws, monkeypatch: pytest.MonkeyPatch) -> None:
    set_up(monkeypatch, bucket="landing", input={"bucket": "landing", "prefix": ""})
    assert deliver(s3_event("_SUCCESS")) == []
    (run,) = aws.executions
    aws.put(f"s3://landing/runs/{run}/output/1/part-0.out")
    aws.put(f"s3://landing/runs/{run}/_SUCCESS")
    assert deliver(s3_event(f"runs/{run}/_SUCCESS"), s3_event(f"runs/{run}/output/1/_SUCCESS")) == []
    assert list(aws.executions) == [run]
    aws.executions[run]["status"] = "SUCCEEDED"
    assert ask({})["outcome"] == "duplicate"  # its output is no new input
    assert aws.counted() == {"RunsStarted": 1, "Duplicates": 1}


# --- what is not ----------------------------------------------------------------------------------------


def test_nothing_to_score_is_no_run(aws: BatchAws) -> None:
    aws.put("s3://landing/daily/2026-11-30/_SUCCESS", b"")
    aws.put("s3://landing/daily/2026-11-30/part-0", b"")
    answer = ask({"input": "s3://landing/daily/2026-11-30/"})
    assert (answer["outcome"], answer["run"], answer["objects"]) == ("empty", "", 0)
    assert "Left out were 1 empty objects, 1 with a name" in answer["advice"]
    assert (
        "There is nothing at s3://landing/daily/2027-01-01/" in ask({"at": "2027-01-01T00:00:00Z"})["advice"]
    )
    assert aws.executions == {}
    assert aws.counted() == {"EmptyInputs": 2}


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        ("RUNNING", "is scoring the same objects"),
        ("PENDING_REDRIVE", "is scoring the same objects"),
        ("SUCCEEDED", 'report.json. To score them again, call with "force": "why"'),
        ("FAILED", "ended as FAILED"),
        ("TIMED_OUT", "redrive the dead-letter queue"),
        ("ABORTED", "failed.json says why"),
    ],
)
def test_what_ran_is_told(aws: BatchAws, status: str, advice: str) -> None:
    run = ask()["run"]
    aws.executions[run]["status"] = status
    answer = ask()
    assert (answer["outcome"], answer["run"], answer["status"]) == ("duplicate", run, status)
    assert answer["execution"].endswith(f":{run}")
    assert advice in answer["advice"]
    assert len(aws.executions) == 1


@pytest.mark.parametrize(("file", "status"), [("_SUCCESS", "SUCCEEDED"), ("failed.json", "FAILED")])
def test_what_step_functions_has_forgotten_is_known_by_its_files(
    aws: BatchAws, file: str, status: str
) -> None:
    run = ask()["run"]
    aws.executions.clear()  # after 90 days, or with a state machine that was replaced
    aws.put(f"s3://out/runs/{run}/{file}", b"")
    assert (ask()["outcome"], ask()["status"]) == ("duplicate", status)
    assert aws.executions == {}


@pytest.mark.parametrize(
    "request_",
    [
        {"input": "s3://other/daily/"},
        {"input": "s3://landing/secret/"},
        {"attempts": 2},
        {"force": " "},
        {"input": "s3://landing/daily/gone.manifest"},
    ],
)
def test_a_bad_request_is_refused(
    aws: BatchAws, request_: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(ValueError, match=r"s3://|attempts|force"):
        ask(request_)
    with caplog.at_level(logging.ERROR):
        assert deliver(request_, SCHEDULED, "{no json") == []
    assert "message m-1 cannot be done: " in caplog.text
    assert len(aws.executions) == 1  # the good one of the batch
    assert [each["MessageBody"] for each in aws.letters] == [json.dumps(request_), "{no json"]
    assert "a request is JSON" in aws.letters[1]["MessageAttributes"]["reason"]["StringValue"]
    assert [each["Subject"] for each in aws.notices] == ["Batch nightly failed: InputError"] * 2
    assert "No run was started" in aws.notices[1]["Message"]
    assert aws.counted()["RequestsRejected"] == 2


@pytest.mark.parametrize("operation", ["SendMessage", "Publish", "PutMetricData"])
def test_a_bad_request_that_cannot_be_told_stays_in_the_queue_or_among_the_dead(
    aws: BatchAws, operation: str
) -> None:
    aws.refused[operation] = Refused("AccessDenied", "no")
    lost = deliver("{no json")
    assert lost == (["m-1"] if operation == "SendMessage" else [])
    assert len(aws.letters) == (0 if operation == "SendMessage" else 1)


def test_an_end_of_which_nobody_could_be_told_is_the_next_attempt(aws: BatchAws) -> None:
    run = ask()["run"]
    aws.executions[run] |= {"status": "FAILED"}
    event = {"source": "aws.states", "detail": {"input": aws.executions[run]["input"]}}
    for told in (event, {"requestContext": {"condition": "RetriesExhausted"}, "requestPayload": event}):
        assert deliver(told) == []
    (again,) = set(aws.executions) - {run}
    assert again == f"{run}-r2"
    assert deliver({"source": "aws.states", "detail": {"input": "{}"}}) == []
    assert "without the request of a run" in aws.letters[0]["MessageAttributes"]["reason"]["StringValue"]


def test_an_event_that_announces_nothing_is_let_go(aws: BatchAws) -> None:
    assert deliver(s3_event("daily/2026-11-29/part-0"), s3_event("daily/NOT_SUCCESS")) == []
    assert ask(s3_event("x"))["outcome"] == "ignored"
    assert aws.calls == []


def test_an_arrival_where_nothing_may_be_read_is_refused(aws: BatchAws) -> None:
    assert deliver(s3_event("elsewhere/_SUCCESS")) == []
    assert "may only read below" in aws.letters[0]["MessageAttributes"]["reason"]["StringValue"]


def test_a_configured_manifest_names_objects_below_its_folder(
    aws: BatchAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_up(monkeypatch, input={"bucket": "landing", "prefix": "daily/{yyyy}{mm}{dd}.json", "manifest": True})
    with pytest.raises(InputError, match=r"s3://landing/daily/20261129\.json is not there"):
        ask()
    aws.put("s3://landing/daily/20261129.json", json.dumps([{"prefix": DAY}, "part-0"]))
    answer = ask()
    assert (answer["outcome"], answer["objects"]) == ("started", 1)
    asked = the_input(aws, answer["run"])["request"]
    assert ask({**asked, "attempt": 2})["outcome"] == "duplicate"


def test_messages_for_which_no_time_is_left_come_again(aws: BatchAws) -> None:
    assert deliver(SCHEDULED, {"input": DAY}, seconds=29) == ["m-1", "m-2"]
    assert aws.calls == []


# --- force ----------------------------------------------------------------------------------------------


def test_a_forced_request_runs_again_and_says_why(aws: BatchAws) -> None:
    first = ask()["run"]
    aws.executions[first]["status"] = "SUCCEEDED"
    answer = ask({"at": "2026-11-29T02:00:00Z", "force": " the scaler was wrong "}, id="call-2")
    assert answer["outcome"] == "started"
    told = the_input(aws, answer["run"])
    assert told["digest"] == first
    assert told["request"]["force"] == "the scaler was wrong"
    assert ask({"force": "the scaler was wrong", "input": DAY}, id="call-3")["outcome"] == "started"
    assert len({told["job"] for told in (the_input(aws, run) for run in aws.executions)}) == 3


def test_a_forced_message_that_comes_twice_is_one_run(aws: BatchAws) -> None:
    forced = {"input": DAY, "force": "why"}
    assert deliver(forced) == deliver(forced) == []
    assert len(aws.executions) == 1
    assert deliver(forced, ids=("m-9",)) == []
    assert len(aws.executions) == 2


def test_forced_requests_with_one_ticket_are_one_run(aws: BatchAws) -> None:
    forced = {"input": DAY, "force": "why", "ticket": "OPS-7"}
    assert [ask(forced, id=each)["outcome"] for each in ("call-1", "call-2")] == ["started", "duplicate"]


# --- letters --------------------------------------------------------------------------------------------


def letter(aws: BatchAws, run: str) -> dict[str, Any]:
    """What comes back from the dead-letter queue."""
    asked = the_input(aws, run)["request"]
    return {**asked, "attempt": asked["attempt"] + 1, "failed": {"run": run, "reason": "x"}}


def end(aws: BatchAws, run: str, status: str = "FAILED") -> None:
    aws.executions[run]["status"] = status


def test_a_letter_is_another_attempt(aws: BatchAws) -> None:
    first = ask()["run"]
    end(aws, first)
    assert deliver(letter(aws, first)) == []
    second = f"{first}-r2"
    assert list(aws.executions) == [first, second]
    assert the_input(aws, second)["request"]["attempt"] == 2
    assert the_plan(aws, second)["request"]["attempt"] == 2
    end(aws, second, "TIMED_OUT")
    assert deliver(letter(aws, second)) == []
    assert list(aws.executions) == [first, second, f"{first}-r3"]


def test_a_letter_twice_is_one_run(aws: BatchAws) -> None:
    first = ask()["run"]
    end(aws, first)
    again = letter(aws, first)
    assert deliver(again, again) == deliver(again, ids=("m-7",)) == []
    assert len(aws.executions) == 2
    end(aws, f"{first}-r2")
    assert deliver(again, ids=("m-8",)) == []  # its attempt has been
    assert len(aws.executions) == 2


def test_a_forced_letter_twice_is_one_run(aws: BatchAws) -> None:
    first = ask({"input": DAY, "force": "why"})["run"]
    end(aws, first)
    again = letter(aws, first)
    assert deliver(again, again) == []
    assert list(aws.executions) == [first, f"{first}-r2"]
    assert the_input(aws, f"{first}-r2")["request"]["force"] == "why"


@pytest.mark.parametrize("status", ["SUCCEEDED", "RUNNING", "PENDING_REDRIVE"])
def test_a_letter_of_what_goes_on_or_succeeded_meanwhile_is_done(aws: BatchAws, status: str) -> None:
    first = ask()["run"]
    again = letter(aws, first)
    end(aws, first, status)  # by Step Functions' own redrive
    assert deliver(again) == []
    answer = ask(again)
    assert (answer["outcome"], answer["run"], answer["status"]) == ("duplicate", first, status)
    assert list(aws.executions) == [first]


def test_whoever_asks_again_is_told_of_the_last_attempt(aws: BatchAws) -> None:
    first = ask()["run"]
    end(aws, first)
    deliver(letter(aws, first))
    assert (ask()["run"], ask()["status"]) == (f"{first}-r2", "RUNNING")
    end(aws, f"{first}-r2", "SUCCEEDED")
    assert (ask()["run"], ask()["status"]) == (f"{first}-r2", "SUCCEEDED")


def test_a_letter_after_its_data_was_mended_is_the_first_attempt_of_the_new_data(aws: BatchAws) -> None:
    first = ask()["run"]
    end(aws, first)
    again = letter(aws, first)
    aws.put(DAY + "part-0", b"mended")
    assert deliver(again) == []
    (_, second) = aws.executions
    assert second != first
    assert "-r" not in second
    assert the_input(aws, second)["request"]["attempt"] == 1
    # The arrival of the mended data, whenever it comes, is the same run.
    assert deliver(s3_event("daily/2026-11-29/_SUCCESS")) == []
    assert len(aws.executions) == 2


def test_a_letter_is_for_the_model_there_is_now(aws: BatchAws, monkeypatch: pytest.MonkeyPatch) -> None:
    first = ask()["run"]
    end(aws, first)
    set_up(monkeypatch, model="fraud-2")
    assert deliver(letter(aws, first)) == []
    (_, second) = aws.executions
    assert the_input(aws, second)["model"] == "fraud-2"


def test_the_last_attempt_there_may_be(aws: BatchAws) -> None:
    run = ask()["run"]
    for attempt in range(1, MOST_ATTEMPTS + 1):
        aws.executions[run if attempt == 1 else f"{run}-r{attempt}"] = {"status": "FAILED", "input": "{}"}
    assert ask({"input": DAY, "attempt": MOST_ATTEMPTS})["run"] == f"{run}-r{MOST_ATTEMPTS}"
