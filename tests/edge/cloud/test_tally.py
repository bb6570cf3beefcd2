"""Summaries as metrics: how many there are, and when they are of."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constructs_lib.edge.runtime.cloud.metrics import put
from constructs_lib.edge.runtime.cloud.summary import Summary
from constructs_lib.edge.runtime.cloud.tally import tally
from tests.support.edge_aws import FLEET
from tests.support.telemetry import NOW, WEEKS, TelemetryAws, a_summary


def of(thing: str = "cam-1", received: float = NOW, **told: Any) -> Summary:
    return Summary.of(a_summary(**told), thing=thing, received=received * 1000, now=NOW)


def told(*summaries: Summary) -> TelemetryAws:
    aws = TelemetryAws()
    put(aws.client("cloudwatch"), tally(summaries, FLEET, now=NOW))
    return aws


def minutes(aws: TelemetryAws, metric: str) -> set[int]:
    return {int(each["Timestamp"].timestamp()) for each in aws.data(metric)}


def test_devices_are_added_up_for_the_fleet_its_groups_and_versions() -> None:
    aws = told(of("a"), of("b", group="canary", model_version="2.0.0"), of("c", group="canary", errors=10))
    assert (aws.sum("Requests"), aws.sum("Inferences"), aws.sum("Errors")) == (30, 18, 12)
    assert aws.sum("Requests", Group="canary") == 20
    assert aws.sum("Errors", Group="fleet") == 1
    assert aws.sum("Inferences", ModelVersion="1.2.3") == 9
    assert aws.sum("Inferences", ModelVersion="2.0.0") == 9
    assert {each["Unit"] for each in aws.data("Requests")} == {"Count"}


def test_of_what_devices_keep_the_fullest_counts() -> None:
    aws = told(of("a", buffered_records=7), of("b", buffered_records=3))
    assert [each["Value"] for each in aws.data("BufferedRecords")] == [7]


def test_latencies_of_devices_are_one_distribution() -> None:
    aws = told(
        of("a", latency={"values": [10.0], "counts": [5]}), of("b", latency={"values": [10.1], "counts": [2]})
    )
    (datum,) = aws.data("Latency")
    assert datum["Counts"] == [7]
    assert datum["Values"][0] == pytest.approx(10, rel=0.03)
    assert datum["Unit"] == "Milliseconds"


def test_what_is_rare_is_told_only_when_it_is_there() -> None:
    aws = told(of())
    assert aws.data("Requests")
    assert not any(aws.data(each) for each in ("Swaps", "Fallbacks", "RejectedModels", "DroppedRecords"))
    aws = told(of(swaps=1, fallbacks=2, rejected_models=3, dropped_records=4))
    assert [aws.sum(each) for each in ("Swaps", "Fallbacks", "RejectedModels", "DroppedRecords")] == [
        1,
        2,
        3,
        4,
    ]


def test_what_comes_late_counts_for_its_minute_but_for_what_an_alarm_has_to_see() -> None:
    then = NOW - 7200
    aws = told(of(at=int(then * 1000), dropped_records=3, rejected_models=1))
    assert minutes(aws, "Requests") == minutes(aws, "Latency") == {int(then // 60) * 60}
    assert minutes(aws, "DroppedRecords") == minutes(aws, "RejectedModels") == {int(NOW // 60) * 60}


def test_what_is_too_old_for_cloudwatch_counts_for_the_oldest_that_it_takes() -> None:
    aws = told(of(at=0))
    (at,) = minutes(aws, "Requests")
    assert NOW - WEEKS < at < NOW - WEEKS + 7200


def test_devices_cannot_make_metrics_without_end() -> None:
    summaries = [of(f"d{each}", model_version="1.0.0") for each in range(3)]
    summaries += [of(f"x{each}", model_version=f"9.9.{each}") for each in range(97)]
    aws = told(*summaries)
    versions = {each for name, each in _versions(aws) if name == "Inferences"}
    assert len(versions) == 21
    assert {"1.0.0", "other"} <= versions
    assert aws.sum("Inferences", ModelVersion="other") == 78 * 9


def _versions(aws: TelemetryAws) -> set[tuple[str, str]]:
    return {
        (each["MetricName"], dimension["Value"])
        for call in aws.puts
        for each in call
        for dimension in each["Dimensions"]
        if dimension["Name"] == "ModelVersion"
    }


def test_a_thousand_devices_make_no_more_data_than_one() -> None:
    one, thousand = told(of()), told(*(of(f"d{each}") for each in range(1000)))
    assert [len(call) for call in one.puts] == [len(call) for call in thousand.puts]


def test_what_a_device_says_after_an_outage_is_told_in_calls_that_cloudwatch_takes() -> None:
    """A hundred minutes, each with as many latencies as a summary may have: more than 1 MB in one call."""
    latency = {"values": [1.1**power for power in range(100)], "counts": [1] * 100}
    late = [of(at=int((NOW - 60 * each) * 1000), number=each, latency=latency) for each in range(100)]
    aws = told(*late)
    assert len(aws.puts) > 1
    assert sum(sum(each["Counts"]) for each in aws.data("Latency")) == 10_000


def test_nothing_told_is_no_call() -> None:
    assert told().puts == []


@given(
    st.lists(
        st.tuples(
            st.integers(0, 3),
            st.sampled_from(["canary", "fleet"]),
            st.sampled_from(["1.0.0", "2.0.0"]),
            st.integers(0, 50),
            st.integers(0, 50),
        ),
        max_size=30,
    )
)
def test_every_request_is_counted_once_in_each_breakdown(given: list[tuple[int, str, str, int, int]]) -> None:
    summaries, requests, answers = [], defaultdict(int), defaultdict(int)
    for number, (minute, group, version, good, bad) in enumerate(given):
        summaries.append(
            of(
                at=int((NOW - 60 * minute) * 1000),
                number=number,
                group=group,
                model_version=version,
                inferences=good + bad,
                errors=bad,
            )
        )
        requests[group] += good + bad
        answers[version] += good
    aws = told(*summaries)
    assert aws.sum("Requests") == sum(requests.values())
    assert all(aws.sum("Requests", Group=group) == number for group, number in requests.items())
    assert all(aws.sum("Inferences", ModelVersion=each) == number for each, number in answers.items())
