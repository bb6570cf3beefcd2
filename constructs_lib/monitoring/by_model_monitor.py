"""A monitor as Model Monitor runs it: what this library knows of it, in the words of that engine."""

from __future__ import annotations

from collections.abc import Sequence

import constructs

from ..core.rules import DEVELOPER_GUIDE, Broken, listed
from ..hosting.hosted import HostedEndpoint
from ..hosting.realtime import RealtimeEndpoint
from ..model.reference import model_name
from .engine import MonitorEngine
from .model_monitor import cadence
from .model_monitor.job import (
    Attributes,
    BiasAnalysis,
    Facet,
    ModelMonitorJob,
    MonitorKind,
    Place,
    ProblemType,
    ShapAnalysis,
)
from .model_monitor.schedule import ModelMonitorSchedule
from .monitors import AttributionDrift, BiasDrift, ModelQuality, Monitor, Prediction
from .prepared import PreparedMonitor
from .watch import Watch

MODEL_IS_KNOWN = listed(
    id="SM-MONITOR-056",
    summary="Model Monitor explains a model whose name is known: that of an endpoint that is made here.",
    source=DEVELOPER_GUIDE + "clarify-model-monitor-feature-attribution-drift.html",
)
_HOUR = 3600
_PROBLEMS = {
    "binary": ProblemType.BINARY,
    "multiclass": ProblemType.MULTICLASS,
    "regression": ProblemType.REGRESSION,
}


class ScheduledMonitor(PreparedMonitor):
    """One monitor: its baseline, made here, and its schedule at Model Monitor."""

    def __init__(self, scope: constructs.Construct, id: str, *, watch: Watch) -> None:
        """Have Model Monitor look at what is `watch`."""
        super().__init__(scope, id, watch=watch, engine=MonitorEngine.MODEL_MONITOR)
        after: list[constructs.IDependable] = [self.baseline]
        if isinstance(watch.endpoint, HostedEndpoint):
            after.append(watch.endpoint.cfn_endpoint)
        self.schedule = ModelMonitorSchedule(self, "Schedule", job=self._described(), after=after)
        """Definition, schedule, and what turns results into ours."""

    def _described(self) -> ModelMonitorJob:
        watch, monitor = self.watch, self.watch.monitor
        truth, captured = monitor.truth, watch.captured
        prediction = getattr(monitor, "prediction", None)
        start, end = _offsets(monitor)
        return ModelMonitorJob(
            name=monitor.title,
            kind=MonitorKind(monitor.kind),
            endpoint_name=self.watch.watched.name,
            captured=Place(bucket=captured.bucket, prefix=captured.prefix, key=captured.encryption_key),
            baseline=self._baseline_place(),
            results=Place(bucket=watch.results, prefix=watch.results_prefix),
            ground_truth=None if truth is None else Place(bucket=truth.bucket, prefix=truth.prefix),
            schedule=_cron(monitor.every_seconds),
            start_offset=start,
            end_offset=end,
            attributes=Attributes() if prediction is None else _attributes(prediction, monitor),
            problem=_PROBLEMS[monitor.problem.value] if isinstance(monitor, ModelQuality) else None,
            bias=_bias(monitor) if isinstance(monitor, BiasDrift) else None,
            shap=self._shap(monitor) if isinstance(monitor, AttributionDrift) else None,
        )

    def _baseline_place(self) -> Place:
        data = self.watch.monitor.baseline_data
        if data is not None and data.made_already and data.bucket is not None and data.key is not None:
            return Place(bucket=data.bucket, prefix=data.key)
        prefix = f"{self.watch.results_prefix}/baseline/{self.digest}"
        return Place(bucket=self.watch.results, prefix=prefix)

    def _shap(self, monitor: AttributionDrift) -> ShapAnalysis:
        if not isinstance(self.watch.endpoint, RealtimeEndpoint):
            given = f"AttributionDrift of {self.watch.watched.name}"
            fix = "or engine OWNED, which asks the endpoint itself"
            raise MODEL_IS_KNOWN.error(
                self.node.path, Broken("endpoint", given, "a RealtimeEndpoint that is made here", fix)
            )
        variants = {variant.name: variant for variant in self.watch.endpoint.variants}
        variant = variants[monitor.variant or self.watch.endpoint.variants[0].name]
        return ShapAnalysis(model_name=model_name(variant.model), background=monitor.background_rows)


def _cron(every: int) -> str:
    hours = every // _HOUR
    if hours == 1:
        return cadence.HOURLY
    return cadence.daily(0) if hours == 24 else cadence.every(hours)


def _offsets(monitor: Monitor) -> tuple[str | None, str | None]:
    """Where labels take their time, the window is as much earlier."""
    truth = monitor.truth
    if truth is None:
        return None, None
    waits = int(truth.within.to_seconds())
    return cadence.offset(waits + monitor.every_seconds), cadence.offset(waits)


def _attributes(prediction: Prediction, monitor: Monitor) -> Attributes:
    thresholded = prediction.probability is not None and not isinstance(monitor, AttributionDrift)
    return Attributes(
        features=monitor.features_path if isinstance(monitor, BiasDrift | AttributionDrift) else None,
        inference=prediction.label,
        probability=prediction.probability,
        probability_threshold=prediction.threshold if thresholded else None,
    )


def _bias(monitor: BiasDrift) -> BiasAnalysis:
    def values(given: Sequence[str] | None, above: float | None) -> Sequence[str | float]:
        return list(given) if given is not None else [0.0 if above is None else above]

    return BiasAnalysis(
        label_values=list(monitor.positive),
        facets=[Facet(name=each.column, values=values(each.values, each.above)) for each in monitor.facets],
        label=monitor.baseline_truth,
        group=monitor.group,
    )
