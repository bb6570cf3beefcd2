"""The CloudWatch dashboard of an experiment: what moves, what is earned, and whether everything is counted.

The report says what was found out; the dashboard, whether the experiment runs as it should.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch

from .allocation import Stopping

if TYPE_CHECKING:
    from .ab_test import ABTest

_HALF, _WHOLE, _HEIGHT = 12, 24, 6
_SHARE = cloudwatch.YAxisProps(min=0, max=1, show_units=False)
_COUNT = cloudwatch.YAxisProps(min=0, show_units=False)


def experiment_dashboard(
    test: ABTest,
    id: str,
    *,
    look_every: cdk.Duration,
    stopping: Stopping | None,
    alarms: Sequence[cloudwatch.CfnAlarm | cloudwatch.IAlarm],
) -> cloudwatch.Dashboard:
    """Make it. It has no name of its own: the names of dashboards are one account's, in all its regions."""
    dashboard = cloudwatch.Dashboard(test, id, default_interval=cdk.Duration.days(14))
    widgets = _Widgets(test, look_every)
    dashboard.add_widgets(widgets.heading())
    if alarms:
        dashboard.add_widgets(_states(dashboard, alarms), widgets.tripped())
    dashboard.add_widgets(widgets.shares(), widgets.mean_rewards())
    dashboard.add_widgets(widgets.probabilities(stopping), widgets.value_remaining(stopping))
    dashboard.add_widgets(widgets.counts(), widgets.health())
    dashboard.add_widgets(widgets.events(), widgets.not_counted())
    dashboard.add_widgets(widgets.ingest(), widgets.recount())
    return dashboard


