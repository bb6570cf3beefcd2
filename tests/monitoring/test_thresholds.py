"""Thresholds: what each rule refuses, just inside and just outside of its limits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_cloudwatch as cloudwatch

from constructs_lib import (
    AlarmThreshold,
    ErrorThreshold,
    InstancesThreshold,
    LatencyThreshold,
    TrafficThreshold,
    UtilizationThreshold,
)
from tests.support.refusals import (
    INFINITY,
    NAN,
    WRONG_DURATIONS,
    WRONG_NUMBERS,
    WRONG_SWITCHES,
    WRONG_TEXTS,
    WRONG_WHOLE_NUMBERS,
    Refusal,
    WrongType,
    as_parameters,
    refused,
    wrong_types,
)

MINUTES = cdk.Duration.minutes
LINK = "https://runbooks.example.com/fraud"

REFUSALS = [
    Refusal("SM-ALARM-001", lambda: AlarmThreshold(evaluation_periods=0), "evaluation_periods", 0, "from 1"),
    Refusal("SM-ALARM-001", lambda: AlarmThreshold(datapoints=0), "datapoints", 0, "from 1"),
    Refusal(
        "SM-ALARM-001",
        lambda: AlarmThreshold(evaluation_periods=3, datapoints=4),
        "datapoints",
        4,
        "at most evaluation_periods (3)",
    ),
    Refusal(
        "SM-ALARM-002", lambda: AlarmThreshold(period=cdk.Duration.seconds(30)), "period", "30 seconds", "1 minute"
    ),
    Refusal(
        "SM-ALARM-002", lambda: AlarmThreshold(period=cdk.Duration.seconds(90)), "period", "90 seconds", "whole minutes"
    ),
    Refusal(
        "SM-ALARM-002", lambda: AlarmThreshold(period=cdk.Duration.days(2), evaluation_periods=1), "period",
        "2 days", "to 1 day",
    ),
    Refusal(
        "SM-ALARM-003", lambda: AlarmThreshold(evaluation_periods=1441), "evaluation_periods", 1441, "at most 1440"
    ),
    Refusal(
        "SM-ALARM-003",
        lambda: AlarmThreshold(period=cdk.Duration.hours(1), evaluation_periods=169),
        "evaluation_periods",
        169,
        "at most 168",
    ),
    Refusal("SM-ALARM-004", lambda: AlarmThreshold(runbook="wiki/fraud"), "runbook", "wiki/fraud", "https://"),
    Refusal("SM-ALARM-004", lambda: AlarmThreshold(documentation=""), "documentation", "", "https://"),
    Refusal(
        "SM-ALARM-004", lambda: AlarmThreshold(runbook=f"{LINK}/two words"), "runbook", f"{LINK}/two words", "spaces"
    ),
    Refusal("SM-ALARM-005", lambda: ErrorThreshold(), "percent", None, "not none"),
    Refusal("SM-ALARM-005", lambda: ErrorThreshold(percent=1, count=1), "percent", 1, "not both"),
    Refusal("SM-ALARM-005", lambda: ErrorThreshold(percent=-0.1), "percent", -0.1, "at least 0"),
    Refusal("SM-ALARM-005", lambda: ErrorThreshold(percent=100), "percent", 100, "less than 100"),
    Refusal("SM-ALARM-005", lambda: ErrorThreshold(percent=100.1), "percent", 100.1, "at most 100"),
    Refusal("SM-ALARM-005", lambda: ErrorThreshold(count=-1), "count", -1, "from 0"),
    Refusal(
        "SM-ALARM-006", lambda: ErrorThreshold(percent=1, min_requests=0), "min_requests", 0, "from 1"
    ),
    Refusal(
        "SM-ALARM-006", lambda: LatencyThreshold(at_most=MINUTES(1), min_requests=0), "min_requests", 0, "from 1"
    ),
    Refusal(
        "SM-ALARM-007", lambda: LatencyThreshold(at_most=cdk.Duration.millis(0)), "at_most", "0 millis", "1 milli"
    ),
    Refusal(
        "SM-ALARM-007", lambda: LatencyThreshold(at_most=MINUTES(361)), "at_most", "6 hours 1 minute", "6 hours"
    ),
    Refusal("SM-ALARM-008", lambda: UtilizationThreshold(percent=0), "percent", 0, "more than 0"),
    Refusal("SM-ALARM-008", lambda: UtilizationThreshold(percent=100), "percent", 100, "less than 100"),
    Refusal("SM-ALARM-008", lambda: UtilizationThreshold(percent=90, units=0), "units", 0, "from 1"),
    Refusal("SM-ALARM-008", lambda: UtilizationThreshold(percent=90, units=1025), "units", 1025, "to 1024"),
    Refusal("SM-ALARM-009", lambda: TrafficThreshold(fewer_than=0), "fewer_than", 0, "from 1"),
    Refusal("SM-ALARM-010", lambda: InstancesThreshold(count=0), "count", 0, "from 1"),
]  # fmt: skip


@pytest.mark.parametrize("refusal", as_parameters(REFUSALS))
def test_a_rule_refuses(refusal: Refusal) -> None:
    refusal.check()


@pytest.mark.parametrize(
    "make",
    [
        lambda: AlarmThreshold(),
        lambda: AlarmThreshold(evaluation_periods=1, datapoints=1),
        lambda: AlarmThreshold(evaluation_periods=1440),
        lambda: AlarmThreshold(period=cdk.Duration.hours(1), evaluation_periods=168),
        lambda: AlarmThreshold(period=cdk.Duration.days(1), evaluation_periods=7, datapoints=7),
        lambda: AlarmThreshold(
            runbook=LINK + "/" + "x" * (299 - len(LINK)), documentation="http://wiki/Prüfung"
        ),
        lambda: ErrorThreshold(percent=0),
        lambda: ErrorThreshold(percent=99.9, min_requests=10**9),
        lambda: ErrorThreshold(count=0),
        lambda: LatencyThreshold(at_most=cdk.Duration.millis(1)),
        lambda: LatencyThreshold(at_most=cdk.Duration.hours(6)),
        lambda: UtilizationThreshold(percent=0.1),
        lambda: UtilizationThreshold(percent=99.9, units=1024),
        lambda: TrafficThreshold(fewer_than=1),
        lambda: InstancesThreshold(count=1),
    ],
)
def test_what_is_just_inside_a_limit_is_taken(make: Callable[[], AlarmThreshold]) -> None:
    make()


def error(**given: Any) -> object:
    return ErrorThreshold(**{"percent": 1, **given})


def latency(**given: Any) -> object:
    return LatencyThreshold(**{"at_most": MINUTES(1), **given})


def utilization(**given: Any) -> object:
    return UtilizationThreshold(**{"percent": 90, **given})


def traffic(**given: Any) -> object:
    return TrafficThreshold(**{"fewer_than": 1, **given})


WRONG_TYPES = [
    *wrong_types(
        AlarmThreshold,
        "base",
        evaluation_periods=WRONG_WHOLE_NUMBERS,
        datapoints=WRONG_WHOLE_NUMBERS,
        period=WRONG_DURATIONS,
        missing=("ignore", 5, True, []),
        runbook=WRONG_TEXTS,
        documentation=WRONG_TEXTS,
        notify=("topic", 5, None, ["topic"], [None]),
        composite=WRONG_SWITCHES,
        fill=WRONG_SWITCHES,
        actions_enabled=("yes", 0, []),
    ),
    *wrong_types(error, "error", percent=WRONG_NUMBERS, min_requests=(*WRONG_WHOLE_NUMBERS, None)),
    *wrong_types(ErrorThreshold, "error", count=WRONG_WHOLE_NUMBERS),
    *wrong_types(latency, "latency", at_most=(*WRONG_DURATIONS, None), min_requests=WRONG_WHOLE_NUMBERS),
    *wrong_types(
        utilization, "utilization", percent=(*WRONG_NUMBERS, None), units=(*WRONG_WHOLE_NUMBERS, None)
    ),
    *wrong_types(traffic, "traffic", fewer_than=(*WRONG_WHOLE_NUMBERS, None)),
    *wrong_types(InstancesThreshold, "instances", count=WRONG_WHOLE_NUMBERS),
]


@pytest.mark.parametrize("wrong", WRONG_TYPES)
def test_a_wrong_type_is_refused(wrong: WrongType) -> None:
    wrong.check()


def test_tokens_pass_where_cloudformation_can_fill_them_in() -> None:
    number: Any = cdk.Token.as_number({"Ref": "Percent"})
    ErrorThreshold(percent=number)
    ErrorThreshold(count=number)
    UtilizationThreshold(percent=number)
    TrafficThreshold(fewer_than=number)
    InstancesThreshold(count=number)
    AlarmThreshold(
        evaluation_periods=number, datapoints=number, runbook=cdk.Token.as_string({"Ref": "Runbook"})
    )


def test_tokens_are_refused_where_something_is_computed() -> None:
    number: Any = cdk.Token.as_number({"Ref": "Number"})
    for attempt, rule in (
        (lambda: ErrorThreshold(percent=1, min_requests=number), "SM-ALARM-006"),
        (lambda: LatencyThreshold(at_most=cdk.Duration.millis(number)), "SM-ALARM-007"),
        (lambda: UtilizationThreshold(percent=number, units=4), "SM-ALARM-008"),
        (lambda: UtilizationThreshold(percent=90, units=number), "SM-ALARM-008"),
    ):
        assert refused(attempt).rules == (rule,)


def test_several_mistakes_are_told_together() -> None:
    error = refused(lambda: ErrorThreshold(percent=NAN, min_requests=0, evaluation_periods=0, runbook="x"))
    assert set(error.rules) == {"SM-ALARM-001", "SM-ALARM-004", "SM-ALARM-005", "SM-ALARM-006"}
    assert refused(lambda: UtilizationThreshold(percent=INFINITY)).path == "UtilizationThreshold"


def test_more_datapoints_than_the_default_reach_further_back() -> None:
    threshold = ErrorThreshold(percent=1, datapoints=5)
    assert (threshold.periods, threshold.least_breaching) == (5, 5)
    assert ErrorThreshold(percent=1).least_breaching == 3
    assert ErrorThreshold(percent=1, missing=cloudwatch.TreatMissingData.BREACHING, datapoints=2).periods == 3
