"""A fleet's telemetry in memory: its table of devices, CloudWatch, and messages as the topic rule writes them.

Behind real boto3 clients, like all of :mod:`.edge_aws`. CloudWatch refuses what it refuses: data that are too old, too
many, values without counts, a call above 1 MB. The table knows the expressions that the functions use, and refuses any
other.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from .edge_aws import FLEET, EdgeAws
from .fake_aws import Params, Refused

NOW = 1_800_000_000.0
TABLE = "devices"
SETTINGS = {
    "fleet": FLEET,
    "table": TABLE,
    "groups": {each: f"{FLEET}-{each}" for each in ("canary", "fleet")},
    "silent_seconds": 900,
}
WEEKS = 14 * 86_400


def message(told: object, *, thing: str = "cam-1", received: float = NOW) -> Params:
    """A message of the queue, as the topic rule writes it; `received` in seconds."""
    payload = told if isinstance(told, bytes) else json.dumps(told).encode()
    body = {"thing": thing, "received": int(received * 1000), "told": base64.b64encode(payload).decode()}
    return {"messageId": "m", "body": json.dumps(body)}


def a_summary(**changed: Any) -> Params:
    """What a device tells of a minute with ten requests, one of which failed."""
    return {
        "fleet": FLEET,
        "thing": "cam-1",
        "group": "fleet",
        "at": int((NOW - 5) * 1000),
        "boot": "0a1b2c3d",
        "number": 1,
        "model_version": "1.2.3",
        "window_seconds": 60.0,
        "inferences": 10,
        "errors": 1,
        "fallbacks": 0,
        "latency": {"values": [10.0, 20.0], "counts": [6, 3]},
        "buffered_records": 4,
        "buffered_bytes": 400,
        "dropped_records": 0,
        "delivered_records": 8,
        "rss_mb": 80.0,
        "swaps": 0,
        "rejected_models": 0,
        **changed,
    }


@dataclass
class TelemetryAws(EdgeAws):
    """What is known of devices, and what CloudWatch has been told."""

    items: dict[str, Params] = field(default_factory=dict)
    """By thing, as DynamoDB has them."""
    puts: list[list[Params]] = field(default_factory=list)
    """The data of each call to CloudWatch."""
    now: float = NOW
    unread: int = 0
    """How often DynamoDB leaves out the last key of several."""

    def data(self, metric: str, **dimensions: str) -> list[Params]:
        """The data of a metric with exactly these dimensions beside the fleet's."""
        wanted = {"Fleet": FLEET, **dimensions}
        return [each for each in self._data() if each["MetricName"] == metric and _dimensions(each) == wanted]

    def sum(self, metric: str, **dimensions: str) -> float:
        """Of all its values."""
        return sum(each["Value"] for each in self.data(metric, **dimensions))

    def named(self) -> set[tuple[str, frozenset[str]]]:
        """The metrics that were put: each with the names of its dimensions."""
        return {(each["MetricName"], frozenset(_dimensions(each))) for each in self._data()}

    def _data(self) -> Iterator[Params]:
        for each in self.puts:
            yield from each

    # --- CloudWatch -----------------------------------------------------------------------------------

    def _PutMetricData(self, Namespace: str, MetricData: list[Params]) -> Params:  # noqa: N802, N803
        assert Namespace == "ConstructsLib/Edge"
        assert 0 < len(MetricData) <= 1000
        # 1 MB: a value and its count are about a hundred bytes of a call of the query protocol.
        assert 100 * sum(len(each.get("Values", ())) for each in MetricData) < 1 << 20
        for each in MetricData:
            self._check(each)
        self.puts.append(MetricData)
        return {}

    def _check(self, datum: Params) -> None:
        at = datum["Timestamp"].timestamp() if "Timestamp" in datum else self.now
        if not self.now - WEEKS <= at <= self.now + 7200:
            raise Refused("InvalidParameterValue", f"The timestamp of {datum['MetricName']}")
        if "Values" in datum:
            assert "Value" not in datum
            assert len(datum["Values"]) == len(datum["Counts"]) == len(set(datum["Values"])) <= 150
            assert all(count > 0 for count in datum["Counts"])
        for dimension in datum["Dimensions"]:
            assert 1 <= len(dimension["Value"]) <= 1024

    # --- the table of devices -------------------------------------------------------------------------

    def _BatchGetItem(self, RequestItems: Params) -> Params:  # noqa: N802, N803
        asked = RequestItems[TABLE]
        assert asked["ConsistentRead"]
        things = [key["thing"]["S"] for key in asked["Keys"]]
        assert 1 <= len(things) == len(set(things)) <= 100
        left: Params = {}
        if self.unread and len(things) > 1:
            self.unread -= 1
            left = {"UnprocessedKeys": {TABLE: {**asked, "Keys": asked["Keys"][-1:]}}}
            things = things[:-1]
        found = [self.items[thing] for thing in things if thing in self.items]
        return {"Responses": {TABLE: found}, **left}

    def _UpdateItem(self, TableName: str, Key: Params, **update: Any) -> Params:  # noqa: N802, N803
        assert TableName == TABLE
        assert update["ConditionExpression"] == "attribute_not_exists(thing) OR revision = :before"
        values, names = update["ExpressionAttributeValues"], update["ExpressionAttributeNames"]
        there = self.items.get(Key["thing"]["S"])
        if there is not None and there["revision"] != values[":before"]:
            assert update["ReturnValuesOnConditionCheckFailure"] == "ALL_OLD"
            raise Refused("ConditionalCheckFailedException", "The conditional request failed", Item=there)
        item = dict(there or Key)
        verb, _, assignments = update["UpdateExpression"].partition(" ")
        assert verb == "SET"
        for assignment in assignments.split(", "):
            name, placeholder = assignment.split(" = ")
            item[names.get(name, name)] = values[placeholder]
        self.items[Key["thing"]["S"]] = item
        return {}

    def _Scan(self, TableName: str, ProjectionExpression: str, **scan: Any) -> Params:  # noqa: N802, N803
        assert TableName == TABLE
        names = scan["ExpressionAttributeNames"]
        kept = [names.get(each, each) for each in ProjectionExpression.split(", ")]
        things = sorted(self.items)
        start = scan.get("ExclusiveStartKey", {}).get("thing", {}).get("S", "")
        page = [each for each in things if each > start][:2]  # short, for whoever reads the first page only
        more = {"LastEvaluatedKey": {"thing": {"S": page[-1]}}} if page and page[-1] != things[-1] else {}
        return {"Items": [{name: self.items[each][name] for name in kept} for each in page], **more}

    def _DeleteItem(self, TableName: str, Key: Params, **delete: Any) -> Params:  # noqa: N802, N803
        assert TableName == TABLE
        assert delete["ConditionExpression"] == "heard_at = :heard"
        there = self.items.get(Key["thing"]["S"])
        heard = delete["ExpressionAttributeValues"][":heard"]["N"]
        if there is None or float(there["heard_at"]["N"]) != float(heard):
            raise Refused("ConditionalCheckFailedException", "The conditional request failed")
        del self.items[Key["thing"]["S"]]
        return {}

    def _GetItem(self, TableName: str, Key: Params, **_: Any) -> Params:  # noqa: N802, N803
        found = self.items.get(f"{TableName}/{Key['serial']['S']}")
        return {} if found is None else {"Item": found}


def _dimensions(datum: Params) -> dict[str, str]:
    return {each["Name"]: each["Value"] for each in datum["Dimensions"]}
