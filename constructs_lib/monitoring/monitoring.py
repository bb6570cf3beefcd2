"""Monitoring: monitors, alarms and a dashboard for an endpoint that is there."""

from __future__ import annotations

from collections.abc import Sequence

import constructs
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns

from ..core.place import construct_path
from ..core.rules import TYPES, Broken
from ..hosting.endpoint import EndpointBase
from .batch_monitoring import BatchMonitoring, CapturesRecords, no_batch
from .by_model_monitor import ScheduledMonitor
from .captured_data import CapturedData
from .endpoint_alarms import EndpointAlarms
from .endpoint_monitoring import EndpointMonitoring
from .engine import MonitorCompute, MonitorEngine
from .model_monitor.rules import refuse_endpoint
from .monitor_set import DEFAULT_PREFIX, MonitorSet
from .monitoring_rules import MonitoringProps, monitoring_rules
from .monitors import Monitor
from .prepared import PreparedMonitor
from .watch import Watch, Watched


class Monitoring(MonitorSet):
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
            fix = "Monitoring.of_batch(batch) watches a batch transform"
            raise TYPES.error(construct_path(scope, id), Broken("endpoint", endpoint, "an EndpointBase", fix))
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
        where = results if results is not None or there is None else there.bucket
        super().__init__(scope, id, watched=Watched.of(endpoint), results=where)
        self.endpoint = endpoint
        self.scheduled: dict[str, ScheduledMonitor] = {}
        """By the monitor's name, what looks, where Model Monitor does."""
        for monitor in props.monitors:
            self._add(monitor, props, there)
        self.endpoint_monitoring = self._watch_endpoint(alarms, notify)
        """The alarms of the endpoint itself; none where an imported endpoint does not tell its variants."""
        self.composite_alarm = self._composite()
        """In alarm while any other is; it has no action of its own. None where there is no alarm."""
        graphs = [] if self.endpoint_monitoring is None else [self.endpoint_monitoring]
        self.dashboard = self._dashboard(graphs) if dashboard else None
        """Alarms, the endpoint's graphs, and a row for each monitor."""

    @staticmethod
    def of_batch(
        batch: CapturesRecords,
        *,
        monitors: Sequence[Monitor] = (),
        results: s3.IBucket | None = None,
        prefix: str = DEFAULT_PREFIX,
        compute: MonitorCompute | None = None,
        notify: Sequence[sns.ITopic] = (),
        dashboard: bool = True,
    ) -> BatchMonitoring:
        """`BatchMonitoring` of a `BatchTransform`, as ``Monitoring`` below it.

        There is neither a choice of the engine, since Model Monitor reads no records of ours, nor are there alarms of
        an endpoint: a transform has alarms of its own.
        """
        if not isinstance(batch, constructs.Construct):
            raise no_batch(batch, path="Monitoring.of_batch")
        return BatchMonitoring(
            batch,
            "Monitoring",
            batch=batch,
            monitors=monitors,
            results=results,
            prefix=prefix,
            compute=compute,
            notify=notify,
            dashboard=dashboard,
        )

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

    @property
    def alarms(self) -> tuple[cloudwatch.Alarm, ...]:
        """All alarms of monitors, then those of the endpoint."""
        own = () if self.endpoint_monitoring is None else self.endpoint_monitoring.alarms
        return (*self._of_monitors, *own)

    def _engine(self, place: constructs.Construct, watch: Watch, props: MonitoringProps) -> PreparedMonitor:
        if props.engine is not MonitorEngine.MODEL_MONITOR:
            return super()._engine(place, watch, props)
        made = ScheduledMonitor(place, "Engine", watch=watch)
        self.scheduled[watch.monitor.title] = made
        return made

    def _watch_endpoint(
        self, alarms: EndpointAlarms | None, notify: Sequence[sns.ITopic]
    ) -> EndpointMonitoring | None:
        if not self.endpoint.variant_names:
            return None
        return EndpointMonitoring(self, "Endpoint", endpoint=self.endpoint, alarms=alarms, notify=notify)
