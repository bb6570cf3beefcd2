"""The function of canary analyses: measures while an endpoint bakes, and says what it thinks of it.

EventBridge calls it every minute with the analysis of one endpoint. Unless that endpoint is baking a new
configuration, it returns at once. It keeps nothing: the series in CloudWatch are all it knows.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import boto3

from .canary_decision import Bound, Limits, Measurement, Verdict, judge, measure, whole_intervals
from .endpoint_state import describe

NAMESPACE = "ConstructsLib/Rollouts"
VALUE, SAMPLES = "constructs_value", "constructs_samples"
"""Ids of the queries whose results are looked at."""
NEW_CONFIG, OLD_CONFIG = "{new-endpoint-config}", "{old-endpoint-config}"
"""As values of dimensions: the configurations of the new and of the old fleet."""

Series = Mapping[float, float]

log = logging.getLogger()
log.setLevel(logging.INFO)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bake:
    """A new fleet that has traffic, beside the old one."""

    deploying_since: float
    since: float
    new_config: str
    old_config: str


def bake_of(endpoint: Mapping[str, Any]) -> Bake | None:
    """What the endpoint bakes, or None: nothing new, no traffic yet, or the old configuration again."""
    pending = endpoint.get("PendingDeploymentSummary")
    if pending is None or endpoint["EndpointStatus"] != "Updating":
        return None
    new, old = pending["EndpointConfigName"], endpoint["EndpointConfigName"]
    starts = [
        status["StartTime"].timestamp()
        for variant in pending.get("ProductionVariants", ())
        for status in variant.get("VariantStatus", ())
        if status["Status"] == "Baking" and "StartTime" in status
    ]
    # A rollback of the stack may deploy what runs already: there is nothing new to judge.
    if not starts or new == old:
        return None
    since = max(starts)
    begun = pending["StartTime"].timestamp() if "StartTime" in pending else since
    return Bake(deploying_since=begun, since=since, new_config=new, old_config=old)


# --- what CloudWatch has --------------------------------------------------------------------------------


def read(queries: Sequence[Mapping[str, Any]], start: float, end: float) -> dict[str, Series]:
    """The series of the queries that are returned, by id; of one that yields several, none."""
    pages = (
        boto3.client("cloudwatch")
        .get_paginator("get_metric_data")
        .paginate(
            MetricDataQueries=queries,
            StartTime=datetime.fromtimestamp(start, UTC),
            EndTime=datetime.fromtimestamp(end, UTC),
        )
    )
    found: dict[str, dict[str, dict[float, float]]] = {}
    for result in (result for page in pages for result in page["MetricDataResults"]):
        for message in result.get("Messages", ()):
            log.warning("%s: %s", result["Id"], message)
        times = [each.timestamp() for each in result["Timestamps"]]
        series = found.setdefault(result["Id"], {}).setdefault(result.get("Label", ""), {})
        series.update(zip(times, result["Values"], strict=True))
    return {id: next(iter(series.values())) for id, series in found.items() if len(series) == 1}


def of_fleets(queries: Iterable[Mapping[str, Any]], bake: Bake) -> list[dict[str, Any]]:
    """The queries, with the names of the two configurations where they stand for them."""
    names = {NEW_CONFIG: bake.new_config, OLD_CONFIG: bake.old_config}
    return [_of_fleets(query, names) for query in queries]


def _of_fleets(query: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    if "MetricStat" not in query:
        return dict(query)
    metric = query["MetricStat"]["Metric"]
    dimensions = [
        {**each, "Value": names.get(each["Value"], each["Value"])} for each in metric.get("Dimensions", ())
    ]
    return {**query, "MetricStat": {**query["MetricStat"], "Metric": {**metric, "Dimensions": dimensions}}}


def found_good_before(endpoint_name: str, bake: Bake) -> bool:
    """Whether an earlier bake of the same deployment was a success, as this function put it then."""
    if bake.deploying_since >= bake.since:
        return False
    metric = {"Namespace": NAMESPACE, "MetricName": "Success", "Dimensions": _dimensions(endpoint_name)}
    stat = {"Metric": metric, "Period": 60, "Stat": "Maximum"}
    series = read([{"Id": VALUE, "MetricStat": stat}], bake.deploying_since, bake.since)
    return any(value > 0 for value in series.get(VALUE, {}).values())


def _dimensions(endpoint_name: str) -> list[dict[str, str]]:
    return [{"Name": "EndpointName", "Value": endpoint_name}]


# --- measuring ------------------------------------------------------------------------------------------


def measurements(
    check: Mapping[str, Any], bake: Bake, starts: Sequence[float], end: float
) -> list[Measurement]:
    """One measurement for each interval, by the check's metric."""
    if not starts:
        return []
    series = read(of_fleets(check["Queries"], bake), starts[0], end)
    counted = any(query["Id"] == SAMPLES for query in check["Queries"])
    values, samples = series.get(VALUE, {}), series.get(SAMPLES, {})
    bound = Bound(
        at_most=_number(check.get("AtMost")),
        at_least=_number(check.get("AtLeast")),
        margin=float(check["Margin"]),
        minimum_samples=float(check["MinimumSamples"]),
    )
    taken = [
        measure(bound, values.get(start), samples.get(start, 0.0) if counted else None) for start in starts
    ]
    newest = values.get(starts[-1])
    log.info("%s: newest %s, all %s", check["Name"], newest, [each.value for each in taken])
    return taken


