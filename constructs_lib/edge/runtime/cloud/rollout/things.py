"""The devices of a group, and their named shadow ``model``: which version each is to serve, and says that it does."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any

from botocore.exceptions import ClientError

SHADOW = "model"
PAGE = 100
"""Devices a call: https://docs.aws.amazon.com/iot/latest/apireference/API_ListThingsInThingGroup.html"""
_THREADS = 16
_MOST_ASKED = 1000
"""Devices whose shadows a look reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Things:
    """Asks and tells devices by these clients: ``iot`` and ``iot-data``."""

    iot: Any
    data: Any

    def count(self, group: str, most: int = PAGE) -> int:
        """How many there are, as far as `most`."""
        if most <= PAGE:
            return len(self.iot.list_things_in_thing_group(thingGroupName=group, maxResults=most)["things"])
        return sum(1 for _ in islice(self._names(group), most))

    def want(self, group: str, version: str | None, token: str) -> str:
        """Tell a page of devices which version to serve; the token of the next page, empty after the last."""
        asked = {"thingGroupName": group, "maxResults": PAGE, **({"nextToken": token} if token else {})}
        page = self.iot.list_things_in_thing_group(**asked)
        payload = json.dumps({"state": {"desired": {"version": version}}}).encode()

        def tell(thing: str) -> None:
            self.data.update_thing_shadow(thingName=thing, shadowName=SHADOW, payload=payload)

        with ThreadPoolExecutor(_THREADS) as pool:
            list(pool.map(tell, page["things"]))
        return str(page.get("nextToken") or "")

    def rejecting(self, group: str, version: str) -> dict[str, str]:
        """Devices that were given the version and do not serve it: their reasons. Of the first thousand."""
        names = [name for name, _ in zip(self._names(group), range(_MOST_ASKED), strict=False)]
        return rejecting(dict(zip(names, self._reported(names), strict=True)), version)

    def _names(self, group: str) -> Iterator[str]:
        pages = self.iot.get_paginator("list_things_in_thing_group").paginate(thingGroupName=group)
        for page in pages:
            yield from page["things"]

    def _reported(self, names: Sequence[str]) -> list[Mapping[str, Any]]:
        with ThreadPoolExecutor(_THREADS) as pool:
            return list(pool.map(self._shadow, names))

    def _shadow(self, thing: str) -> Mapping[str, Any]:
        try:
            body = self.data.get_thing_shadow(thingName=thing, shadowName=SHADOW)["payload"].read()
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFoundException":
                return {}
            raise
        told = json.loads(body).get("state", {}).get("reported", {})
        return told if isinstance(told, Mapping) else {}


def rejecting(reported: Mapping[str, Mapping[str, Any]], version: str) -> dict[str, str]:
    """Of what devices report, the reasons of those that have turned `version` down."""
    return {
        name: str(told.get("reason", "no reason"))[:300]
        for name, told in reported.items()
        if told.get("status") == "rejected" and told.get("wanted") == version
    }
