"""What the report is about: everything that was read of an experiment, at one time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..runtime.counts import Totals
from ..runtime.decision import Decision
from ..runtime.experiment import Experiment


@dataclass(frozen=True, slots=True, kw_only=True)
class Trip:
    """A guardrail that took an arm out. The arm stays out until a person lets it back in."""

    arm: str
    at: float | None = None
    """Since when it has had no traffic; None: it still has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A time in which the weights did not change: an epoch, and why it began."""

    number: int
    weights: Mapping[str, float]
    requested_at: float
    settled_at: float | None = None
    """None: asked for, and not yet seen at the endpoint."""
    ended_at: float | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What the controller saw and decided at one time."""

    at: float
    decision: Decision
    totals: Mapping[str, Totals] = field(default_factory=dict)
    """Everything counted, whether its time for a reward is over or not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """An experiment as it stands. What belongs to an earlier generation of it is left out."""

    experiment: Experiment
    made_at: float
    """When the report was made."""
    began: float
    """From when on it is counted."""
    seen_at: float
    """When the endpoint was last seen with the weights in force."""
    weights: Mapping[str, float]
    """In force."""
    stopped: bool = False
    best: str | None = None
    trips: tuple[Trip, ...] = ()
    epochs: tuple[Stretch, ...] = ()
    looks: tuple[Look, ...] = ()
    """The oldest first."""

    @property
    def last(self) -> Look | None:
        """The latest look."""
        return self.looks[-1] if self.looks else None

    @property
    def control(self) -> str:
        """The arm that the others are compared with."""
        return self.experiment.names[0]

    @property
    def tripped(self) -> frozenset[str]:
        """The arms that guardrails have taken out."""
        return frozenset(trip.arm for trip in self.trips)

    def share(self, arm: str) -> float:
        """Of the traffic, now."""
        whole = sum(self.weights.values())
        return self.weights.get(arm, 0.0) / whole if whole > 0 else 0.0

    def alarms(self, arm: str) -> list[str]:
        """Those that can take an arm out."""
        return [
            guardrail.alarm
            for guardrail in self.experiment.guardrails
            if guardrail.arm == arm or (guardrail.arm is None and arm != self.control)
        ]

    def series(self, arm: str) -> int:
        """The number of an arm: it has the same colour everywhere."""
        return self.experiment.names.index(arm)
