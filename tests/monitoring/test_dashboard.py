"""Graphs and dashboards: what is drawn, where alarms begin, and one whole body to be read."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_cloudwatch as cloudwatch
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.json import JSONSnapshotExtension

from constructs_lib import (
    AutoScaling,
    EndpointAlarms,
    EndpointBase,
    EndpointMonitoring,
    ErrorThreshold,
    InstancesThreshold,
    LatencyThreshold,
    MonitoringDashboard,
    RealtimeEndpoint,
    TrafficThreshold,
    UtilizationThreshold,
)
from tests.support.alarms import dashboard_body
from tests.support.components import a_fleet
from tests.support.endpoints import a_multi_model_endpoint, a_serverless_endpoint, an_async_endpoint
from tests.support.refusals import INFINITY, NAN, refused, sole_violation
from tests.support.synth import a_variant, an_endpoint, resource, resources, synthesized

Widget = dict[str, Any]


def shown(stack: cdk.Stack, endpoint: EndpointBase, alarms: EndpointAlarms | None = None) -> list[Widget]:
    """The widgets of a dashboard of one endpoint."""
    monitoring = EndpointMonitoring(stack, "Monitoring", endpoint=endpoint, alarms=alarms)
    MonitoringDashboard(stack, "Dashboard", monitorings=[monitoring])
    body = dashboard_body(resource(synthesized(stack), "AWS::CloudWatch::Dashboard"))
    return list(body["widgets"])


def titles(widgets: list[Widget]) -> list[str]:
    return [each["properties"]["title"] for each in widgets if each["type"] == "metric"]


def graph(widgets: list[Widget], title: str) -> dict[str, Any]:
    (found,) = [
        each["properties"]
        for each in widgets
        if each["type"] == "metric" and each["properties"]["title"] == title
    ]
    return dict(found)


def lines(graph: dict[str, Any]) -> dict[str, tuple[float, str]]:
    """Where alarms begin: value and axis, by label."""
    drawn = graph.get("annotations", {}).get("horizontal", [])
    return {each["label"]: (each["value"], each["yAxis"]) for each in drawn}


def test_a_dashboard_body(stack: cdk.Stack, snapshot: SnapshotAssertion) -> None:
    endpoint = RealtimeEndpoint.from_endpoint_name(stack, "Fraud", "fraud", variant_names=["A"])
    alarms = EndpointAlarms(
        error_rate={"Critical": ErrorThreshold(percent=5, fill=True)},
        latency_p99={"Critical": LatencyThreshold(at_most=cdk.Duration.millis(800))},
        at_max_capacity={"Warning": InstancesThreshold(count=4)},
    )
    monitoring = EndpointMonitoring(stack, "Monitoring", endpoint=endpoint, alarms=alarms)
    dashboard = MonitoringDashboard(stack, "Dashboard", monitorings=[monitoring])
    dashboard.add_section("Monitors", [cloudwatch.TextWidget(markdown="What monitors found")])

    body = dashboard_body(resource(synthesized(stack), "AWS::CloudWatch::Dashboard"))
    assert snapshot.use_extension(JSONSnapshotExtension) == body


ALWAYS = [
    "Requests a minute",
    "Errors: percent of the requests (left), a minute (right)",
    "Latency of the model, ms",
]
CPU, NO_CPU = "In use, percent (CPU: of one vCPU)", "In use, percent"
OVERHEAD, INSTANCES = "Overhead of SageMaker, ms", "Instances that answered"


@pytest.mark.parametrize(
    ("make", "drawn"),
    [
        (an_endpoint, [*ALWAYS, OVERHEAD, CPU, INSTANCES]),
        (a_serverless_endpoint, [*ALWAYS, OVERHEAD, NO_CPU, "Concurrency in use, percent"]),
        (an_async_endpoint, [*ALWAYS, CPU, "Backlog: age (left), requests (right)"]),
        (a_multi_model_endpoint, [*ALWAYS, OVERHEAD, CPU, INSTANCES, "Wait for a model, ms"]),
        (a_fleet, [CPU]),
    ],
)
def test_a_kind_shows_what_it_reports(stack: cdk.Stack, make: Any, drawn: list[str]) -> None:
    assert titles(shown(stack, make(stack))) == drawn


def test_gpus_are_shown_where_there_are_any(stack: cdk.Stack) -> None:
    assert "GPU in use, percent of one" in titles(
        shown(stack, an_endpoint(stack, instance_type="ml.g5.xlarge"))
    )


def test_gpus_of_an_imported_endpoint_are_shown_where_they_alarm(stack: cdk.Stack) -> None:
    endpoint = RealtimeEndpoint.from_endpoint_name(stack, "Fraud", "fraud", variant_names=["A"])
    alarms = EndpointAlarms(gpu_memory={"Full": UtilizationThreshold(percent=90, units=4)})
    gpu = graph(shown(stack, endpoint, alarms), "GPU in use, percent of one")
    assert [value for value, _ in lines(gpu).values()] == [360]


def test_graphs_show_where_alarms_begin(stack: cdk.Stack) -> None:
    alarms = EndpointAlarms(
        error_rate={"Share": ErrorThreshold(percent=5), "Count": ErrorThreshold(count=10)},
        client_error_rate={"Share": ErrorThreshold(percent=20)},
        latency_p50={"Slow": LatencyThreshold(at_most=cdk.Duration.millis(250))},
        latency_p99={"Slow": LatencyThreshold(at_most=cdk.Duration.seconds(1))},
        invocations_low={"Quiet": TrafficThreshold(fewer_than=3, fill=True)},
    )
    widgets = shown(stack, an_endpoint(stack), alarms)
    assert lines(graph(widgets, ALWAYS[1])) == {
        "Share: 5xx answers above 5 % of the requests": (5, "left"),
        "Count: 5xx answers above 10 requests": (10, "right"),
        "Share: 4xx answers above 20 % of the requests": (20, "left"),
    }
    assert [value for value, _ in lines(graph(widgets, ALWAYS[2])).values()] == [250, 1000], "milliseconds"
    (quiet,) = graph(widgets, ALWAYS[0])["annotations"]["horizontal"]
    assert (quiet["value"], quiet["fill"]) == (3, "below")


def test_every_variant_has_its_graphs(stack: cdk.Stack) -> None:
    endpoint = an_endpoint(stack, variants=[a_variant(stack, "A"), a_variant(stack, "B")])
    widgets = shown(stack, endpoint)
    texts = [each["properties"]["markdown"] for each in widgets if each["type"] == "text"]
    assert texts == ["# Endpoint test-endpoint", "## Variant A", "## Variant B"]
    assert titles(widgets).count(ALWAYS[0]) == 2
    assert all(each["x"] + each["width"] <= 24 for each in widgets)


def test_the_summary_has_all_variants_in_each_graph(stack: cdk.Stack) -> None:
    endpoint = an_endpoint(stack, variants=[a_variant(stack, "A"), a_variant(stack, "B")])
    monitoring = EndpointMonitoring(stack, "Monitoring", endpoint=endpoint)
    MonitoringDashboard(stack, "Dashboard").add_section("All", monitoring.summary_widgets())
    body = dashboard_body(resource(synthesized(stack), "AWS::CloudWatch::Dashboard"))
    assert titles(body["widgets"]) == [
        "Requests a minute",
        "5xx answers, percent",
        "Latency of the model, p99, ms",
    ]
    for each in body["widgets"][2:]:
        drawn = [metric[-1]["label"] for metric in each["properties"]["metrics"] if "label" in metric[-1]]
        assert drawn == ["A", "B"]


def test_the_summary_of_a_fleet_is_what_its_instances_use(stack: cdk.Stack) -> None:
    monitoring = EndpointMonitoring(stack, "Monitoring", endpoint=a_fleet(stack))
    MonitoringDashboard(stack, "Dashboard").add_section("All", monitoring.summary_widgets())
    body = dashboard_body(resource(synthesized(stack), "AWS::CloudWatch::Dashboard"))
    assert titles(body["widgets"]) == [f"{each} in use, percent" for each in ("CPU", "memory", "disk")]


def test_states_of_many_alarms_are_spread(stack: cdk.Stack) -> None:
    endpoint = an_endpoint(stack, variants=[a_variant(stack, f"V{index}") for index in range(10)])
    many = {f"S{index}": ErrorThreshold(percent=index) for index in range(1, 12)}
    states = [
        each for each in shown(stack, endpoint, EndpointAlarms(error_rate=many)) if each["type"] == "alarm"
    ]
    assert [len(each["properties"]["alarms"]) for each in states] == [100, 10]


def test_a_dashboard_of_nothing_but_your_own(stack: cdk.Stack) -> None:
    alarm = cloudwatch.Alarm.from_alarm_arn(
        stack, "Alarm", "arn:aws:cloudwatch:us-east-1:111122223333:alarm:declined"
    )
    dashboard = MonitoringDashboard(
        stack, "Dashboard", alarms=[alarm], name="fraud_Team-1", interval=cdk.Duration.days(7)
    )
    half = [cloudwatch.TextWidget(markdown=each, width=12) for each in "ab"]
    dashboard.add_section("Prüfung", half, [cloudwatch.TextWidget(markdown="c", width=24)], [])
    found = resource(synthesized(stack), "AWS::CloudWatch::Dashboard")
    body = dashboard_body(found)
    assert found["Properties"]["DashboardName"] == "fraud_Team-1"
    assert body["start"] == "-P7D"
    places = {
        each["properties"].get("markdown", "alarms"): (each["x"], each["y"]) for each in body["widgets"]
    }
    assert places == {"alarms": (0, 0), "# Prüfung": (0, 3), "a": (0, 4), "b": (12, 4), "c": (0, 6)}


def test_two_dashboards_may_show_the_same(stack: cdk.Stack) -> None:
    endpoint = an_endpoint(
        stack, scaling=AutoScaling(min_capacity=2, max_capacity=4, invocations_per_instance=9)
    )
    monitoring = EndpointMonitoring(stack, "Monitoring", endpoint=endpoint)
    for id in ("One", "Two"):
        MonitoringDashboard(stack, id, monitorings=[monitoring])
    one, two = map(dashboard_body, resources(synthesized(stack), "AWS::CloudWatch::Dashboard").values())
    assert one == two


@pytest.mark.parametrize("name", ["", "a b", "a/b", "ä", "x" * 256, 5, ["a"]])
def test_a_name_dashboards_do_not_have_is_refused(stack: cdk.Stack, name: Any) -> None:
    violation = sole_violation(lambda: MonitoringDashboard(stack, "Dashboard", name=name))
    assert (violation.rule, violation.property) == ("SM-ALARM-018", "name")


@pytest.mark.parametrize(
    "interval", [cdk.Duration.seconds(59), cdk.Duration.days(456), 3, "PT3H", NAN, INFINITY]
)
def test_an_interval_out_of_reach_is_refused(stack: cdk.Stack, interval: Any) -> None:
    violation = sole_violation(lambda: MonitoringDashboard(stack, "Dashboard", interval=interval))
    assert (violation.rule, violation.property) == ("SM-ALARM-018", "interval")


@pytest.mark.parametrize(
    ("property", "value"), [("monitorings", ["x"]), ("monitorings", None), ("alarms", ["x"])]
)
def test_a_wrong_type_is_refused(stack: cdk.Stack, property: str, value: Any) -> None:
    error = refused(lambda: MonitoringDashboard(stack, "Dashboard", **{property: value}))
    assert all(each.property.startswith(property) for each in error.violations)
    assert not stack.node.try_find_child("Dashboard"), "nothing is made of wrong input"
