"""Telling of rollouts that ended otherwise than well: everybody, once it is so, in words that say what to do."""

from __future__ import annotations

from typing import Any

import pytest

from constructs_lib.core.runtime import clients
from constructs_lib.edge.runtime.cloud.rollout import tell
from constructs_lib.edge.runtime.cloud.rollout.tell import SUPERSEDED, Ending
from tests.support.edge_aws import EdgeAws
from tests.support.fake_aws import Killed, Params
from tests.support.faults import FAULTS, Fault
from tests.support.rollouts import settings

TOPICS = [f"arn:aws:sns:eu-west-1:111122223333:{each}" for each in ("on-call", "team")]


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> EdgeAws:
    return an_aws(monkeypatch)


def an_aws(monkeypatch: pytest.MonkeyPatch, **changed: Any) -> EdgeAws:
    clients.client.cache_clear()
    made = EdgeAws()
    made.answers(monkeypatch)
    monkeypatch.setattr(tell.Settings, "from_environment", lambda: settings(**{"topics": TOPICS, **changed}))
    return made


def event(status: str = "FAILED", **detail: Any) -> Params:
    """As EventBridge has it, which leaves out what is long."""
    return {"detail": {"name": "1.2.3-0a1b", "status": status, "stateMachineArn": "m", **detail}}


FAILED = event(error="CanaryFailed", cause="too many devices failed: 0 serve it, 2 failed")


def test_everybody_is_told_which_rollout_failed_why_and_what_became_of_devices(aws: EdgeAws) -> None:
    assert tell.handle(FAILED, None) == {"told": "1.2.3-0a1b"}
    assert [each["TopicArn"] for each in aws.notices] == TOPICS
    for each in aws.notices:
        assert each["Subject"] == "Rollout of fleet cameras came to nothing"
        assert each["Message"] == (
            "Rollout 1.2.3-0a1b of fleet cameras came to nothing: CanaryFailed: too many devices failed: "
            "0 serve it, 2 failed\n\nIt has gone back to what was good before, as far as that was possible."
        )
    assert aws.counted() == {"RolloutsFailed": 1}


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("TIMED_OUT", "Devices are left as they are: start a rollout"),
        ("ABORTED", "Somebody stopped it. Devices are left as they are: start a rollout"),
    ],
)
def test_where_nothing_went_back_people_are_told_that_it_is_theirs_to_do(
    aws: EdgeAws, status: str, said: str
) -> None:
    tell.handle(event(status), None)
    assert said in aws.notices[0]["Message"]
    assert "gone back" not in aws.notices[0]["Message"]
    assert aws.counted() == {"RolloutsFailed": 1}


@pytest.mark.parametrize("detail", [{}, {"error": None, "cause": None}, {"error": "", "cause": ""}])
@pytest.mark.parametrize("status", ["TIMED_OUT", "ABORTED"])
def test_without_error_and_cause_it_reads_as_well(aws: EdgeAws, status: str, detail: Params) -> None:
    """EventBridge has neither of an execution that was stopped by hand or timed out."""
    tell.handle(event(status, **detail), None)
    first, _, rest = aws.notices[0]["Message"].partition("\n\n")
    assert first == "Rollout 1.2.3-0a1b of fleet cameras came to nothing."
    assert rest


def test_one_that_another_took_over_from_alarms_nobody(aws: EdgeAws) -> None:
    assert tell.handle(event("ABORTED", error=SUPERSEDED, cause="by r2"), None) == {
        "superseded": "1.2.3-0a1b"
    }
    assert aws.notices == []
    assert aws.counted() == {"RolloutsSuperseded": 1}


def test_only_a_stop_is_a_superseding(aws: EdgeAws) -> None:
    assert not Ending.of(event("FAILED", error=SUPERSEDED)["detail"]).superseded
    assert not Ending.of(event("ABORTED", error="Mine")["detail"]).superseded


def test_a_fleet_with_nobody_to_tell_counts_it(monkeypatch: pytest.MonkeyPatch) -> None:
    aws = an_aws(monkeypatch, topics=[])
    tell.handle(FAILED, None)
    assert aws.notices == []
    assert aws.counted() == {"RolloutsFailed": 1}


def test_the_longest_name_and_cause_fit_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    """Subjects have 100 characters (the stand-in checks), messages 256 KB; a cause has at most 32,768 characters."""
    aws = an_aws(monkeypatch, fleet="f" * 36)
    tell.handle(event("FAILED", error="e" * 256, cause="é" * 32_768), None)
    assert len(aws.notices[0]["Message"].encode()) < 256 << 10


@pytest.mark.parametrize("fault", FAULTS)
def test_whatever_call_goes_wrong_the_event_that_comes_again_tells_all_and_counts_once(
    fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, operation in enumerate(("Publish", "Publish", "PutMetricData")):
        aws = an_aws(monkeypatch)
        aws.spoiled = {number: fault}
        try:
            tell.handle(FAILED, None)
        except (Exception, Killed):
            tell.handle(FAILED, None)
        where = f"{fault} at {operation}, call {number}"
        assert {each["TopicArn"] for each in aws.notices} == set(TOPICS), where
        # Counted twice only where it was counted, and the answer to that was lost.
        counted_twice = operation == "PutMetricData" and fault in ("answer lost", "killed after")
        assert aws.counted()["RolloutsFailed"] == (2 if counted_twice else 1), where
