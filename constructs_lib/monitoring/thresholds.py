"""Thresholds of alarms: how much is too much, for how long, and who hears of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch

from ..core.checks import duration, known, number, text, whole_number
from ..core.rules import DEVELOPER_GUIDE, Broken, Rules, listed
from ..core.tokens import is_token

_CLOUDWATCH = "https://docs.aws.amazon.com/AmazonCloudWatch/latest/"
PUT_METRIC_ALARM = _CLOUDWATCH + "APIReference/API_PutMetricAlarm.html"
METRIC_MATH = _CLOUDWATCH + "monitoring/using-metric-math.html"
ENDPOINT_METRICS = DEVELOPER_GUIDE + "monitoring-cloudwatch.html"

DEFAULT_PERIODS = 3
_HOUR, _DAY = 3_600, 86_400
_WEEK = 7 * _DAY
_LONGEST_LINK = 300
_LONGEST_WAIT_MILLISECONDS = 6 * _HOUR * 1000
"""As long as an asynchronous request may wait at most."""
_MOST_UNITS = 1_024

_LINK = re.compile(rf"(?=.{{1,{_LONGEST_LINK}}}$)https?://\S+")


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmThreshold:
    """What all thresholds have in common: for how long, what missing data means, and who hears of it.

    A base class: use the threshold of what is measured. What is None comes from the default, or, for alarms
    made by a ``MonitoringFacade``, from that facade.

    Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html

    :raises ConstraintError: SM-ALARM-001 … 004.
    """

    evaluation_periods: int | None = None
    """How many of the latest periods are looked at. Default: 3, or `datapoints` where those are more."""
    datapoints: int | None = None
    """How many of them must breach. Default: all."""
    period: cdk.Duration | None = None
    """Length of a period: whole minutes, up to a day. Default: 1 minute."""
    missing: cloudwatch.TreatMissingData | None = None
    """What a period without data means. Default: what suits the metric."""
    runbook: str | None = None
    """Address of what to do; it ends the alarm's description."""
    documentation: str | None = None
    """Address of what to know; it ends the alarm's description, too."""
    notify: Sequence[cloudwatch.IAlarmAction] = ()
    """Actions of alarms with this threshold, besides those of all."""
    actions_enabled: bool | None = None
    """False: the alarm is shown and does nothing. Default: it acts."""
    composite: bool = True
    """Whether the alarm is a part of the composite alarm of its disambiguator, where there is one."""
    fill: bool = False
    """Whether graphs shade the side of the threshold that alarms."""

    def __post_init__(self) -> None:
        """Check."""
        threshold_rules.enforce(self, path=type(self).__name__)

    @property
    def periods(self) -> int:
        """How many periods are looked at, defaults applied."""
        if self.evaluation_periods is not None:
            return self.evaluation_periods
        least = self.datapoints
        return max(DEFAULT_PERIODS, least) if known(least) and least is not None else DEFAULT_PERIODS

    @property
    def least_breaching(self) -> int:
        """How many of them must breach, default applied."""
        return self.periods if self.datapoints is None else self.datapoints

    @property
    def length(self) -> cdk.Duration:
        """Length of a period, default applied."""
        return cdk.Duration.minutes(1) if self.period is None else self.period


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorThreshold(AlarmThreshold):
    """Too many of the requests fail: a share of them, or a number. Either `percent` or `count`.

    :raises ConstraintError: SM-ALARM-001 … 006.
    """

    percent: float | None = None
    """More of the requests than this, 0–100."""
    count: int | None = None
    """More requests a period than this; 0 is for any."""
    min_requests: int = 1
    """Periods with fewer requests are as good as without data: one failure of two is no outage."""

    def __post_init__(self) -> None:
        """Check."""
        error_rules.enforce(self, path="ErrorThreshold")


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyThreshold(AlarmThreshold):
    """It takes too long.

    :raises ConstraintError: SM-ALARM-001 … 004, 006, 007.
    """

    at_most: cdk.Duration
    """Longer than this is too long: 1 millisecond to 6 hours. Not a token: CloudWatch wants it in microseconds."""
    min_requests: int = 1
    """Periods with fewer requests are as good as without data: a percentile of three is one of them."""

    def __post_init__(self) -> None:
        """Check."""
        latency_rules.enforce(self, path="LatencyThreshold")


