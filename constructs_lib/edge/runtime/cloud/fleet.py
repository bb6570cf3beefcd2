"""What the functions of telemetry are told of the fleet."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass

VARIABLE = "EDGE"


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetSettings:
    """The fleet as the construct describes it."""

    fleet: str
    table: str
    """Of devices."""
    groups: Mapping[str, str]
    """Names of the thing groups, by ``canary`` and ``fleet``."""
    silent_seconds: int

    @classmethod
    def from_environment(cls) -> FleetSettings:
        """Those that this function was deployed for."""
        return cls(**json.loads(os.environ[VARIABLE]))
