"""The monitor's function as Lambda runs it: events of the schedule, of a person, and of CloudFormation."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest

from constructs_lib.core.runtime.windows import iso
from constructs_lib.monitoring.runtime import function
from constructs_lib.monitoring.runtime.run.description import VARIABLE, Description
from constructs_lib.monitoring.runtime.run.preparing import NoBaselineError
from tests.support.fake_aws import Killed, Params
from tests.support.monitored import ENDPOINT, START, FakeMonitored, described, spec
from tests.support.receiver import Receiver

DUE = START + 3600 + 900
PLACE = f"monitoring/{ENDPOINT}/M"
FOLDER = f"{PLACE}/2026/11/28/1000"
TRAIN = "amount,country\n" + "".join(f"{number},{'DE' if number % 3 else 'FR'}\n" for number in range(300))
ROWS: list[list[object]] = [[number, "DE" if number % 3 else "FR"] for number in range(0, 300, 2)]
OTHER_ROWS: list[list[object]] = [[number + 900, "DE"] for number in range(150)]


@dataclass
class Account(FakeMonitored):
    """One whose function may end before any of its calls."""

    kill_at: int | None = None
    """Number of the call, counted from 1, that is never made."""

    def _answer(self, operation: str, params: Params) -> Params:
        if self.kill_at == len(self.calls) + 1:
            raise Killed
        return super()._answer(operation, params)


def account() -> Account:
    return Account(objects={"train.csv": TRAIN.encode()})


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Account:
    made = account()
    use(made, monkeypatch)
    deployed_for(described("data_quality"), monkeypatch)
    return made


def use(aws: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boto3, "client", aws.client)


def deployed_for(monitor: Description, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, json.dumps(monitor.described()))


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


def deploy(receiver: Receiver, told: Any, request: str = "Create", before: str | None = None) -> Params:
    """Call as CloudFormation does; its answer."""
    event: Params = {
        "RequestType": request,
        "ResponseURL": receiver.url,
        "StackId": "stack",
        "RequestId": "request",
        "LogicalResourceId": "Baseline",
        "ResourceProperties": {"Spec": told if isinstance(told, str) else json.dumps(told)},
        **({} if before is None else {"PhysicalResourceId": before}),
    }
    receiver.answers.clear()
    assert function.handle(event, None) == {}
    (answer,) = receiver.answers
    return answer


# --- CloudFormation ---------------------------------------------------------------------------------------


def test_a_deployed_baseline_is_there_and_lives(aws: Account, receiver: Receiver) -> None:
    answer = deploy(receiver, spec())
    assert (answer["Status"], answer["Reason"]) == ("SUCCESS", "done")
    assert answer["PhysicalResourceId"] == f"s3://captured/{PLACE}/baseline/0123"
    assert [each["name"] for each in aws.json(f"{PLACE}/baseline/0123/constraints.json")["features"]] == [
        "amount",
        "country",
    ]
    assert aws.values("Heartbeat") == [1]


def test_another_baseline_is_another_resource(
    aws: Account, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So CloudFormation asks to delete the old one; it stays all the same."""
    first = deploy(receiver, spec())["PhysicalResourceId"]
    deployed_for(described("data_quality", baseline="baseline/4567"), monkeypatch)
    second = deploy(receiver, spec(), "Update", first)["PhysicalResourceId"]
    assert second == f"s3://captured/{PLACE}/baseline/4567"
    there = dict(aws.objects)
    answer = deploy(receiver, spec(), "Delete", first)
    assert (answer["Status"], answer["PhysicalResourceId"]) == ("SUCCESS", first)
    assert aws.objects == there


def test_a_failed_update_keeps_the_resource(
    aws: Account, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = deploy(receiver, spec())["PhysicalResourceId"]
    deployed_for(described("data_quality", baseline="baseline/4567"), monkeypatch)
    del aws.objects["train.csv"]
    answer = deploy(receiver, spec(), "Update", first)
    assert (answer["Status"], answer["PhysicalResourceId"]) == ("FAILED", first)


def with_data(**told: Any) -> Params:
    found = spec()
    return {**found, "data": {**found["data"], **told}}


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        (with_data(key="not/there.csv"), "there is no object s3://captured/not/there.csv"),
        (with_data(key="folder/"), "s3://captured/folder/ has no rows: there is no file"),
        (with_data(key="empty.csv"), "s3://captured/empty.csv has no rows"),
        (with_data(key="header.csv"), "s3://captured/header.csv has no rows"),
        (with_data(not_features=["is_frad"]), "no column is_frad: it has amount, country"),
        (with_data(not_features=["amount", "country"]), "the data has no features"),
        (spec({"ignored": ["customer"]}), "no feature customer"),
        (spec({"types": {"zip": "String"}}), "no feature zip: it has amount, country"),
        (spec({"types": {"amount": "Number"}}), "'Number'"),
        (spec({"numeric": {"method": "psy"}}), "'psy'"),
        (spec({"features": {"amount": {"method": "chi_square"}}}), "'chi_square'"),
        ("{broken", "JSONDecodeError"),
        ({}, "no features"),
        (with_data(bucket=""), "names no bucket"),
    ],
)
def test_the_reason_of_a_failure_reaches_cloudformation(
    aws: Account, receiver: Receiver, told: Any, reason: str
) -> None:
    aws.objects |= {"empty.csv": b"", "header.csv": b"amount,country\n"}
    answer = deploy(receiver, told)
    assert answer["Status"] == "FAILED"
    assert reason in answer["Reason"]
    assert aws.values("Heartbeat") == []


