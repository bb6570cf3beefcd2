"""The function that counts summaries: a batch of the queue becomes a few metrics, and an item for each device.

A summary is counted once, though it may come twice: a device's item has the number of the last one. It is read before
the metrics are put, and written after: where something fails in between, a batch is counted twice, and never not at
all.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from ....core.runtime.clients import client
from .fleet import FleetSettings
from .summary import MalformedSummaryError, Summary
from .tally import put, tally

log = logging.getLogger()
log.setLevel(logging.INFO)


def handle(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Entry point of the function, for a batch of SQS."""
    meter = Meter(FleetSettings.from_environment(), client("dynamodb"), client("cloudwatch"))
    meter.count(event["Records"], now=time.time())
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The last summary of a device that was counted."""

    boot: str
    number: int
    at: float


def is_new(summary: Summary, seen: Seen | None) -> bool:
    """Whether a summary has not been counted: by number within one start of the program, by clock between two."""
    if seen is None:
        return True
    return summary.number > seen.number if summary.boot == seen.boot else summary.at > seen.at


@dataclass(frozen=True, slots=True)
class Meter:
    """Counts what devices of one fleet tell."""

    settings: FleetSettings
    dynamodb: Any
    cloudwatch: Any

    def count(self, records: Iterable[Mapping[str, Any]], *, now: float) -> None:
        """Count a batch of messages.

        :raises ClientError: AWS takes nothing now; all are delivered again.
        """
        summaries, malformed = _read(records, now)
        seen = self._seen({each.thing for each in summaries})
        fresh: list[Summary] = []
        for each in sorted(summaries, key=lambda summary: (summary.at, summary.number)):
            if is_new(each, seen.get(each.thing)):
                fresh.append(each)
                seen[each.thing] = Seen(boot=each.boot, number=each.number, at=each.at)
        data = tally(fresh, self.settings.fleet, now=now)
        if malformed:
            data.append(self._malformed(malformed))
        put(self.cloudwatch, data)
        for each in {summary.thing: summary for summary in fresh}.values():
            self._keep(each)

    def _seen(self, things: Collection[str]) -> dict[str, Seen]:
        """What is known of the devices of a batch, of which there are at most a hundred."""
        asked: Mapping[str, Any] = {
            self.settings.table: {
                "Keys": [{"thing": {"S": each}} for each in sorted(things)],
                "ConsistentRead": True,
            }
        }
        found: dict[str, Seen] = {}
        while things and asked:
            answer = self.dynamodb.batch_get_item(RequestItems=asked)
            for item in answer["Responses"].get(self.settings.table, ()):
                found[item["thing"]["S"]] = Seen(
                    boot=item["boot"]["S"],
                    number=int(item["number"]["N"]),
                    at=float(item["told_at"]["N"]),
                )
            asked = answer.get("UnprocessedKeys", {})
        return found

    def _keep(self, summary: Summary) -> None:
        """Keep what is known of the device, unless another batch knows better by now."""
        try:
            self.dynamodb.update_item(
                TableName=self.settings.table,
                Key={"thing": {"S": summary.thing}},
                UpdateExpression=(
                    "SET boot = :boot, #number = :number, #group = :group, #version = :version, program = :program, "
                    "told_at = :at"
                ),
                ConditionExpression=(
                    "attribute_not_exists(thing) OR (boot = :boot AND #number < :number) "
                    "OR (boot <> :boot AND told_at < :at)"
                ),
                ExpressionAttributeNames={"#number": "number", "#group": "group", "#version": "version"},
                ExpressionAttributeValues={
                    ":boot": {"S": summary.boot},
                    ":number": {"N": str(summary.number)},
                    ":group": {"S": summary.group},
                    ":version": {"S": summary.version},
                    ":program": {"S": summary.program},
                    ":at": {"N": f"{summary.at:.3f}"},
                },
            )
        except ClientError as error:
            # It has been counted: to deliver it again would count it twice.
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                log.exception("%s is not kept", summary.thing)

    def _malformed(self, number: int) -> dict[str, Any]:
        return {
            "MetricName": "MalformedSummaries",
            "Dimensions": [{"Name": "Fleet", "Value": self.settings.fleet}],
            "Value": float(number),
            "Unit": "Count",
        }


def _read(records: Iterable[Mapping[str, Any]], now: float) -> tuple[list[Summary], int]:
    """The summaries, and how many were none."""
    found: list[Summary] = []
    malformed = 0
    for record in records:
        try:
            found.append(Summary.of(_parsed(record["body"]), now=now))
        except MalformedSummaryError as error:
            log.warning("malformed: %s", error)
            malformed += 1
    return found, malformed


def _parsed(body: str) -> object:
    try:
        return json.loads(body)
    except ValueError as error:
        raise MalformedSummaryError(f"no JSON: {body[:60]!r}") from error
