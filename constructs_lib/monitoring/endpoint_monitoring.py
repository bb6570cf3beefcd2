"""The alarms and graphs of one endpoint: does it answer, in time, and is there room left?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import constructs
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_sns as sns

from ..core.place import construct_path, note_place
from ..core.roles import acknowledge, both_packs
from ..hosting.endpoint import EndpointBase
from ..hosting.rollback_alarms import batched
from .endpoint_alarms import EndpointAlarms
from .endpoint_monitoring_rules import EndpointMonitoringProps, endpoint_monitoring_rules
from .endpoint_widgets import EndpointWidgets, alarm_states
from .planned_alarms import PlannedAlarm

if TYPE_CHECKING:
    import cdk_monitoring_constructs as cmc

# An alarm rule has at most 10,240 characters and 100 children, and names each by an ARN of up to 150 characters.
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutCompositeAlarm.html
_CHILDREN = 50

_NO_ACTION = (
    "The alarm is shown on dashboards, or a composite alarm that acts reads it: without an action by choice."
)


class EndpointMonitoring(constructs.Construct):
    """Alarms on an endpoint, of each of its variants by itself, and graphs of what they watch.

    In the style of cdk-monitoring-constructs, which knows no SageMaker; `in_facade` and `segment` fit it into that
    library's ``MonitoringFacade``.

    Source: https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html

    Example::

        endpoint = RealtimeEndpoint(self, "Endpoint", model=model, instance_type="ml.m5.large")
        monitoring = EndpointMonitoring(self, "Monitoring", endpoint=endpoint, notify=[topic])
        MonitoringDashboard(self, "Dashboard", monitorings=[monitoring])
    """

    def __init__(
        self,
        scope: constructs.Construct,
        id: str,
        *,
        endpoint: EndpointBase,
        alarms: EndpointAlarms | None = None,
        variants: Sequence[str] | None = None,
        notify: Sequence[sns.ITopic] = (),
        composite: bool = False,
    ) -> None:
        """Make the alarms.

        :param endpoint: made here or imported.
        :param alarms: default: those of its kind, see `EndpointAlarms.default`.
        :param variants: names of variants to watch. Default: all in production; a shadow is to be named.
        :param notify: topics that hear of each alarm, or with `composite` of each composite alarm.
        :param composite: make one alarm of all that share a disambiguator, and let that tell: of an outage there
            is one message, not one for each signal and variant.
        :raises ConstraintError: SM-ALARM-014 … 017.
        """
        props = EndpointMonitoringProps(
            endpoint=endpoint, alarms=alarms, variants=variants, notify=notify, composite=composite
        )
        endpoint_monitoring_rules.enforce(props, path=lambda: construct_path(scope, id))
        super().__init__(scope, id)
        note_place(self, scope, id)
        self.endpoint = endpoint
        """What is watched."""
        self._widgets = EndpointWidgets(endpoint, props.watched, props.chosen)
        self._topics = [actions.SnsAction(topic) for topic in notify]
        self._scopes: dict[str, constructs.Construct] = {}
        self._made = [(planned, self._alarm(planned)) for planned in props.planned()]
        self.alarms: tuple[cloudwatch.Alarm, ...] = tuple(alarm for _, alarm in self._made)
        """All alarms, but for composite ones."""
        self.composite_alarms: tuple[cloudwatch.CompositeAlarm, ...] = tuple(self._composites(composite))
        """One for each disambiguator, where they were asked for; more where that has more than 50 alarms."""
        self._act(composite)

    def alarms_of(self, disambiguator: str) -> tuple[cloudwatch.Alarm, ...]:
        """The alarms that share a disambiguator, such as ``Critical``."""
        return tuple(alarm for planned, alarm in self._made if planned.disambiguator == disambiguator)

    def widgets(self) -> list[cloudwatch.IWidget]:
        """A heading, and for each variant graphs of all that it reports, with the thresholds."""
        return self._widgets.detail()

    def summary_widgets(self) -> list[cloudwatch.IWidget]:
        """A heading, and a row of the three graphs to look at first, with all variants in each."""
        return self._widgets.summary()

    def alarm_widgets(self) -> list[cloudwatch.IWidget]:
        """The state of each alarm."""
        return alarm_states(self._widgets.title, self.alarms)

    def segment(self) -> cmc.IDashboardSegment:
        """The same widgets for ``facade.add_segment(…)`` of cdk-monitoring-constructs, which must be installed.

        The alarms stay those made here; to have the facade make them, use `in_facade`.
        """
        from .facade import segment_of

        return segment_of(self)

    @staticmethod
    def in_facade(
        facade: cmc.MonitoringFacade,
        endpoint: EndpointBase,
        *,
        alarms: EndpointAlarms | None = None,
        variants: Sequence[str] | None = None,
        name: str | None = None,
    ) -> cmc.Monitoring:
        """Alarms and graphs made by a ``MonitoringFacade`` of cdk-monitoring-constructs, which must be installed.

        Names, actions, periods and what else the facade has defaults for are the facade's; thresholds say what is
        different. Its composite alarms and dashboards include them.

        :param facade: makes the alarms, and shows the graphs on its dashboards.
        :param endpoint: made here or imported.
        :param alarms: default: those of its kind, see `EndpointAlarms.default`.
        :param variants: default: all in production.
        :param name: leads the names of the alarms, after the facade's own prefix. Default: the endpoint's construct id.
        :raises ConstraintError: SM-ALARM-014 … 017.
        """
        from .facade import monitored_by

        return monitored_by(
            facade, EndpointMonitoringProps(endpoint=endpoint, alarms=alarms, variants=variants), name
        )

    def _alarm(self, planned: PlannedAlarm) -> cloudwatch.Alarm:
        threshold = planned.threshold
        return cloudwatch.Alarm(
            self._scope_of(planned),
            f"{planned.signal.id}-{planned.disambiguator}",
            metric=planned.metric,
            alarm_description=planned.description,
            threshold=planned.limit,
            comparison_operator=planned.signal.comparison,
            evaluation_periods=threshold.periods,
            datapoints_to_alarm=threshold.datapoints,
            treat_missing_data=planned.missing,
            actions_enabled=threshold.actions_enabled,
        )

    def _scope_of(self, planned: PlannedAlarm) -> constructs.Construct:
        """A scope for each variant, so that no two names run together."""
        id = f"Variant{planned.variant.id}"
        if id not in self._scopes:
            self._scopes[id] = constructs.Construct(self, id)
        return self._scopes[id]

    def _composites(self, wanted: bool) -> Iterator[cloudwatch.CompositeAlarm]:
        if not wanted:
            return
        parts: dict[str, list[cloudwatch.Alarm]] = {}
        for planned, alarm in self._made:
            if _in_composite(planned):
                parts.setdefault(planned.disambiguator, []).append(alarm)
        for disambiguator, alarms in parts.items():
            for index, children in enumerate(batched(alarms, _CHILDREN), start=1):
                yield cloudwatch.CompositeAlarm(
                    self,
                    f"Composite-{disambiguator}" if index == 1 else f"Composite{index}-{disambiguator}",
                    alarm_rule=cloudwatch.AlarmRule.any_of(*children),
                    alarm_description=f"{disambiguator}: endpoint {self.endpoint.endpoint_name}: one of its alarms",
                )

    def _act(self, composite: bool) -> None:
        mute = False
        for planned, alarm in self._made:
            told_by_another = composite and _in_composite(planned)
            does = [*([] if told_by_another else self._topics), *planned.threshold.notify]
            mute |= not does or planned.threshold.actions_enabled is False
            if does:
                alarm.add_alarm_action(*does)
        for whole in self.composite_alarms if self._topics else ():
            whole.add_alarm_action(*self._topics)
        if mute:
            acknowledge(self, dict.fromkeys(both_packs("CloudWatchAlarmAction"), _NO_ACTION))


def _in_composite(planned: PlannedAlarm) -> bool:
    return planned.threshold.composite and planned.threshold.actions_enabled is not False
