"""The built-in alarms that stop a rollout: too many 5xx answers, or answers that take too long."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import constructs
from aws_cdk import aws_cloudwatch as cloudwatch

from ..core.roles import acknowledge, both_packs
from .metrics import EndpointMetric
from .rollout import DEFAULT_LATENCY_SECONDS, Rollback

_MICROSECONDS = 1_000_000
# PutMetricAlarm takes 10 metrics, and a rate needs 2 a variant.
_VARIANTS_PER_RATE = 5
_NO_ACTION = "The endpoint's deployment guardrail reads the alarm; it acts on deployments, it does not page."
_Query = cloudwatch.CfnAlarm.MetricDataQueryProperty


def built_in_alarms(rollback: Rollback, variants: int) -> int:
    """How many alarms the library makes for an endpoint of so many variants."""
    rates = 0 if rollback.error_rate_percent is None else math.ceil(variants / _VARIANTS_PER_RATE)
    return rates + int(rollback.latency_alarm)


def batched(names: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    """`names` in runs of at most `size`."""
    for start in range(0, len(names), size):
        yield names[start : start + size]


class RollbackAlarms(constructs.Construct):
    """Alarms on one endpoint, over all its variants together, as L1s.

    The metrics carry the endpoint's literal name: were it a GetAtt of the endpoint, which itself names
    the alarms, CloudFormation would refuse the cycle.
    """

    def __init__(
        self,
        scope: constructs.Construct,
        id: str,
        *,
        endpoint_name: str,
        variant_names: Sequence[str],
        rollback: Rollback,
    ) -> None:
        super().__init__(scope, id)
        self._endpoint_name = endpoint_name
        self._variant_names = variant_names
        self.cfn_alarms: list[cloudwatch.CfnAlarm] = []
        """The library's own alarms."""
        if rollback.error_rate_percent is not None:
            self.cfn_alarms += self._errors(rollback.error_rate_percent)
        if rollback.latency_alarm:
            seconds = DEFAULT_LATENCY_SECONDS if rollback.latency is None else rollback.latency.to_seconds()
            self.cfn_alarms.append(self._latency(seconds))
        self.names = [
            *(alarm.ref for alarm in self.cfn_alarms),
            *(alarm.alarm_name for alarm in rollback.alarms),
        ]
        """Names of the built-in and the user's alarms."""
        if self.cfn_alarms:
            acknowledge(self, dict.fromkeys(both_packs("CloudWatchAlarmAction"), _NO_ACTION))

    def _errors(self, percent: float) -> Iterator[cloudwatch.CfnAlarm]:
        for index, names in enumerate(batched(self._variant_names, _VARIANTS_PER_RATE), start=1):
            yield self._error_rate("Errors" if index == 1 else f"Errors{index}", names, percent)

    def _error_rate(self, id: str, names: Sequence[str], percent: float) -> cloudwatch.CfnAlarm:
        # No request, no rate: without the guard a quiet minute would divide by nothing.
        rate = "IF(FILL(requests, 0) > 0, 100 * FILL(errors, 0) / requests, 0)"
        queries = [
            _Query(id="rate", expression=rate, label="5xx answers in percent", return_data=True),
            *self._over_variants("errors", EndpointMetric.INVOCATION_5XX_ERRORS, names),
            *self._over_variants("requests", EndpointMetric.INVOCATIONS, names),
        ]
        return self._alarm(id, queries, percent, "5xx answers, in percent of the invocations")

    def _latency(self, seconds: float) -> cloudwatch.CfnAlarm:
        queries = list(
            self._over_variants("latency", EndpointMetric.MODEL_LATENCY, self._variant_names, returned=True)
        )
        return self._alarm("Latency", queries, seconds * _MICROSECONDS, "model latency, p99 (µs)")

    def _over_variants(
        self, id: str, metric: EndpointMetric, names: Sequence[str], *, returned: bool = False
    ) -> Iterator[_Query]:
        """One query for one variant; for several an expression over their queries."""
        if len(names) == 1:
            yield self._query(id, metric, names[0], returned=returned)
            return
        each = {f"{id}_{index}": name for index, name in enumerate(names)}
        yield _Query(id=id, expression=metric.over_variants(each), return_data=returned)
        for query_id, name in each.items():
            yield self._query(query_id, metric, name, returned=False)

    def _query(self, id: str, metric: EndpointMetric, variant_name: str, *, returned: bool) -> _Query:
        dimensions = {"EndpointName": self._endpoint_name, "VariantName": variant_name}
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

    def _alarm(self, id: str, queries: Sequence[_Query], threshold: float, what: str) -> cloudwatch.CfnAlarm:
        return cloudwatch.CfnAlarm(
            self,
            id,
            alarm_description=f"Rolls a deployment of endpoint {self._endpoint_name} back: {what}",
            metrics=list(queries),
            threshold=threshold,
            comparison_operator="GreaterThanThreshold",
            evaluation_periods=1,
            treat_missing_data="notBreaching",
        )