@dataclass(frozen=True, slots=True, kw_only=True)
class UtilizationThreshold(AlarmThreshold):
    """Something is nearly used up.

    :raises ConstraintError: SM-ALARM-001 … 004, 008.
    """

    percent: float
    """More than this, of the whole: above 0, below 100."""
    units: int = 1
    """vCPUs, or GPUs, of an instance: SageMaker counts 100 % for each, so that 4 vCPUs come to 400 %."""

    def __post_init__(self) -> None:
        """Check."""
        utilization_rules.enforce(self, path="UtilizationThreshold")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrafficThreshold(AlarmThreshold):
    """Nobody asks any more, or hardly anybody.

    :raises ConstraintError: SM-ALARM-001 … 004, 009.
    """

    fewer_than: int
    """Fewer requests a period than this; 1 is for none."""

    def __post_init__(self) -> None:
        """Check."""
        traffic_rules.enforce(self, path="TrafficThreshold")


@dataclass(frozen=True, slots=True, kw_only=True)
class InstancesThreshold(AlarmThreshold):
    """There are fewer instances than there should be, or as many as there may be.

    :raises ConstraintError: SM-ALARM-001 … 004, 010.
    """

    count: int | None = None
    """Default: what the variant was given: its smallest number, or its largest."""

    def __post_init__(self) -> None:
        """Check."""
        instances_rules.enforce(self, path="InstancesThreshold")


threshold_rules = Rules[AlarmThreshold]()
error_rules = Rules[ErrorThreshold](including=threshold_rules)
latency_rules = Rules[LatencyThreshold](including=threshold_rules)
utilization_rules = Rules[UtilizationThreshold](including=threshold_rules)
traffic_rules = Rules[TrafficThreshold](including=threshold_rules)
instances_rules = Rules[InstancesThreshold](including=threshold_rules)

_MOST_PERIODS = _WEEK // _HOUR * 60
_MOST_REQUESTS = 10**9
_MOST_INSTANCES = 10_000


@threshold_rules.rule("SM-ALARM-001", source=PUT_METRIC_ALARM)
def periods_are_whole(threshold: AlarmThreshold) -> Iterator[Broken]:
    """An alarm looks at 1 period or more, and at most all of them must breach."""
    yield from whole_number("evaluation_periods", threshold.evaluation_periods, 1, _MOST_PERIODS)
    yield from whole_number("datapoints", threshold.datapoints, 1, _MOST_PERIODS)
    if known(threshold.datapoints, threshold.evaluation_periods) and threshold.datapoints > threshold.periods:  # type: ignore[operator]
        yield Broken("datapoints", threshold.datapoints, f"at most evaluation_periods ({threshold.periods})")


@threshold_rules.rule("SM-ALARM-002", source=PUT_METRIC_ALARM)
def period_is_minutes(threshold: AlarmThreshold) -> Iterator[Broken]:
    """A period is whole minutes, from 1 minute to a day."""
    broken = list(duration("period", threshold.period, 60, _DAY))
    yield from broken
    seconds = _seconds(threshold.period)
    if not broken and seconds is not None and seconds % 60:
        yield Broken("period", f"{seconds} seconds", "whole minutes", "SageMaker reports every minute")


@threshold_rules.rule("SM-ALARM-003", source=PUT_METRIC_ALARM)
def looks_back_no_further_than_kept(threshold: AlarmThreshold) -> Iterator[Broken]:
    """All periods together are at most a day; 7 days where each is an hour or longer."""
    seconds = 60 if threshold.period is None else _seconds(threshold.period)
    if seconds is None or is_token(threshold.periods):
        return
    most = _WEEK if seconds >= _HOUR else _DAY
    if seconds * threshold.periods > most:
        yield Broken(
            "evaluation_periods",
            threshold.periods,
            f"at most {most // seconds} of such a period",
            "a longer period: those of an hour may reach back 7 days",
        )


