"""What watches, of whatever is watched: monitors, their alarms, and one alarm of them all."""

from __future__ import annotations

from collections.abc import Sequence

import constructs
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_s3 as s3

from ..core.roles import acknowledge, both_packs
from ..core.rules import DEVELOPER_GUIDE, Broken, listed
from ..hosting.rollback_alarms import batched
from .action_wiring import MonitorActions
from .captured_data import CapturedData
from .dashboard import MonitoringDashboard
from .endpoint_monitoring import EndpointMonitoring
from .monitor_alarms import MonitorAlarms
from .monitoring_rules import MonitoringProps
from .monitors import Monitor
from .owned import OwnedMonitor
from .prepared import PreparedMonitor
from .watch import Watch, Watched

DEFAULT_PREFIX = "monitoring"
_MOST_CHILDREN = 50
"""The rule of a composite alarm has at most 10,240 characters."""
_NO_ACTION = (
    "The alarms that it is made of tell topics; this one is there for automation and dashboards to read."
)

KNOWN_MONITOR = listed(
    id="SM-MONITOR-054",
    summary="A metric or an alarm is asked for by the name of a monitor that is there.",
    source=DEVELOPER_GUIDE + "model-monitor.html",
)


class MonitorSet(constructs.Construct):
    """What `Monitoring` and `BatchMonitoring` have in common; of no use by itself."""

    def __init__(
        self, scope: constructs.Construct, id: str, *, watched: Watched, results: s3.IBucket | None
    ) -> None:
        super().__init__(scope, id)
        self.results = results
        """Where baselines and results lie, if there are monitors."""
        self.owned: dict[str, OwnedMonitor] = {}
        """By the monitor's name, what looks, where the owned engine does."""
        self._watched = watched
        self._alarms: dict[str, MonitorAlarms] = {}

    # --- what is asked of it --------------------------------------------------------------------------

    @property
    def alarms(self) -> tuple[cloudwatch.Alarm, ...]:
        """All alarms of monitors."""
        return self._of_monitors

    def metric(self, monitor: str, name: str, *, statistic: str = "Maximum") -> cloudwatch.Metric:
        """A metric of a monitor, such as ``Violations`` or ``auc``; docs/monitoring.md lists them.

        :raises ConstraintError: SM-MONITOR-054 for a monitor that is not here.
        """
        return self.alarms_of(monitor).metric(name, statistic=statistic)

    def metric_violations(self, monitor: str) -> cloudwatch.Metric:
        """How many violations a window had; nothing where it was too small to be judged."""
        return self.metric(monitor, "Violations")

    def alarms_of(self, monitor: str) -> MonitorAlarms:
        """The alarms of a monitor, by its name.

        :raises ConstraintError: SM-MONITOR-054 for a monitor that is not here.
        """
        if monitor not in self._alarms:
            known = ", ".join(self._alarms) or "none: there are no monitors"
            raise KNOWN_MONITOR.error(self.node.path, Broken("monitor", monitor, f"one of {known}"))
        return self._alarms[monitor]

    # --- its parts ------------------------------------------------------------------------------------

    @property
    def _of_monitors(self) -> tuple[cloudwatch.Alarm, ...]:
        return tuple(alarm for each in self._alarms.values() for alarm in each.all)

    def _add(self, monitor: Monitor, props: MonitoringProps, captured: CapturedData | None) -> None:
        place = constructs.Construct(self, monitor.title)
        results = self.results
        if results is None or captured is None:
            raise AssertionError("SM-MONITOR-051 looks for them")
        watch = Watch(
            monitor=monitor, watched=self._watched, captured=captured, results=results, prefix=props.prefix
        )
        looks = self._engine(place, watch, props)
        alarms = MonitorAlarms(place, "Alarms", watch=watch, topics=props.notify)
        # The baseline is the first sign of life: else the alarm on silence would go off when it is made.
        alarms.silence.node.add_dependency(looks.baseline)
        if monitor.actions:
            MonitorActions(place, "Actions", alarm=alarms.violations, watch=watch)
        self._alarms[monitor.title] = alarms

    def _engine(self, place: constructs.Construct, watch: Watch, props: MonitoringProps) -> PreparedMonitor:
        made = OwnedMonitor(place, "Engine", watch=watch, compute=props.compute)
        self.owned[watch.monitor.title] = made
        return made

    def _composite(self) -> cloudwatch.CompositeAlarm | None:
        """Of parts, where there are more alarms than one composite alarm may name."""
        parts = list(batched(self.alarms, _MOST_CHILDREN))
        if len(parts) <= 1:
            return self._any_of("Composite", parts[0]) if parts else None
        return self._any_of(
            "Composite", [self._any_of(f"Composite{index}", part) for index, part in enumerate(parts, 1)]
        )

    def _any_of(self, id: str, alarms: Sequence[cloudwatch.AlarmBase]) -> cloudwatch.CompositeAlarm:
        made = cloudwatch.CompositeAlarm(
            self,
            id,
            alarm_description=f"Something is wrong with {self._watched}, or nobody looks",
            alarm_rule=cloudwatch.AlarmRule.any_of(*alarms),
        )
        acknowledge(made, dict.fromkeys(both_packs("CloudWatchAlarmAction"), _NO_ACTION))
        return made

    def _dashboard(self, endpoints: Sequence[EndpointMonitoring] = ()) -> MonitoringDashboard:
        made = MonitoringDashboard(self, "Dashboard", monitorings=endpoints, alarms=self._of_monitors)
        if self._alarms:
            made.add_section("Monitors", *(each.widgets() for each in self._alarms.values()))
        return made
