"""How far a metric strays by chance: its standard deviation by the jackknife, and how many of them are too many.

Every record falls into one of twenty blocks, by the hash of its key, so that shards agree. A metric is computed of
the whole and twenty times without one block: from how much it moves follows its standard deviation. It takes nothing
to be known of the metric, costs twenty sums of counts, and is the same in each run; Model Monitor draws five samples
at random instead.

Source: Busing, Meijer and van der Leeden, "Delete-m jackknife for unequal m", Statistics and Computing 9 (1999).
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

BLOCKS = 20
LEAST_SUPPORT = BLOCKS
"""Records. A metric that stands on fewer has no standard deviation worth the name, and is not judged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A metric of a window."""

    value: float
    standard_deviation: float | None
    """None where it is not known: too few records, or a metric that some block decides alone."""
    support: int
    """How many records it stands on: of a recall, the positive ones."""
    chance: float = 0.0
    """By how much it is worse on average for no other reason than that records are few."""

    @property
    def certain(self) -> bool:
        """Whether it can be judged."""
        return self.standard_deviation is not None and self.support >= LEAST_SUPPORT


def block_of(key: str | None, ordinal: int) -> int:
    """The block of a record: by its key, and by its place where it has none."""
    if key is None:
        return ordinal % BLOCKS
    return zlib.crc32(key.encode("utf-8", "surrogatepass")) % BLOCKS


def deviations(
    metrics: Callable[[int | None], Mapping[str, float]], sizes: Sequence[int]
) -> dict[str, float | None]:
    """The standard deviation of each of the metrics.

    Args:
        metrics: Those of the whole for None, otherwise those without that block.
        sizes: Records by block.
    """
    whole = metrics(None)
    without = [metrics(block) if size else {} for block, size in enumerate(sizes)]
    return {
        name: jackknife(value, [partial.get(name) for partial in without], sizes)
        for name, value in whole.items()
    }


def jackknife(whole: float, without: Sequence[float | None], sizes: Sequence[int]) -> float | None:
    """The standard deviation of a metric, of its value and its values without each block.

    None where fewer than two blocks have records, or where it has no value without one of them.
    """
    records = sum(sizes)
    pairs = [(partial, records / size) for partial, size in zip(without, sizes, strict=True) if size]
    if len(pairs) < 2 or not math.isfinite(whole):
        return None
    pseudo: list[tuple[float, float]] = []
    for partial, times in pairs:
        if partial is None or not math.isfinite(partial):
            return None
        pseudo.append((times * whole - (times - 1) * partial, times))
    centre = math.fsum(value / times for value, times in pseudo)
    return math.hypot(*((value - centre) / math.sqrt((times - 1) * len(pseudo)) for value, times in pseudo))


def critical(level: float, judged: int = 1) -> float:
    """How many standard deviations are more than noise, one-sided.

    Student's t with nineteen degrees of freedom, since the standard deviation itself is estimated of twenty blocks.
    With several metrics judged, the level is that of all together (Bonferroni): a window of a model that did not
    change has no violation with at least that probability.
    """
    if not 0.5 <= level < 1:
        raise ValueError(f"The level is from 0.5 and below 1, as 0.99 is: {level!r}")
    return _student(NormalDist().inv_cdf(1 - (1 - level) / max(judged, 1)), BLOCKS - 1)


def _student(z: float, freedom: int) -> float:
    """The quantile of Student's t where the normal has z: Abramowitz and Stegun, 26.7.5."""
    square = z * z
    terms = (
        (square + 1) / 4,
        ((5 * square + 16) * square + 3) / 96,
        (((3 * square + 19) * square + 17) * square - 15) / 384,
        ((((79 * square + 776) * square + 1482) * square - 1920) * square - 945) / 92160,
    )
    return z + math.fsum(z * term / float(freedom**power) for power, term in enumerate(terms, start=1))