class _Widgets:
    """The widgets of one experiment. The metrics are those that runtime/ puts: look.py, ingest.py, recount.py."""

    def __init__(self, test: ABTest, look_every: cdk.Duration) -> None:
        self._test = test
        self._look_every = look_every

    def heading(self) -> cloudwatch.TextWidget:
        name = self._test.experiment_name
        return cloudwatch.TextWidget(
            width=_WHOLE,
            height=2,
            markdown=f"# Experiment {name}\nEndpoint {self._test.endpoint.endpoint_name}. What it has found out: "
            f"`python -m constructs_lib.experiments report {name}`",
        )

    # --- what a look tells ----------------------------------------------------------------------------

    def tripped(self) -> cloudwatch.GraphWidget:
        return _graph("Variants taken out by guardrails (1: out)", self._arms("Tripped"), axis=_SHARE)

    def shares(self) -> cloudwatch.GraphWidget:
        return _graph("Shares of the traffic", self._arms("Weight"), axis=_SHARE, stacked=True)

    def mean_rewards(self) -> cloudwatch.GraphWidget:
        return _graph("Mean reward, as it is believed", self._arms("MeanReward"))

    def probabilities(self, stopping: Stopping | None) -> cloudwatch.GraphWidget:
        lines = {} if stopping is None else {"stops here": stopping.probability_best}
        arms = self._arms("ProbabilityBest")
        return _graph("Probability that a variant is the best", arms, axis=_SHARE, lines=lines)

    def value_remaining(self, stopping: Stopping | None) -> cloudwatch.GraphWidget:
        lines = {} if stopping is None else {"stops here": stopping.value_remaining_percent / 100}
        left = [self._looked("ValueRemaining", "Value remaining")]
        return _graph("What another choice might still gain, relative", left, axis=_COUNT, lines=lines)

    def counts(self) -> cloudwatch.GraphWidget:
        exposures, rewards = (
            [self._looked(name, f"{variant} {name.lower()}", variant=variant) for variant in self._names]
            for name in ("Exposures", "Rewards")
        )
        return _graph("Exposures (left) and rewards (right) so far", exposures, right=rewards, axis=_COUNT)

    def health(self) -> cloudwatch.GraphWidget:
        told = {
            "NotReady": "Endpoint not ready",
            "SampleRatioMismatch": "Sample ratio mismatch",
            "Stopped": "Stopped",
        }
        return _graph(
            "The experiment (1: so it is)",
            [self._looked(name, label) for name, label in told.items()],
            axis=_SHARE,
        )

    @property
    def _names(self) -> list[str]:
        return [variant.name for variant in self._test.variants]

    def _arms(self, name: str) -> list[cloudwatch.IMetric]:
        return [self._looked(name, variant, variant=variant) for variant in self._names]

    def _looked(self, name: str, label: str, *, variant: str | None = None) -> cloudwatch.IMetric:
        """A value that there is one of at each look."""
        metric = self._test.metric(name, variant=variant, period=self._look_every)
        return metric.with_(label=label)

    # --- what counting tells --------------------------------------------------------------------------

    def events(self) -> cloudwatch.GraphWidget:
        return _graph("Events", self._summed({"Events": "Events"}), axis=_COUNT)

    def not_counted(self) -> cloudwatch.GraphWidget:
        told = {
            "Refused": "Refused",
            "Late": "Rewards after their window",
            "Duplicates": "Duplicates",
            "Unmatched": "Rewards before their exposure",
            "Failed": "To be tried again",
        }
        return _graph("Events that were not counted, or not at once", self._summed(told), axis=_COUNT)

    def ingest(self) -> cloudwatch.GraphWidget:
        manager = self._test.manager
        minutes = cdk.Duration.minutes(5)
        waiting = manager.failed_batches.metric_approximate_number_of_messages_visible(
            label="Failed batches", statistic="Maximum", period=minutes
        )
        errors = [
            function.metric_errors(label=f"{name} errors", period=minutes)
            for name, function in {
                "Ingest": manager.ingest,
                "Controller": manager.controller,
                "Recount": manager.recount,
            }.items()
        ]
        age = manager.ingest.metric(
            "IteratorAge", label="Age of the oldest event (ms)", statistic="Maximum", period=minutes
        )
        return _graph("Errors and failed batches (left), delay (right)", [*errors, waiting], right=[age])

    def recount(self) -> cloudwatch.GraphWidget:
        told = {
            "DriftExposures": "Exposures counted wrongly at first",
            "DriftRewards": "Rewards counted wrongly at first",
            "IncompletePeriods": "Periods with events missing in S3",
        }
        return _graph("Recount", self._summed(told, cdk.Duration.hours(1)), axis=_COUNT)

    def _summed(
        self, told: Mapping[str, str], period: cdk.Duration | None = None
    ) -> list[cloudwatch.IMetric]:
        return [
            self._test.metric(name, statistic="Sum", period=period).with_(label=label)
            for name, label in told.items()
        ]


def _states(
    dashboard: cloudwatch.Dashboard, alarms: Sequence[cloudwatch.CfnAlarm | cloudwatch.IAlarm]
) -> cloudwatch.AlarmStatusWidget:
    """The guardrails' alarms, green or red."""
    known = [
        cloudwatch.Alarm.from_alarm_arn(dashboard, f"Alarm{number}", alarm.attr_arn)
        if isinstance(alarm, cloudwatch.CfnAlarm)
        else alarm
        for number, alarm in enumerate(alarms)
    ]
    return cloudwatch.AlarmStatusWidget(title="Guardrails", alarms=known, width=_HALF, height=_HEIGHT)


def _graph(
    title: str,
    left: Sequence[cloudwatch.IMetric],
    *,
    right: Sequence[cloudwatch.IMetric] = (),
    axis: cloudwatch.YAxisProps | None = None,
    lines: Mapping[str, float] | None = None,
    stacked: bool = False,
) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(
        title=title,
        left=list(left),
        right=list(right),
        left_y_axis=axis,
        right_y_axis=_COUNT if right else None,
        left_annotations=[
            cloudwatch.HorizontalAnnotation(label=label, value=value)
            for label, value in (lines or {}).items()
        ],
        stacked=stacked,
        width=_HALF,
        height=_HEIGHT,
    )