@threshold_rules.rule("SM-ALARM-004", source=PUT_METRIC_ALARM)
def links_are_addresses(threshold: AlarmThreshold) -> Iterator[Broken]:
    """Runbook and documentation are addresses of at most 300 characters."""
    allowed = f"an address, https://…, of at most {_LONGEST_LINK} characters without spaces"
    yield from text("runbook", threshold.runbook, _LINK, allowed)
    yield from text("documentation", threshold.documentation, _LINK, allowed)


@error_rules.rule("SM-ALARM-005", source=METRIC_MATH)
def errors_are_a_share_or_a_number(threshold: ErrorThreshold) -> Iterator[Broken]:
    """A threshold of errors is either a share below 100 percent or a number."""
    if (threshold.percent is None) == (threshold.count is None):
        both = threshold.percent is not None
        yield Broken(
            "percent",
            threshold.percent,
            f"exactly one of percent and count, not {'both' if both else 'none'}",
        )
    yield from _below_100("percent", threshold.percent, above=False)
    yield from whole_number("count", threshold.count, 0, _MOST_REQUESTS)


ENOUGH_REQUESTS = listed(
    id="SM-ALARM-006",
    summary="A period is judged from a number of requests on that is known at synthesis, at least 1.",
    source=METRIC_MATH,
)


def _enough_requests(threshold: ErrorThreshold | LatencyThreshold) -> Iterator[Broken]:
    yield from whole_number("min_requests", threshold.min_requests, 1, _MOST_REQUESTS)
    if is_token(threshold.min_requests):
        yield Broken("min_requests", threshold.min_requests, "a number: it becomes part of an expression")


error_rules.add(ENOUGH_REQUESTS, _enough_requests)
latency_rules.add(ENOUGH_REQUESTS, _enough_requests)


@latency_rules.rule("SM-ALARM-007", source=ENDPOINT_METRICS)
def latency_can_be_reached(threshold: LatencyThreshold) -> Iterator[Broken]:
    """A latency that alarms is 1 millisecond to 6 hours, and known at synthesis."""
    allowed = "a Duration from 1 millisecond to 6 hours, no token"
    at_most = threshold.at_most
    if not isinstance(at_most, cdk.Duration):
        yield Broken("at_most", at_most, allowed, "aws_cdk.Duration.millis(…), .seconds(…)")
    elif at_most.is_unresolved():
        yield Broken("at_most", at_most, allowed)
    elif not 1 <= at_most.to_milliseconds() <= _LONGEST_WAIT_MILLISECONDS:
        yield Broken("at_most", at_most.to_human_string(), allowed)


@utilization_rules.rule("SM-ALARM-008", source=ENDPOINT_METRICS)
def utilization_can_be_exceeded(threshold: UtilizationThreshold) -> Iterator[Broken]:
    """A utilization that alarms is above 0 and below 100 percent, of 1 to 1,024 units."""
    yield from _below_100("percent", threshold.percent, above=True)
    yield from whole_number("units", threshold.units, 1, _MOST_UNITS)
    if is_token(threshold.units) or (is_token(threshold.percent) and threshold.units != 1):
        yield Broken("units", threshold.units, "1 with a token: percent times units is computed at synthesis")


@traffic_rules.rule("SM-ALARM-009", source=ENDPOINT_METRICS)
def traffic_can_be_missed(threshold: TrafficThreshold) -> Iterator[Broken]:
    """Traffic that is missed is at least 1 request."""
    yield from whole_number("fewer_than", threshold.fewer_than, 1, _MOST_REQUESTS)


@instances_rules.rule("SM-ALARM-010", source=ENDPOINT_METRICS)
def instances_are_counted(threshold: InstancesThreshold) -> Iterator[Broken]:
    """A number of instances that alarms is at least 1."""
    yield from whole_number("count", threshold.count, 1, _MOST_INSTANCES)


def _below_100(name: str, value: object, *, above: bool) -> Iterator[Broken]:
    """A percentage that can be exceeded."""
    broken = list(number(name, value, 0, 100, above=above))
    yield from broken
    if not broken and value == 100:
        yield Broken(name, value, "less than 100: nothing is above it")


def _seconds(period: cdk.Duration | None) -> int | None:
    """The length of `period`, where it is known and whole."""
    if not isinstance(period, cdk.Duration) or period.is_unresolved():
        return None
    return int(period.to_milliseconds() / 1000)
