"""Summaries of devices, read as from strangers."""

from __future__ import annotations

import base64
import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constructs_lib.edge.runtime.cloud.summary import MalformedSummaryError, Summary
from constructs_lib.edge.runtime.device.summary import Counts
from tests.support.fake_aws import Params
from tests.support.telemetry import NOW, a_summary, message


def read(told: object, **envelope: Any) -> Summary:
    return Summary.read(message(told, **envelope)["body"], now=NOW)


def test_a_device_is_understood() -> None:
    """What the device's own code counts, with what it adds to it."""
    counts = Counts(clock=lambda: 0.0)
    for latency in (10.0, 10.0, 250.0):
        counts.inference(latency_ms=latency, ok=True)
    counts.inference(latency_ms=1.0, ok=False)
    counts.swap()
    counts.rejected_model()
    counts.fallback()
    told = {**a_summary(), **counts.take(NOW - 1)}
    summary = read(told)
    assert summary.counts == {
        "Requests": 4,
        "Inferences": 3,
        "Errors": 1,
        "Fallbacks": 1,
        "Swaps": 1,
        "RejectedModels": 1,
        "DroppedRecords": 0,
        "DeliveredRecords": 8,
    }
    assert sum(summary.latency.values()) == 3
    assert (summary.at, summary.received, summary.version) == (NOW - 1, NOW, "1.2.3")


def test_the_thing_is_that_of_the_topic() -> None:
    assert read(a_summary(thing="another", received=1), thing="cam-7").thing == "cam-7"


def test_a_clock_that_is_ahead_is_cut_to_when_it_came() -> None:
    summary = read(a_summary(at=int((NOW + 86_400) * 1000)), received=NOW - 2)
    assert (summary.at, summary.received) == (NOW - 2, NOW - 2)


def test_a_clock_that_is_behind_does_not_make_it_late() -> None:
    summary = read(a_summary(at=0))
    assert (summary.at, summary.received) == (0, NOW)


def test_aws_clocks_differ_by_a_little() -> None:
    assert read(a_summary(), received=NOW + 3).received == NOW


def test_a_device_that_serves_nothing_has_no_version() -> None:
    assert read(a_summary(model_version=None)).version == "none"


def test_a_dead_letter_of_a_rule_is_read_when_it_is_moved_back() -> None:
    payload = json.dumps(a_summary()).encode()
    body = {
        "ruleName": "cameras_summaries",
        "topic": "dt/cameras/cam-9/summary",
        "base64OriginalPayload": base64.b64encode(payload).decode(),
        "failures": [{"failedAction": "SqsAction", "errorMessage": "throttled"}],
    }
    summary = Summary.read(json.dumps(body), now=NOW)
    assert (summary.thing, summary.at, summary.received) == ("cam-9", NOW - 5, NOW - 5)


def test_a_latency_told_twice_counts_twice() -> None:
    told = a_summary(latency={"values": [10, 10.0], "counts": [1, 2]})
    assert read(told).latency == {10.0: 3}


@pytest.mark.parametrize(
    "wrong",
    [
        {"group": "everybody"},
        {"group": ["fleet"]},
        {"at": None},
        {"at": -1},
        {"at": "now"},
        {"at": 10**400},
        {"boot": "x" * 8},
        {"boot": None},
        {"number": 1.5},
        {"number": True},
        {"number": -1},
        {"model_version": 'x" OR "y'},
        {"model_version": ""},
        {"model_version": "1" * 65},
        {"inferences": float("nan")},
        {"inferences": float("inf")},
        {"inferences": 1e12},
        {"errors": 11},
        {"dropped_records": "many"},
        {"latency": []},
        {"latency": {"values": [1], "counts": []}},
        {"latency": {"values": [1], "counts": [-1]}},
        {"latency": {"values": ["1"], "counts": [1]}},
        {"latency": {"values": [1] * 151, "counts": [1] * 151}},
        {"latency": {"values": 1, "counts": 1}},
        {"buffered_records": None},
    ],
)
def test_what_is_no_summary_is_refused(wrong: Params) -> None:
    with pytest.raises(MalformedSummaryError):
        read(a_summary(**wrong))


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xff\xfe",
        b"not json",
        b"[]",
        b"null",
        b"[" * 100_000,
        b'{"at":' + b"9" * 5000 + b"}",
        b'{"a":' * 60_000,
    ],
)
def test_what_is_no_json_object_is_refused(payload: bytes) -> None:
    with pytest.raises(MalformedSummaryError):
        read(payload)


@pytest.mark.parametrize("thing", ["", "a/b", "x" * 129, "cam 1"])
def test_what_is_no_thing_is_refused(thing: str) -> None:
    with pytest.raises(MalformedSummaryError, match="thing"):
        read(a_summary(), thing=thing)


def test_a_message_with_stray_signs_is_refused() -> None:
    body = message(a_summary())["body"].replace('"told": "', '"told": "?')
    with pytest.raises(MalformedSummaryError, match="no text"):
        Summary.read(body, now=NOW)


@pytest.mark.parametrize(
    "body",
    [
        "{}",
        "[]",
        "",
        '{"thing":"cam-1","received":1,"told":7}',
        '{"thing":"cam-1","received":1,"told":"?"}',
        '{"topic":"a/b","base64OriginalPayload":"e30="}',
        '{"topic":null,"base64OriginalPayload":"e30="}',
    ],
)
def test_what_is_no_message_of_the_rule_is_refused(body: str) -> None:
    with pytest.raises(MalformedSummaryError):
        Summary.read(body, now=NOW)


def test_what_is_wrong_is_told_in_a_short_line() -> None:
    with pytest.raises(MalformedSummaryError) as error:
        read(a_summary(group="fleet\nERROR: all is lost " + "x" * 10_000))
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 100


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from([*a_summary(), "received"]), _JSON, max_size=4), _JSON)
def test_whatever_a_device_says_it_is_a_sound_summary_or_malformed(changed: Params, latency: object) -> None:
    for told in (a_summary(**changed), a_summary(latency=latency), changed):
        try:
            summary = read(told)
        except MalformedSummaryError:
            continue
        assert 0 <= summary.at <= summary.received <= NOW
        numbers = [*summary.counts.values(), *summary.latency, *summary.latency.values(), summary.buffered]
        assert all(math.isfinite(each) and each >= 0 for each in numbers)
        assert summary.counts["Inferences"] + summary.counts["Errors"] == summary.counts["Requests"]
        assert summary.thing == "cam-1"


@given(st.binary(max_size=200))
def test_whatever_bytes_come_they_are_malformed(payload: bytes) -> None:
    with pytest.raises(MalformedSummaryError):
        read(payload)
