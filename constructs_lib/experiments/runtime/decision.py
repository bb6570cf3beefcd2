"""What the controller decides at a look, and what it must know for that: the shapes, no logic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

VerdictKind = Literal["better", "worse", "inconclusive", "no data"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Epoch:
    """A stretch of time in which the allocation did not change."""

    number: int
    weights: Mapping[str, float]
    settled_at: float
    """Since when traffic surely follows the weights."""
    ended_at: float | None = None
    """Since when it may not any more: when the next weights were asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """Everything a decision depends on. The same situation gives the same decision."""

    now: float
    began: float
    """When this generation of the experiment began: what was exposed earlier is about something else."""
    weights: Mapping[str, float]
    """The allocation that is in force."""
    epochs: tuple[Epoch, ...]
    """Of this generation, the oldest first."""
    tripped: frozenset[str] = frozenset()
    """Arms that a guardrail has taken out."""
    stopped: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Belief:
    """What is believed of one arm's mean reward."""

    mean: float
    low: float
    high: float
    """95 % of the posterior lies between them."""
    probability_best: float
    units: float
    """Matured exposures that it rests on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """An arm against the control, at any look."""

    arm: str
    kind: VerdictKind
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    """The anytime-valid confidence sequence of the difference of the means."""
    biased: bool = False
    """The allocation followed the rewards: the size of the effect is not to be quoted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleRatio:
    """Whether the arms got the traffic that they were meant to get."""

    p: float | None
    """Of the χ² test at this look alone. None while there is too little to tell."""
    always_valid: float | None = None
    """Of a sequential test: however often one looks, it falls below α with a chance of at most α."""
    mismatch: bool = False
    """Whether `always_valid` is below what the analysis asks for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What is to be done, and why."""

    weights: Mapping[str, float]
    """Shares of the arms, with a sum of 1."""
    change: bool
    """Whether they differ enough from those in force to be worth an update."""
    reason: str
    stop: bool = False
    best: str | None = None
    """The arm to keep when it stops."""
    value_remaining: float | None = None
    """What switching to another arm might still gain, relative, at its 95th percentile."""
    beliefs: Mapping[str, Belief] = field(default_factory=dict)
    verdicts: tuple[Verdict, ...] = ()
    sample_ratio: SampleRatio = field(default_factory=lambda: SampleRatio(p=None))
