"""The function that counts devices every few minutes: how many serve which version, and which have fallen silent."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from ....core.runtime.clients import client
from .fleet import FleetSettings
from .metrics import datum, put
from .tally import OTHER, commonest

_FORGET_SECONDS = 30 * 86_400
_MOST_NAMED = 20

log = logging.getLogger()
log.setLevel(logging.INFO)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What a device said last."""

    heard_at: float
    """Seconds since 1970, by AWS's clock: one whose own clock is wrong is not silent."""
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """The devices of a fleet."""

    versions: Mapping[str, int]
    """Devices that are not silent, by version."""
    devices: Mapping[str, int]
    """By group."""
    silent: Mapping[str, list[str]]
    """By group."""

    def data(self, fleet: str) -> list[dict[str, Any]]:
        """As metrics."""
        found = [
            datum("CensusHeartbeat", 1, Fleet=fleet),
            datum("Devices", sum(self.devices.values()), Fleet=fleet),
            datum("SilentDevices", sum(map(len, self.silent.values())), Fleet=fleet),
        ]
        for group, number in self.devices.items():
            found.append(datum("Devices", number, Fleet=fleet, Group=group))
            found.append(datum("SilentDevices", len(self.silent[group]), Fleet=fleet, Group=group))
        named = commonest(Counter(self.versions))
        shown = Counter[str]()
        for version, number in self.versions.items():
            shown[version if version in named else OTHER] += number
        for version, number in shown.items():
            found.append(datum("DevicesByVersion", number, Fleet=fleet, ModelVersion=version))
        return found


def counted(
    members: Mapping[str, frozenset[str]],
    known: Mapping[str, Known],
    *,
    now: float,
    silent_seconds: int,
) -> Count:
    """Count the members of groups. One that never told anything is silent; one in no group is not counted."""
    versions: Counter[str] = Counter()
    silent: dict[str, list[str]] = {group: [] for group in members}
    for group, things in members.items():
        for thing in sorted(things):
            told = known.get(thing)
            if told is None or now - told.heard_at > silent_seconds:
                silent[group].append(thing)
            else:
                versions[told.version] += 1
    return Count(
        versions=dict(versions),
        devices={group: len(things) for group, things in members.items()},
        silent=silent,
    )


def gone(members: Mapping[str, frozenset[str]], known: Mapping[str, Known], *, now: float) -> list[str]:
    """Devices that are in no group any more and have told nothing for a month."""
    there = frozenset().union(*members.values())
    return sorted(
        thing for thing, told in known.items() if thing not in there and now - told.heard_at > _FORGET_SECONDS
    )


def handle(_event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Entry point of the function."""
    census = Census(FleetSettings.from_environment(), client("dynamodb"), client("iot"), client("cloudwatch"))
    found = census.take(time.time())
    silent = [each for group in found.silent.values() for each in group]
    log.info("%s; silent: %s", dict(found.versions), ", ".join(silent[:_MOST_NAMED]) or "none")
    return {"devices": dict(found.devices), "silent": len(silent)}


@dataclass(frozen=True, slots=True)
class Census:
    """Counts the devices of one fleet."""

    settings: FleetSettings
    dynamodb: Any
    iot: Any
    cloudwatch: Any

    def take(self, now: float) -> Count:
        """Count them, tell CloudWatch, and forget those that are gone."""
        members = {group: frozenset(self._members(name)) for group, name in self.settings.groups.items()}
        known = dict(self._known())
        found = counted(members, known, now=now, silent_seconds=self.settings.silent_seconds)
        put(self.cloudwatch, found.data(self.settings.fleet))
        for thing in gone(members, known, now=now):
            self._forget(thing, known[thing])
        return found

    def _forget(self, thing: str, known: Known) -> None:
        """Delete its item, unless it has been heard of since."""
        try:
            self.dynamodb.delete_item(
                TableName=self.settings.table,
                Key={"thing": {"S": thing}},
                ConditionExpression="heard_at = :heard",
                ExpressionAttributeValues={":heard": {"N": f"{known.heard_at:.3f}"}},
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise

    def _members(self, group: str) -> Iterator[str]:
        pages = self.iot.get_paginator("list_things_in_thing_group").paginate(thingGroupName=group)
        for page in pages:
            yield from page["things"]

    def _known(self) -> Iterator[tuple[str, Known]]:
        pages = self.dynamodb.get_paginator("scan").paginate(
            TableName=self.settings.table,
            ProjectionExpression="thing, heard_at, #version",
            ExpressionAttributeNames={"#version": "version"},
        )
        for page in pages:
            for item in page["Items"]:
                known = Known(heard_at=float(item["heard_at"]["N"]), version=item["version"]["S"])
                yield item["thing"]["S"], known
