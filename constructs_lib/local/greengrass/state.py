"""What the control plane knows, for each account and region. Touched on the server's event loop only."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..emulator import Scope
from .recipes import Recipe

NAMESPACE = "greengrass"


@dataclass(slots=True, kw_only=True)
class ComponentVersion:
    """A version of a component."""

    recipe: Recipe
    arn: str
    state: str = "REQUESTED"
    message: str = "NONE"
    errors: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    created: float = field(default_factory=time.time)


@dataclass(slots=True, kw_only=True)
class Deployment:
    """A revision of what a target shall run."""

    id: str
    target: str
    revision: int
    request: Mapping[str, Any]
    job_id: str | None = None
    ended: str | None = None
    """CANCELED or INACTIVE, once it is."""
    tags: dict[str, str] = field(default_factory=dict)
    created: float = field(default_factory=time.time)

    @property
    def configuration_arn(self) -> str:
        """What devices call it: the target and the revision."""
        kind, _, name = self.target.rpartition(":")[2].partition("/")
        return Scope.current().arn(NAMESPACE, f"configuration:{kind}/{name}:{self.revision}")


@dataclass(slots=True, kw_only=True)
class CoreDevice:
    """A core device, as it last reported itself."""

    thing: str
    report: dict[str, Any]
    components: dict[str, dict[str, Any]]
    reported: float
    changed: float
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Shelf:
    """Everything of one account in one region."""

    components: dict[str, dict[str, ComponentVersion]] = field(default_factory=dict)
    deployments: dict[str, Deployment] = field(default_factory=dict)
    devices: dict[str, CoreDevice] = field(default_factory=dict)
    answers: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    """What was answered to a client token, by operation."""


_shelves: dict[Scope, Shelf] = {}


def shelf() -> Shelf:
    """That of the request being served."""
    return _shelves.setdefault(Scope.current(), Shelf())


def reset() -> None:
    """Forget everything."""
    _shelves.clear()
