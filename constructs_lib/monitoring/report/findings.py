"""What the report is about: everything that was read of one window of a monitor, and of its baseline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["data_quality", "model_quality", "bias", "attribution"]
Status = Literal["passed", "violated", "too_few", "no_data", "no_baseline", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """A constraint that was not met, as the analyzer says it."""

    subject: str
    """The feature, metric, facet or label."""
    check: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """A distribution of numbers: weighted points, or buckets where there is nothing finer."""

    points: tuple[tuple[float, float], ...] = ()
    """Values, sorted, with their weights."""
    buckets: tuple[tuple[float, float, float], ...] = ()
    """From, to, how many."""
    mean: float | None = None
    deviation: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Categories:
    """A distribution of texts."""

    counts: Mapping[str, float]
    distinct: float | None = None
    """How many there are, where not all are counted one by one."""


Distribution = Numbers | Categories


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """How far a feature is from its baseline, and whether that is too far."""

    drifted: bool
    method: str = ""
    distance: float | None = None
    threshold: float | None = None
    p_value: float | None = None
    distances: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """A feature, then and now."""

    name: str
    type: str
    drift: Drift | None = None
    """None: not judged."""
    before: Distribution | None = None
    now: Distribution | None = None
    missing_before: float | None = None
    """A share of the records."""
    missing: float | None = None
    unfit: float | None = None
    """The share of the values that are of another type."""
    out_of_range: float | None = None
    new_categories: tuple[str, ...] = ()
    violations: tuple[Violation, ...] = ()
    ignored: bool = False
    """Whether the constraints say that it is not to be judged."""

    @property
    def drifted(self) -> bool:
        """Whether it has."""
        return self.drift is not None and self.drift.drifted

    @property
    def closeness(self) -> float:
        """The distance in thresholds: 1 is just at it; -1 where there is none."""
        if self.drift is None or self.drift.distance is None or not self.drift.threshold:
            return -1.0
        return self.drift.distance / self.drift.threshold


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A metric of the model."""

    name: str
    value: float | None
    deviation: float | None = None
    before: float | None = None
    threshold: float | None = None
    rises: bool = False
    """Whether it must not rise above the threshold; otherwise it must not fall below."""
    violated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """How good the model's predictions are."""

    problem: str
    metrics: tuple[Metric, ...]
    matrix: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Label → prediction → how many."""
    curves: Mapping[str, tuple[tuple[float, float], ...]] = field(default_factory=dict)
    """"roc" and "pr": points."""
    curves_before: Mapping[str, tuple[tuple[float, float], ...]] = field(default_factory=dict)
    reliability: tuple[tuple[float, float, float], ...] = ()
    """Mean probability, share that was so, how many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facet:
    """A group of people, by one metric of bias after the other."""

    name: str
    value: str
    metrics: tuple[Metric, ...]
    described: Mapping[str, str]
    """What each metric is, in the analyzer's words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribution:
    """How much each feature matters to the predictions of a label."""

    label: str
    before: Mapping[str, float]
    now: Mapping[str, float]
    score: float | None = None
    """nDCG of the order: 1 is the baseline's."""
    threshold: float | None = None
    violated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """An earlier window, or this one, in the course of time."""

    at: float
    status: Status
    values: Mapping[str, float]
    """Distances by feature, or metrics by name."""
    beyond: frozenset[str]
    """Those that were too far."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What the last windows found."""

    days: int
    windows: tuple[Past, ...]
    limits: Mapping[str, tuple[float, bool]]
    """Of metrics: the threshold, and whether it must not be risen above."""
    left_out: int = 0
    """Windows that were not read, because there are too many, or that could not be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """A window of a monitor."""

    place: str
    """Where it was read."""
    kind: Kind
    status: Status
    monitor: str = ""
    endpoint: str = ""
    engine: str = ""
    start: float | None = None
    end: float | None = None
    baseline: str = ""
    """Where the baseline was read; empty without one."""
    records: float | None = None
    records_before: float | None = None
    unread: float = 0.0
    text: str = ""
    violations: tuple[Violation, ...] = ()
    values: Mapping[str, float] = field(default_factory=dict)
    features: tuple[Feature, ...] = ()
    """Drifted ones first, then the closest to it."""
    quality: Quality | None = None
    facets: tuple[Facet, ...] = ()
    attributions: tuple[Attribution, ...] = ()
    course: Course | None = None
    doubts: tuple[str, ...] = ()
    """What cannot be said, and why."""

    @property
    def drifted(self) -> list[str]:
        """The features that have."""
        return [feature.name for feature in self.features if feature.drifted]
