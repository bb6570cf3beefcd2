"""The pre-provisioning hook: whether a device may join the fleet, and into which group it goes.

Whoever has the claim certificate can ask; what is not known to be a device of the fleet's is refused.

Source: https://docs.aws.amazon.com/iot/latest/developerguide/pre-provisioning-hook.html
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.config import Config

from ....core.runtime.clients import client
from .metrics import datum, put

VARIABLE = "EDGE"
_SERIAL = re.compile(r"[a-zA-Z0-9:_-]{1,128}")
_SHARES = 10_000
QUICK = Config(connect_timeout=1, read_timeout=1, retries={"mode": "standard", "total_max_attempts": 2})
"""Two tries within the five seconds that AWS IoT waits."""

log = logging.getLogger()
log.setLevel(logging.INFO)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The fleet as the construct describes it."""

    fleet: str
    devices: Mapping[str, Any]
    """Which may join: ``kind`` is ``matching``, ``listed`` or ``registered``."""
    canary_percent: float
    canary_group: str
    fleet_group: str

    @classmethod
    def from_environment(cls) -> Settings:
        """Those that this function was deployed for."""
        return cls(**json.loads(os.environ[VARIABLE]))

    def group_of(self, serial: str) -> str:
        """The group of a device: by its serial number, so that it is the same whenever it joins."""
        share = int(hashlib.sha256(serial.encode()).hexdigest()[:15], 16) % _SHARES
        return self.canary_group if share < self.canary_percent * _SHARES / 100 else self.fleet_group


def handle(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Entry point of the function. AWS IoT waits five seconds for it, and lets nobody in without an answer."""
    settings = Settings.from_environment()
    serial = (event.get("parameters") or {}).get("SerialNumber")
    reason = refusal(serial, settings)
    if reason is not None:
        # What a stranger says is cut, and quoted.
        log.warning("refused %r: %s", str(serial)[:200], reason)
        _count(settings.fleet)
        return {"allowProvisioning": False}
    group = settings.group_of(str(serial))
    log.info("%s joins %s", serial, group)
    return {"allowProvisioning": True, "parameterOverrides": {"SerialNumber": serial, "Group": group}}


def refusal(serial: object, settings: Settings) -> str | None:
    """Why a device may not join; None where it may."""
    if not isinstance(serial, str) or not _SERIAL.fullmatch(serial):
        return "no serial number of 1-128 letters, digits, colons, underscores and hyphens"
    devices = settings.devices
    if devices["kind"] == "matching":
        known = re.fullmatch(devices["pattern"], serial) is not None
    elif devices["kind"] == "listed":
        known = serial in devices["serials"]
    else:
        known = _registered(devices["table"], serial)
    return None if known else "not a device of this fleet"


def _registered(table: str, serial: str) -> bool:
    found = client("dynamodb", QUICK).get_item(
        TableName=table, Key={"serial": {"S": serial}}, ProjectionExpression="serial"
    )
    return "Item" in found


def _count(fleet: str) -> None:
    """Tell CloudWatch. That it could not be told is no reason to let anybody in, nor to wait."""
    try:
        put(
            client("cloudwatch", QUICK),
            [datum("ProvisioningRefused", 1, Fleet=fleet)],
        )
    except Exception:
        log.exception("not counted")
