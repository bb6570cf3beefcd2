"""Alarms on SageMaker's metrics."""

from __future__ import annotations

from collections.abc import Iterator

from ..core.catalogue import Broken
from ..core.limits import DAY_SECONDS, MAX_ALARM_ACTIONS
from .checks import at_most, in_order, least
from .registry import template_rule
from .template import Node, Resource

_ALARM = "AWS::CloudWatch::Alarm"
_NAMESPACES = ("AWS/SageMaker", "/aws/sagemaker/Endpoints")
_OF_VARIANTS = frozenset(
    {
        "Invocations", "InvocationsPerInstance", "Invocation4XXErrors", "Invocation5XXErrors", "ModelLatency",
        "OverheadLatency", "CPUUtilization", "MemoryUtilization", "DiskUtilization", "GPUUtilization",
        "GPUMemoryUtilization",
    }
)  # fmt: skip
"""Metrics that endpoints report for each variant, and for nothing wider."""
_HOUR, _LONG_DAYS = 3600, 7


def _metrics(alarm: Resource) -> Iterator[Node]:
    """The metrics of SageMaker's that an alarm looks at, alone or in metric math."""
    parts = [each["MetricStat"]["Metric"] for each in alarm["Metrics"].items]
    yield from (each for each in (alarm.properties, *parts) if each["Namespace"].text in _NAMESPACES)


def _is_ours(alarm: Resource) -> bool:
    return any(_metrics(alarm))


@template_rule("SM-ALARM-001", _ALARM)
def _some_periods_breach(alarm: Resource) -> Iterator[Broken]:
    if _is_ours(alarm):
        yield from least(alarm["EvaluationPeriods"], 1)
        yield from least(alarm["DatapointsToAlarm"], 1)
        yield from in_order(alarm["DatapointsToAlarm"], alarm["EvaluationPeriods"])


@template_rule("SM-ALARM-003", _ALARM)
def _periods_fit_a_day(alarm: Resource) -> Iterator[Broken]:
    period, count = alarm["Period"].number, alarm["EvaluationPeriods"]
    if not _is_ours(alarm) or period is None or count.number is None:
        return
    days = _LONG_DAYS if period >= _HOUR else 1
    if period * count.number > days * DAY_SECONDS:
        given = f"{count.number:g} periods of {period:g} seconds"
        yield Broken(count.path, given, f"{days} day{'s' if days > 1 else ''} in all")


@template_rule("SM-ALARM-014", _ALARM)
def _variant_is_named(alarm: Resource) -> Iterator[Broken]:
    for metric in _metrics(alarm):
        dimensions = metric["Dimensions"]
        names = {each["Name"].text for each in dimensions.items}
        of_an_endpoint = "EndpointName" in names and dimensions.all_known and None not in names
        if of_an_endpoint and "VariantName" not in names and metric["MetricName"].text in _OF_VARIANTS:
            given = f"{metric['MetricName'].text} of an endpoint"
            yield Broken(dimensions.path, given, "a VariantName too: it is reported for variants only")


@template_rule("SM-ALARM-017", _ALARM)
def _few_actions(alarm: Resource) -> Iterator[Broken]:
    for name in ("AlarmActions", "OKActions", "InsufficientDataActions") if _is_ours(alarm) else ():
        yield from at_most(alarm[name], MAX_ALARM_ACTIONS, "actions", fix="one topic with more subscribers")
