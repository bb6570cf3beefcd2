"""The function that counts summaries: a batch of the queue becomes a few metrics, and an item for each device.

A summary is counted once, though it may come twice: a device's item has which of them were (:mod:`.seen`). It is read
before the metrics are put, and written after: where something fails in between, a batch is counted twice, and never
not at all. A message that is no summary is counted as such, and done with: no message fails the others of its batch.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ....core.runtime.clients import client
from .fleet import FleetSettings
from .metrics import datum, put
from .seen import Seen
from .summary import MalformedSummaryError, Summary
from .tally import tally

_TRIES = 5
"""Of reading what DynamoDB left out, and of writing what others write too."""
_PAUSE = 0.05

log = logging.getLogger()
log.setLevel(logging.INFO)


def handle(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Entry point of the function, for a batch of SQS."""
    meter = Meter(FleetSettings.from_environment(), client("dynamodb"), client("cloudwatch"))
    meter.count(event["Records"], now=time.time())
    return {}


class UnreadError(Exception):
    """DynamoDB did not tell what is known of the devices: the batch comes again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """What is known of a device."""

    thing: str
    heard_at: float
    """Seconds since 1970, by AWS's clock."""
    told_at: float
    """By the device's own."""
    group: str
    version: str
    seen: Seen
    revision: int
    """Of its item; 0 where there is none yet."""

    @classmethod
    def of(cls, item: Mapping[str, Any]) -> Device:
        """Read its item."""
        return cls(
            thing=item["thing"]["S"],
            heard_at=float(item["heard_at"]["N"]),
            told_at=float(item["told_at"]["N"]),
            group=item["group"]["S"],
            version=item["version"]["S"],
            seen=Seen.of(item["seen"]["S"]),
            revision=int(item["revision"]["N"]),
        )

    def hearing(self, summary: Summary) -> Device:
        """With one more summary. What was received last is what is so: a device tells all in its order."""
        seen = self.seen.counting(summary.boot, summary.number)
        if summary.received < self.heard_at:
            return replace(self, seen=seen)
        return replace(_first_heard(summary), seen=seen, revision=self.revision)


def _first_heard(summary: Summary) -> Device:
    return Device(
        thing=summary.thing,
        heard_at=summary.received,
        told_at=summary.at,
        group=summary.group,
        version=summary.version,
        seen=Seen().counting(summary.boot, summary.number),
        revision=0,
    )


def heard(device: Device | None, summaries: Iterable[Summary]) -> Device | None:
    """What is known of a device after these."""
    for each in summaries:
        device = _first_heard(each) if device is None else device.hearing(each)
    return device


@dataclass(frozen=True, slots=True)
class Meter:
    """Counts what devices of one fleet tell."""

    settings: FleetSettings
    dynamodb: Any
    cloudwatch: Any
    pause: Callable[[float], None] = time.sleep

    def count(self, records: Iterable[Mapping[str, Any]], *, now: float) -> None:
        """Count a batch of messages.

        :raises ClientError: AWS takes nothing now; all are delivered again. So with `UnreadError`.
        """
        summaries, malformed = _read(records, now)
        known = self._known({each.thing for each in summaries})
        fresh = _fresh(summaries, known)
        data = tally(fresh, self.settings.fleet, now=now)
        if malformed:
            data.append(datum("MalformedSummaries", malformed, Fleet=self.settings.fleet))
        put(self.cloudwatch, data)
        for thing, told in groupby(fresh, key=lambda each: each.thing):
            self._keep(known.get(thing), list(told))

    def _known(self, things: Collection[str]) -> dict[str, Device]:
        """What is known of the devices of a batch, of which there are at most a hundred."""
        asked: Mapping[str, Any] = {
            self.settings.table: {
                "Keys": [{"thing": {"S": each}} for each in sorted(things)],
                "ConsistentRead": True,
            }
        }
        found: dict[str, Device] = {}
        for again in range(_TRIES):
            if not things or not asked:
                return found
            if again:
                self.pause(_PAUSE * 2**again)
            answer = self.dynamodb.batch_get_item(RequestItems=asked)
            for item in answer["Responses"].get(self.settings.table, ()):
                device = Device.of(item)
                found[device.thing] = device
            asked = answer.get("UnprocessedKeys", {})
        if asked:
            raise UnreadError(f"{self.settings.table} is too busy")
        return found

    def _keep(self, known: Device | None, told: list[Summary]) -> None:
        """Keep what is known of a device, with what another batch has counted meanwhile.

        It has been counted: to fail, and have it delivered again, would count it twice.
        """
        try:
            for _ in range(_TRIES):
                device = heard(known, told)
                if device is None:
                    return
                there = self._write(device)
                if there is None:
                    return
                known = Device.of(there)
            log.error("%s is not kept: others write it all the time", told[0].thing)
        except (ClientError, BotoCoreError):
            log.exception("%s is not kept", told[0].thing)

    def _write(self, device: Device) -> Mapping[str, Any] | None:
        """Write its item; what is there instead, where that is not what was read before."""
        try:
            self.dynamodb.update_item(
                TableName=self.settings.table,
                Key={"thing": {"S": device.thing}},
                UpdateExpression=(
                    "SET heard_at = :heard, told_at = :told, #group = :group, #version = :version, seen = :seen, "
                    "revision = :next"
                ),
                ConditionExpression="attribute_not_exists(thing) OR revision = :before",
                ExpressionAttributeNames={"#group": "group", "#version": "version"},
                ExpressionAttributeValues={
                    ":heard": {"N": f"{device.heard_at:.3f}"},
                    ":told": {"N": f"{device.told_at:.3f}"},
                    ":group": {"S": device.group},
                    ":version": {"S": device.version},
                    ":seen": {"S": device.seen.told()},
                    ":before": {"N": str(device.revision)},
                    ":next": {"N": str(device.revision + 1)},
                },
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            item: Mapping[str, Any] = error.response["Item"]  # type: ignore[typeddict-item]
            return item
        return None


def _fresh(summaries: Iterable[Summary], known: Mapping[str, Device]) -> list[Summary]:
    """Those that have not been counted, device by device, in their order."""
    seen = {thing: each.seen for thing, each in known.items()}
    fresh = []
    for each in sorted(summaries, key=lambda summary: (summary.thing, summary.received, summary.number)):
        before = seen.get(each.thing, Seen())
        if not before.has(each.boot, each.number):
            fresh.append(each)
            seen[each.thing] = before.counting(each.boot, each.number)
    return fresh


def _read(records: Iterable[Mapping[str, Any]], now: float) -> tuple[list[Summary], int]:
    """The summaries, and how many were none."""
    found: list[Summary] = []
    malformed = 0
    for record in records:
        try:
            found.append(Summary.read(record["body"], now=now))
        except MalformedSummaryError as error:
            log.warning("malformed: %s", error)
            malformed += 1
    return found, malformed
