"""The built-in alarms that stop a rollout: too many 5xx answers, or answers that take too long."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import constructs
from aws_cdk import aws_cloudwatch as cloudwatch

from ..core.roles import acknowledge, both_packs
from .metrics import EndpointMetric
from .rollout import DEFAULT_LATENCY_SECONDS, Rollback

_MICROSECONDS = 1_000_000
# PutMetricAlarm takes 10 metrics, and a rate needs 2 a variant.
_VARIANTS_PER_RATE = 5
_Query = cloudwatch.CfnAlarm.MetricDataQueryProperty
Dimensions = Mapping[str, str]
_Item = TypeVar("_Item")


def built_in_alarms(rollback: Rollback, variants: int) -> int:
    """How many alarms the library makes for an endpoint of so many variants."""
    rates = 0 if rollback.error_rate_percent is None else math.ceil(variants / _VARIANTS_PER_RATE)
    return rates + int(rollback.latency_alarm)


def batched(items: Sequence[_Item], size: int) -> Iterator[Sequence[_Item]]:
    """`items` in runs of at most `size`."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What rollback alarms watch: which metrics, under which dimensions."""

    subject: str
    """In words, for the alarms' descriptions: ``endpoint fraud``."""
    sources: Callable[[EndpointMetric], Sequence[Dimensions]]
    """The sets of dimensions a metric is reported under."""
    requests: EndpointMetric = EndpointMetric.INVOCATIONS
    """What the errors are a share of."""
    effect: str = "Rolls a deployment of {subject} back"
    """What comes of an alarm, in words."""
    no_action: str = (
        "The endpoint's deployment guardrail reads the alarm; it acts on deployments, it does not page."
    )
    """Why the alarms have no action, for policy packs."""

    @property
    def description(self) -> str:
        """The effect on the subject."""
        return self.effect.format(subject=self.subject)


class RollbackAlarms(constructs.Construct):
    """Alarms on one endpoint, over all its variants together, or on one component; as L1s.

    The metrics carry the literal name: were it a GetAtt of the endpoint, which itself names the alarms,
    CloudFormation would refuse the cycle.
    """

    def __init__(self, scope: constructs.Construct, id: str, *, watched: Watched, rollback: Rollback) -> None:
        super().__init__(scope, id)
        self._watched = watched
        self.cfn_alarms: list[cloudwatch.CfnAlarm] = []
        """The library's own alarms."""
        if rollback.error_rate_percent is not None:
            self.cfn_alarms += self._errors(rollback.error_rate_percent)
        if rollback.latency_alarm:
            seconds = (
                DEFAULT_LATENCY_SECONDS
                if rollback.latency is None
                else rollback.latency.to_milliseconds() / 1000
            )
            self.cfn_alarms.append(self._latency(seconds))
        self.names = [
            *(alarm.ref for alarm in self.cfn_alarms),
            *(alarm.alarm_name for alarm in rollback.alarms),
        ]
        """Names of the built-in and the user's alarms."""
        if self.cfn_alarms:
            acknowledge(self, dict.fromkeys(both_packs("CloudWatchAlarmAction"), watched.no_action))

    def _errors(self, percent: float) -> Iterator[cloudwatch.CfnAlarm]:
        batches = [
            batched(self._watched.sources(metric), _VARIANTS_PER_RATE)
            for metric in (EndpointMetric.INVOCATION_5XX_ERRORS, self._watched.requests)
        ]
        for index, (errors, requests) in enumerate(zip(*batches, strict=True), start=1):
            yield self._error_rate("Errors" if index == 1 else f"Errors{index}", errors, requests, percent)

    def _error_rate(
        self, id: str, errors: Sequence[Dimensions], requests: Sequence[Dimensions], percent: float
    ) -> cloudwatch.CfnAlarm:
        # No request, no rate: without the guard a quiet minute would divide by nothing.
        rate = "IF(FILL(requests, 0) > 0, 100 * FILL(errors, 0) / requests, 0)"
        queries = [
            _Query(id="rate", expression=rate, label="5xx answers in percent", return_data=True),
            *_over_sources("errors", EndpointMetric.INVOCATION_5XX_ERRORS, errors),
            *_over_sources("requests", self._watched.requests, requests),
        ]
        return self._alarm(id, queries, percent, "5xx answers, in percent of the invocations")

    def _latency(self, seconds: float) -> cloudwatch.CfnAlarm:
        metric = EndpointMetric.MODEL_LATENCY
        queries = list(_over_sources("latency", metric, self._watched.sources(metric), returned=True))
        return self._alarm("Latency", queries, seconds * _MICROSECONDS, "model latency, p99 (µs)")

    def _alarm(self, id: str, queries: Sequence[_Query], threshold: float, what: str) -> cloudwatch.CfnAlarm:
        return cloudwatch.CfnAlarm(
            self,
            id,
            alarm_description=f"{self._watched.description}: {what}",
            metrics=list(queries),
            threshold=threshold,
            comparison_operator="GreaterThanThreshold",
            evaluation_periods=1,
            treat_missing_data="notBreaching",
        )


def _over_sources(
    id: str, metric: EndpointMetric, sources: Sequence[Dimensions], *, returned: bool = False
) -> Iterator[_Query]:
    """One query for one source; for several an expression over their queries."""
    if len(sources) == 1:
        yield _query(id, metric, sources[0], returned=returned)
        return
    each = {f"{id}_{index}": source for index, source in enumerate(sources)}
    yield _Query(id=id, expression=metric.over_variants(each), return_data=returned)
    for query_id, source in each.items():
        yield _query(query_id, metric, source, returned=False)


def _query(id: str, metric: EndpointMetric, dimensions: Dimensions, *, returned: bool) -> _Query:
    return _Query(
        id=id,
        return_data=returned,
        metric_stat=cloudwatch.CfnAlarm.MetricStatProperty(
            period=60,
            stat=metric.statistic,
            metric=cloudwatch.CfnAlarm.MetricProperty(
                namespace=metric.namespace,
                metric_name=metric.metric_name,
                dimensions=[
                    cloudwatch.CfnAlarm.DimensionProperty(name=name, value=value)
                    for name, value in dimensions.items()
                ],
            ),
        ),
    )
