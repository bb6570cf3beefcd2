"""The alarms of a fleet: what each looks at, whom it tells, and when it goes off."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
import pytest

from constructs_lib.local.autoscaling.expressions import evaluate
from tests.support.fleet_telemetry import FLEET, a_stack, alarms, made, telemetry_of
from tests.support.synth import Template

WHOLE = {"Silent", "Errors", "Dropped", "Rejected", "RolloutFailed", "CensusMissing", "Uncounted"}
CANARY = {"CanaryErrors", "CanarySilent", "CanaryRejected"}
FLEETS = [{"Name": "Fleet", "Value": FLEET}]


@pytest.fixture(scope="module")
def template() -> Template:
    return made(topic=True, latency_p99=cdk.Duration.millis(250), silent_devices=7, error_percent=2.5)


@pytest.fixture(scope="module")
def found(template: Template) -> dict[str, dict[str, Any]]:
    return alarms(template)


def test_there_is_none_on_latency_unless_asked_for(found: dict[str, Any]) -> None:
    assert set(alarms(made())) == WHOLE | CANARY
    assert set(found) == WHOLE | CANARY | {"Latency", "CanaryLatency"}


def test_people_are_told_of_the_fleets_alarms_and_rollouts_of_the_canarys(found: dict[str, Any]) -> None:
    for name, each in found.items():
        told = bool(each.get("AlarmActions")), bool(each.get("OKActions"))
        assert told == ((False, False) if name.startswith("Canary") else (True, True)), name


def test_the_canarys_are_handed_to_rollouts() -> None:
    stack = a_stack()
    telemetry = telemetry_of(stack, latency_p99=cdk.Duration.seconds(1))
    assert {each.node.id for each in telemetry.alarms.canary} == CANARY | {"CanaryLatency"}
    assert {each.node.id for each in telemetry.alarms.all} == WHOLE | {"Latency"}


def test_thresholds_are_those_that_were_asked_for(found: dict[str, Any]) -> None:
    assert found["Silent"]["Threshold"] == 7
    assert found["CanarySilent"]["Threshold"] == 1
    assert found["Errors"]["Threshold"] == found["CanaryErrors"]["Threshold"] == 2.5
    assert found["Latency"]["Threshold"] == found["CanaryLatency"]["Threshold"] == 250
    assert found["Latency"]["ExtendedStatistic"] == "p99"


def test_the_canarys_are_of_the_canary_alone(found: dict[str, Any]) -> None:
    group = [*FLEETS, {"Name": "Group", "Value": "canary"}]
    for name, each in found.items():
        metrics = [
            query["MetricStat"]["Metric"] for query in each.get("Metrics", ()) if "MetricStat" in query
        ]
        for looked in metrics or [each]:
            if looked["Namespace"] == "ConstructsLib/Edge":
                assert looked["Dimensions"] == (group if name.startswith("Canary") else FLEETS), name


def test_a_census_that_stays_away_is_an_alarm(found: dict[str, Any]) -> None:
    alarm = found["CensusMissing"]
    assert (alarm["TreatMissingData"], alarm["ComparisonOperator"]) == ("breaching", "LessThanThreshold")
    assert alarm["Period"] == 900


def test_what_the_census_counts_stays_as_it_was_until_the_next(found: dict[str, Any]) -> None:
    """It is taken each five minutes, give or take: a period may have none."""
    assert found["Silent"]["TreatMissingData"] == found["CanarySilent"]["TreatMissingData"] == "ignore"


def test_no_other_takes_silence_for_trouble(found: dict[str, Any]) -> None:
    others = set(found) - {"CensusMissing", "Silent", "CanarySilent"}
    assert {found[each]["TreatMissingData"] for each in others} == {"notBreaching"}


def test_those_that_stop_rollouts_stay_on_for_a_while(found: dict[str, Any]) -> None:
    for name in ("CanaryErrors", "CanaryRejected", "CanaryLatency"):
        assert (found[name]["EvaluationPeriods"], found[name]["DatapointsToAlarm"]) == (3, 1), name


def test_dead_letters_are_an_alarm(found: dict[str, Any]) -> None:
    alarm = found["Uncounted"]
    assert (alarm["Namespace"], alarm["MetricName"]) == ("AWS/SQS", "ApproximateNumberOfMessagesVisible")
    assert "DeadLetters" in str(alarm["Dimensions"])


@pytest.mark.parametrize("name", ["Errors", "CanaryErrors"])
@pytest.mark.parametrize(
    ("requests", "errors", "goes_off"),
    [
        (1000, 25, False),
        (1000, 26, True),
        (20, 1, True),
        (19, 1, False),  # one of few says nothing
        (19, 9, False),
        (19, 10, True),  # half of few does
        (5, 5, True),
        (2, 2, False),
        (0, 0, False),
    ],
)
def test_errors_go_off_by_their_share(
    found: dict[str, Any], name: str, requests: int, errors: int, goes_off: bool
) -> None:
    (expression,) = [each["Expression"] for each in found[name]["Metrics"] if "Expression" in each]
    series = {"requests": {0.0: float(requests)}, "errors": {0.0: float(errors)}}
    share = evaluate(expression, series, (0.0,)).get(0.0, 0.0)
    assert (share > found[name]["Threshold"]) == goes_off


def test_every_alarm_says_of_which_fleet(found: dict[str, Any]) -> None:
    for each in found.values():
        assert f"Fleet {FLEET}: " in str(each["AlarmDescription"])
