"""The rules of the monitors."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import aws_cdk as cdk

from ..core.checks import LARGEST_NUMBER, duration, known, number, text, whole_number
from ..core.rules import DEVELOPER_GUIDE, Broken, Rules
from ..core.tokens import is_token
from .drift_test import CATEGORICAL_METHODS, NUMERIC_METHODS

if TYPE_CHECKING:
    from .monitors import AttributionDrift, BiasDrift, DataQuality, Facet, ModelQuality, Monitor, Prediction

_MONITOR = DEVELOPER_GUIDE + "model-monitor.html"
_SCHEDULES = DEVELOPER_GUIDE + "model-monitor-schedule-expression.html"
_QUALITY = DEVELOPER_GUIDE + "model-monitor-model-quality-metrics.html"
_BIAS = DEVELOPER_GUIDE + "clarify-model-monitor-bias-drift.html"
_ATTRIBUTION = DEVELOPER_GUIDE + "clarify-model-monitor-feature-attribution-drift.html"
_LAMBDA = "https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"
_ALARMS = "https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html"

NAME = re.compile(r"[A-Za-z][A-Za-z0-9]{0,39}")
_PATH = re.compile(r"[^.\s]+(\.[^.\s]+)*")
_RUNBOOK = re.compile(r"https?://\S{1,500}")
_DAY = 86_400
_WEEK_MS = 7 * _DAY * 1000
_MOST_WINDOWS = 24
MOST_OPTIONS = 2500

monitor_rules = Rules["Monitor"]()
data_rules = Rules["DataQuality"](including=monitor_rules)
quality_rules = Rules["ModelQuality"](including=monitor_rules)
bias_rules = Rules["BiasDrift"](including=monitor_rules)
attribution_rules = Rules["AttributionDrift"](including=monitor_rules)
prediction_rules = Rules["Prediction"]()
facet_rules = Rules["Facet"]()


@monitor_rules.rule("SM-MONITOR-001", source=_MONITOR)
def name_is_short(monitor: Monitor) -> Iterator[Broken]:
    """A monitor's name has 1–40 letters and digits, beginning with a letter."""
    yield from text("name", monitor.name, NAME, "1–40 letters and digits, beginning with a letter")


@monitor_rules.rule("SM-MONITOR-002", source=_SCHEDULES)
def windows_fill_a_day(monitor: Monitor) -> Iterator[Broken]:
    """A monitor's window lasts whole minutes, 5 to 1440 of them, that divide a day; it settles within an hour."""
    for name, low, high in (("every", 300, _DAY), ("settle", 0, 3600)):
        given = getattr(monitor, name)
        yield from duration(name, given, low, high)
        if isinstance(given, cdk.Duration) and is_token(given):
            yield Broken(name, "a token", "a Duration known at synthesis")
    every = monitor.every
    if isinstance(every, cdk.Duration) and not is_token(every):
        seconds = every.to_milliseconds() / 1000
        if 300 <= seconds <= _DAY and (seconds % 60 or _DAY % seconds):
            yield Broken(
                "every", every.to_human_string(), "whole minutes that divide a day, such as 15 or 60"
            )


@monitor_rules.rule("SM-MONITOR-003", source=_ALARMS)
def alarms_have_reasons(monitor: Monitor) -> Iterator[Broken]:
    """A window needs 1–1,000,000 records, an alarm 1–24 windows within a week, a runbook is a web address."""
    yield from whole_number("least_records", monitor.least_records, 1, 1_000_000)
    yield from whole_number("windows_to_alarm", monitor.windows_to_alarm, 1, _windows_in_a_week(monitor))
    yield from text("runbook", monitor.runbook, _RUNBOOK, "an address such as https://wiki.example.com/fraud")
    yield from text("features_path", monitor.features_path, _PATH, "keys with dots, such as instances")


