"""How the answers of a shadow test are compared, and the metrics that come of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch

from ..core.checks import KEY_PREFIX, duration, known, number, text, whole_number
from ..core.rules import DEVELOPER_GUIDE, Broken, Rules
from ..core.tokens import is_token
from .functions import METRIC_NAMESPACE

DIMENSION = "ShadowTest"
DEFAULT_EVERY_SECONDS = 3600
DEFAULT_SETTLE_SECONDS = 600

_DAY = 86_400


class ComparisonMetric(Enum):
    """A metric of the comparison, with the statistic that sums it up: one value a window."""

    PAIRS = ("Pairs", "Sum")
    """Answers of the challenger that were compared with production's."""
    AGREEMENT = ("Agreement", "Average")
    """Share of the values that are equal, 0–1."""
    MEAN_DIFFERENCE = ("MeanAbsoluteDifference", "Average")
    P95_DIFFERENCE = ("P95AbsoluteDifference", "Maximum")
    MAXIMUM_DIFFERENCE = ("MaximumAbsoluteDifference", "Maximum")
    UNPAIRED_ANSWERS = ("UnpairedAnswers", "Sum")
    """Answers of the challenger without one of production."""
    UNPARSABLE_ANSWERS = ("UnparsableAnswers", "Sum")
    """Answers, of either, that have not what is to be compared."""
    SLOWDOWN = ("Slowdown", "Average")
    """The challenger's p99 latency over production's."""

    def __init__(self, metric_name: str, statistic: str) -> None:
        self.metric_name = metric_name
        self.statistic = statistic

    def of(
        self, endpoint_name: str, *, statistic: str | None = None, period: cdk.Duration | None = None
    ) -> cloudwatch.Metric:
        """The metric of the shadow test on an endpoint."""
        return cloudwatch.Metric(
            namespace=METRIC_NAMESPACE,
            metric_name=self.metric_name,
            dimensions_map={DIMENSION: endpoint_name},
            statistic=statistic or self.statistic,
            period=period or cdk.Duration.hours(1),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What of two answers is compared, how often, and when the challenger is as good as production.

    Paths are keys and positions with dots between them, such as ``predictions.label``; a key applies to
    every item of a list. Of CSV the path is the number of a column, from 0. With neither `label` nor
    `number` the whole answer is compared: what is a number as a number, everything else as a label.

    :raises ConstraintError: SM-SHADOW-011 … SM-SHADOW-013.
    """

    label: str | None = None
    """Path of what must be equal, such as the class."""
    number: str | None = None
    """Path of what has a distance, such as a probability. Without labels, numbers are what must be equal."""
    tolerance: float = 0.0
    """Numbers that differ by no more are equal."""
    minimum_pairs: int = 100
    """Fewer than that give no verdict."""
    least_agreement: float = 0.95
    """Share of equal values, 0–1."""
    most_difference: float | None = None
    """Mean absolute difference of numbers. Default: it is told, and not judged."""
    most_slowdown: float | None = 1.5
    """The challenger's p99 latency over production's. ``None``: it is told, and not judged."""
    every: cdk.Duration | None = None
    """The window that is compared at once: 5 minutes to 1 day, a whole part of a day. Default: 1 hour."""
    settle: cdk.Duration | None = None
    """How long after its end a window is compared, 0–60 minutes: captured data is written later than
    answers are given. Default: 10 minutes."""
    reports_prefix: str = "shadow-reports"
    """Where reports lie in the capture's bucket: ``prefix/endpoint/yyyy/mm/dd/hhmm.json``."""

    def __post_init__(self) -> None:
        """Check."""
        comparison_rules.enforce(self, path="Comparison")

    @property
    def every_seconds(self) -> int:
        """The window, with its default applied."""
        return DEFAULT_EVERY_SECONDS if self.every is None else int(self.every.to_seconds())

    @property
    def settle_seconds(self) -> int:
        """The time to settle, with its default applied."""
        return DEFAULT_SETTLE_SECONDS if self.settle is None else int(self.settle.to_seconds())


comparison_rules = Rules[Comparison]()

_SOURCE = DEVELOPER_GUIDE + "model-monitor-data-capture-endpoint.html"
_PATH = re.compile(r"[^.\s]+(\.[^.\s]+)*")


@comparison_rules.rule("SM-SHADOW-011", source=_SOURCE)
def paths_are_paths(comparison: Comparison) -> Iterator[Broken]:
    """The label and the number of an answer are named by keys and positions with dots between them."""
    for name in ("label", "number"):
        yield from text(name, getattr(comparison, name), _PATH, "keys with dots, such as predictions.label")
    if known(comparison.reports_prefix):
        yield from text(
            "reports_prefix",
            comparison.reports_prefix,
            KEY_PREFIX,
            "a key prefix of at most 400 characters such as reports/fraud, no slash at the ends",
        )


@comparison_rules.rule("SM-SHADOW-012", source=DEVELOPER_GUIDE + "shadow-tests-best-practices.html")
def criteria_are_in_range(comparison: Comparison) -> Iterator[Broken]:
    """Tolerance and difference are at least 0, the agreement is a share, a slowdown is more than 0."""
    yield from number("tolerance", comparison.tolerance, 0)
    yield from whole_number("minimum_pairs", comparison.minimum_pairs, 1, 1_000_000)
    yield from number("least_agreement", comparison.least_agreement, 0, 1)
    yield from number("most_difference", comparison.most_difference, 0)
    yield from number("most_slowdown", comparison.most_slowdown, 0, above=True)


@comparison_rules.rule(
    "SM-SHADOW-013",
    source="https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html",
)
def windows_fill_a_day(comparison: Comparison) -> Iterator[Broken]:
    """A window of comparison lasts whole minutes, 5 to 1440 of them, that divide a day; it settles within an hour."""
    every = comparison.every
    for name, low, high in (("every", 300, _DAY), ("settle", 0, 3600)):
        given = getattr(comparison, name)
        yield from duration(name, given, low, high)
        if isinstance(given, cdk.Duration) and is_token(given):
            yield Broken(name, "a token", "a Duration known at synthesis")
    if isinstance(every, cdk.Duration) and not is_token(every):
        seconds = every.to_milliseconds() / 1000
        if 300 <= seconds <= _DAY and (seconds % 60 or _DAY % seconds):
            yield Broken(
                "every", every.to_human_string(), "whole minutes that divide a day, such as 15 or 60"
            )
