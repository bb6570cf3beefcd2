"""What the functions of rollouts are told of the fleet."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

VARIABLE = "EDGE"
CANARY, FLEET = "canary", "fleet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The fleet as the construct describes it."""

    fleet: str
    groups: Mapping[str, str]
    """ARNs of the thing groups, by ``canary`` and ``fleet``."""
    components: Sequence[str]
    """The fleet's own, in the order in which they stand on each other: runtime, model, inference."""
    others: Mapping[str, str]
    """Other components that devices get: version by name."""
    bucket: str
    artefacts: str
    """Prefix of what components are made of."""
    machine: str
    """ARN of the state machine."""
    topics: Sequence[str]
    """ARNs of those who are told of failures."""
    job: Mapping[str, Any]
    """How the IoT job behind a deployment goes about it."""
    notify_seconds: int
    """That components have to say that an update must wait."""
    abort_percent: float
    abort_min_devices: int
    canary_min_devices: int
    canary_seconds: int
    soak_seconds: int
    fleet_seconds: int
    back_seconds: int
    """How long devices that go back are waited for."""
    look_seconds: int
    skip_empty_canary: bool

    @classmethod
    def from_environment(cls) -> Settings:
        """Those that this function was deployed for."""
        return cls(**json.loads(os.environ[VARIABLE]))

    @property
    def model(self) -> str:
        """The component with the model."""
        return self.components[1]

    @property
    def inference(self) -> str:
        """The component whose configuration knows the group."""
        return self.components[2]

    def group_name(self, target: str) -> str:
        """Of the thing group."""
        return self.groups[target].rpartition("/")[2]
