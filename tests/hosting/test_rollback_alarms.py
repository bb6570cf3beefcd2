"""Rollback alarms: over whatever reports the metrics, be it variants, an endpoint or a component."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import aws_cdk as cdk
import pytest

from constructs_lib import EndpointMetric, Rollback
from constructs_lib.hosting.rollback_alarms import Dimensions, RollbackAlarms, Watched, built_in_alarms
from tests.support.synth import resources, synthesized

QUIET = Rollback(error_rate_percent=None, latency_alarm=False)


def watched(*sources: Dimensions, **props: Any) -> Watched:
    def of(_metric: EndpointMetric) -> Sequence[Dimensions]:
        return sources

    return Watched(subject="endpoint fraud", sources=of, **props)


def made(stack: cdk.Stack, watched: Watched, **rollback: Any) -> list[dict[str, Any]]:
    """The properties of the alarms."""
    RollbackAlarms(stack, "Alarms", watched=watched, rollback=Rollback(**rollback))
    return [each["Properties"] for each in resources(synthesized(stack), "AWS::CloudWatch::Alarm").values()]


def metrics(alarm: dict[str, Any]) -> dict[str, tuple[str, dict[str, str]]]:
    """The metric and the dimensions of each query that is one."""
    return {
        query["Id"]: (
            query["MetricStat"]["Metric"]["MetricName"],
            {each["Name"]: each["Value"] for each in query["MetricStat"]["Metric"]["Dimensions"]},
        )
        for query in alarm["Metrics"]
        if "MetricStat" in query
    }


def expressions(alarm: dict[str, Any]) -> dict[str, str]:
    return {query["Id"]: query["Expression"] for query in alarm["Metrics"] if "Expression" in query}


def test_one_source_is_read_as_it_is(stack: cdk.Stack) -> None:
    errors, latency = made(stack, watched({"InferenceComponentName": "fraud"}))
    here = {"InferenceComponentName": "fraud"}
    assert metrics(errors) == {"errors": ("Invocation5XXErrors", here), "requests": ("Invocations", here)}
    assert expressions(errors) == {"rate": "IF(FILL(requests, 0) > 0, 100 * FILL(errors, 0) / requests, 0)"}
    assert metrics(latency) == {"latency": ("ModelLatency", here)}
    assert latency["Threshold"] == 30_000_000


def test_several_sources_are_taken_together(stack: cdk.Stack) -> None:
    errors, latency = made(stack, watched({"VariantName": "A"}, {"VariantName": "B"}))
    assert expressions(errors)["errors"] == "SUM([FILL(errors_0, 0), FILL(errors_1, 0)])"
    assert expressions(latency) == {"latency": "MAX([FILL(latency_0, 0), FILL(latency_1, 0)])"}
    assert [returned for alarm in (errors, latency) for returned in _returned(alarm)] == ["rate", "latency"]


def _returned(alarm: dict[str, Any]) -> list[str]:
    return [query["Id"] for query in alarm["Metrics"] if query["ReturnData"]]


def test_errors_may_be_a_share_of_other_requests(stack: cdk.Stack) -> None:
    processed = EndpointMetric.INVOCATIONS_PROCESSED
    (errors,) = made(stack, watched({"EndpointName": "fraud"}, requests=processed), latency_alarm=False)
    assert metrics(errors)["requests"] == ("InvocationsProcessed", {"EndpointName": "fraud"})


def test_an_alarm_tells_what_it_rolls_back(stack: cdk.Stack) -> None:
    for alarm in made(stack, watched({"EndpointName": "fraud"})):
        assert alarm["AlarmDescription"].startswith("Rolls a deployment of endpoint fraud back: ")
        assert alarm["TreatMissingData"] == "notBreaching"


def test_without_thresholds_there_is_no_alarm_and_nothing_to_acknowledge(stack: cdk.Stack) -> None:
    alarms = RollbackAlarms(stack, "Alarms", watched=watched({"EndpointName": "fraud"}), rollback=QUIET)
    assert (alarms.names, alarms.cfn_alarms, alarms.node.metadata) == ([], [], [])


@pytest.mark.parametrize(
    ("rollback", "variants", "alarms"),
    [(Rollback(), 1, 2), (Rollback(), 5, 2), (Rollback(), 6, 3), (QUIET, 6, 0)],
)
def test_as_many_alarms_are_made_as_are_counted(
    stack: cdk.Stack, rollback: Rollback, variants: int, alarms: int
) -> None:
    sources = [{"VariantName": f"V{index}"} for index in range(variants)]
    made = RollbackAlarms(stack, "Alarms", watched=watched(*sources), rollback=rollback)
    assert len(made.cfn_alarms) == built_in_alarms(rollback, variants) == alarms
