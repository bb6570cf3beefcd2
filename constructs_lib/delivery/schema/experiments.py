"""Experiments: which of several models is better, and how safely that is found out."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .access import ApiSpec
from .base import AlarmArn, Choice, Duration, Part, whole
from .hosting import Capture, Common, EndpointCommon, Metrics, RolloutSpec, VariantSpec
from .smoke import SmokeTestSpec


class BinaryReward(Part):
    """Each answer earns 1 or nothing."""

    window: Duration
    """How long after an answer its reward may come."""


class NumericReward(Part):
    """Each answer earns a number."""

    window: Duration
    """How long after an answer its reward may come."""
    low: float
    high: float
    minimize: bool = False
    """Whether less is better."""


class RewardSpec(Choice):
    """What an answer earns."""

    binary: BinaryReward | None = None
    numeric: NumericReward | None = None


class MemorySpec(Choice):
    """How far back rewards count."""

    everything: Literal[True] | None = None
    sliding: Duration | None = None
    """The last so long, and nothing before."""
    discounted: Duration | None = None
    """Everything, counting half as much with each such time."""


class ExplorationSpec(Part):
    """The share of the traffic that is divided evenly, whatever is known."""

    percent: Annotated[float, Field(ge=0, le=100)] = 10.0
    half_life: Duration | None = None
    """It halves with each such time. Default: 7 days."""
    constant: bool = False
    """`true`: it stays, and no `halfLife` is given."""


class StoppingSpec(Part):
    """When a bandit is done."""

    probability_best: float = 0.95
    value_remaining_percent: float = 1.0
    minimum_duration: Duration | None = None
    """Default: 14 days."""


class Bandit(Part):
    """What all bandits have."""

    exploration: ExplorationSpec | None = None
    memory: MemorySpec | None = None
    """Default: everything."""
    minimum_units: Annotated[int, Field(ge=0)] = 100
    hysteresis_percent: float = 2.0
    stopping: StoppingSpec | None = None
    """When it is done. Default: sure at 95 %, after two weeks."""
    never_stops: bool = False
    """`true`: it goes on until it is taken down, and no `stopping` is given."""


class ThompsonSpec(Bandit):
    """Traffic by how probable it is that a variant is the best."""

    top_two: float | None = None


class EpsilonSpec(Bandit):
    """The best gets all but a share."""

    epsilon: float = 0.1


class UpperBoundSpec(Bandit):
    """The one that might be best gets the traffic."""


class AllocationSpec(Choice):
    """How the traffic is divided."""

    fixed: dict[str, float] | None = None
    """A/B test: shares by variant, relative to their sum; `{}`: even ones."""
    thompson_sampling: ThompsonSpec | None = None
    epsilon_greedy: EpsilonSpec | None = None
    upper_confidence_bound: UpperBoundSpec | None = None


class ErrorsGuardrail(Part):
    """Too many 5xx answers."""

    percent: Annotated[float, Field(gt=0, le=100)]
    variant: str | None = None
    """Default: each but the control, the first."""


class LatencyGuardrail(Part):
    """Answers that take too long."""

    p99: Duration
    variant: str | None = None
    """Default: each but the control, the first."""


class AlarmGuardrail(Part):
    """An alarm of yours."""

    arn: AlarmArn
    variant: str | None = None
    """Default: each but the control, the first."""


class GuardrailSpec(Choice):
    """What takes the traffic away from a variant, whatever it earns."""

    errors: ErrorsGuardrail | None = None
    latency: LatencyGuardrail | None = None
    alarm: AlarmGuardrail | None = None


class RatePlan(Part):
    """Of a reward that is 0 or 1."""

    baseline: float
    effect: float
    requests_per_day: float
    power: float = 0.8


class MeanPlan(Part):
    """Of a reward that is a number."""

    deviation: float
    effect: float
    requests_per_day: float
    power: float = 0.8


class PlanSpec(Choice):
    """How long the experiment has to run to find the effect that matters."""

    rate: RatePlan | None = None
    mean: MeanPlan | None = None


class ABTestSpec(Common):
    """Spec of an `ABTest`: several models behind one endpoint, and rewards that decide."""

    variants: Annotated[list[VariantSpec], Field(min_length=2, max_length=10)]
    """The first is the control."""
    reward: RewardSpec
    allocation: AllocationSpec | None = None
    """Default: even shares."""
    guardrails: list[GuardrailSpec] = []
    routing: Literal["weights", "assignment"] = "weights"
    experiment_name: str | None = None
    """Default: from the construct's path."""
    endpoint_name: Annotated[str, Field(pattern=whole(r"[a-z0-9](-*[a-z0-9]){0,62}"))] | None = None
    """Default: the environment's name and the deployment's."""
    period: Duration | None = None
    """What counts are divided into. Default: 1 hour."""
    look_every: Duration | None = None
    plan: PlanSpec | None = None
    alpha: float = 0.05
    rollout: RolloutSpec | None = None
    capture: Capture | None = None
    metrics: Metrics | None = None
    dashboard: bool = True
    removal_policy: Literal["retain", "destroy"] = "retain"
    """What becomes of the counts when the deployment is taken away."""
    api: ApiSpec | None = None
    """An HTTP API in front of it, for applications that are not to know of SageMaker. Default: none."""
    smoke_test: SmokeTestSpec | None = None
    """A request whose answer decides whether the deployment stays."""


class ComparisonSpec(Part):
    """How the answers of production and challenger are compared."""

    label: str | None = None
    number: str | None = None
    tolerance: float = 0.0
    minimum_pairs: int = 100
    least_agreement: float = 0.95
    most_difference: float | None = None
    most_slowdown: float = 1.5
    """How many times as slow the challenger may be."""
    every: Duration | None = None
    settle: Duration | None = None
    reports_prefix: str = "shadow-reports"


class ShadowSpec(EndpointCommon):
    """Spec of a `ShadowTest`: a challenger that gets the requests and answers nobody."""

    production: VariantSpec
    challenger: VariantSpec
    sampling_percent: Annotated[float, Field(gt=0, le=100)] = 100
    """Of the requests, how many the challenger gets."""
    comparison: ComparisonSpec | None = None
    """Default: whole answers, every hour."""
    rollout: RolloutSpec | None = None
    capture: Capture | None = None
    metrics: Metrics | None = None
