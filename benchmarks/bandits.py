"""How much a bandit loses, and how long a decision takes, beside what is published or was measured elsewhere.

Every choice is made by the code that runs in Lambda; only the world is simulated here. `--mabwiser` runs MABWiser
side by side where it is installed (`pip install constructs-lib[benchmarks]`).
"""

from __future__ import annotations

import argparse
import math
import os
import random
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np

from constructs_lib.experiments.power import binary_sample_size
from constructs_lib.experiments.runtime.counts import Bucket, Totals
from constructs_lib.experiments.runtime.decide import decide
from constructs_lib.experiments.runtime.decision import Situation
from constructs_lib.experiments.runtime.experiment import Allocation, Arm, Experiment, Reward, Stopping
from constructs_lib.experiments.runtime.per_request import kl_ucb_choice, thompson_draw

from .players import PROBLEMS, MakePlayer, Problem, mabwiser, one_by_one, ours, played

DAY = 86400.0
SURE = 3.0
"""Standard errors of the difference within which two figures are the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A measured mean beside another's."""

    what: str
    runs: Sequence[float]
    aim: float | None
    aim_error: float = 0.0
    more_is_better: bool = False

    @property
    def error(self) -> float:
        """The standard error of the mean."""
        return statistics.stdev(self.runs) / math.sqrt(len(self.runs))

    def __str__(self) -> str:
        """A line of the report."""
        mean = statistics.fmean(self.runs)
        line = f"  {self.what:<64} {mean:7.1f} ±{self.error:5.1f}"
        if self.aim is None:
            return line
        beyond = (self.aim - mean) if self.more_is_better else (mean - self.aim)
        met = beyond <= SURE * math.hypot(self.error, self.aim_error)
        return f"{line}  aim {self.aim:.1f} ±{self.aim_error:.1f}: {'met' if met else 'MISSED'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Duration:
    """A measured time."""

    what: str
    seconds: float

    def __str__(self) -> str:
        """A line of the report."""
        return f"  {self.what:<64} {self.seconds * 1e6:9.1f} µs"


Line = Figure | Duration
Result = TypeVar("Result")


# --- one request at a time -----------------------------------------------------------------------------


def requests(runs: int) -> Iterator[Line]:
    """Regret of each way of allocation, one request at a time."""
    for problem in PROBLEMS:
        for way, (aim, error) in problem.measured.items():
            found = in_parallel(partial(one_by_one, problem, way), runs)
            yield Figure(what=f"{problem.name}: regret, {way}", runs=found, aim=aim, aim_error=error)


# --- one look a batch ----------------------------------------------------------------------------------


def experiment(means: Sequence[float], stopping: Stopping | None) -> Experiment:
    """Thompson sampling with the defaults; a batch is a period."""
    return Experiment(
        name="bench",
        endpoint="bench",
        arms=tuple(Arm(name=str(i), model=str(i), share=1 / len(means)) for i in range(len(means))),
        reward=Reward(kind="binary", window=0.0),
        allocation=Allocation(kind="thompson"),
        period=DAY,
        stopping=stopping,
    )


@dataclass(slots=True)
class World:
    """Arms that are visited as their weights say, and what was counted of that."""

    told: Experiment
    means: Sequence[float]
    rng: np.random.Generator
    buckets: list[Bucket]
    weights: Mapping[str, float]
    visits: int = 0
    regret: float = 0.0

    @classmethod
    def of(cls, means: Sequence[float], seed: int, stopping: Stopping | None = None) -> World:
        """Before the first visit."""
        told = experiment(means, stopping)
        even = {arm.name: arm.share for arm in told.arms}
        return cls(told, means, np.random.default_rng(seed), [], even)

    def batch(self, day: int, size: int) -> None:
        """A period's visits."""
        shares = np.array([self.weights[name] for name in self.told.names])
        visits = self.rng.multinomial(size, shares / shares.sum())
        for name, mean, count in zip(self.told.names, self.means, visits, strict=True):
            ones = float(self.rng.binomial(count, mean))
            totals = Totals(exposures=float(count), rewards=ones, total=ones, squares=ones)
            self.buckets.append(Bucket(arm=name, start=day * DAY, totals=totals))
            self.regret += float(count) * (max(self.means) - mean)
        self.visits += size

    def look(self, day: int) -> str | None:
        """What the controller does after a period: the best arm if it stops."""
        now = Situation(now=(day + 1) * DAY, began=0.0, weights=self.weights, epochs=())
        found = decide(self.told, now, self.buckets)
        if found.change:
            self.weights = found.weights
        return found.best if found.stop else None


SCOTT = (0.04, 0.05)
FIXED_TEST = 22_330
VISITS_A_DAY = 100
GIVE_UP = 5_000


def scott(seed: int) -> tuple[float, float, float]:
    """Days and conversions saved against the fixed test, and whether the arm is the right one, in per cent."""
    world = World.of(SCOTT, seed, Stopping())
    for day in range(GIVE_UP):
        world.batch(day, VISITS_A_DAY)
        best = world.look(day)
        if best is not None:
            break
    lost_by_fixed_test = FIXED_TEST / 2 * (SCOTT[1] - SCOTT[0])
    saved_days = (FIXED_TEST - world.visits) / VISITS_A_DAY
    return saved_days, lost_by_fixed_test - world.regret, 100.0 * (best == "1")


