"""What alarms in a template read, and what that comes to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from constructs_lib.local.autoscaling.expressions import evaluate

from .synth import Resource, Template, flat, resources

ALARM = "AWS::CloudWatch::Alarm"
Alarm = dict[str, Any]


def alarms_below(template: Template, prefix: str) -> dict[str, Alarm]:
    """The properties of the alarms whose logical ids begin with `prefix`, by what follows but the hash."""
    return {
        id.removeprefix(prefix)[:-8]: each["Properties"]
        for id, each in resources(template, ALARM).items()
        if id.startswith(prefix)
    }


def read_by(alarm: Alarm) -> dict[str, tuple[str, str, str, dict[str, str]]]:
    """Namespace, name, statistic and dimensions of each metric, by id; of a plain alarm under the id ``""``."""
    if "Metrics" not in alarm:
        statistic = alarm.get("Statistic", alarm.get("ExtendedStatistic"))
        return {"": (alarm["Namespace"], alarm["MetricName"], statistic, _dimensions(alarm["Dimensions"]))}
    found = {}
    for query in alarm["Metrics"]:
        if "MetricStat" in query:
            stat = query["MetricStat"]
            metric = stat["Metric"]
            found[query["Id"]] = (
                metric["Namespace"], metric["MetricName"], stat["Stat"], _dimensions(metric["Dimensions"])
            )  # fmt: skip
    return found


def _dimensions(given: list[dict[str, Any]]) -> dict[str, str]:
    return {each["Name"]: flat(each["Value"]) for each in given}


def comes_to(alarm: Alarm, reported: Mapping[str, float]) -> float | None:
    """The value an alarm sees in a period in which metrics, by name, have these sums or percentiles.

    As the embedded AWS reckons, whose metric math is tested by itself.
    """
    series = {
        id: {0.0: reported[name]} if name in reported else {}
        for id, (_, name, _, _) in read_by(alarm).items()
    }
    expressions = [query["Expression"] for query in alarm.get("Metrics", ()) if "Expression" in query]
    if not expressions:
        return series[next(iter(series))].get(0.0)
    (expression,) = expressions
    return evaluate(expression, series, (0.0,)).get(0.0)


def breaches(alarm: Alarm, reported: Mapping[str, float]) -> bool | None:
    """Whether a period with such metrics breaches; None where there is nothing to judge."""
    value = comes_to(alarm, reported)
    if value is None:
        return None
    threshold = alarm["Threshold"]
    return bool(
        {
            "GreaterThanThreshold": value > threshold,
            "GreaterThanOrEqualToThreshold": value >= threshold,
            "LessThanThreshold": value < threshold,
        }[alarm["ComparisonOperator"]]
    )


def dashboard_body(dashboard: Resource) -> dict[str, Any]:
    """The body of a dashboard, with references in angle brackets."""
    return dict(json.loads(flat(dashboard["Properties"]["DashboardBody"])))
