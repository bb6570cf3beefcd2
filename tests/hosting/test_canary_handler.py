"""The function of canary analyses, called as EventBridge calls it, with the event that our construct writes."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_cloudwatch as cloudwatch

from constructs_lib import CanaryAnalysis, EndpointMetric, MetricCheck, OnInconclusive
from constructs_lib.hosting.rollout_analysis import NAMESPACE
from tests.support import guard
from tests.support.canary import START, Canary, FakeCloudWatch
from tests.support.guard import Clock

BAKE_MINUTES = 12
FAILED = {"RollBack": 1.0, "Success": 0.0, "Failure": 1.0, "Inconclusive": 0.0}
GOOD = {"RollBack": 0.0, "Success": 1.0, "Failure": 0.0, "Inconclusive": 0.0}
UNDECIDED = {"RollBack": 0.0, "Success": 0.0, "Failure": 0.0, "Inconclusive": 0.0}
GIVEN_UP = {"RollBack": 1.0, "Success": 0.0, "Failure": 0.0, "Inconclusive": 1.0}
ACCURACY = cloudwatch.Metric(namespace="Fraud", metric_name="Accuracy", dimensions_map={"Model": "fraud"})


def event(*checks: MetricCheck, **given: Any) -> dict[str, Any]:
    analysis = CanaryAnalysis(
        checks=checks or [MetricCheck(name="accuracy", metric=ACCURACY, at_least=0.9)], **given
    )
    return {"EndpointName": "fraud", "BakeSeconds": 60 * BAKE_MINUTES, **analysis.describe()}


@pytest.fixture
def canary(monkeypatch: pytest.MonkeyPatch) -> Canary:
    """The function of an endpoint that bakes since START, with one check of accuracy."""
    aws, clock = FakeCloudWatch(), Clock()
    aws.bake()
    monkeypatch.setattr(guard.module("canary_analysis"), "time", clock)
    monkeypatch.setattr(guard.module("canary_analysis").boto3, "client", aws.client)
    return Canary(aws=aws, clock=clock, event=event())


def test_function_and_construct_agree_on_names() -> None:
    function = guard.module("canary_analysis")
    assert function.NAMESPACE == NAMESPACE
    assert function.NEW_CONFIG == CanaryAnalysis.NEW_CONFIG
    assert function.OLD_CONFIG == CanaryAnalysis.OLD_CONFIG
    queries = MetricCheck(name="a", metric=ACCURACY, at_most=1, minimum_samples=2).describe(60)["Queries"]
    assert [each["Id"] for each in queries] == [function.VALUE, function.SAMPLES]  # type: ignore[attr-defined]


# --- when it looks --------------------------------------------------------------------------------


def test_an_endpoint_that_is_not_there_yet_is_left_alone(canary: Canary) -> None:
    canary.aws.endpoint = None
    assert canary.after(1) == {}


@pytest.mark.parametrize("status", ["InService", "RollingBack", "Creating"])
def test_an_endpoint_that_is_not_updated_is_left_alone(canary: Canary, status: str) -> None:
    assert canary.aws.endpoint is not None
    canary.aws.endpoint["EndpointStatus"] = status
    assert canary.after(1) == {}


@pytest.mark.parametrize("status", ["Creating", "ActivatingTraffic", "Deleting", "Updating"])
def test_before_the_bake_nothing_is_measured(canary: Canary, status: str) -> None:
    canary.aws.bake(status=status)
    assert canary.after(1) == {}
    assert canary.aws.asked == []


def test_the_old_configuration_again_is_nothing_new(canary: Canary) -> None:
    canary.aws.bake(config="old")
    assert canary.after(5) == {}


# --- what it says ---------------------------------------------------------------------------------


def test_two_bad_minutes_fail_once_cloudwatch_has_them(canary: Canary) -> None:
    canary.aws.fill("Accuracy", 0.5, 0.5, 0.5)
    assert canary.after(2) == UNDECIDED, "the second minute may not be whole yet"
    assert canary.after(2.99) == UNDECIDED
    assert canary.after(3) == FAILED
    assert canary.after(4) == FAILED, "and again, should the first have been lost"


def test_three_good_minutes_succeed_and_stand(canary: Canary) -> None:
    canary.aws.fill("Accuracy", 0.95, None, 0.95, 0.95)
    assert canary.after(4) == UNDECIDED
    assert canary.after(5) == GOOD
    assert canary.after(BAKE_MINUTES) == GOOD


def test_a_model_that_turns_bad_after_its_success_fails(canary: Canary) -> None:
    canary.aws.fill("Accuracy", 0.95, 0.95, 0.95, 0.5, 0.5)
    assert canary.after(5) == GOOD
    assert canary.after(6) == FAILED


def test_a_minute_that_began_before_the_bake_does_not_count(canary: Canary) -> None:
    canary.aws.bake(since=START + 1)
    canary.aws.fill("Accuracy", 0.1, 0.5)
    assert canary.after(3) == UNDECIDED


def test_no_data_is_inconclusive_three_minutes_before_the_end(canary: Canary) -> None:
    assert canary.after(BAKE_MINUTES - 3.01) == UNDECIDED
    assert canary.after(BAKE_MINUTES - 3) == GIVEN_UP


def test_inconclusive_may_go_on(canary: Canary) -> None:
    canary.event = event(on_inconclusive=OnInconclusive.PROCEED)
    assert canary.after(BAKE_MINUTES - 3) == {**GIVEN_UP, "RollBack": 0.0}


def test_a_failure_goes_back_whatever_becomes_of_the_inconclusive(canary: Canary) -> None:
    canary.event = event(on_inconclusive=OnInconclusive.PROCEED)
    canary.aws.fill("Accuracy", 0.5, 0.5)
    assert canary.after(3) == FAILED


def test_a_later_bake_without_data_rests_on_the_success_of_an_earlier_one(canary: Canary) -> None:
    canary.aws.fill("Success Maximum", 0, 1, 1, since=START - 300)
    assert canary.after(BAKE_MINUTES) == UNDECIDED


def test_a_success_of_another_deployment_does_not_count(canary: Canary) -> None:
    canary.aws.fill("Success Maximum", 1, 1, since=START - 1200)
    assert canary.after(BAKE_MINUTES) == GIVEN_UP


def test_longer_intervals_are_asked_for_and_counted(canary: Canary) -> None:
    canary.event = event(interval=cdk.Duration.minutes(2), success_limit=2)
    canary.aws.series["Accuracy"] = {START: 0.95, START + 120: 0.95}
    assert canary.after(4) == UNDECIDED
    assert canary.after(5) == GOOD
    assert {query["MetricStat"]["Period"] for query in canary.aws.asked} == {120}


# --- what it reads --------------------------------------------------------------------------------


def test_too_few_samples_are_no_data(canary: Canary) -> None:
    canary.event = event(MetricCheck(name="accuracy", metric=ACCURACY, at_least=0.9, minimum_samples=50))
    canary.aws.fill("Accuracy", 0.5, 0.5, 0.5)
    canary.aws.fill("Accuracy SampleCount", 50, 49, None)
    assert canary.after(4) == UNDECIDED
    canary.aws.fill("Accuracy SampleCount", 50, 49, 50)
    assert canary.after(4) == FAILED


def test_metric_math_compares_the_new_fleet_with_the_old_one(canary: Canary) -> None:
    fleets = {
        name: EndpointMetric.MODEL_LATENCY.of("fraud", ["AllTraffic"], config_name=config)
        for name, config in (("new", CanaryAnalysis.NEW_CONFIG), ("old", CanaryAnalysis.OLD_CONFIG))
    }
    ratio = cloudwatch.MathExpression(expression="new / old", using_metrics=fleets)
    canary.event = event(MetricCheck(name="latency", metric=ratio, at_most=1.2))
    canary.aws.fill("new / old", 1.5, 1.5)
    assert canary.after(3) == FAILED
    asked = {query["Id"]: query for query in canary.aws.asked}
    configs = {
        id: {each["Name"]: each["Value"] for each in query["MetricStat"]["Metric"]["Dimensions"]}
        for id, query in asked.items()
        if "MetricStat" in query
    }
    assert configs == {
        name: {"EndpointName": "fraud", "VariantName": "AllTraffic", "EndpointConfigName": name}
        for name in ("new", "old")
    }
    assert not asked["new"]["ReturnData"]


def test_every_check_is_read_on_its_own(canary: Canary) -> None:
    """Two expressions may call their metrics alike."""
    checks = [
        MetricCheck(
            name=name,
            metric=cloudwatch.MathExpression(
                expression=f"m * {factor}",
                using_metrics={"m": cloudwatch.Metric(namespace="Fraud", metric_name=name)},
            ),
            at_most=1,
        )
        for name, factor in (("one", 1), ("two", 2))
    ]
    canary.event = event(*checks)
    canary.aws.fill("m * 1", 0, 0, 0)
    canary.aws.fill("m * 2", 5, 5)
    assert canary.after(3) == FAILED


def test_several_series_of_one_expression_are_no_data(canary: Canary) -> None:
    canary.aws.labels = ("one", "two")
    canary.aws.fill("Accuracy", 0.5, 0.5, 0.5)
    assert canary.after(4) == UNDECIDED


def test_what_only_the_deployment_knew_comes_as_a_string(canary: Canary) -> None:
    canary.event["Checks"][0]["AtLeast"] = "0.9"
    canary.event["BakeSeconds"] = "720"
    canary.aws.fill("Accuracy", 0.5, 0.5)
    assert canary.after(3) == FAILED


def test_the_log_says_what_was_measured_and_found(canary: Canary, caplog: pytest.LogCaptureFixture) -> None:
    canary.aws.fill("Accuracy", 0.95, 0.5)
    with caplog.at_level("INFO"):
        canary.after(3)
    assert "accuracy: newest 0.5, all ['successful', 'failed']" in caplog.text
    assert '{"endpoint": "fraud", "config": "new", "verdict": "Running"}' in caplog.text
