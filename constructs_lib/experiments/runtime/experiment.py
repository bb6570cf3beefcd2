"""An experiment as its construct describes it to the functions that run it.

The construct writes this as JSON into the environment of every function (`EXPERIMENT`); times are seconds,
shares lie between 0 and 1. The first arm is the control.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

VARIABLE = "EXPERIMENT"
"""The environment variable that holds the description."""

RewardKind = Literal["binary", "numeric"]
AllocationKind = Literal["fixed", "thompson", "epsilon_greedy", "kl_ucb"]
MemoryKind = Literal["all", "sliding", "discounted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """A variant of the endpoint and the model behind it."""

    name: str
    model: str
    """The name of its model: an arm with another model is another arm."""
    share: float
    """Of the traffic, before anything is known; of a fixed split, always."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reward:
    """What tells how good an answer was."""

    kind: RewardKind
    window: float
    """Seconds after the answer until which a reward counts. A binary reward that has not come is 0 then."""
    low: float = 0.0
    high: float = 1.0
    minimize: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocation:
    """How the traffic is divided."""

    kind: AllocationKind
    top_two: float | None = None
    """Thompson sampling: the share that the best keep; the rest goes to those who would come second."""
    epsilon: float = 0.1
    floor: float = 0.0
    """The share that is divided evenly among all arms, whatever is known."""
    floor_half_life: float | None = None
    """Seconds in which that share halves; None: it stays."""
    minimum_units: int = 100
    """Matured exposures of every arm before the first shift."""
    hysteresis: float = 0.02
    """The least change of a share that is worth an update of the endpoint; of a smaller share, a factor of two is."""
    memory: MemoryKind = "all"
    memory_seconds: float = 0.0
    """The width of a sliding window, or the half-life of a discounted one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopping:
    """When a bandit is done: either threshold, after the minimum duration."""

    probability_best: float = 0.95
    value_remaining: float = 0.01
    minimum_duration: float = 14 * 86400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Guardrail:
    """An alarm that takes the traffic away from an arm; from all but the control where it names none."""

    alarm: str
    arm: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """What the A/B analysis is asked."""

    alpha: float = 0.05
    """One minus the confidence, over all looks and all arms together."""
    sample_ratio_p: float = 0.001
    minimum_units: int = 100
    """Matured exposures of an arm below which there is no verdict on it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """The whole description."""

    name: str
    endpoint: str
    arms: tuple[Arm, ...]
    reward: Reward
    allocation: Allocation
    routing: Literal["weights", "assignment"] = "weights"
    period: float = 3600.0
    """Seconds of the buckets that everything is counted in, by the time of the exposure."""
    stopping: Stopping | None = None
    guardrails: tuple[Guardrail, ...] = ()
    analysis: Analysis = field(default_factory=Analysis)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Experiment:
        """The experiment that this function was deployed for."""
        return cls.from_json((os.environ if environ is None else environ)[VARIABLE])

    @classmethod
    def from_json(cls, text: str) -> Experiment:
        """Read what the construct wrote."""
        given: dict[str, Any] = json.loads(text)
        stopping = given.get("stopping")
        return cls(
            **{
                **given,
                "arms": tuple(Arm(**arm) for arm in given["arms"]),
                "reward": Reward(**given["reward"]),
                "allocation": Allocation(**given["allocation"]),
                "stopping": None if stopping is None else Stopping(**stopping),
                "guardrails": tuple(Guardrail(**each) for each in given.get("guardrails", ())),
                "analysis": Analysis(**given.get("analysis", {})),
            }
        )

    @property
    def names(self) -> tuple[str, ...]:
        """The arms' names, the control first."""
        return tuple(arm.name for arm in self.arms)

    @property
    def generation(self) -> str:
        """What the counts are about: another set of arms, models or rewards is another question.

        So is another period, or another window: what was counted by one cannot be read by the other.
        """
        about = {
            "endpoint": self.endpoint,
            "arms": [(arm.name, arm.model) for arm in self.arms],
            "reward": [
                self.reward.kind,
                self.reward.minimize,
                *map(float, (self.reward.low, self.reward.high, self.reward.window)),
            ],
            "period": float(self.period),
        }
        return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:16]
