"""Canary analysis: what metrics must say before a rollout may go on, beyond alarms."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import ClassVar

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch

from ..core.checks import duration, items_of, kind, known, number, text, whole_number
from ..core.rules import DEVELOPER_GUIDE, Broken, Rules
from .metric_queries import Query, metric_queries, samples_query

MAX_CHECKS = 10
SETTLE_SECONDS = 60
"""So long after its end an interval is measured: until then CloudWatch may have a part of it."""
DECIDE_SECONDS = 180
"""So long before the end of a bake the verdict is due: the function runs every minute, and the alarm looks at
whole minutes."""

# A target's input has at most 8,192 characters; the rest of it is names and numbers.
# https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_Target.html
_MOST_CHARACTERS = 7_500

_CONFIGURATION = DEVELOPER_GUIDE + "deployment-guardrails-configuration.html"
_GET_METRIC_DATA = "https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html"


class OnInconclusive(Enum):
    """What becomes of a rollout that the analysis can neither praise nor blame."""

    ROLL_BACK = "ROLL_BACK"
    PROCEED = "PROCEED"


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricCheck:
    """What a metric must keep to while a new version bakes: measured once in every interval.

    :raises ConstraintError: SM-ANALYSIS-001 … 003.
    """

    name: str
    """1–64 letters, digits and hyphens, for the function's log."""
    metric: cloudwatch.IMetric
    """A metric, or metric math that yields one series. Its period is the analysis's interval."""
    at_most: float | None = None
    """The most that is successful. Either this or `at_least`."""
    at_least: float | None = None
    """The least that is successful."""
    margin: float = 0
    """Beyond the bound by no more than this is inconclusive; by more, failed."""
    minimum_samples: int = 1
    """With fewer in an interval there is no data."""
    samples: cloudwatch.IMetric | None = None
    """What counts the samples. Default: a plain metric's own ``SampleCount``; metric math counts none."""

    def __post_init__(self) -> None:
        """Check."""
        metric_check_rules.enforce(self, path="MetricCheck")

    def describe(self, period: int) -> dict[str, object]:
        """The check as the function takes it, in periods of so many seconds."""
        bound = {"AtMost": self.at_most} if self.at_most is not None else {"AtLeast": self.at_least}
        return {
            "Name": self.name,
            **bound,
            "Margin": self.margin,
            "MinimumSamples": self.minimum_samples,
            "Queries": [
                *metric_queries("constructs_value", self.metric, period=period),
                *self._counting(period),
            ],
        }

    def _counting(self, period: int) -> list[Query]:
        if self.samples is not None:
            return metric_queries("constructs_samples", self.samples, period=period)
        # A value of a metric is at least one sample.
        if self.minimum_samples == 1 or not isinstance(self.metric, cloudwatch.Metric):
            return []
        return samples_query("constructs_samples", self.metric, period=period)


@dataclass(frozen=True, slots=True, kw_only=True)
class CanaryAnalysis:
    """Looks at metrics while a canary or a linear step bakes, and has it rolled back where they are bad.

    Every `interval` makes one measurement a check. A run of failed ones is a failure, a run of successful
    ones of all checks a success; an interval without data is no measurement, and interrupts no run. What is
    neither a few minutes before the bake ends is inconclusive: SageMaker moves on by the clock, and cannot
    be held.

    Source: https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-configuration.html

    :raises ConstraintError: SM-ANALYSIS-004 … 007.
    """

    NEW_CONFIG: ClassVar[str] = "{new-endpoint-config}"
    """As the value of a dimension: the endpoint configuration of the new fleet, known when it is deployed."""
    OLD_CONFIG: ClassVar[str] = "{old-endpoint-config}"
    """The same of the old fleet, to compare with."""

    checks: Sequence[MetricCheck]
    """1–10, with names of their own."""
    interval: cdk.Duration | None = None
    """1–60 whole minutes. Default: 1 minute."""
    failure_limit: int = 2
    """So many failed measurements of one check in a row are a failure."""
    success_limit: int = 3
    """So many successful ones of every check in a row are a success."""
    inconclusive_limit: int | None = None
    """So many inconclusive ones of one check in a row are inconclusive. Default: only the bake's end is."""
    on_inconclusive: OnInconclusive = OnInconclusive.ROLL_BACK
    """What an inconclusive bake comes to."""

    def __post_init__(self) -> None:
        """Check."""
        analysis_rules.enforce(self, path="CanaryAnalysis")

    @property
    def interval_seconds(self) -> int:
        """Length of an interval."""
        return 60 if self.interval is None else int(self.interval.to_milliseconds() / 1000)

    @property
    def watches_itself(self) -> bool:
        """Whether a rollout goes back when the analysis fails to run: no verdict is inconclusive too."""
        return self.on_inconclusive is OnInconclusive.ROLL_BACK

    @property
    def least_wait_seconds(self) -> int:
        """The shortest bake in which each verdict can come about."""
        most = max(self.failure_limit, self.success_limit, self.inconclusive_limit or 0)
        # An interval begins with CloudWatch's period: up to one is lost until the first one begins.
        return SETTLE_SECONDS + DECIDE_SECONDS + (most + 1) * self.interval_seconds

    def describe(self) -> dict[str, object]:
        """The analysis as the function takes it, of no particular endpoint yet."""
        limit = self.inconclusive_limit
        return {
            "IntervalSeconds": self.interval_seconds,
            "SettleSeconds": SETTLE_SECONDS,
            "DecideSecondsBefore": DECIDE_SECONDS,
            "FailureLimit": self.failure_limit,
            "SuccessLimit": self.success_limit,
            **({} if limit is None else {"InconclusiveLimit": limit}),
            "OnInconclusive": self.on_inconclusive.value,
            "Checks": [check.describe(self.interval_seconds) for check in self.checks],
        }


