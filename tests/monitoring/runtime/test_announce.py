"""The event of a look, as EventBridge takes it."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest

from constructs_lib.monitoring.runtime.run.announce import announce, detail_of
from tests.support.fake_aws import Params
from tests.support.monitored import FakeMonitored

RESULT: dict[str, Any] = {"monitor": "M", "status": "violated", "violations": 2, "text": "2 violations"}
LIMIT = 256 * 1024


def features(count: int, *, name: str = "f") -> dict[str, Any]:
    told = {
        "drifted": True,
        "distance": 0.3,
        "distances": {"psi": 0.1, "ks": 0.3},
        "new_categories": ["a"] * 20,
    }
    return {f"{name}{number}": told for number in range(count)}


def test_it_tells_of_what_has_drifted() -> None:
    told = json.loads(detail_of({**RESULT, "features": {**features(2), "calm": {"drifted": False}}}))
    assert set(told["features"]) == {"f0", "f1"}
    assert json.loads(detail_of(RESULT)) == {**RESULT, "features": {}}


def test_what_is_too_long_is_left_out_notes_first() -> None:
    long = {"reading": {"reasons": ["x" * 190_000]}}
    told = json.loads(detail_of({**RESULT, "features": features(100), "values": {"auc": 0.5}, "notes": long}))
    assert (told["notes"], len(told["features"]), told["values"]) == ({}, 100, {"auc": 0.5})
    told = json.loads(detail_of({**RESULT, "features": features(5000), "values": {"auc": 0.5}, "notes": {}}))
    assert (told["features"], told["values"]) == ({}, {"auc": 0.5})
    many = {f"DPL.city.{number}.{'x' * 200}": 0.5 for number in range(5000)}
    told = json.loads(detail_of({**RESULT, "features": features(5000), "values": many, "notes": {}}))
    assert told == {**RESULT, "features": {}, "values": {}, "notes": {}}


@pytest.mark.parametrize("name", ["ü", "女", "😀", "\ud800", "\x00", '"'])
def test_names_of_any_kind_are_valid_json_of_a_size(name: str) -> None:
    for count in (1, 900, 1500):
        told = detail_of({**RESULT, "features": features(count, name=name * 10)})
        assert len(told.encode("utf-8")) < LIMIT
        assert json.loads(told)["violations"] == 2


def test_it_is_put_on_the_bus() -> None:
    aws = FakeMonitored()
    announce(aws.client("events"), RESULT)
    assert aws.events == [{**RESULT, "features": {}}]


def test_what_the_bus_does_not_take_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(FakeMonitored):
        def _PutEvents(self, params: Params) -> Params:  # noqa: N802
            refused = {"ErrorCode": "ThrottlingException", "ErrorMessage": "Rate exceeded"}
            return {"FailedEntryCount": 1, "Entries": [refused for _ in params["Entries"]]}

    monkeypatch.setattr(boto3, "client", Full().client)
    with pytest.raises(RuntimeError, match="Rate exceeded"):
        announce(boto3.client("events"), RESULT)
