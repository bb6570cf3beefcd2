"""Graphs of one endpoint's metrics, with the thresholds that alarm."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch

from ..core.tokens import is_token
from ..hosting.endpoint import EndpointBase
from ..hosting.metrics import EndpointMetric
from ..hosting.rollback_alarms import batched
from ..hosting.support import Kind
from . import signals
from .endpoint_alarms import EndpointAlarms
from .readings import AnyMetric, error_share, instances, reading, scaled
from .signals import Signal
from .thresholds import ErrorThreshold
from .watched_variants import WatchedVariant, kind_of

# Dashboards fill their rows, 24 columns wide, from the left.
_WHOLE, _THIRD, _HEIGHT = 24, 8, 6
_STATES, _STATES_A_ROW = 100, 6
"""An alarm status widget shows at most so many; and about so many beside each other."""

Annotation = cloudwatch.HorizontalAnnotation


class EndpointWidgets:
    """The graphs of some variants of an endpoint: in detail for each, and in sum."""

    def __init__(
        self, endpoint: EndpointBase, variants: Sequence[WatchedVariant], alarms: EndpointAlarms
    ) -> None:
        self._variants = variants
        self._alarms = alarms
        self._kind = kind_of(endpoint)
        self._minute = cdk.Duration.minutes(1)
        self.title = f"Endpoint {endpoint.endpoint_name}"
        """In words."""

    def detail(self) -> list[cloudwatch.IWidget]:
        """A heading, and for each variant its graphs."""
        widgets: list[cloudwatch.IWidget] = [heading(f"# {self.title}")]
        for variant in self._variants:
            if len(self._variants) > 1:
                widgets.append(heading(f"## Variant {variant.name}"))
            widgets += self._graphs(variant)
        return widgets

    def summary(self) -> list[cloudwatch.IWidget]:
        """A heading and a row of graphs with all variants in each."""
        if self._offers(signals.ERROR_RATE):
            graphs = [self._all_requests(), self._all_errors(), self._all_latencies()]
        else:
            graphs = [
                self._all_utilizations(signal) for signal in (signals.CPU, signals.MEMORY, signals.DISK)
            ]
        return [heading(f"# {self.title}"), *graphs]

    # --- of one variant -------------------------------------------------------------------------------

    def _graphs(self, variant: WatchedVariant) -> Iterator[cloudwatch.GraphWidget]:
        if self._offers(signals.ERROR_RATE):
            yield self._requests(variant)
            yield self._errors(variant)
            yield self._latency(variant)
        if self._offers(signals.OVERHEAD_P99):
            yield self._overhead(variant)
        yield self._utilization(variant)
        gpu = variant.has_gpu or self._alarms.gpu or self._alarms.gpu_memory
        if gpu and self._offers(signals.GPU):
            yield self._gpu(variant)
        if self._offers(signals.AT_MAX_CAPACITY):
            yield self._instances(variant)
        if self._offers(signals.CONCURRENCY):
            yield self._concurrency(variant)
        if self._offers(signals.OLDEST_REQUEST):
            yield self._backlog(variant)
        if self._kind is Kind.MULTI_MODEL or self._alarms.loading_wait_p99:
            yield self._loading(variant)

    def _requests(self, variant: WatchedVariant) -> cloudwatch.GraphWidget:
        lines = self._lines(signals.INVOCATIONS_LOW, variant)
        return _graph("Requests a minute", [self._line(variant, variant.requests, "Requests")], lines)

    def _errors(self, variant: WatchedVariant) -> cloudwatch.GraphWidget:
        shares = [
            error_share(variant, metric, self._minute).with_(label=label)
            for metric, label in (
                (EndpointMetric.INVOCATION_5XX_ERRORS, "5xx, %"),
                (EndpointMetric.INVOCATION_4XX_ERRORS, "4xx, %"),
            )
        ]
        # As the shares read them, and so without labels: in one graph a metric is drawn once.
        counts = [
            reading(variant, metric, self._minute)
            for metric in (EndpointMetric.INVOCATION_5XX_ERRORS, EndpointMetric.INVOCATION_4XX_ERRORS)
        ]
        both = (signals.ERROR_RATE, signals.CLIENT_ERROR_RATE)
        return _graph(
            "Errors: percent of the requests (left), a minute (right)",
            shares,
            [line for signal in both for line in self._lines(signal, variant, shares=True)],
            right=counts,
            right_lines=[line for signal in both for line in self._lines(signal, variant, shares=False)],
        )

    def _latency(self, variant: WatchedVariant) -> cloudwatch.GraphWidget:
        metric = EndpointMetric.MODEL_LATENCY
        lines = [*self._lines(signals.LATENCY_P50, variant), *self._lines(signals.LATENCY_P99, variant)]
        return _graph(
            "Latency of the model, ms",
            [self._millis(variant, metric, each) for each in ("p50", "p99")],
            lines,
        )

    def _overhead(self, variant: WatchedVariant) -> cloudwatch.GraphWidget:
        p99 = self._millis(variant, EndpointMetric.OVERHEAD_LATENCY, "p99")
        return _graph("Overhead of SageMaker, ms", [p99], self._lines(signals.OVERHEAD_P99, variant))

    def _utilization(self, variant: WatchedVariant) -> cloudwatch.GraphWidget:
        shown = [signal for signal in (signals.CPU, signals.MEMORY, signals.DISK) if self._offers(signal)]
        return _graph(
            "In use, percent (CPU: of one vCPU)" if signals.CPU in shown else "In use, percent",
            [self._used(variant, signal, signal.title) for signal in shown],
            [line for signal in shown for line in self._lines(signal, variant)],
        )

    def _gpu(self, variant: WatchedVariant) -> cloudwatch.GraphWidget:
        shown = (signals.GPU, signals.GPU_MEMORY)
        return _graph(
            "GPU in use, percent of one",
            [self._used(variant, signal, signal.title) for signal in shown],
            [line for signal in shown for line in self._lines(signal, variant)],
        )

    def _instances(self, variant: WatchedVariant) -> cloudwatch.GraphWidget:
        counted = (signals.INSTANCES_BELOW_TARGET, signals.AT_MAX_CAPACITY)
        lines = [line for signal in counted for line in self._lines(signal, variant)]
        return _graph("Instances that answered", [instances(variant, self._minute)], lines)

    def _concurrency(self, variant: WatchedVariant) -> cloudwatch.GraphWidget:
        metric = EndpointMetric.CONCURRENT_EXECUTIONS_UTILIZATION
        used = scaled(variant, metric, self._minute, "* 100", label="In use")
        return _graph("Concurrency in use, percent", [used], self._lines(signals.CONCURRENCY, variant))

    def _backlog(self, variant: WatchedVariant) -> cloudwatch.GraphWidget:
        age = self._line(variant, EndpointMetric.AGE_OF_OLDEST_REQUEST, "Age of the oldest, s")
        size = self._line(variant, EndpointMetric.BACKLOG_SIZE, "Requests")
        lines = self._lines(signals.OLDEST_REQUEST, variant)
        return _graph("Backlog: age (left), requests (right)", [age], lines, right=[size])

    def _loading(self, variant: WatchedVariant) -> cloudwatch.GraphWidget:
        wait = self._millis(variant, EndpointMetric.MODEL_LOADING_WAIT_TIME, "p99")
        return _graph("Wait for a model, ms", [wait], self._lines(signals.LOADING_WAIT_P99, variant))

    # --- of all variants ------------------------------------------------------------------------------

    def _all_requests(self) -> cloudwatch.GraphWidget:
        return _graph(
            "Requests a minute", [self._line(each, each.requests, each.name) for each in self._variants]
        )

    def _all_errors(self) -> cloudwatch.GraphWidget:
        metric = EndpointMetric.INVOCATION_5XX_ERRORS
        shares = [error_share(each, metric, self._minute).with_(label=each.name) for each in self._variants]
        return _graph("5xx answers, percent", shares, self._common_lines(signals.ERROR_RATE, shares=True))

    def _all_latencies(self) -> cloudwatch.GraphWidget:
        metric = EndpointMetric.MODEL_LATENCY
        p99 = [self._millis(each, metric, "p99", each.name) for each in self._variants]
        return _graph("Latency of the model, p99, ms", p99, self._common_lines(signals.LATENCY_P99))

    def _all_utilizations(self, signal: Signal) -> cloudwatch.GraphWidget:
        used = [self._used(each, signal, each.name) for each in self._variants]
        return _graph(f"{signal.title} in use, percent", used, self._common_lines(signal))

    # --- lines ----------------------------------------------------------------------------------------

    def _offers(self, signal: Signal) -> bool:
        return self._kind not in signal.refused

    def _line(
        self, variant: WatchedVariant, metric: EndpointMetric, label: str, statistic: str | None = None
    ) -> AnyMetric:
        return reading(variant, metric, self._minute, statistic).with_(label=label)

    def _used(self, variant: WatchedVariant, signal: Signal, label: str) -> AnyMetric:
        metric, statistic = _USED[signal]
        return self._line(variant, metric, label, statistic)

    def _millis(
        self, variant: WatchedVariant, metric: EndpointMetric, statistic: str, label: str | None = None
    ) -> AnyMetric:
        return scaled(variant, metric, self._minute, "/ 1000", label=label or statistic, statistic=statistic)

    def _common_lines(self, signal: Signal, *, shares: bool | None = None) -> list[Annotation]:
        return self._lines(signal, self._variants[0], shares=shares)

    def _lines(
        self, signal: Signal, variant: WatchedVariant, *, shares: bool | None = None
    ) -> list[Annotation]:
        """Where alarms on a signal begin; of errors the shares only, or the numbers only."""
        found = []
        for disambiguator, threshold in self._alarms.of(signal).items():
            limit = signal.limit(variant, threshold)
            other_axis = (
                isinstance(threshold, ErrorThreshold) and (threshold.percent is not None) is not shares
            )
            if limit is None or other_axis:
                continue
            shade = cloudwatch.Shading.BELOW if signal.alarms_below else cloudwatch.Shading.ABOVE
            found.append(
                Annotation(
                    label=f"{disambiguator}: {signal.in_words(threshold, limit)}",
                    value=limit if is_token(limit) else limit / signal.graph_divisor,
                    fill=shade if threshold.fill else cloudwatch.Shading.NONE,
                )
            )
        return found


_USED = {
    signals.CPU: (EndpointMetric.CPU_UTILIZATION, None),
    signals.MEMORY: (EndpointMetric.MEMORY_UTILIZATION, "Maximum"),
    signals.DISK: (EndpointMetric.DISK_UTILIZATION, "Maximum"),
    signals.GPU: (EndpointMetric.GPU_UTILIZATION, None),
    signals.GPU_MEMORY: (EndpointMetric.GPU_MEMORY_UTILIZATION, "Maximum"),
}
"""What the alarms on a utilization read."""


def heading(markdown: str) -> cloudwatch.IWidget:
    """A line of text across the dashboard."""
    return cloudwatch.TextWidget(markdown=markdown, width=_WHOLE, height=1)


def alarm_states(title: str, alarms: Sequence[cloudwatch.IAlarm]) -> list[cloudwatch.IWidget]:
    """The states of `alarms`, green or red."""
    return [
        cloudwatch.AlarmStatusWidget(
            title=title, alarms=list(each), width=_WHOLE, height=2 + math.ceil(len(each) / _STATES_A_ROW)
        )
        for each in batched(alarms, _STATES)
    ]


def _graph(
    title: str,
    left: Sequence[cloudwatch.IMetric],
    lines: Sequence[Annotation] = (),
    *,
    right: Sequence[cloudwatch.IMetric] = (),
    right_lines: Sequence[Annotation] = (),
) -> cloudwatch.GraphWidget:
    axis = cloudwatch.YAxisProps(min=0, show_units=False)
    return cloudwatch.GraphWidget(
        title=title,
        left=list(left),
        right=list(right),
        left_annotations=list(lines),
        right_annotations=list(right_lines),
        left_y_axis=axis,
        right_y_axis=axis if right else None,
        width=_THIRD,
        height=_HEIGHT,
    )
