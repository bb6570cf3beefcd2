"""The private names of ministack's CloudWatch that alarms need; emulator.py's companion."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

from ministack.services import cloudwatch
from ministack.services.cloudformation import provisioners

from .emulator import Scope, put_event

Alarm = dict[str, Any]
Point = Mapping[str, Any]


def points(namespace: str, name: str, dimensions: Mapping[str, str]) -> Sequence[Point]:
    """Everything CloudWatch holds of exactly this metric, each point with its `Timestamp`."""
    key = (namespace, name, cloudwatch._dims_key(dict(dimensions)))
    found: Sequence[Point] = cloudwatch._metrics.get(key) or ()
    return found


def statistic(of: Sequence[Point], name: str) -> float | None:
    """`Average`, `Sum`, `p99`… of some points."""
    stats = cloudwatch._calc_stats(of)
    value = cloudwatch._stat_value(stats, name, of) if stats else None
    return None if value is None else float(value)


def points_of(metric: Mapping[str, Any]) -> Sequence[Point]:
    """`points` of a metric as requests and alarms spell it."""
    dimensions = {each["Name"]: each["Value"] for each in metric.get("Dimensions") or ()}
    return points(metric["Namespace"], metric["MetricName"], dimensions)


def by_period(of: Sequence[Point], name: str, period: float, grid: Sequence[float]) -> dict[float, float]:
    """A statistic of the points in each period that begins at `grid`; one without points has no value."""
    values = {}
    for start in grid:
        inside = [point for point in of if start <= point["Timestamp"] < start + period]
        value = statistic(inside, name)
        if value is not None:
            values[start] = value
    return values


def move_alarm(alarm: Alarm, state: str, reason: str) -> None:
    """Move an alarm to a state, with its history, its actions, and the composite alarms above it."""
    before = alarm["StateValue"]
    if before == state:
        return
    alarm.update(StateValue=state, StateReason=reason, StateUpdatedTimestamp=int(time.time()))
    cloudwatch._record_history(alarm["AlarmName"], before, state, reason)
    cloudwatch._dispatch_alarm_actions(alarm, before, state, reason)
    cloudwatch._evaluate_parent_alarms(alarm)
    _announce(alarm, before)


def _announce(alarm: Alarm, before: str) -> None:
    """Tell EventBridge of the change, which ministack does not.

    Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html
    """
    detail = {
        "alarmName": alarm["AlarmName"],
        "state": {"value": alarm["StateValue"], "reason": alarm["StateReason"]},
        "previousState": {"value": before},
    }
    put_event("aws.cloudwatch", "CloudWatch Alarm State Change", detail, [alarm["AlarmArn"]])


def replace_evaluation(evaluate: Callable[[Alarm], None]) -> None:
    """Judge alarms by `evaluate`: ministack's own looks neither at dimensions nor at periods."""
    cloudwatch._evaluate_alarm = evaluate


def evaluate_everywhere() -> None:
    """Evaluate the alarms of all accounts and regions."""
    for scope in _scopes_with_alarms():
        with scope.active():
            cloudwatch._evaluate_all_alarms()


def _scopes_with_alarms() -> Iterator[Scope]:
    keys = {key[:2] for key, _alarm in cloudwatch._alarms.all_items()}
    return (Scope(account, region) for account, region in keys)


def members(body: bytes) -> Mapping[str, Any]:
    """What a request to CloudWatch says, in JSON or as a query; of CBOR, which no SDK here speaks, nothing."""
    try:
        found = json.loads(body) if body[:1] == b"{" else dict(parse_qsl(body.decode()))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


Queries = Sequence[Mapping[str, Any]]


def answer_metric_math(compute: Callable[[Queries, float, float], list[dict[str, Any]]]) -> None:
    """Answer GetMetricData by `compute` (queries, start, end → results) where it asks for metric math."""
    plain = cloudwatch._get_metric_data

    def get(params: Any, data: Mapping[str, Any], is_cbor: bool, is_json: bool = False) -> Any:
        queries = data.get("MetricDataQueries", ()) if is_cbor or is_json else ()
        if not any("Expression" in query for query in queries):
            return plain(params, data, is_cbor, is_json)
        start, end = (cloudwatch._parse_ts(data[name]) for name in ("StartTime", "EndTime"))
        results = [_with_iso_times(result) for result in compute(queries, start, end)]
        if is_json:
            return cloudwatch._json_ok({"MetricDataResults": results})
        return cloudwatch._cbor_ok(
            {"MetricDataResults": [cloudwatch._cbor_metric_data_result(result) for result in results]}
        )

    cloudwatch._get_metric_data = get


def _with_iso_times(result: Mapping[str, Any]) -> dict[str, Any]:
    return {**result, "Timestamps": [cloudwatch._ts_iso(each) for each in result["Timestamps"]]}


def allow_metric_math_alarms() -> None:
    """Let CloudFormation make alarms on metric math, which ministack refuses."""
    plain_record = provisioners._cw_metric_alarm_record

    def record(name: str, properties: Mapping[str, Any]) -> Alarm:
        queries = properties.get("Metrics")
        if not queries:
            return dict(plain_record(name, properties))
        plain = {key: value for key, value in properties.items() if key != "Metrics"}
        alarm = dict(plain_record(name, {**plain, "MetricName": "-", "Namespace": "-"}))
        for member in ("MetricName", "Namespace", "Statistic", "ExtendedStatistic", "Period", "Dimensions"):
            alarm.pop(member, None)
        return {**alarm, "Metrics": queries}

    provisioners._cw_metric_alarm_record = record


def announce_composite_alarms() -> None:
    """Tell EventBridge of the changes of composite alarms too, whatever moves them."""
    plain = cloudwatch._transition_composite

    def move(
        alarm: Alarm, state: str, reason: str, triggers: Sequence[str], seen: frozenset[str] = frozenset()
    ) -> None:
        before = alarm["StateValue"]
        plain(alarm, state, reason, triggers, seen)
        _announce(alarm, before)

    cloudwatch._transition_composite = move


def put_composite_alarm(request: Mapping[str, Any]) -> str:
    """PutCompositeAlarm: the alarm's ARN; ValueError with the message when it is refused."""
    # The API refuses CloudFormation's own tags, and takes tags only when it creates an alarm.
    untagged = {name: value for name, value in request.items() if name != "Tags"}
    _require_accepted(cloudwatch._put_composite_alarm({}, untagged, False, True))
    alarm = cloudwatch._composite_alarms[request["AlarmName"]]
    tags = {tag["Key"]: tag["Value"] for tag in request.get("Tags", ())}
    cloudwatch._resource_tags[alarm["AlarmArn"]] = tags
    return str(alarm["AlarmArn"])


def delete_composite_alarm(name: str) -> None:
    """DeleteAlarms; ValueError with the message when it is refused. One that is gone is not missed."""
    _require_accepted(cloudwatch._delete_alarms({}, {"AlarmNames": [name]}, False, True))


def _require_accepted(response: tuple[int, dict[str, str], bytes]) -> None:
    status, _headers, body = response
    if status >= 300:
        raise ValueError(json.loads(body)["message"])
