"""How it is decided whether a feature has drifted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..core.checks import number, one_of
from ..core.rules import Broken, Rules

NUMERIC_METHODS = ("ks", "psi", "jensen_shannon", "wasserstein")
CATEGORICAL_METHODS = ("psi", "jensen_shannon", "l_infinity", "chi_square")
_YURDAKUL = "https://doi.org/10.21314/JRMV.2020.227"


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftTest:
    """A distance between the baseline and a window, and how large it may be.

    A feature has drifted when its distance is larger *and* the difference is significant: so a small window
    raises no alarm by chance, and a large one none for what does not matter. Make one with `psi`, `ks`, ….
    """

    method: str
    threshold: float

    def __post_init__(self) -> None:
        """Check."""
        drift_test_rules.enforce(self, path="DriftTest")

    @staticmethod
    def ks(threshold: float = 0.1) -> DriftTest:
        """Kolmogorov–Smirnov: the largest difference of the cumulative shares, 0–1. For numbers."""
        return DriftTest(method="ks", threshold=threshold)

    @staticmethod
    def psi(threshold: float = 0.2) -> DriftTest:
        """Population stability index, over tenths of the baseline or over categories; 0.1 and 0.2 are customary."""
        return DriftTest(method="psi", threshold=threshold)

    @staticmethod
    def jensen_shannon(threshold: float = 0.1) -> DriftTest:
        """Jensen–Shannon distance to the base 2, 0–1, over tenths of the baseline or over categories."""
        return DriftTest(method="jensen_shannon", threshold=threshold)

    @staticmethod
    def wasserstein(threshold: float = 0.1) -> DriftTest:
        """Wasserstein distance, in standard deviations of the baseline. For numbers."""
        return DriftTest(method="wasserstein", threshold=threshold)

    @staticmethod
    def l_infinity(threshold: float = 0.1) -> DriftTest:
        """The largest change of a category's share, 0–1: Model Monitor's own. For categories."""
        return DriftTest(method="l_infinity", threshold=threshold)

    @staticmethod
    def chi_square(threshold: float = 0.1) -> DriftTest:
        """The χ² test's effect, Cramér's V, 0–1. For categories."""
        return DriftTest(method="chi_square", threshold=threshold)

    def bind(self) -> dict[str, object]:
        """As the engine reads it."""
        return {"method": self.method, "threshold": self.threshold}


drift_test_rules = Rules[DriftTest]()


@drift_test_rules.rule("SM-DRIFT-001", source=_YURDAKUL)
def method_and_threshold(test: DriftTest) -> Iterator[Broken]:
    """A drift test has a method that is known and a threshold above 0."""
    methods = tuple(dict.fromkeys((*NUMERIC_METHODS, *CATEGORICAL_METHODS)))
    yield from one_of("method", test.method, methods, fix="DriftTest.psi(…), .ks(…), …")
    yield from number("threshold", test.threshold, 0, above=True)