def published(runs: int) -> Iterator[Line]:
    """The scenario of Scott (2013), who gives 175 days and 97.5 conversions."""
    size = binary_sample_size(baseline=SCOTT[0], effect=SCOTT[1] - SCOTT[0], power=0.95)
    days, saved, correct = zip(*in_parallel(scott, runs), strict=True)
    name = "4 % against 5 %, 100 a day"
    yield Figure(what=f"{name}: fixed test, units", runs=[size.total] * 2, aim=FIXED_TEST, aim_error=1)
    yield Figure(what=f"{name}: days saved", runs=days, aim=174.6, more_is_better=True)
    yield Figure(what=f"{name}: conversions saved", runs=saved, aim=97.1, more_is_better=True)
    yield Figure(what=f"{name}: stops with the better arm, %", runs=correct, aim=96.0, more_is_better=True)


THREE = (0.050, 0.055, 0.060)
MILLION = 1_000_000
BATCHES = {10_000: (154.0, 5.0), 30_000: (208.0, 4.0), 100_000: (515.0, 2.0)}
FIRST_OF_RAMP = 1_000


def sizes(batch: int, first: int) -> Iterator[int]:
    """Of the batches of a million visits: each twice the one before, up to the full size."""
    left, size = MILLION, first
    while left:
        yield min(size, left)
        left -= min(size, left)
        size = min(2 * size, batch)


def batched(batch: int, first: int, seed: int) -> float:
    """The regret of a million visits."""
    world = World.of(THREE, seed)
    for day, size in enumerate(sizes(batch, first)):
        world.batch(day, size)
        world.look(day)
    return world.regret


def batches(runs: int) -> Iterator[Line]:
    """What large batches cost; and what is left of it where the first looks come early.

    A batch of 1 is a draw for each request, and takes a quarter of a minute a run: so of it there are few.
    """
    single = Problem(name="single", means=THREE, horizon=MILLION, measured={})
    yield Figure(
        what="0.050/0.055/0.060, T=10⁶: regret, batches of 1",
        runs=in_parallel(partial(one_by_one, single, "Thompson"), max(2, runs // 8)),
        aim=133.0,
        aim_error=9.0,
    )
    for batch, (aim, error) in BATCHES.items():
        name = f"0.050/0.055/0.060, T=10⁶: regret, batches of {batch:,}"
        found = in_parallel(partial(batched, batch, batch), runs)
        yield Figure(what=name, runs=found, aim=aim, aim_error=error)
        ramped = in_parallel(partial(batched, batch, FIRST_OF_RAMP), runs)
        yield Figure(what=f"…that double from {FIRST_OF_RAMP:,} on", runs=ramped, aim=None)


# --- time ----------------------------------------------------------------------------------------------


def durations() -> Iterator[Line]:
    """What a look, and a choice, takes on this machine."""
    for arms in (2, 10):
        told = experiment([0.5] * arms, Stopping())
        seen = Totals(exposures=5e5, rewards=2e4, total=2e4, squares=2e4)
        buckets = [Bucket(arm=name, start=day * DAY, totals=seen) for day in range(90) for name in told.names]
        even = dict.fromkeys(told.names, 1 / arms)
        now = Situation(now=90 * DAY, began=0.0, weights=even, epochs=())
        taken = timed(partial(decide, told, now, buckets), 20)
        yield Duration(what=f"a look at {arms} arms with 45 million units each, in 90 periods", seconds=taken)
    rng = random.Random(1)  # noqa: S311
    totals = {str(i): Totals(exposures=1_000, rewards=i * 100, total=i * 100) for i in range(1, 10)}
    taken = timed(partial(thompson_draw, totals, rng), 2_000)
    yield Duration(what="a Thompson draw among 9 arms", seconds=taken)
    yield Duration(
        what="a KL-UCB choice among 9 arms", seconds=timed(partial(kl_ucb_choice, totals, 9_000), 2_000)
    )


def timed(action: Callable[[], object], times: int) -> float:
    """The median of the seconds that it takes."""
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        action()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


# --- MABWiser ------------------------------------------------------------------------------------------


def against_mabwiser(runs: int) -> Iterator[Line]:
    """Thompson sampling of both, the same problem."""
    problem = PROBLEMS[0]
    players: dict[str, MakePlayer] = {"ours": partial(ours, "Thompson"), "MABWiser": mabwiser}
    for name, make in players.items():
        found = in_parallel(partial(played, problem, make), runs)
        regrets = [each.regret for each in found]
        yield Figure(what=f"{problem.name}: regret, Thompson, {name}", runs=regrets, aim=None)
        choosing = statistics.median(each.choosing for each in found)
        yield Duration(what=f"…to choose, {name}", seconds=choosing)
        learning = statistics.median(each.learning for each in found)
        yield Duration(what=f"…to learn a reward, {name}", seconds=learning)


# --- the part ------------------------------------------------------------------------------------------


def in_parallel(run: Callable[[int], Result], runs: int) -> list[Result]:
    """One run a seed, on all cores."""
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(run, range(runs), chunksize=max(1, runs // 50)))


RUNS = 60


def bandits(runs: int = RUNS) -> Iterator[Line]:
    """All but MABWiser; about two minutes with the default number of runs."""
    yield from published(2 * runs)
    yield from batches(runs)
    yield from requests(runs)
    yield from durations()


def main() -> None:
    """Print line by line; the exit status does not depend on aims."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bandits", description=__doc__)
    parser.add_argument("--runs", type=int, default=RUNS, help=f"of each simulation (default: {RUNS})")
    parser.add_argument("--mabwiser", action="store_true", help="only the comparison with MABWiser")
    asked = parser.parse_args()
    for line in against_mabwiser(asked.runs) if asked.mabwiser else bandits(asked.runs):
        print(line, flush=True)


if __name__ == "__main__":
    main()
