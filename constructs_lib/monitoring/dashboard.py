"""A dashboard of endpoints and of whatever else watches them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import aws_cdk as cdk
import constructs
from aws_cdk import aws_cloudwatch as cloudwatch

from ..core.checks import duration, text
from ..core.place import construct_path, note_place
from ..core.rules import Broken, Rules
from .endpoint_monitoring import EndpointMonitoring
from .endpoint_widgets import alarm_states, heading

_PUT_DASHBOARD = "https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutDashboard.html"
_NAME = re.compile(r"[A-Za-z0-9_-]{1,255}")
_MINUTE, _MONTHS = 60, 455 * 86_400  # as long as CloudWatch keeps metrics


@dataclass(frozen=True, slots=True, kw_only=True)
class DashboardProps:
    """The props of `MonitoringDashboard`."""

    monitorings: Sequence[EndpointMonitoring]
    alarms: Sequence[cloudwatch.IAlarm]
    name: str | None
    interval: cdk.Duration | None


class MonitoringDashboard(constructs.Construct):
    """A CloudWatch dashboard: first the states of all alarms, then the graphs of each endpoint, then what is added.

    Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Dashboards.html

    Example::

        endpoint = RealtimeEndpoint(self, "Endpoint", model=model, instance_type="ml.m5.large")
        monitoring = EndpointMonitoring(self, "Monitoring", endpoint=endpoint)
        dashboard = MonitoringDashboard(self, "Dashboard", monitorings=[monitoring])
        dashboard.add_section("In short", monitoring.summary_widgets())
    """

    def __init__(
        self,
        scope: constructs.Construct,
        id: str,
        *,
        monitorings: Sequence[EndpointMonitoring] = (),
        alarms: Sequence[cloudwatch.IAlarm] = (),
        name: str | None = None,
        interval: cdk.Duration | None = None,
    ) -> None:
        """Make the dashboard.

        :param monitorings: endpoints, in the order they are shown.
        :param alarms: more alarms whose state is shown at the top, besides those of `monitorings`.
        :param name: 1–255 letters, digits, hyphens and underscores. Default: made by CloudFormation; the names of
            dashboards are one account's, in all its regions.
        :param interval: how far back graphs reach when it is opened: 1 minute to 455 days. Default: 3 hours.
        :raises ConstraintError: SM-ALARM-018.
        """
        props = DashboardProps(monitorings=monitorings, alarms=alarms, name=name, interval=interval)
        dashboard_rules.enforce(props, path=lambda: construct_path(scope, id))
        super().__init__(scope, id)
        note_place(self, scope, id)
        self.dashboard = cloudwatch.Dashboard(
            self,
            "Resource",
            dashboard_name=name,
            default_interval=cdk.Duration.hours(3) if interval is None else interval,
        )
        """The dashboard itself."""
        states = [*(alarm for each in monitorings for alarm in each.alarms), *alarms]
        self._add(alarm_states("Alarms", states))
        for monitoring in monitorings:
            self._add(monitoring.widgets())

    def add_section(self, title: str, *rows: Sequence[cloudwatch.IWidget]) -> None:
        """Append rows of widgets under a heading: those of monitors, or of your own metrics.

        :param title: one line of text.
        :param rows: widgets beside each other; what is wider than 24 columns together goes on below.
        """
        self._add([heading(f"# {title}")])
        for row in rows:
            self._add(row)

    def _add(self, row: Sequence[cloudwatch.IWidget]) -> None:
        if row:
            self.dashboard.add_widgets(*row)


dashboard_rules = Rules[DashboardProps]()


@dashboard_rules.rule("SM-ALARM-018", source=_PUT_DASHBOARD)
def dashboard_can_be_put(props: DashboardProps) -> Iterator[Broken]:
    """A dashboard has a plain name, and reaches back 1 minute to 455 days."""
    yield from text("name", props.name, _NAME, "1–255 letters, digits, hyphens and underscores")
    yield from duration("interval", props.interval, _MINUTE, _MONTHS)
