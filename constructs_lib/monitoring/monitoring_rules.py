"""The rules of `Monitoring`: what monitors need of their endpoint."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns

from ..core.checks import KEY_PREFIX, items_of, known, text
from ..core.rules import DEVELOPER_GUIDE, Broken, Rules
from ..hosting.capture import DataCapture
from .captured_data import CapturedData
from .endpoint_alarms import EndpointAlarms
from .engine import MonitorCompute, MonitorEngine
from .monitors import AttributionDrift, Monitor

_SOURCE = DEVELOPER_GUIDE + "model-monitor-data-capture.html"
_WEIGHTS = (
    "https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_UpdateEndpointWeightsAndCapacities.html"
)
MAX_MONITORS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitoringProps:
    """The props of `Monitoring`, for its rules."""

    monitors: Sequence[Monitor]
    captured: CapturedData | DataCapture | None
    """Where captured data lies, or will lie."""
    variant_names: Sequence[str]
    """Of the variants in production; none where an imported endpoint does not tell."""
    shadow_variant_names: Sequence[str]
    alarms: EndpointAlarms | None
    results: s3.IBucket | None
    prefix: str
    engine: MonitorEngine
    compute: MonitorCompute
    notify: Sequence[sns.ITopic]
    dashboard: bool
    prefix_name: str = "prefix"
    """As callers spell `prefix`."""

    @property
    def modes(self) -> tuple[bool, bool]:
        """Whether requests, and whether answers are captured."""
        captured = self.captured
        if isinstance(captured, DataCapture):
            return captured.capture_input, captured.capture_output
        return (False, False) if captured is None else (captured.has_input, captured.has_output)


monitoring_rules = Rules[MonitoringProps](spelled=lambda props: {"prefix": props.prefix_name})


@monitoring_rules.rule("SM-MONITOR-051", source=_SOURCE)
def there_is_something_to_look_at(props: MonitoringProps) -> Iterator[Broken]:
    """Monitors need captured requests, those of predictions captured answers too."""
    yield from items_of("monitors", props.monitors, Monitor)
    if not props.monitors:
        return
    if props.captured is None:
        yield Broken(
            "captured",
            None,
            "where the endpoint's captured data lies",
            "capture=DataCapture(…) of the endpoint, or captured=CapturedData(bucket=…, prefix=…)",
        )
        return
    for monitor in props.monitors:
        needs = (monitor.reads_input, monitor.reads_output)
        for needed, there, what in zip(needs, props.modes, ("capture_input", "capture_output"), strict=True):
            if needed and not there:
                yield Broken(
                    f"monitors[{monitor.title}]", what, "an endpoint that captures it", f"{what}=True"
                )


@monitoring_rules.rule("SM-MONITOR-052", source=_SOURCE)
def monitors_have_names(props: MonitoringProps) -> Iterator[Broken]:
    """An endpoint has at most 50 monitors, each with a name of its own, under a key prefix."""
    titles = [monitor.title for monitor in props.monitors]
    if len(set(titles)) < len(titles):
        yield Broken("monitors", titles, "a name of its own for each", 'DataQuality(name="HourlyDrift", …)')
    if len(titles) > MAX_MONITORS:
        yield Broken("monitors", f"{len(titles)} monitors", f"at most {MAX_MONITORS}")
    if known(props.prefix):
        yield from text(props.prefix_name, props.prefix, KEY_PREFIX, "a key prefix such as monitoring")


@monitoring_rules.rule("SM-MONITOR-053", source=_WEIGHTS)
def variants_are_the_endpoints(props: MonitoringProps) -> Iterator[Broken]:
    """A monitor looks at, and shifts traffic to, variants that the endpoint has."""
    names = props.variant_names
    if not names:
        return
    everyone = (*names, *props.shadow_variant_names)
    for monitor in props.monitors:
        if known(monitor.variant) and monitor.variant not in everyone:
            yield Broken(f"monitors[{monitor.title}].variant", monitor.variant, " or ".join(everyone))
        for index, action in enumerate(monitor.actions):
            if action.variant is not None and (action.variant not in names or len(names) < 2):
                yield Broken(
                    f"monitors[{monitor.title}].actions[{index}]",
                    f"shift_traffic(to={action.variant!r})",
                    f"one of several variants; the endpoint has {', '.join(names)}",
                )


@monitoring_rules.rule("SM-MONITOR-055", source=DEVELOPER_GUIDE + "model-monitor-schedule-expression.html")
def model_monitor_can_do_it(props: MonitoringProps) -> Iterator[Broken]:
    """Model Monitor looks every 1–24 whole hours, and explains a model of this library by rows that it is given."""
    if props.engine is not MonitorEngine.MODEL_MONITOR:
        return
    for monitor in props.monitors:
        if monitor.every_seconds % 3600:
            yield Broken(f"monitors[{monitor.title}].every", f"{monitor.every_seconds} s", "whole hours")
        if isinstance(monitor, AttributionDrift) and not monitor.background_rows:
            yield Broken(
                f"monitors[{monitor.title}].background_rows",
                [],
                "1–100 rows, with this engine",
                "or engine OWNED",
            )