def _windows_in_a_week(monitor: Monitor) -> int:
    """An alarm looks back at most 7 days, and 24 windows are enough for any."""
    every = monitor.every
    if not isinstance(every, cdk.Duration) or is_token(every):
        return _MOST_WINDOWS
    return max(1, min(_MOST_WINDOWS, _WEEK_MS // max(1, int(every.to_milliseconds()))))


@monitor_rules.rule("SM-MONITOR-004", source=_LAMBDA)
def options_fit_an_environment(monitor: Monitor) -> Iterator[Broken]:
    """What a look needs to know fits the environment of a function, which has 4 KB in all."""
    size = len(json.dumps(monitor.options()))
    if size > MOST_OPTIONS:
        allowed = f"facets, labels, thresholds and paths of at most {MOST_OPTIONS} characters together"
        yield Broken("monitor", f"{size} characters", allowed, "several monitors")


@data_rules.rule("SM-MONITOR-010", source=DEVELOPER_GUIDE + "model-monitor-byoc-constraints.html")
def tests_fit_their_features(monitor: DataQuality) -> Iterator[Broken]:
    """Numbers and categories each have a test made for them; alpha is 0.0001–0.2."""
    for name, methods in (("numeric", NUMERIC_METHODS), ("categorical", CATEGORICAL_METHODS)):
        method = getattr(monitor, name).method
        if method not in methods:
            yield Broken(
                name, f"DriftTest.{method}(…)", " or ".join(f"DriftTest.{each}(…)" for each in methods)
            )
    yield from number("alpha", monitor.alpha, 0.0001, 0.2)


@data_rules.rule("SM-MONITOR-011", source=_MONITOR)
def features_are_named_once(monitor: DataQuality) -> Iterator[Broken]:
    """A feature that is ignored has no test and no type of its own."""
    for name in ("tests", "types"):
        both = sorted(set(getattr(monitor, name)) & set(monitor.ignore))
        if both:
            yield Broken(name, both, "features that are not ignored")


@quality_rules.rule("SM-MONITOR-020", source=_QUALITY)
def something_to_compare_with(monitor: ModelQuality) -> Iterator[Broken]:
    """Quality is compared with a baseline that has labels and predictions, or with thresholds."""
    if monitor.baseline is None and not monitor.thresholds:
        yield Broken("baseline", None, "a baseline, or thresholds", 'thresholds={"auc": 0.8}')
    if monitor.baseline is not None and not monitor.baseline.made_already:
        if monitor.baseline_truth is None:
            yield Broken("baseline_truth", None, "the column of the baseline's labels")
        told = (monitor.prediction.baseline_label, monitor.prediction.baseline_probability)
        if told == (None, None):
            yield Broken("prediction.baseline_label", None, "the column of the baseline's predictions")
    for metric, threshold in monitor.thresholds.items():
        yield from number(f"thresholds[{metric!r}]", threshold, -LARGEST_NUMBER)


@quality_rules.rule("SM-MONITOR-021", source=_QUALITY)
def prediction_is_there(monitor: ModelQuality) -> Iterator[Broken]:
    """A prediction is a label or, of a binary problem, a probability; the confidence is 0.5–0.9999."""
    prediction = monitor.prediction
    if prediction.label is None and (prediction.probability is None or monitor.problem.value != "binary"):
        yield Broken("prediction.label", None, "where the prediction stands, such as labels or 0")
    if prediction.probability is not None and monitor.problem.value == "regression":
        yield Broken("prediction.probability", prediction.probability, "None for a regression")
    yield from number("confidence", monitor.confidence, 0.5, 0.9999)


@prediction_rules.rule("SM-MONITOR-022", source=_QUALITY)
def prediction_is_found(prediction: Prediction) -> Iterator[Broken]:
    """A prediction stands at keys with dots between them; a label is the positive one from 0–1 on."""
    for name in ("label", "probability"):
        yield from text(name, getattr(prediction, name), _PATH, "keys with dots, such as predictions.label")
    yield from number("threshold", prediction.threshold, 0, 1)


@facet_rules.rule("SM-MONITOR-032", source=_BIAS)
def facet_is_a_group(facet: Facet) -> Iterator[Broken]:
    """A facet is a column with values, or with a number that divides it."""
    if (facet.values is None) == (facet.above is None):
        yield Broken("values", facet.values, "exactly one of values and above")
    if facet.values is not None and not facet.values:
        yield Broken("values", [], "at least one value")
    if facet.above is not None:
        yield from number("above", facet.above, -LARGEST_NUMBER)


@bias_rules.rule("SM-MONITOR-030", source=_BIAS)
def facets_are_groups(monitor: BiasDrift) -> Iterator[Broken]:
    """Bias is measured by at least one facet, each of a column of its own."""
    if not monitor.facets:
        yield Broken("facets", [], "at least one", 'Facet(column="sex", values=["F"])')
    columns = [facet.column for facet in monitor.facets]
    if len(set(columns)) < len(columns):
        yield Broken("facets", columns, "a column of its own for each")


@bias_rules.rule("SM-MONITOR-031", source=_BIAS)
def outcomes_are_known(monitor: BiasDrift) -> Iterator[Broken]:
    """Bias is judged by predictions whose wanted values are given; a change of 0–1 may be allowed."""
    if not monitor.positive:
        yield Broken("positive", [], "at least one label")
    if monitor.prediction.label is None and monitor.prediction.probability is None:
        yield Broken("prediction.label", None, "where the prediction stands, such as labels or 0")
    yield from number("allowed_change", monitor.allowed_change, 0, 1)
    if not monitor.baseline.made_already:
        told = (monitor.prediction.baseline_label, monitor.prediction.baseline_probability)
        if told == (None, None) and monitor.baseline_truth is None:
            yield Broken("baseline_truth", None, "the column of labels, or prediction.baseline_label")


@attribution_rules.rule("SM-MONITOR-040", source=_ATTRIBUTION)
def questions_are_bounded(monitor: AttributionDrift) -> Iterator[Broken]:
    """Attribution explains a number of the answer, with a bounded number of questions; the least nDCG is 0–1."""
    if monitor.prediction.label is None and monitor.prediction.probability is None:
        yield Broken("prediction.probability", None, "where the number stands, such as probabilities.0")
    yield from number("threshold", monitor.threshold, 0, 1)
    most = {"sample": 1000, "background": 200, "permutations": 200, "rows_a_call": 10_000}
    for name, high in most.items():
        yield from whole_number(name, getattr(monitor, name), 1, high)
    if monitor.baseline.made_already and known(monitor.baseline.key):
        yield Broken("baseline", "Baseline.existing(…)", "data: its rows stand for what is not known")
