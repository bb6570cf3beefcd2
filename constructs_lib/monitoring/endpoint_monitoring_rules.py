"""What an endpoint's alarms must keep to: signals it reports, variants it has, numbers that are known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from aws_cdk import aws_sns as sns

from ..core.checks import items_of
from ..core.limits import MAX_ALARM_ACTIONS
from ..core.rules import Broken, Rules
from ..core.tokens import is_token
from ..hosting.endpoint import EndpointBase
from .endpoint_alarms import EndpointAlarms
from .planned_alarms import PlannedAlarm, planned_alarms
from .thresholds import ENDPOINT_METRICS, PUT_METRIC_ALARM, InstancesThreshold
from .watched_variants import WatchedVariant, kind_of, watched_variants

"""Of an alarm, in one state."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointMonitoringProps:
    """The props of `EndpointMonitoring`, and of alarms that a ``MonitoringFacade`` makes."""

    endpoint: EndpointBase
    alarms: EndpointAlarms | None = None
    variants: Sequence[str] | None = None
    notify: Sequence[sns.ITopic] = ()
    composite: bool = False

    @property
    def watched(self) -> list[WatchedVariant]:
        """The variants to watch."""
        return watched_variants(self.endpoint, self.variants)

    @property
    def chosen(self) -> EndpointAlarms:
        """The alarms to make of each, defaults applied."""
        return EndpointAlarms.default(self.endpoint) if self.alarms is None else self.alarms

    def planned(self) -> list[PlannedAlarm]:
        """The alarms to make."""
        return list(planned_alarms(self.chosen, self.watched))


endpoint_monitoring_rules = Rules[EndpointMonitoringProps]()


@endpoint_monitoring_rules.rule("SM-ALARM-014", source=ENDPOINT_METRICS)
def variants_are_known(props: EndpointMonitoringProps) -> Iterator[Broken]:
    """Metrics are reported for variants: their names are known, and the endpoint has them."""
    names, endpoint = props.variants, props.endpoint
    told = {*endpoint.variant_names, *endpoint.shadow_variant_names}
    if names is None:
        if not told:
            yield Broken(
                "variants",
                None,
                "names of variants, since the imported endpoint tells none",
                "from_endpoint_name(…, variant_names=[…]), or variants=[…] here",
            )
        return
    broken = list(items_of("variants", names, str))
    yield from broken
    if not broken and not names:
        yield Broken("variants", names, "1 or more")
    for name in () if broken or not told else names:
        if name not in told and not is_token(name):
            yield Broken("variants", name, f"some of {', '.join(sorted(told))}")


@endpoint_monitoring_rules.rule("SM-ALARM-015", source=ENDPOINT_METRICS)
def signals_are_reported(props: EndpointMonitoringProps) -> Iterator[Broken]:
    """An alarm is on something that this kind of endpoint reports."""
    kind = kind_of(props.endpoint)
    for signal in {signal: None for signal, _, _ in props.chosen.all()}:
        if kind in signal.refused:
            yield Broken(f"alarms.{signal.name}", kind.value, f"nothing: {signal.refused[kind]}")


@endpoint_monitoring_rules.rule("SM-ALARM-016", source=ENDPOINT_METRICS)
def numbers_of_instances_are_known(props: EndpointMonitoringProps) -> Iterator[Broken]:
    """An alarm on the number of instances knows it: 2 or more that should be there, or the most there may be."""
    # The defaults are for all variants together; what one of them has not, it has no alarm on.
    if props.alarms is None or any(variants_are_known(props)):
        return
    for signal, name, threshold in props.alarms.all():
        if not isinstance(threshold, InstancesThreshold) or kind_of(props.endpoint) in signal.refused:
            continue
        where = f"alarms.{signal.name}[{name!r}].count"
        if all(signal.limit(variant, threshold) is None for variant in props.watched):
            yield Broken(
                where,
                threshold.count,
                "a number, since no variant is known to have one",
                "InstancesThreshold(count=…)",
            )


@endpoint_monitoring_rules.rule("SM-ALARM-017", source=PUT_METRIC_ALARM)
def actions_are_few(props: EndpointMonitoringProps) -> Iterator[Broken]:
    """An alarm has at most 5 actions."""
    for signal, name, threshold in props.chosen.all():
        count = len(props.notify) + len(threshold.notify)
        if count > MAX_ALARM_ACTIONS:
            where = f"alarms.{signal.name}[{name!r}].notify"
            yield Broken(
                where, count, f"{MAX_ALARM_ACTIONS} with those of notify", "one topic with more subscribers"
            )
    if len(props.notify) > MAX_ALARM_ACTIONS:
        yield Broken("notify", len(props.notify), f"at most {MAX_ALARM_ACTIONS}")
