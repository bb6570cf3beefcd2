"""What Application Auto Scaling remembers, by account and region."""

from __future__ import annotations

import threading
import time
import uuid
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from ministack.core.responses import AccountRegionScopedDict

from constructs_lib.local.autoscaling.decide import Bounds, History, Suspension
from constructs_lib.local.emulator import Scope

#: Activities kept per target. AWS keeps those of six weeks.
_KEPT_ACTIVITIES = 200

ActivityStatus = Literal["InProgress", "Successful", "Failed"]


class TargetKey(NamedTuple):
    """What identifies a scalable target within an account and region."""

    namespace: str
    resource_id: str
    dimension: str

    @classmethod
    def of(cls, request: dict[str, Any]) -> TargetKey:
        """The target that a request names."""
        return cls(request["ServiceNamespace"], request["ResourceId"], request["ScalableDimension"])

    def members(self) -> dict[str, str]:
        """As the API spells it."""
        return {
            "ServiceNamespace": self.namespace,
            "ResourceId": self.resource_id,
            "ScalableDimension": self.dimension,
        }


@dataclass(slots=True, kw_only=True)
class Policy:
    """A scaling policy, with its configuration as the API gave it."""

    name: str
    arn: str
    type: str
    configuration: dict[str, Any]
    alarms: list[dict[str, str]] = field(default_factory=list)
    created: float = field(default_factory=time.time)

    @property
    def configuration_key(self) -> str:
        """The member of the API that holds the configuration."""
        return f"{self.type}PolicyConfiguration"


@dataclass(slots=True, kw_only=True)
class ScheduledAction:
    """A scheduled action, as the API gave it."""

    name: str
    arn: str
    members: dict[str, Any]
    created: float = field(default_factory=time.time)
    #: The real time up to which it is settled whether it ran.
    checked: float = field(default_factory=time.time)


@dataclass(slots=True, kw_only=True)
class Activity:
    """One scaling activity."""

    description: str
    cause: str
    status: ActivityStatus
    message: str | None = None
    not_scaled: dict[str, Any] | None = None
    started: float = field(default_factory=time.time)
    ended: float | None = None
    id: str = field(default_factory=lambda: str(uuid.uuid4()))


@dataclass(slots=True, kw_only=True)
class Change:
    """A change of capacity that SageMaker is carrying out."""

    activity: Activity
    before: int
    capacity: int
    #: The cooldown of the policy behind it; ``None`` if no policy is, so that none starts.
    cooldown: float | None


@dataclass(slots=True, kw_only=True)
class Target:
    """A scalable target and everything that hangs on it."""

    key: TargetKey
    arn: str
    role_arn: str
    bounds: Bounds
    suspension: Suspension = field(default_factory=Suspension)
    tags: dict[str, str] = field(default_factory=dict)
    policies: dict[str, Policy] = field(default_factory=dict)
    scheduled: dict[str, ScheduledAction] = field(default_factory=dict)
    created: float = field(default_factory=time.time)
    history: History = field(default_factory=History)
    change: Change | None = None
    #: The bounds have changed since they were last enforced.
    enforce: bool = False
    #: AWS seconds before which nothing is tried again, after SageMaker refused a change.
    retry_at: float = 0


#: Guards every change below. Held briefly, and never across a call to another service.
LOCK = threading.RLock()

_targets = AccountRegionScopedDict()
#: Outlive their target, as on AWS.
_activities = AccountRegionScopedDict()


def reset() -> None:
    """Forget everything, of all accounts."""
    with LOCK:
        _targets.clear()
        _activities.clear()


def targets() -> list[Target]:
    """The targets of this account and region, in the order in which they were registered."""
    with LOCK:
        return list(_targets.values())


def find(key: TargetKey) -> Target | None:
    """The target, if it is registered."""
    target: Target | None = _targets.get(key)
    return target


def add(target: Target) -> None:
    """Register a target."""
    with LOCK:
        _targets[target.key] = target


def remove(key: TargetKey) -> Target | None:
    """Forget a target with its policies and scheduled actions."""
    with LOCK:
        removed: Target | None = _targets.pop(key, None)
        return removed


def is_registered(resource_id: str) -> bool:
    """Is anything of this resource (``endpoint/E/variant/V``) a scalable target?"""
    return any(target.key.resource_id == resource_id for target in targets())


def everywhere() -> list[tuple[Scope, Target]]:
    """Every target of every account and region."""
    with LOCK:
        found = list(_targets.all_items())
    return [(Scope(account, region), target) for (account, region, _), target in found]


def record(key: TargetKey, activity: Activity) -> Activity:
    """Add an activity to those of its target."""
    with LOCK:
        kept: deque[Activity] = _activities.setdefault(key, deque(maxlen=_KEPT_ACTIVITIES))
        kept.append(activity)
    return activity


def activities() -> list[tuple[TargetKey, Activity]]:
    """The activities of this account and region, the latest first."""
    with LOCK:
        found = [(key, activity) for key, kept in _activities.items() for activity in kept]
    return sorted(found, key=lambda one: one[1].started, reverse=True)


def latest(key: TargetKey) -> Activity | None:
    """The last activity of a target."""
    with LOCK:
        kept: deque[Activity] | None = _activities.get(key)
        return kept[-1] if kept else None


def now() -> float:
    """This moment, as the API gives times: real seconds since the epoch."""
    return time.time()
