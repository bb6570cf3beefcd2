"""The telemetry of a fleet as constructs, and what its template says."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_sns as sns

from constructs_lib.edge.dashboard import fleet_dashboard
from constructs_lib.edge.fleet_telemetry import FleetTelemetry
from constructs_lib.edge.names import FleetNames
from constructs_lib.edge.telemetry import EdgeTelemetry

from .synth import Template, flat, fresh_app, resources, synthesized

FLEET = "press-cams"
NAMESPACE = "ConstructsLib/Edge"


def a_stack() -> cdk.Stack:
    """An empty one."""
    return cdk.Stack(fresh_app(), "Stack")


def telemetry_of(stack: cdk.Stack, *, notify: Sequence[sns.ITopic] = (), **props: Any) -> FleetTelemetry:
    """What becomes of what a fleet tells."""
    return FleetTelemetry(
        stack, "Telemetry", names=FleetNames(fleet=FLEET), telemetry=EdgeTelemetry(**props), notify=notify
    )


def made(*, dashboard: bool = False, topic: bool = False, **props: Any) -> Template:
    """The template of it."""
    stack = a_stack()
    telemetry = telemetry_of(stack, notify=[sns.Topic(stack, "OnCall")] if topic else (), **props)
    if dashboard:
        fleet_dashboard(stack, fleet_name=FLEET, telemetry=telemetry)
    return synthesized(stack)


def alarms(template: Template) -> dict[str, dict[str, Any]]:
    """The properties of each alarm by its id in `FleetAlarms`."""
    return {
        re.sub(r"^TelemetryAlarms|[0-9A-F]{8}$", "", id): each["Properties"]
        for id, each in resources(template, "AWS::CloudWatch::Alarm").items()
    }


def widgets(template: Template) -> list[dict[str, Any]]:
    """The properties of the dashboard's widgets."""
    (dashboard,) = resources(template, "AWS::CloudWatch::Dashboard").values()
    body = json.loads(flat(dashboard["Properties"]["DashboardBody"]))
    return [each["properties"] for each in body["widgets"]]


Looked = tuple[str, frozenset[str]]
"""A metric of ours by its name, and the names of its dimensions."""


def looked_at_by_alarms(template: Template) -> set[Looked]:
    """Metrics of ours that alarms look at."""
    return {found for each in alarms(template).values() for found in _of_alarm(each)}


def _of_alarm(alarm: dict[str, Any]) -> Iterator[Looked]:
    metrics = [each["MetricStat"]["Metric"] for each in alarm.get("Metrics", ()) if "MetricStat" in each]
    for each in [*metrics, *([alarm] if "MetricName" in alarm else [])]:
        if each["Namespace"] == NAMESPACE:
            yield each["MetricName"], frozenset(dimension["Name"] for dimension in each["Dimensions"])


def shown(template: Template) -> set[Looked]:
    """Metrics of ours that the dashboard shows."""
    return {
        found for widget in widgets(template) for line in widget.get("metrics", ()) for found in _of(line)
    }


def _of(line: list[Any]) -> Iterator[Looked]:
    if isinstance(line[0], dict):
        found = re.match(r"SEARCH\('\{([^}]*)\} MetricName=\"(\w+)\"", line[0]["expression"])
        if found is not None:
            namespace, *dimensions = found[1].split(",")
            if namespace == NAMESPACE:
                yield found[2], frozenset(dimensions)
    elif line[0] == NAMESPACE:
        yield line[1], frozenset(each for each in line[2::2] if isinstance(each, str))
