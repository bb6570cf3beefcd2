"""The alarms of one monitor: that something is wrong, and that nobody looks."""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
import constructs
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sns as sns

from ..core.alarms import notify
from ..core.roles import acknowledge, both_packs
from .permissions import METRIC_NAMESPACE
from .watch import Watch

_SILENT_LOOKS = 2


class MonitorAlarms(constructs.Construct):
    """Two alarms: on violations, and on silence."""

    def __init__(
        self,
        scope: constructs.Construct,
        id: str,
        *,
        watch: Watch,
        topics: Sequence[sns.ITopic],
    ) -> None:
        """Watch the monitor of `watch`."""
        super().__init__(scope, id)
        self._monitor = monitor = watch.monitor
        self._dimensions = {"Endpoint": watch.watched.name, "Monitor": monitor.title}
        self._every = cdk.Duration.seconds(monitor.every_seconds)
        runbook = "" if monitor.runbook is None else f" Runbook: {monitor.runbook}"
        subject = f"monitor {monitor.title} of {watch.watched}"
        self.violations = cloudwatch.Alarm(
            self,
            "Violations",
            alarm_description=f"Violations found by {subject}. Results: {watch.results_uri}/.{runbook}",
            metric=self.metric("Violations"),
            threshold=1,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            evaluation_periods=monitor.windows_to_alarm,
            datapoints_to_alarm=monitor.windows_to_alarm,
            # A window that was too small to be judged says nothing: neither that it is over.
            treat_missing_data=cloudwatch.TreatMissingData.IGNORE,
        )
        """At least one violation in as many windows as `windows_to_alarm` says."""
        self.silence = cloudwatch.Alarm(
            self,
            "Silence",
            alarm_description=f"Silence of {subject}: no look succeeded for {_SILENT_LOOKS} windows.{runbook}",
            metric=self.metric("Heartbeat", statistic="Sum"),
            threshold=1,
            comparison_operator=cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
            evaluation_periods=_SILENT_LOOKS,
            datapoints_to_alarm=_SILENT_LOOKS,
            treat_missing_data=cloudwatch.TreatMissingData.BREACHING,
        )
        """No look that succeeded, whatever it found."""
        for topic in topics:
            for alarm in self.all:
                notify(alarm, topic)
        if not topics:
            acknowledge(
                self,
                dict.fromkeys(
                    both_packs("CloudWatchAlarmAction"),
                    "Without a topic, the dashboard and the composite alarm show it; EventBridge is told anyway.",
                ),
            )

    @property
    def all(self) -> tuple[cloudwatch.Alarm, ...]:
        """Both."""
        return (self.violations, self.silence)

    def metric(self, name: str, *, statistic: str = "Maximum") -> cloudwatch.Metric:
        """A metric of the monitor; docs/monitoring.md lists them."""
        return cloudwatch.Metric(
            namespace=METRIC_NAMESPACE,
            metric_name=name,
            dimensions_map=self._dimensions,
            statistic=statistic,
            period=self._every,
        )

    def widgets(self) -> list[cloudwatch.IWidget]:
        """A row of a dashboard."""
        monitor = self._monitor.title
        shown = [self.metric(name, statistic="Sum") for name in ("Records", "Unread", "Skipped")]
        found = [self.metric(name).with_(label=label) for name, label in self._monitor.shown.items()]
        graphs = {"violations": [self.metric("Violations")], "found": found, "records": shown}
        return [
            cloudwatch.GraphWidget(title=f"{monitor}: {what}", left=left, width=8, height=6)
            for what, left in graphs.items()
            if left
        ]
