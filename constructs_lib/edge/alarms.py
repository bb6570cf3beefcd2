"""The alarms of a fleet."""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
import constructs
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs

from ..core.alarms import notify as tell
from ..core.roles import acknowledge, both_packs
from .metrics import metric
from .names import CANARY
from .telemetry import EdgeTelemetry

_FIVE = cdk.Duration.minutes(5)
_FIFTEEN = cdk.Duration.minutes(15)
_NOT = cloudwatch.TreatMissingData.NOT_BREACHING
_AS_IT_WAS = cloudwatch.TreatMissingData.IGNORE
"""Of what the census counts: a period without one says nothing, and that it stays away has an alarm of its own."""
_BREACHING = cloudwatch.TreatMissingData.BREACHING
_AT_LEAST = cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD
_ABOVE = cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD
_BELOW = cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD
_LEAST_REQUESTS = 20
"""Of a share of errors: of fewer, one error would be an alarm."""
_LEAST_ERRORS = 3
"""Of fewer requests than that, where at least half of them fail: a quiet canary would never be heard otherwise."""
_HELD = 3
"""Periods that an alarm of the canary stays on: a rollout looks at them from time to time, not all the time, and what
devices tell comes late."""


class FleetAlarms(constructs.Construct):
    """What people are told of, and what stops a rollout."""

    def __init__(
        self,
        scope: constructs.Construct,
        id: str,
        *,
        fleet: str,
        telemetry: EdgeTelemetry,
        dead_letters: sqs.IQueue,
        topics: Sequence[sns.ITopic],
    ) -> None:
        """Make them.

        :param dead_letters: summaries that were not counted.
        """
        super().__init__(scope, id)
        self._fleet, self._telemetry = fleet, telemetry
        self.silent = self._alarm(
            "Silent",
            self._metric("SilentDevices", _FIVE, "Maximum"),
            threshold=telemetry.silent_devices,
            why=f"devices have told nothing for {telemetry.silent_seconds} seconds",
            missing=_AS_IT_WAS,
        )
        """Devices that are registered and tell nothing."""
        self.errors = self._errors("Errors", None, _FIFTEEN)
        """Too many requests fail on devices."""
        self.dropped = self._alarm(
            "Dropped",
            self._metric("DroppedRecords", _FIFTEEN),
            threshold=1,
            why="devices had no room left for what they have to tell, and dropped the oldest",
        )
        """Devices lost results or counts: their buffer was full."""
        self.rejected = self._alarm(
            "Rejected",
            self._metric("RejectedModels", _FIVE),
            threshold=1,
            why="devices turned a model down, and go on with the one before",
        )
        """Devices turned a model down."""
        self.rollout_failed = self._alarm(
            "RolloutFailed",
            self._metric("RolloutsFailed", _FIVE),
            threshold=1,
            why="a rollout came to nothing; its reason is in the execution",
        )
        """A rollout came to nothing."""
        self.census = self._alarm(
            "CensusMissing",
            self._metric("CensusHeartbeat", _FIFTEEN),
            threshold=1,
            why="nobody has counted devices for a quarter of an hour: silent ones would not be noticed",
            comparison=_BELOW,
            missing=_BREACHING,
        )
        """Nobody counts devices, so that none would be noticed missing."""
        self.uncounted = self._alarm(
            "Uncounted",
            dead_letters.metric_approximate_number_of_messages_visible(period=_FIVE, statistic="Maximum"),
            threshold=1,
            why="what devices counted could not be taken. It is in the queue "
            f"{dead_letters.queue_name}; move it back when the cause is mended",
        )
        """Summaries are dead letters."""
        self.latency = self._latency("Latency", None, _FIFTEEN)
        """Devices are slow; None without ``latency_p99``."""
        self.canary = self._canary()
        """Of the canary group alone: what stops a rollout while it soaks. They tell nobody else."""
        for topic in topics:
            for alarm in self.all:
                tell(alarm, topic)
        silent = self.canary if topics else [*self.canary, *self.all]
        reason = "It stops a rollout, whose failure is told; the dashboard shows it, and EventBridge is told anyway."
        for each in silent:
            acknowledge(each, dict.fromkeys(both_packs("CloudWatchAlarmAction"), reason))

    @property
    def all(self) -> Sequence[cloudwatch.Alarm]:
        """Those of the whole fleet."""
        always = (
            self.silent,
            self.errors,
            self.dropped,
            self.rejected,
            self.rollout_failed,
            self.census,
            self.uncounted,
        )
        return always if self.latency is None else (*always, self.latency)

    def _canary(self) -> Sequence[cloudwatch.Alarm]:
        latency = self._latency("CanaryLatency", CANARY, _FIVE, held=_HELD)
        return [
            self._errors("CanaryErrors", CANARY, _FIVE, held=_HELD),
            self._alarm(
                "CanarySilent",
                self._metric("SilentDevices", _FIVE, "Maximum", CANARY),
                threshold=1,
                why="devices of the canary have fallen silent",
                missing=_AS_IT_WAS,
            ),
            self._alarm(
                "CanaryRejected",
                self._metric("RejectedModels", _FIVE, group=CANARY),
                threshold=1,
                why="devices of the canary turned the model down",
                held=_HELD,
            ),
            *([] if latency is None else [latency]),
        ]

    def _errors(self, id: str, group: str | None, period: cdk.Duration, held: int = 1) -> cloudwatch.Alarm:
        percent = "100 * errors / requests"
        few = f"IF(errors >= {_LEAST_ERRORS}, IF(2 * errors >= requests, {percent}, 0), 0)"
        rate = cloudwatch.MathExpression(
            expression=f"IF(requests >= {_LEAST_REQUESTS}, {percent}, {few})",
            using_metrics={
                "errors": self._metric("Errors", period, group=group),
                "requests": self._metric("Requests", period, group=group),
            },
            period=period,
            label="errors, percent",
        )
        return self._alarm(
            id,
            rate,
            threshold=self._telemetry.error_percent,
            why=f"more than {self._telemetry.error_percent:g} % of requests fail on devices",
            comparison=_ABOVE,
            held=held,
        )

    def _latency(
        self, id: str, group: str | None, period: cdk.Duration, held: int = 1
    ) -> cloudwatch.Alarm | None:
        limit = self._telemetry.latency_p99
        if limit is None:
            return None
        return self._alarm(
            id,
            self._metric("Latency", period, "p99", group),
            threshold=limit.to_milliseconds(),
            why=f"one of a hundred answers takes more than {limit.to_human_string()}",
            comparison=_ABOVE,
            held=held,
        )

    def _metric(
        self, name: str, period: cdk.Duration, statistic: str = "Sum", group: str | None = None
    ) -> cloudwatch.Metric:
        return metric(self._fleet, name, statistic=statistic, group=group, period=period)

    def _alarm(
        self,
        id: str,
        measured: cloudwatch.IMetric,
        *,
        threshold: float,
        why: str,
        comparison: cloudwatch.ComparisonOperator = _AT_LEAST,
        missing: cloudwatch.TreatMissingData = _NOT,
        held: int = 1,
    ) -> cloudwatch.Alarm:
        return cloudwatch.Alarm(
            self,
            id,
            alarm_description=f"Fleet {self._fleet}: {why}.",
            metric=measured,
            threshold=threshold,
            comparison_operator=comparison,
            evaluation_periods=held,
            datapoints_to_alarm=1,
            treat_missing_data=missing,
        )