def _number(given: str | float | None) -> float | None:
    """What only the deployment knew stands in the event as a string."""
    return None if given is None else float(given)


def analyse(analysis: Mapping[str, Any], bake: Bake, now: float) -> Verdict:
    """The verdict on what is baking, as it is now."""
    # What CloudWatch has of an interval that has just ended may be a part of it.
    end = now - analysis["SettleSeconds"]
    starts = whole_intervals(bake.since, end, analysis["IntervalSeconds"])
    columns = [measurements(check, bake, starts, end) for check in analysis["Checks"]]
    limits = Limits(
        failure=analysis["FailureLimit"],
        success=analysis["SuccessLimit"],
        inconclusive=analysis.get("InconclusiveLimit"),
    )
    time_is_up = now >= bake.since + float(analysis["BakeSeconds"]) - analysis["DecideSecondsBefore"]
    # The last bakes may have no data for a reason: the old fleet has no traffic left to compare with.
    due = time_is_up and not found_good_before(analysis["EndpointName"], bake)
    return judge(zip(*columns, strict=True), limits, due=due)


def publish(endpoint_name: str, verdict: Verdict, *, rolls_back: bool) -> None:
    """Put the verdict where the alarm, and people, look for it."""
    said = {
        "RollBack": rolls_back,
        **{each.value: each is verdict for each in Verdict if each is not Verdict.RUNNING},
    }
    boto3.client("cloudwatch").put_metric_data(
        Namespace=NAMESPACE,
        MetricData=[
            {
                "MetricName": name,
                "Dimensions": _dimensions(endpoint_name),
                "Value": float(value),
            }
            for name, value in said.items()
        ],
    )


def handle(event: dict[str, Any], _context: object) -> None:
    """Entry point of the function: `event` is the analysis of an endpoint."""
    name = event["EndpointName"]
    endpoint = describe(name)
    bake = None if endpoint is None else bake_of(endpoint)
    if bake is None:
        return
    verdict = analyse(event, bake, time.time())
    inconclusive_too = event["OnInconclusive"] == "ROLL_BACK"
    rolls_back = verdict is Verdict.FAILURE or (verdict is Verdict.INCONCLUSIVE and inconclusive_too)
    publish(name, verdict, rolls_back=rolls_back)
    log.info(json.dumps({"endpoint": name, "config": bake.new_config, "verdict": verdict.value}))
