"""The rules of `BatchMonitoring`: what monitors ask of an endpoint that a batch transform has not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..core.checks import known
from ..core.rules import DEVELOPER_GUIDE, Broken, Rules
from .monitoring_rules import MonitoringProps, monitoring_rules
from .monitors import AttributionDrift

_ATTRIBUTION = DEVELOPER_GUIDE + "clarify-model-monitor-feature-attribution-drift.html"
_QUALITY = DEVELOPER_GUIDE + "model-monitor-model-quality-metrics.html"
_OF_SEVERAL = ("max", "argmax")
VARIANT = "batch"
"""What the folder of captured records is called that an endpoint has for each variant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchMonitoringProps(MonitoringProps):
    """The props of `BatchMonitoring`, as those of an endpoint that has no variants."""


batch_monitoring_rules = Rules[BatchMonitoringProps](including=monitoring_rules)


@batch_monitoring_rules.rule("SM-MONITOR-058", source=_ATTRIBUTION)
def nothing_is_asked_of_an_endpoint(props: BatchMonitoringProps) -> Iterator[Broken]:
    """Of a batch transform no attribution can be asked, no traffic shifted, and no variant chosen."""
    for monitor in props.monitors:
        where = f"monitors[{monitor.title}]"
        if isinstance(monitor, AttributionDrift):
            allowed = (
                "DataQuality, ModelQuality or BiasDrift: attribution asks an endpoint, and there is none"
            )
            yield Broken(where, "AttributionDrift", allowed)
        if known(monitor.variant) and monitor.variant != VARIANT:
            yield Broken(f"{where}.variant", monitor.variant, "None: a batch transform has no variants")
        for index, action in enumerate(monitor.actions):
            if action.variant is not None:
                yield Broken(
                    f"{where}.actions[{index}]",
                    f"shift_traffic(to={action.variant!r})",
                    "an action that shifts no traffic: a batch transform has none",
                    "MonitorAction.notify(…), .retrain(…), .retrain_pipeline(…)",
                )


@batch_monitoring_rules.rule("SM-MONITOR-059", source=_QUALITY)
def predictions_are_numbered(props: BatchMonitoringProps) -> Iterator[Broken]:
    """Captured predictions of a batch transform are CSV: each is named by its number among them, from 0."""
    for monitor in props.monitors:
        prediction = getattr(monitor, "prediction", None)
        for name in ("label", "probability"):
            given = getattr(prediction, name, None)
            if isinstance(given, str) and known(given) and not _is_of_csv(given):
                yield Broken(
                    f"monitors[{monitor.title}].prediction.{name}",
                    given,
                    "the number of a prediction column, from 0, or of several max or argmax",
                    f'Prediction({name}="0")',
                )


def _is_of_csv(path: str) -> bool:
    """As runtime/reading/answers.py reads it."""
    return path.isdecimal() or path in _OF_SEVERAL
