"""How an experiment divides its traffic: a fixed split, or a bandit that moves it to what works."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import aws_cdk as cdk

from ..core.checks import duration, known, number, whole_number
from ..core.rules import Broken, Rules
from .known_now import KNOWN_NOW, fields_known_now, known_now

_DAY = 86_400
_YEAR = 365 * _DAY
_AGRAWAL = "https://arxiv.org/abs/1209.3353"
_SCOTT = "https://doi.org/10.1002/asmb.2104"
_RUSSO = "https://arxiv.org/abs/1602.08448"
_GARIVIER_MOULINES = "https://arxiv.org/abs/0805.3415"

_LEAST_SHARE = 1e-12
"""Beside a share of `LARGEST_NUMBER` it is still one that can be computed with."""

Description = dict[str, object]
"""What the experiment manager is told, as JSON: times in seconds, shares between 0 and 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exploration:
    """The share of the traffic that is divided evenly, whatever is known; it halves with time.

    A share that stays costs regret for ever; none at all never finds out that the world has changed.
    """

    percent: float = 10.0
    """0–100 % of the traffic, all arms together."""
    half_life: cdk.Duration | None = field(default_factory=lambda: cdk.Duration.days(7))
    """Default: 7 days. ``None``: the share stays."""

    def __post_init__(self) -> None:
        """Check."""
        exploration_rules.enforce(self, path="Exploration")

    def bind(self) -> Description:
        """As the experiment manager is told."""
        half_life = None if self.half_life is None else self.half_life.to_seconds()
        return {"floor": self.percent / 100, "floor_half_life": half_life}


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """How far back the rewards count: make one with `Memory.everything()`, `.sliding(…)` or `.discounted(…)`."""

    kind: str
    span: cdk.Duration | None = None

    def __post_init__(self) -> None:
        """Check."""
        memory_rules.enforce(self, path=f"Memory.{self.kind}")

    @staticmethod
    def everything() -> Memory:
        """Everything since the experiment began: for a world that does not change."""
        return Memory(kind="all")

    @staticmethod
    def sliding(span: cdk.Duration) -> Memory:
        """The last `span` (1 hour – 1 year) and nothing before: forgets a change completely."""
        return Memory(kind="sliding", span=span)

    @staticmethod
    def discounted(half_life: cdk.Duration) -> Memory:
        """Everything, counting half as much with each `half_life` (1 hour – 1 year)."""
        return Memory(kind="discounted", span=half_life)

    def bind(self) -> Description:
        """As the experiment manager is told."""
        return {
            "memory": self.kind,
            "memory_seconds": 0.0 if self.span is None else float(self.span.to_seconds()),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopping:
    """When a bandit is done: either threshold holds, after the minimum duration.

    The arm that is best then keeps all the traffic.
    """

    probability_best: float = 0.95
    """0.5–1: how sure it must be which arm is best."""
    value_remaining_percent: float = 1.0
    """Or: switching to another arm would, with a probability of 95 %, gain less than this."""
    minimum_duration: cdk.Duration = field(default_factory=lambda: cdk.Duration.days(14))
    """At least two weeks see each day of the week twice. Default: 14 days."""

    def __post_init__(self) -> None:
        """Check."""
        stopping_rules.enforce(self, path="Stopping")

    def bind(self) -> Description:
        """As the experiment manager is told."""
        return {
            "probability_best": self.probability_best,
            "value_remaining": self.value_remaining_percent / 100,
            "minimum_duration": float(self.minimum_duration.to_seconds()),
        }


class FixedSplit:
    """An A/B test: every variant has its share of the traffic from beginning to end.

    Example::

        FixedSplit(A=50, B=50)
        FixedSplit(**{"model-a": 90, "model-b": 10})   # names with hyphens
        FixedSplit()                                   # even shares
    """

    stopping: ClassVar[None] = None
    """A fixed split goes on until it is taken down."""

    def __init__(self, **shares: float) -> None:
        """Split the traffic.

        :param shares: share by variant name, relative to their sum: percent, or any other unit, at least 1e-12.
            Default: the same for all.
        :raises ConstraintError: SM-ALLOCATION-001.
        """
        self.shares: Mapping[str, float] = dict(shares)
        """As given; empty for an even split."""
        split_rules.enforce(self, path="FixedSplit")

    def __repr__(self) -> str:
        """As it was made."""
        return f"FixedSplit({', '.join(f'{name}={share:g}' for name, share in self.shares.items())})"

    def bind(self) -> Description:
        """As the experiment manager is told."""
        return {"kind": "fixed"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bandit:
    """What the bandits have in common: a base class, of no use by itself."""

    exploration: Exploration = field(default_factory=Exploration)
    memory: Memory = field(default_factory=Memory.everything)
    minimum_units: int = 100
    """Answers of every variant whose reward is known before traffic moves for the first time. Default: 100."""
    hysteresis_percent: float = 2.0
    """The least change of a variant's share that is worth an update of the endpoint, in percent of the
    traffic. Default: 2."""
    stopping: Stopping | None = field(default_factory=Stopping)
    """``None``: it goes on until it is taken down."""

    def __post_init__(self) -> None:
        """Check."""
        bandit_rules.enforce(self, path=type(self).__name__)

    def bind(self) -> Description:
        """As the experiment manager is told."""
        return {
            **self.exploration.bind(),
            **self.memory.bind(),
            "minimum_units": self.minimum_units,
            "hysteresis": self.hysteresis_percent / 100,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ThompsonSampling(Bandit):
    """Every variant gets the share that is the probability that it is the best one.

    The posterior is Beta for binary rewards and Gaussian for numeric ones.
    Sources: https://doi.org/10.1002/asmb.2104, https://arxiv.org/abs/1602.08448 (top-two)
    """

    top_two: float | None = None
    """Share that the probable best keeps, for example 0.5; the rest goes to those who would be second, so
    that the runner-up is told apart sooner. 0 < share < 1. Default: plain Thompson sampling."""

    def bind(self) -> Description:
        """As the experiment manager is told."""
        return {"kind": "thompson", "top_two": self.top_two, **Bandit.bind(self)}


@dataclass(frozen=True, slots=True, kw_only=True)
class EpsilonGreedy(Bandit):
    """All traffic to the variant with the best mean, but for a share that is divided evenly."""

    epsilon: float = 0.1
    """That share, 0–1, besides `exploration`. Default: 0.1."""

    def bind(self) -> Description:
        """As the experiment manager is told."""
        return {"kind": "epsilon_greedy", "epsilon": self.epsilon, **Bandit.bind(self)}


@dataclass(frozen=True, slots=True, kw_only=True)
class UpperConfidenceBound(Bandit):
    """The variants whose mean might still be the highest: KL-UCB, which uses that rewards are bounded.

    Source: https://arxiv.org/abs/1210.1136
    """

    def bind(self) -> Description:
        """As the experiment manager is told."""
        return {"kind": "kl_ucb", **Bandit.bind(self)}


Allocation = FixedSplit | ThompsonSampling | EpsilonGreedy | UpperConfidenceBound


# --- rules ---------------------------------------------------------------------------------------------

split_rules = Rules[FixedSplit]()
exploration_rules = Rules[Exploration]()
memory_rules = Rules[Memory]()
stopping_rules = Rules[Stopping]()
bandit_rules = Rules[Bandit]()
for _rules in (exploration_rules, memory_rules, stopping_rules, bandit_rules):
    _rules.add(KNOWN_NOW, fields_known_now)
split_rules.add(KNOWN_NOW, lambda split: known_now(split.shares.items()))


@split_rules.rule("SM-ALLOCATION-001", source=_SCOTT)
def shares_are_positive(split: FixedSplit) -> Iterator[Broken]:
    """Every share of a fixed split is a number of at least 1e-12."""
    for name, share in split.shares.items():
        if share is None:
            yield Broken(name, share, f"a number of at least {_LEAST_SHARE:g}")
        yield from number(name, share, _LEAST_SHARE)


@exploration_rules.rule("SM-ALLOCATION-002", source=_AGRAWAL)
def exploration_is_a_share(exploration: Exploration) -> Iterator[Broken]:
    """The exploration is 0–100 % of the traffic and halves within 1 hour – 1 year."""
    yield from number("percent", exploration.percent, 0, 100)
    yield from duration("half_life", exploration.half_life, 3600, _YEAR)


@memory_rules.rule("SM-ALLOCATION-003", source=_GARIVIER_MOULINES)
def memory_reaches_back(memory: Memory) -> Iterator[Broken]:
    """A window or a half-life is 1 hour – 1 year long."""
    if memory.kind not in ("all", "sliding", "discounted"):
        yield Broken("kind", memory.kind, "Memory.everything(), .sliding(…) or .discounted(…)")
    elif memory.kind != "all" and memory.span is None:
        yield Broken("span", None, "a Duration")
    yield from duration("span", memory.span, 3600, _YEAR)


@stopping_rules.rule("SM-ALLOCATION-004", source=_SCOTT)
def stopping_is_possible(stopping: Stopping) -> Iterator[Broken]:
    """A bandit stops at a probability of 0.5–1 or a value remaining of 0–100 %, after 0 seconds – 1 year."""
    yield from number("probability_best", stopping.probability_best, 0.5, 1)
    yield from number("value_remaining_percent", stopping.value_remaining_percent, 0, 100)
    yield from duration("minimum_duration", stopping.minimum_duration, 0, _YEAR)


@bandit_rules.rule("SM-ALLOCATION-005", source=_SCOTT)
def bandit_has_data_and_patience(bandit: Bandit) -> Iterator[Broken]:
    """A bandit waits for 1–1,000,000 units and moves the traffic by 0–50 % at least."""
    yield from whole_number("minimum_units", bandit.minimum_units, 1, 1_000_000)
    yield from number("hysteresis_percent", bandit.hysteresis_percent, 0, 50)


@bandit_rules.rule("SM-ALLOCATION-006", source=_RUSSO)
def shares_of_bandits(bandit: Bandit) -> Iterator[Broken]:
    """Epsilon is 0–1; the share that the best of two keeps lies between 0 and 1."""
    if isinstance(bandit, EpsilonGreedy):
        yield from number("epsilon", bandit.epsilon, 0, 1)
    if isinstance(bandit, ThompsonSampling):
        yield from number("top_two", bandit.top_two, 0, 1, above=True)
        if known(bandit.top_two) and bandit.top_two == 1:
            yield Broken("top_two", bandit.top_two, "less than 1", "None is plain Thompson sampling")
