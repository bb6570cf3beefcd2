"""The alarms that thresholds come to: what CloudWatch, or a ``MonitoringFacade``, is to be told of each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from aws_cdk import aws_cloudwatch as cloudwatch

from .endpoint_alarms import EndpointAlarms
from .readings import AnyMetric
from .signals import Signal
from .thresholds import AlarmThreshold
from .watched_variants import WatchedVariant


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedAlarm:
    """An alarm on one signal of one variant."""

    variant: WatchedVariant
    signal: Signal
    disambiguator: str
    threshold: AlarmThreshold
    limit: float
    """The number that the metric is compared with."""

    @property
    def metric(self) -> AnyMetric:
        """What it reads."""
        return self.signal.read(self.variant, self.threshold)

    @property
    def says(self) -> str:
        """What is wrong when it alarms."""
        endpoint, variant = self.variant.endpoint.endpoint_name, self.variant.name
        what = self.signal.in_words(self.threshold, self.limit)
        return f"{self.disambiguator}: endpoint {endpoint}, variant {variant}: {what}"

    @property
    def description(self) -> str:
        """What it says, and where to read on."""
        links = {"Runbook": self.threshold.runbook, "Documentation": self.threshold.documentation}
        return "\n".join(
            [self.says, *(f"{name}: {link}" for name, link in links.items() if link is not None)]
        )

    @property
    def missing(self) -> cloudwatch.TreatMissingData:
        """What periods without data mean."""
        return self.signal.missing if self.threshold.missing is None else self.threshold.missing


def planned_alarms(alarms: EndpointAlarms, variants: Iterable[WatchedVariant]) -> Iterator[PlannedAlarm]:
    """An alarm for each threshold and each variant that has what it is about: one that does not scale has no limit."""
    for variant in variants:
        for signal, disambiguator, threshold in alarms.all():
            limit = signal.limit(variant, threshold)
            if limit is not None:
                yield PlannedAlarm(
                    variant=variant,
                    signal=signal,
                    disambiguator=disambiguator,
                    threshold=threshold,
                    limit=limit,
                )