def test_a_long_reason_is_cut(aws: Account, receiver: Receiver) -> None:
    answer = deploy(receiver, with_data(not_features=["ü" * 100_000]))
    assert (answer["Status"], len(json.dumps(answer)) < 4200) == ("FAILED", True)


def test_an_incomplete_deployment_is_repeated(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before each of its calls the process may end: repeated it makes the same files."""
    deployed_for(described("data_quality"), monkeypatch)
    whole = account()
    use(whole, monkeypatch)
    deploy(receiver, spec())
    for number in range(1, len(whole.calls) + 1):
        aws = account()
        aws.kill_at = number
        use(aws, monkeypatch)
        with pytest.raises(Killed):
            deploy(receiver, spec())
        there = f"{PLACE}/baseline/0123"
        if f"{there}/constraints.json" in aws.objects:
            assert {f"{there}/{name}.json" for name in ("statistics", "schema")} <= set(aws.objects)
        aws.kill_at = None
        assert deploy(receiver, spec())["Status"] == "SUCCESS"
        assert without_time(aws) == without_time(whole)


def without_time(aws: Account) -> dict[str, bytes]:
    return {key: body for key, body in aws.objects.items() if not key.endswith("since.json")}


# --- the schedule, and persons ----------------------------------------------------------------------------


@pytest.fixture
def ready(aws: Account, receiver: Receiver) -> Account:
    deploy(receiver, spec())
    return aws


def test_the_schedule_looks_at_what_is_due(ready: Account) -> None:
    ready.capture(ROWS)
    answer = function.handle({"source": "aws.events", "time": iso(DUE)}, None)
    assert answer == {"looked": {"2026-11-28T10:00:00Z": "150 records, nothing wrong"}}
    assert function.handle({"time": iso(DUE + 60)}, None) == {"looked": {}}


def test_a_person_may_look_again(ready: Account) -> None:
    """A window that is over by far; its result is written over."""
    ready.capture(ROWS)
    function.handle({"time": iso(DUE)}, None)
    ready.capture(OTHER_ROWS, name="late.jsonl")
    told = function.handle({"at": "2026-11-28T10:30:00Z"}, None)
    result = ready.json(f"{FOLDER}/result.json")
    assert result == told
    assert (result["records"], result["status"]) == (300, "violated")


def test_the_baseline_is_made_again(ready: Account) -> None:
    ready.objects["train.csv"] = TRAIN.replace("FR", "IT").encode()
    assert function.handle({"baseline": "again"}, None) == {
        "baseline": f"s3://captured/{PLACE}/baseline/0123"
    }
    (country,) = ready.json(f"{PLACE}/baseline/0123/constraints.json")["features"][1:]
    assert country["string_constraints"]["domains"] == ["DE", "IT"]


def test_a_baseline_that_nobody_told_of_is_not_made_again(aws: Account) -> None:
    with pytest.raises(NoBaselineError, match=r"baseline/0123/spec\.json is not there"):
        function.handle({"baseline": "again"}, None)


def test_the_baseline_of_another_monitor_is_not_made_again(
    ready: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its folder has the spec of its own monitor."""
    theirs = f"s3://captured/{PLACE}/baseline/0123/"
    deployed_for(described("data_quality", name="Other", baseline=theirs), monkeypatch)
    before = dict(ready.objects)
    with pytest.raises(NoBaselineError, match="made by others"):
        function.handle({"baseline": "again"}, None)
    assert ready.objects == before


def test_an_incomplete_look_is_repeated(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """EventBridge calls again: nothing is lost, and nothing is another."""
    deployed_for(described("data_quality"), monkeypatch)

    def prepared() -> Account:
        aws = account()
        use(aws, monkeypatch)
        deploy(receiver, spec())
        aws.capture(ROWS)
        aws.capture(OTHER_ROWS, name="b.jsonl")
        aws.calls.clear()
        return aws

    event = {"time": iso(DUE)}
    whole = prepared()
    function.handle(event, None)
    for number in range(1, len(whole.calls) + 1):
        aws = prepared()
        aws.kill_at = number
        with pytest.raises(Killed):
            function.handle(event, None)
        aws.kill_at = None
        function.handle(event, None)
        assert without_time(aws) == without_time(whole)
        told = {(each["MetricName"], each["Value"]) for each in aws.metrics}
        assert told == {(each["MetricName"], each["Value"]) for each in whole.metrics}
        assert whole.events[0] in aws.events


def test_windows_of_a_long_outage_are_made_up_for(ready: Account) -> None:
    """Of a day at the most; also where no look has ever succeeded."""
    for hour in range(30):
        ready.capture(ROWS, at=START + 3600 * hour + 60, name=f"{hour}.jsonl")
    ready.objects[f"{PLACE}/since.json"] = json.dumps({"since": iso(START + 5 * 3600 + 60)}).encode()
    looked = function.handle({"time": iso(DUE + 9 * 3600)}, None)["looked"]
    assert list(looked) == [iso(START + 3600 * hour) for hour in range(5, 10)]
    for key in [key for key in ready.objects if key.endswith("result.json")]:
        del ready.objects[key]
    looked = function.handle({"time": iso(DUE + 29 * 3600)}, None)["looked"]
    assert list(looked) == [iso(START + 3600 * hour) for hour in range(6, 30)]
