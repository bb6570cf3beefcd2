"""What may be asked for, by whom, and what is refused, and how that is told."""

from __future__ import annotations

import json
from typing import Any

import pytest

from constructs_lib.batch.runtime.inputs import Configured, InputError, Place, arrived, is_arrival
from constructs_lib.batch.runtime.request import Request, request_of

NIGHT = 1_795_917_600.0  # 2026-11-29T02:00:00Z


def s3_event(key: str, *, bucket: str = "landing", kind: str = "Object Created") -> dict[str, Any]:
    """As the user guide has it: https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html"""
    return {
        "version": "0",
        "id": "17793124-05d4-b198-2fde-7ededc63b103",
        "detail-type": kind,
        "source": "aws.s3",
        "account": "111122223333",
        "time": "2026-11-29T01:59:00Z",
        "region": "eu-west-1",
        "resources": [f"arn:aws:s3:::{bucket}"],
        "detail": {
            "version": "0",
            "bucket": {"name": bucket},
            "object": {
                "key": key,
                "size": 5,
                "etag": "b1946ac92492d2347c6235b4d2611184",
                "sequencer": "00617F08",
            },
            "request-id": "N4N7GDK58NMKJ12R",
            "requester": "111122223333",
            "source-ip-address": "192.0.2.1",
            "reason": "PutObject",
        },
    }


# --- messages -------------------------------------------------------------------------------------------


def test_a_schedule_asks_for_its_time() -> None:
    assert request_of({"scheduled": "2026-11-29T02:00:00Z"}) == Request(at=NIGHT)


def test_a_request_may_be_empty() -> None:
    assert request_of({}) == Request()


def test_a_time_of_another_zone_is_the_same_time() -> None:
    assert request_of({"at": "2026-11-29T03:00:00+01:00"}) == Request(at=NIGHT)
    assert request_of({"at": "2026-11-29T02:00:00"}) == Request(at=NIGHT)


@pytest.mark.parametrize(
    ("key", "uri"),
    [
        ("daily/2026-11-29/_SUCCESS", "s3://landing/daily/2026-11-29/"),
        ("_SUCCESS", "s3://landing/"),
        # EventBridge has plain keys: a plus is a plus, and a percent sign is one.
        ("a+b/100%25/Ünï çode/_SUCCESS", "s3://landing/a+b/100%25/Ünï çode/"),
    ],
)
def test_a_marker_announces_its_folder(key: str, uri: str) -> None:
    assert request_of(s3_event(key), "_SUCCESS") == Request(input=uri)


def test_a_manifest_announces_itself() -> None:
    event = s3_event("lists/a b+c%.manifest")
    assert request_of(event, ".manifest") == Request(input="s3://landing/lists/a b+c%.manifest")


@pytest.mark.parametrize(
    ("event", "suffix"),
    [
        (s3_event("daily/part-0.csv"), "_SUCCESS"),
        (s3_event("daily/NOT_SUCCESS"), "_SUCCESS"),  # a rule's suffix matches it
        (s3_event("daily/_SUCCESS"), ".manifest"),
        (s3_event("daily/_SUCCESS"), None),
        (s3_event("daily/_SUCCESS", kind="Object Deleted"), "_SUCCESS"),
    ],
)
def test_other_events_announce_nothing(event: dict[str, Any], suffix: str | None) -> None:
    assert request_of(event, suffix) is None


def test_what_is_told_of_a_request_is_that_request() -> None:
    whole = Request(input="s3://b/é/", at=NIGHT, force="new scaler", attempt=3, ticket="m-1")
    assert request_of(whole.told()) == whole
    assert request_of({**whole.told(), "failed": {"run": "r", "reason": "x"}}) == whole
    assert Request().told() == {"force": "", "attempt": 1}
    assert request_of(Request(input="s3://b/", at=NIGHT).told()) == Request(input="s3://b/", at=NIGHT)


def test_a_ticket_is_told_where_it_matters() -> None:
    assert "ticket" not in Request(ticket="m-1").told()


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ([], "a JSON object, not []"),
        ("x" * 999, "a JSON object, not 'xxx"),
        (None, "not None"),
        ({"inputs": "s3://b/"}, 'no "inputs"; it may have "input", "at", "force", "attempt", "ticket"'),
        ({"request": None, "failed": {}}, 'no "request"'),
        ({"scheduled": "2026-11-29T02:00:00Z", "at": "x"}, 'no "scheduled"'),
        ({"scheduled": "<aws.scheduler.scheduled-time>"}, '"2026-11-29T02:00:00Z" goes there'),
        ({"at": "tomorrow"}, "\"at\" is 'tomorrow'"),
        ({"at": 1_795_917_600}, '"at" is 1795917600'),
        ({"at": ""}, '"at" is'),
        ({"input": 5}, "text goes there"),
        ({"force": True}, "why the same input is to be scored again"),
        ({"force": " \n"}, "why the same input"),
        ({"force": "x" * 501}, "1 to 500 characters"),
        ({"attempt": 0}, "from 1 to 99"),
        ({"attempt": 100}, "from 1 to 99"),
        ({"attempt": True}, "from 1 to 99"),
        ({"attempt": "2"}, "from 1 to 99"),
        ({"ticket": ""}, "1 to 128 characters"),
        ({"source": "aws.s3", "detail": {"bucket": {}}}, "without a bucket or a key"),
        ({"source": "aws.s3"}, "without a bucket or a key"),
        ({"source": "aws.states", "detail": {"input": "{}"}}, "without the request of a run"),
        (
            {"source": "aws.states", "detail": {"input": json.dumps({"request": s3_event("d/part-0")})}},
            "asked for by an event",
        ),
    ],
)
def test_what_is_refused_says_what_is_right(message: object, told: str) -> None:
    with pytest.raises(InputError) as refused:
        request_of(message, "_SUCCESS")
    assert told in str(refused.value)
    assert len(str(refused.value)) < 400


