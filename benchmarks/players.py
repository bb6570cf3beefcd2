"""Bandit problems, and who plays them one request at a time: the library's ways of allocation, and MABWiser."""

from __future__ import annotations

import math
import random
import statistics
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from constructs_lib.experiments.runtime.counts import Totals
from constructs_lib.experiments.runtime.per_request import epsilon_choice, kl_ucb_choice, thompson_draw

Choice = Callable[[Mapping[str, Totals], int, random.Random], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Bernoulli arms, and the regrets that others measured over 400 runs."""

    name: str
    means: tuple[float, ...]
    horizon: int
    measured: Mapping[str, tuple[float, float]]


PROBLEMS = (
    Problem(
        name="0.1…0.9, T=10⁴",
        means=tuple(i / 10 for i in range(1, 10)),
        horizon=10_000,
        measured={
            "Thompson": (41.5, 0.5),
            "KL-UCB": (58.7, 0.6),
            "UCB1": (331.5, 1.3),
            "ε=0.1": (431.6, 3.7),
        },
    ),
    Problem(
        name="0.1, 0.05×3, 0.02×3, 0.01×3, T=2·10⁴",
        means=(0.1, *[0.05] * 3, *[0.02] * 3, *[0.01] * 3),
        horizon=20_000,
        measured={
            "Thompson": (91.1, 0.8),
            "KL-UCB": (133.1, 1.0),
            "UCB1": (841.9, 1.5),
            "ε=0.1": (201.1, 5.8),
        },
    ),
)


def ucb1(totals: Mapping[str, Totals], now: int) -> str:
    """Auer's index, for comparison only: the library offers KL-UCB in its place."""

    def index(arm: str) -> float:
        seen = totals[arm]
        if not seen.exposures:
            return math.inf
        return seen.total / seen.exposures + math.sqrt(2 * math.log(now) / seen.exposures)

    return max(totals, key=index)


CHOICES: dict[str, Choice] = {
    "Thompson": lambda totals, _, rng: thompson_draw(totals, rng),
    "KL-UCB": lambda totals, now, _: kl_ucb_choice(totals, now),
    "UCB1": lambda totals, now, _: ucb1(totals, now),
    "ε=0.1": lambda totals, _, rng: epsilon_choice(totals, 0.1, rng),
}

ONE = Totals(exposures=1, rewards=1, total=1, squares=1)
NONE = Totals(exposures=1)


class Player(Protocol):
    """Whoever chooses an arm for each request, and learns of the reward before the next one comes."""

    def choose(self, now: int) -> str:
        """The arm for the request of this number."""

    def learn(self, arm: str, reward: bool) -> None:
        """What became of it."""


class Ours:
    """A way of allocation of the library's; learning is counting."""

    def __init__(self, way: str, arms: Iterable[str], rng: random.Random) -> None:
        self._choice, self._rng = CHOICES[way], rng
        self._totals = dict.fromkeys(arms, Totals())

    def choose(self, now: int) -> str:
        """The arm for the request of this number."""
        return self._choice(self._totals, now, self._rng)

    def learn(self, arm: str, reward: bool) -> None:
        """What became of it."""
        self._totals[arm] += ONE if reward else NONE


@dataclass(frozen=True, slots=True)
class Played:
    """A run: its regret, and the median seconds of a choice and of a lesson."""

    regret: float
    choosing: float
    learning: float


MakePlayer = Callable[[Iterable[str], random.Random, int], Player]


def played(problem: Problem, make: MakePlayer, seed: int) -> Played:
    """A run in which each request is rewarded before the next one comes."""
    rng = random.Random(seed)  # noqa: S311
    # In any order: where arms are level the first is chosen, which must not be the best by design.
    shuffled = rng.sample(problem.means, len(problem.means))
    means = {str(i): mean for i, mean in enumerate(shuffled)}
    player = make(means, rng, seed)
    best, regret, choosing, learning = max(means.values()), 0.0, [], []
    for now in range(1, problem.horizon + 1):
        started = time.perf_counter()
        arm = player.choose(now)
        chosen = time.perf_counter()
        player.learn(arm, rng.random() < means[arm])
        choosing.append(chosen - started)
        learning.append(time.perf_counter() - chosen)
        regret += best - means[arm]
    return Played(regret, statistics.median(choosing), statistics.median(learning))


def ours(way: str, arms: Iterable[str], rng: random.Random, _seed: int) -> Player:
    """A player for `played`."""
    return Ours(way, arms, rng)


def one_by_one(problem: Problem, way: str, seed: int) -> float:
    """The regret of a run of one of our ways."""
    return played(problem, partial(ours, way), seed).regret


class MabWiser:
    """Its Thompson sampling."""

    def __init__(self, arms: Iterable[str], seed: int) -> None:
        from mabwiser.mab import MAB, LearningPolicy

        self._bandit = MAB(arms=list(arms), learning_policy=LearningPolicy.ThompsonSampling(), seed=seed)
        self._bandit.fit(decisions=[], rewards=[])

    def choose(self, _now: int) -> str:
        """The arm for the request of this number."""
        return str(self._bandit.predict())

    def learn(self, arm: str, reward: bool) -> None:
        """What became of it."""
        self._bandit.partial_fit(decisions=[arm], rewards=[int(reward)])


def mabwiser(arms: Iterable[str], _rng: random.Random, seed: int) -> Player:
    """A player for `played`."""
    return MabWiser(arms, seed)
