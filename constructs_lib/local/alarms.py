"""CloudWatch alarms that are judged as AWS judges them, and soon.

ministack evaluates an alarm only when somebody puts a metric, over all dimensions at once and over
one window. Here each alarm is judged every second, on its own dimensions, period by period, with its
treatment of missing data. The periods end now, rather than with the clock's minute, so that an alarm
goes off as soon as its last datapoint breaches.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from itertools import takewhile
from typing import Any

from . import emulator_cloudwatch as cloudwatch
from .autoscaling.alarms import AlarmRule, Datapoint, State, Window, evaluate, newest
from .autoscaling.expressions import MetricMathError, Series, in_order
from .autoscaling.expressions import evaluate as evaluate_math
from .emulator_cloudwatch import Alarm
from .settings import settings

_logger = logging.getLogger(__name__)
_INTERVAL = 0.5
_MINUTE = 60
# Points lie in the order in which they came; one that is put later than this after its time is not seen.
_LATENESS = 300
_background: set[asyncio.Task[None]] = set()


def install() -> None:
    """Take over the judgement of alarms. Called on the event loop."""
    cloudwatch.replace_evaluation(judge)
    cloudwatch.allow_metric_math_alarms()
    task = asyncio.create_task(_judge_for_ever())
    # The loop holds tasks only weakly.
    _background.add(task)


async def _judge_for_ever() -> None:
    while True:
        await asyncio.sleep(_INTERVAL)
        cloudwatch.evaluate_everywhere()


def judge(alarm: Alarm) -> None:
    """Bring one alarm to the state that its metric calls for."""
    rule = _rule(alarm)
    try:
        window = _window(alarm, rule, time.time())
    except MetricMathError as error:
        _logger.warning("alarm %s: %s", alarm["AlarmName"], error)
        return
    state = evaluate(rule, window)
    if state is State.INSUFFICIENT_DATA and rule.missing == "ignore":
        return
    cloudwatch.move_alarm(alarm, state.value, _reason(rule, window))


def _rule(alarm: Alarm) -> AlarmRule:
    periods = int(alarm.get("EvaluationPeriods", 1))
    return AlarmRule(
        comparison=alarm["ComparisonOperator"],
        threshold=float(alarm["Threshold"]),
        period=_period(alarm),
        periods=periods,
        datapoints=int(alarm.get("DatapointsToAlarm") or periods),
        missing=alarm.get("TreatMissingData") or "missing",
    )


def _period(alarm: Alarm) -> int:
    stats = [query["MetricStat"] for query in alarm.get("Metrics", []) if "MetricStat" in query]
    period = max((int(stat["Period"]) for stat in stats), default=int(alarm.get("Period") or _MINUTE))
    cap = settings().alarm_period_cap
    return min(period, max(1, round(cap))) if cap else period


def _window(alarm: Alarm, rule: AlarmRule, now: float) -> Window:
    """The alarm's metric in each period up to now, the oldest first."""
    grid = tuple(now - rule.period * number for number in range(rule.reach, 0, -1))
    values = _values(alarm, rule.period, grid)
    return [Datapoint(start, values[start]) if start in values else None for start in grid]


def _values(alarm: Alarm, period: int, grid: tuple[float, ...]) -> Series:
    queries = alarm.get("Metrics")
    if not queries:
        return _series(alarm, alarm.get("ExtendedStatistic") or alarm["Statistic"], period, grid)
    series: dict[str, Series] = {}
    wanted: Series = {}
    for query in in_order(queries):
        if "Expression" in query:
            series[query["Id"]] = evaluate_math(query["Expression"], series, grid)
        else:
            stat = query["MetricStat"]
            series[query["Id"]] = _series(stat["Metric"], stat["Stat"], period, grid)
        if query.get("ReturnData", True) not in (False, "false"):
            wanted = series[query["Id"]]
    return wanted


def _series(metric: Mapping[str, Any], statistic: str, period: int, grid: tuple[float, ...]) -> Series:
    everything = cloudwatch.points_of(metric)
    found = list(takewhile(lambda point: point["Timestamp"] >= grid[0] - _LATENESS, reversed(everything)))
    return cloudwatch.by_period(found, statistic, period, grid)


def _reason(rule: AlarmRule, window: Window) -> str:
    point = newest(window)
    if point is None:
        return "Insufficient Data: no datapoints were received."
    return f"Threshold Crossed: datapoint {point.value:g} was judged by {rule.comparison} {rule.threshold:g}."