metric_check_rules = Rules[MetricCheck]()
analysis_rules = Rules[CanaryAnalysis]()

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}")


@metric_check_rules.rule("SM-ANALYSIS-001", source=_GET_METRIC_DATA)
def check_has_name_and_metric(check: MetricCheck) -> Iterator[Broken]:
    """A check has a name of 1–64 letters, digits and hyphens, and a metric."""
    yield from kind("name", check.name, str, optional=False)
    yield from text("name", check.name, _NAME, "1–64 letters, digits and hyphens")
    for property, metric in (("metric", check.metric), ("samples", check.samples)):
        optional = property == "samples" and metric is None
        if not optional and not hasattr(metric, "to_metric_config"):
            yield Broken(property, metric, "a CloudWatch metric or math expression")


@metric_check_rules.rule("SM-ANALYSIS-002", source=_CONFIGURATION)
def check_has_one_bound(check: MetricCheck) -> Iterator[Broken]:
    """A check has one bound, at_most or at_least, and a margin of at least 0."""
    if (check.at_most is None) == (check.at_least is None):
        yield Broken("at_most", check.at_most, "exactly one of at_most and at_least")
    for property, bound in (("at_most", check.at_most), ("at_least", check.at_least)):
        yield from number(property, bound, -1e15)
    yield from kind("margin", check.margin, int, float, optional=False)
    yield from number("margin", check.margin, 0)


@metric_check_rules.rule("SM-ANALYSIS-003", source=_GET_METRIC_DATA)
def samples_can_be_counted(check: MetricCheck) -> Iterator[Broken]:
    """A minimum of samples is at least 1, and metric math says what counts them."""
    yield from kind("minimum_samples", check.minimum_samples, int, optional=False)
    yield from whole_number("minimum_samples", check.minimum_samples, 1, 1_000_000_000)
    math_only = check.samples is None and not isinstance(check.metric, cloudwatch.Metric)
    if math_only and known(check.minimum_samples) and check.minimum_samples != 1:
        allowed = "1, since nothing counts the samples of metric math"
        yield Broken("minimum_samples", check.minimum_samples, allowed, "samples=<a metric that counts them>")


@analysis_rules.rule("SM-ANALYSIS-004", source=_CONFIGURATION)
def checks_are_few_and_named_apart(analysis: CanaryAnalysis) -> Iterator[Broken]:
    """An analysis has 1–10 checks with names of their own."""
    yield from items_of("checks", analysis.checks, MetricCheck, fix="checks=[MetricCheck(…)]")
    if not 1 <= len(analysis.checks) <= MAX_CHECKS:
        yield Broken("checks", f"{len(analysis.checks)} checks", f"1–{MAX_CHECKS} checks")
    for name, count in Counter(check.name for check in analysis.checks).items():
        if count > 1:
            yield Broken("checks", f"{count} called {name}", "a name of its own for each")


@analysis_rules.rule("SM-ANALYSIS-005", source=_GET_METRIC_DATA)
def interval_is_whole_minutes(analysis: CanaryAnalysis) -> Iterator[Broken]:
    """An interval is 1–60 whole minutes, and known at synthesis."""
    broken = list(duration("interval", analysis.interval, 60, 3600))
    yield from broken
    if broken or analysis.interval is None:
        return
    if analysis.interval.is_unresolved():
        yield Broken("interval", analysis.interval, "known at synthesis: it is the period of the metrics")
    elif analysis.interval_seconds % 60:
        yield Broken("interval", analysis.interval.to_human_string(), "whole minutes")


@analysis_rules.rule("SM-ANALYSIS-006", source=_CONFIGURATION)
def limits_are_counts(analysis: CanaryAnalysis) -> Iterator[Broken]:
    """Limits are 1–60 measurements, known at synthesis; what follows inconclusiveness is an OnInconclusive."""
    for property in ("failure_limit", "success_limit", "inconclusive_limit"):
        limit = getattr(analysis, property)
        if limit is None and property == "inconclusive_limit":
            continue
        if not known(limit):
            yield Broken(property, limit, "a whole number from 1 to 60, known at synthesis")
        yield from whole_number(property, limit, 1, 60)
    yield from kind("on_inconclusive", analysis.on_inconclusive, OnInconclusive, optional=False)


@analysis_rules.rule(
    "SM-ANALYSIS-007", source="https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_Target.html"
)
def checks_fit_into_the_event(analysis: CanaryAnalysis) -> Iterator[Broken]:
    """All checks together fit into the event that EventBridge hands to the function."""
    described = [check.describe(3600) for check in analysis.checks]
    length = len(json.dumps(described, separators=(",", ":")))
    if length > _MOST_CHARACTERS:
        yield Broken(
            "checks",
            f"{length} characters of metrics",
            f"at most {_MOST_CHARACTERS}",
            "fewer metrics in metric math",
        )


def bake_is_long_enough(analysis: CanaryAnalysis | None, wait: cdk.Duration | None) -> Iterator[Broken]:
    """Whether so many measurements fit into a bake as the limits of its analysis need."""
    if not isinstance(analysis, CanaryAnalysis) or not isinstance(wait, cdk.Duration) or wait.is_unresolved():
        return
    least = analysis.least_wait_seconds
    if wait.to_milliseconds() / 1000 < least:
        yield Broken(
            "wait",
            wait.to_human_string(),
            f"at least {least} seconds: time for the measurements that the limits need, and to act on them",
            "a longer wait, a shorter interval, or lower limits",
        )
