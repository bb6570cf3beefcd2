"""The built-in alarms that stop a rollout: too many 5xx answers, or answers that take too long."""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
import constructs
from aws_cdk import aws_cloudwatch as cloudwatch

from ..core.roles import acknowledge
from .metrics import EndpointMetric
from .rollout import DEFAULT_LATENCY_SECONDS, Rollback

_MICROSECONDS = 1_000_000


class RollbackAlarms(constructs.Construct):
    """Alarms on one endpoint, over all its variants together.

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
        self.built_in: list[cloudwatch.Alarm] = []
        """The library's own alarms."""
        if rollback.error_rate_percent is not None:
            self.built_in.append(self._errors(rollback.error_rate_percent))
        if rollback.latency_alarm:
            self.built_in.append(self._latency(rollback.latency))
        self.names = [alarm.alarm_name for alarm in (*self.built_in, *rollback.alarms)]
        """Names of the built-in and the user's alarms."""

    def _errors(self, percent: float) -> cloudwatch.Alarm:
        rate = cloudwatch.MathExpression(
            # No request, no rate: without the guard a quiet minute would divide by nothing.
            expression="IF(FILL(requests, 0) > 0, 100 * FILL(errors, 0) / requests, 0)",
            using_metrics={
                "errors": self._metric(EndpointMetric.INVOCATION_5XX_ERRORS),
                "requests": self._metric(EndpointMetric.INVOCATIONS),
            },
            label="5xx answers in percent",
            period=cdk.Duration.minutes(1),
        )
        return self._alarm("Errors", rate, percent, "5xx answers, in percent of the invocations")

    def _latency(self, limit: cdk.Duration | None) -> cloudwatch.Alarm:
        seconds = DEFAULT_LATENCY_SECONDS if limit is None else limit.to_seconds()
        return self._alarm(
            "Latency",
            self._metric(EndpointMetric.MODEL_LATENCY),
            seconds * _MICROSECONDS,
            "model latency, p99 (µs)",
        )

    def _metric(self, metric: EndpointMetric) -> cloudwatch.IMetric:
        return metric.of(self._endpoint_name, self._variant_names)

    def _alarm(self, id: str, metric: cloudwatch.IMetric, threshold: float, what: str) -> cloudwatch.Alarm:
        alarm = cloudwatch.Alarm(
            self,
            id,
            alarm_description=f"Rolls a deployment of endpoint {self._endpoint_name} back: {what}",
            metric=metric,
            threshold=threshold,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            evaluation_periods=1,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        acknowledge(
            alarm,
            "The endpoint's deployment guardrail reads the alarm; it acts on deployments, it does not page.",
            "NIST.800.53.R5::NIST.800.53.R5-CloudWatchAlarmAction",
            "HIPAA.Security::HIPAA.Security-CloudWatchAlarmAction",
        )
        return alarm