def test_a_reason_is_kept_without_the_space_around_it() -> None:
    told = request_of({"force": f"  {'x' * 500} "})
    assert told is not None
    assert told.force == "x" * 500


# --- inputs ---------------------------------------------------------------------------------------------


def configured(prefix: str, **more: Any) -> Configured:
    return Configured.of({"bucket": "landing", "prefix": prefix, **more})


@pytest.mark.parametrize(
    ("prefix", "lag", "key"),
    [
        ("daily/{yyyy}/{mm}/{dd}/{hh}/", 0, "daily/2026/11/29/02/"),
        ("daily/{yyyy}-{mm}-{dd}/", 3 * 3600, "daily/2026-11-28/"),
        ("daily/{yyyy}-{mm}-{dd}", 86400, "daily/2026-11-28/"),
        ("{dd}/{dd}/{x}/%Y/", 0, "29/29/{x}/%Y/"),
        ("daily", 0, "daily/"),
        ("", 0, ""),
    ],
)
def test_a_time_fills_the_placeholders(prefix: str, lag: float, key: str) -> None:
    assert configured(prefix, lag_seconds=lag).at(NIGHT) == Place("landing", key, False)


def test_a_lag_goes_over_the_end_of_a_year() -> None:
    first = request_of({"at": "2027-01-01T00:30:00Z"})
    assert first is not None
    assert first.at is not None
    place = configured("{yyyy}/{mm}/{dd}/{hh}/", lag_seconds=3600).at(first.at)
    assert place.key == "2026/12/31/23/"


def test_a_manifest_may_have_the_time_in_its_name() -> None:
    place = configured("lists/{yyyy}{mm}{dd}.json", manifest=True).at(NIGHT)
    assert place == Place("landing", "lists/20261129.json", True)


@pytest.mark.parametrize(
    ("prefix", "more", "uri", "is_manifest"),
    [
        ("daily/{yyyy}/", {}, "s3://landing/daily/2025/", False),
        ("daily/{yyyy}/", {}, "s3://landing/daily/", False),
        ("daily/", {}, "s3://landing/daily/lists/x.manifest", True),
        ("day-{dd}/", {}, "s3://landing/day-7/", False),
        ("", {}, "s3://landing/", False),
        ("", {}, "s3://landing", False),
        ("lists/now.json", {"manifest": True}, "s3://landing/lists/other.json", True),
        ("daily/", {}, "s3://landing/daily/a b/100%/c+d/é?x=1#y/", False),
    ],
)
def test_a_request_may_name_what_may_be_read(
    prefix: str, more: dict[str, Any], uri: str, is_manifest: bool
) -> None:
    place = configured(prefix, **more).named(uri)
    assert place.is_manifest is is_manifest
    assert place.uri == (uri if uri != "s3://landing" else "s3://landing/")


@pytest.mark.parametrize(
    ("uri", "told"),
    [
        ("s3://other/daily/", "may only read below s3://landing/daily/"),
        ("s3://landing/", "may only read below s3://landing/daily/"),
        ("s3://landing/dail", "may only read below"),
        ("s3://landing/daily2/", "may only read below"),
        ("https://landing/daily/", "has to be s3://landing/daily/"),
        ("s3:///daily/", "has to be s3://landing/daily/"),
        ("", "has to be s3://"),
        ("s3://landing/daily/{yyyy}/", 'leave "input" out and give "at"'),
        ("s3://landing/daily/part-0.csv", "list it in a manifest"),
        ("s3://landing/daily/_SUCCESS", 'a folder ends with "/"'),
        ("s3://landing/daily/" + "é" * 600 + "/", "at most 1024 bytes"),
    ],
)
def test_a_request_may_not_name_anything_else(uri: str, told: str) -> None:
    with pytest.raises(InputError) as refused:
        configured("daily/{yyyy}/").named(uri)
    assert told in str(refused.value)


def test_arrivals() -> None:
    assert is_arrival("_SUCCESS", "_SUCCESS")
    assert is_arrival("a/x.manifest", ".manifest")
    assert not is_arrival("a/_SUCCESS/b", "_SUCCESS")
    assert arrived("b", "x.manifest") == "s3://b/x.manifest"
