"""Monitoring: monitors, alarms and a dashboard for an endpoint that is there."""

from __future__ import annotations

from collections.abc import Sequence

import constructs
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns

from ..core.place import construct_path
from ..core.roles import acknowledge, both_packs
from ..core.rules import DEVELOPER_GUIDE, TYPES, Broken, listed
from ..hosting.endpoint import EndpointBase
from ..hosting.rollback_alarms import batched
from .action_wiring import MonitorActions
from .by_model_monitor import ScheduledMonitor
from .captured_data import CapturedData
from .dashboard import MonitoringDashboard
from .endpoint_alarms import EndpointAlarms
from .endpoint_monitoring import EndpointMonitoring
from .engine import MonitorCompute, MonitorEngine
from .model_monitor.rules import refuse_endpoint
from .monitor_alarms import MonitorAlarms
from .monitoring_rules import MonitoringProps, monitoring_rules
from .monitors import Monitor
from .owned import OwnedMonitor
from .prepared import PreparedMonitor
from .watch import Watch

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


class Monitoring(constructs.Construct):
    """Watches an endpoint: made here or imported, of any kind.

    Source: https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor.html

    Example::

        monitoring = Monitoring.of(endpoint, notify=[topic],
            monitors=[DataQuality(baseline=Baseline.from_bucket(bucket, "training/fraud.csv"))])
        monitoring.metric_violations("DataQuality")
    """

    def __init__(
        self,
        scope: constructs.Construct,
        id: str,
        *,
        endpoint: EndpointBase,
        monitors: Sequence[Monitor] = (),
        alarms: EndpointAlarms | None = None,
        captured: CapturedData | None = None,
        results: s3.IBucket | None = None,
        prefix: str = DEFAULT_PREFIX,
        engine: MonitorEngine = MonitorEngine.OWNED,
        compute: MonitorCompute | None = None,
        notify: Sequence[sns.ITopic] = (),
        dashboard: bool = True,
    ) -> None:
        """Watch `endpoint`.

        :param monitors: each with a name of its own.
        :param alarms: on the endpoint itself. Default: `EndpointAlarms.default`; ``EndpointAlarms()``: none.
        :param captured: where the endpoint's captured data lies. Default: where its own `DataCapture` says.
        :param results: the bucket of baselines and results. Default: that of the captured data.
        :param prefix: below it lie ``<endpoint>/<monitor>/``.
        :param engine: who computes.
        :param compute: what the owned engine runs on. Default: ``MonitorCompute.function()``.
        :param notify: told of every alarm, and when it is over.
        :param dashboard: whether to make a CloudWatch dashboard. An account has three for free.
        :raises ConstraintError: SM-MONITOR-…
        """
        if not isinstance(endpoint, EndpointBase):
            # Before anything is asked of it.
            raise TYPES.error(construct_path(scope, id), Broken("endpoint", endpoint, "an EndpointBase"))
        there = captured if captured is not None else CapturedData.of(endpoint)
        props = MonitoringProps(
            monitors=monitors,
            captured=there,
            variant_names=endpoint.variant_names,
            shadow_variant_names=endpoint.shadow_variant_names,
            alarms=alarms,
            results=results,
            prefix=prefix,
            engine=engine,
            compute=compute if compute is not None else MonitorCompute.function(),
            notify=notify,
            dashboard=dashboard,
        )
        monitoring_rules.enforce(props, path=lambda: construct_path(scope, id))
        if engine is MonitorEngine.MODEL_MONITOR:
            refuse_endpoint(endpoint, path=construct_path(scope, id))
        super().__init__(scope, id)
        self.endpoint = endpoint
        self.results = results if results is not None or there is None else there.bucket
        """Where baselines and results lie, if there are monitors."""
        self._alarms: dict[str, MonitorAlarms] = {}
        self.owned: dict[str, OwnedMonitor] = {}
        """By the monitor's name, what looks, where the owned engine does."""
        self.scheduled: dict[str, ScheduledMonitor] = {}
        """The same, where Model Monitor does."""
        for monitor in props.monitors:
            self._add(monitor, props, there)
        self.endpoint_monitoring = self._watch_endpoint(alarms, notify)
        """The alarms of the endpoint itself; none where an imported endpoint does not tell its variants."""
        self.composite_alarm = self._composite()
        """In alarm while any other is; it has no action of its own. None where there is no alarm."""
        self.dashboard = self._dashboard() if dashboard else None
        """Alarms, the endpoint's graphs, and a row for each monitor."""

    @staticmethod
    def of(
        endpoint: EndpointBase,
        *,
        monitors: Sequence[Monitor] = (),
        alarms: EndpointAlarms | None = None,
        captured: CapturedData | None = None,
        results: s3.IBucket | None = None,
        prefix: str = DEFAULT_PREFIX,
        engine: MonitorEngine = MonitorEngine.OWNED,
        compute: MonitorCompute | None = None,
        notify: Sequence[sns.ITopic] = (),
        dashboard: bool = True,
    ) -> Monitoring:
        """The same as the constructor, as ``Monitoring`` below `endpoint`."""
        return Monitoring(
            endpoint,
            "Monitoring",
            endpoint=endpoint,
            monitors=monitors,
            alarms=alarms,
            captured=captured,
            results=results,
            prefix=prefix,
            engine=engine,
            compute=compute,
            notify=notify,
            dashboard=dashboard,
        )

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

    def _add(self, monitor: Monitor, props: MonitoringProps, captured: CapturedData | None) -> None:
        place = constructs.Construct(self, monitor.title)
        results = self.results
        if results is None or captured is None:
            raise AssertionError("SM-MONITOR-051 looks for them")
        watch = Watch(
            monitor=monitor, endpoint=self.endpoint, captured=captured, results=results, prefix=props.prefix
        )
        looks = self._engine(place, watch, props)
        where = f"{watch.results_uri}/"
        alarms = MonitorAlarms(
            place,
            "Alarms",
            endpoint_name=self.endpoint.endpoint_name,
            monitor=monitor,
            results=where,
            topics=props.notify,
        )
        # The baseline is the first sign of life: else the alarm on silence would go off when it is made.
        alarms.silence.node.add_dependency(looks.baseline)
        if monitor.actions:
            MonitorActions(
                place,
                "Actions",
                alarm=alarms.violations,
                endpoint=self.endpoint,
                monitor=monitor.title,
                results=where,
                actions=tuple(monitor.actions),
            )
        self._alarms[monitor.title] = alarms

    def _engine(self, place: constructs.Construct, watch: Watch, props: MonitoringProps) -> PreparedMonitor:
        name = watch.monitor.title
        if props.engine is MonitorEngine.MODEL_MONITOR:
            self.scheduled[name] = ScheduledMonitor(place, "Engine", watch=watch)
            return self.scheduled[name]
        self.owned[name] = OwnedMonitor(place, "Engine", watch=watch, compute=props.compute)
        return self.owned[name]

    def _watch_endpoint(
        self, alarms: EndpointAlarms | None, notify: Sequence[sns.ITopic]
    ) -> EndpointMonitoring | None:
        if not self.endpoint.variant_names:
            return None
        return EndpointMonitoring(self, "Endpoint", endpoint=self.endpoint, alarms=alarms, notify=notify)

    @property
    def alarms(self) -> tuple[cloudwatch.Alarm, ...]:
        """All alarms of monitors, then those of the endpoint."""
        own = () if self.endpoint_monitoring is None else self.endpoint_monitoring.alarms
        return (*(alarm for each in self._alarms.values() for alarm in each.all), *own)

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
            alarm_description=f"Something is wrong with endpoint {self.endpoint.endpoint_name}, or nobody looks",
            alarm_rule=cloudwatch.AlarmRule.any_of(*alarms),
        )
        acknowledge(made, dict.fromkeys(both_packs("CloudWatchAlarmAction"), _NO_ACTION))
        return made

    def _dashboard(self) -> MonitoringDashboard:
        endpoint = [] if self.endpoint_monitoring is None else [self.endpoint_monitoring]
        own = [alarm for each in self._alarms.values() for alarm in each.all]
        made = MonitoringDashboard(self, "Dashboard", monitorings=endpoint, alarms=own)
        if self._alarms:
            made.add_section("Monitors", *(each.widgets() for each in self._alarms.values()))
        return made
