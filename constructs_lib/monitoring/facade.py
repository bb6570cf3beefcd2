"""Endpoints in the ``MonitoringFacade`` of cdk-monitoring-constructs.

That package is imported where it is used, and nowhere else: the library does not depend on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import jsii
from aws_cdk import aws_cloudwatch as cloudwatch

from ..core.place import path_of
from .endpoint_monitoring_rules import EndpointMonitoringProps, endpoint_monitoring_rules
from .endpoint_widgets import EndpointWidgets
from .planned_alarms import PlannedAlarm

if TYPE_CHECKING:
    import cdk_monitoring_constructs as cmc

    from .endpoint_monitoring import EndpointMonitoring


def segment_of(monitoring: EndpointMonitoring) -> cmc.IDashboardSegment:
    """The widgets of `monitoring` as a segment of dashboards."""
    import cdk_monitoring_constructs as cmc

    @jsii.implements(cmc.IDashboardSegment)
    class EndpointSegment:
        """What is already there, shown on the facade's dashboards."""

        def alarm_widgets(self) -> list[cloudwatch.IWidget]:
            return monitoring.alarm_widgets()

        def summary_widgets(self) -> list[cloudwatch.IWidget]:
            return monitoring.summary_widgets()

        def widgets(self) -> list[cloudwatch.IWidget]:
            return monitoring.widgets()

    return EndpointSegment()


def monitored_by(
    facade: cmc.MonitoringFacade, props: EndpointMonitoringProps, name: str | None
) -> cmc.Monitoring:
    """An endpoint's alarms, made by `facade`, and its graphs on the facade's dashboards."""
    import cdk_monitoring_constructs as cmc

    endpoint_monitoring_rules.enforce(props, path=lambda: path_of(facade))
    shown = EndpointWidgets(props.endpoint, props.watched, props.chosen)
    several = len(props.watched) > 1

    # A Monitoring, not merely a segment: only so do the facade's createdAlarms and composite alarms know its alarms.
    class FacadeMonitoring(cmc.Monitoring):
        """An endpoint as the facade knows what it monitors."""

        def widgets(self) -> list[cloudwatch.IWidget]:
            return shown.detail()

        def summary_widgets(self) -> list[cloudwatch.IWidget]:
            return shown.summary()

    monitoring = FacadeMonitoring(facade)
    factory = monitoring.create_alarm_factory(props.endpoint.node.id if name is None else name)
    for planned in props.planned():
        made = _made(factory, planned, several=several)
        monitoring.add_alarm(
            alarm=made.alarm,
            alarm_definition=made.alarm_definition,
            alarm_description=made.alarm_description,
            alarm_label=made.alarm_label,
            alarm_name=made.alarm_name,
            alarm_name_suffix=made.alarm_name_suffix,
            alarm_rule_when_alarming=made.alarm_rule_when_alarming,
            alarm_rule_when_insufficient_data=made.alarm_rule_when_insufficient_data,
            alarm_rule_when_ok=made.alarm_rule_when_ok,
            annotation=made.annotation,
            action=made.action,
            custom_params=made.custom_params,
            custom_tags=made.custom_tags,
            dedupe_string=made.dedupe_string,
            disambiguator=made.disambiguator,
        )
    facade.add_segment(monitoring)
    return monitoring


def _made(factory: cmc.AlarmFactory, planned: PlannedAlarm, *, several: bool) -> cmc.AlarmWithAnnotation:
    """Have the facade make an alarm. What a threshold leaves open is for the facade's defaults."""
    threshold = planned.threshold
    # One without the other would be filled up by the facade, to 3 of 15 periods.
    said = threshold.evaluation_periods is not None or threshold.datapoints is not None
    suffix = f"{planned.variant.id}-{planned.signal.id}" if several else planned.signal.id
    return factory.add_alarm(
        planned.metric,
        alarm_description=planned.says,
        alarm_name_suffix=suffix,
        alarm_dedupe_string_suffix=suffix,
        comparison_operator=planned.signal.comparison,
        threshold=planned.limit,
        treat_missing_data=planned.missing,
        disambiguator=planned.disambiguator,
        evaluation_periods=threshold.periods if said else None,
        datapoints_to_alarm=threshold.least_breaching if said else None,
        actions_enabled=threshold.actions_enabled,
        runbook_link=threshold.runbook,
        documentation_link=threshold.documentation,
        fill_alarm_range=threshold.fill,
        action_override=_own_actions(threshold.notify) if threshold.notify else None,
    )


def _own_actions(actions: Sequence[cloudwatch.IAlarmAction]) -> cmc.IAlarmActionStrategy:
    """A threshold's own actions, in place of the facade's."""
    import cdk_monitoring_constructs as cmc

    @jsii.implements(cmc.IAlarmActionStrategy)
    class OwnActions:
        """Adds them to any alarm."""

        def add_alarm_actions(self, *, alarm: cloudwatch.AlarmBase, **_: object) -> None:
            alarm.add_alarm_action(*actions)

    return OwnActions()
