"""The quality of a model that tells several classes apart."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..reading.classes import class_of, share_of
from ..reading.table import Cell
from .calibration import Calibration
from .confusion import weighted
from .noise import BLOCKS, Measure, block_of, deviations
from .quality import Kind, described, values_of

MOST_CLASSES = 300
_LABELLED, _PREDICTED, _BOTH = range(3)


class MulticlassQuality:
    """The confusion matrix, means over classes, and with probabilities the calibration of the most likely class.

    Bounded memory: the first `most` classes are counted, and a record of a further one is unread. Shards merge to
    exactly the whole, but for that (the whole of two shards has at most the classes of both) and for the rounding
    of the sums behind the calibration.
    """

    def __init__(self, names: Sequence[Cell] = (), *, most: int = MOST_CLASSES) -> None:
        """What is counted.

        Args:
            names: The classes in the order of the model's probabilities. Without them they are 0, 1, 2, …
            most: How many classes.
        """
        self.kind: Kind = "multiclass_classification"
        self.size = 0
        self.unread = 0
        self._most = most
        self._names = [class_of(name) for name in names]
        self._matrix: dict[tuple[str, str], int] = {}
        self._classes: dict[str, list[int]] = {}  # by block: labelled, predicted, both
        self._sizes = [0] * BLOCKS
        self._calibration = Calibration()

    def add(
        self,
        label: object,
        prediction: object = None,
        probability: Cell | Sequence[Cell] = None,
        *,
        key: str | None = None,
    ) -> None:
        """Count a record.

        Args:
            label: The class that is true.
            prediction: The class the model said; None: the most likely one of the probabilities.
            probability: Of all classes in order, or of the most likely class alone.
            key: Of the record, as its inference id: it tells its block. None: it is by its place.
        """
        place, top = _likeliest(probability)
        if prediction is None and place is not None:
            prediction = self._names[place] if place < len(self._names) else str(place)
        actual, said = class_of(label), class_of(prediction)
        if actual is None or said is None or (top is None and probability is not None):
            self.unread += 1
            return
        if len(self._classes) + sum(name not in self._classes for name in {actual, said}) > self._most:
            self.unread += 1
            return
        block = block_of(key, self.size)
        self.size += 1
        self._sizes[block] += 1
        self._matrix[actual, said] = self._matrix.get((actual, said), 0) + 1
        self._class(actual)[3 * block + _LABELLED] += 1
        self._class(said)[3 * block + _PREDICTED] += 1
        if actual == said:
            self._class(actual)[3 * block + _BOTH] += 1
        if top is not None:
            self._calibration.add(top, actual == said, block)

    def _class(self, name: str) -> list[int]:
        found = self._classes.get(name)
        if found is None:
            found = self._classes[name] = [0] * (3 * BLOCKS)
        return found

    def merge(self, other: MulticlassQuality) -> None:
        """Add the records of another shard."""
        self.size += other.size
        self.unread += other.unread
        self._sizes = list(map(int.__add__, self._sizes, other._sizes))
        for pair, count in other._matrix.items():
            self._matrix[pair] = self._matrix.get(pair, 0) + count
        for name, counts in other._classes.items():
            own = self._class(name)
            own[:] = map(int.__add__, own, counts)
        self._calibration.merge(other._calibration)

    def measures(self) -> dict[str, Measure]:
        """Each metric by name."""
        found = self._measured(self._metrics) | self._measured(self._constant)
        return found | self._measured(self._calibrated, self._calibration.count, self._calibration.chance())

    def _measured(
        self,
        metrics: Callable[[int | None], Mapping[str, float]],
        support: int | None = None,
        chance: float = 0.0,
    ) -> dict[str, Measure]:
        found = deviations(metrics, self._sizes)
        return {
            name: Measure(
                value=value,
                standard_deviation=found[name],
                support=self.size if support is None else support,
                chance=chance if name == "expected_calibration_error" else 0.0,
            )
            for name, value in metrics(None).items()
        }

    def _metrics(self, without: int | None) -> dict[str, float]:
        return weighted({name: self._summed(counts, without) for name, counts in self._classes.items()})

    def _calibrated(self, without: int | None) -> dict[str, float]:
        """Without the Brier score, which of several classes is another."""
        found = self._calibration.metrics(without)
        return {name: value for name, value in found.items() if name == "expected_calibration_error"}

    def _constant(self, without: int | None) -> dict[str, float]:
        """Of a model that always says the most frequent label."""
        labelled = {name: self._summed(counts, without)[_LABELLED] for name, counts in self._classes.items()}
        best = max(sorted(labelled), key=lambda name: labelled[name], default="")
        records = sum(labelled.values())
        told = {
            name: (count, records if name == best else 0, count if name == best else 0)
            for name, count in labelled.items()
        }
        return {f"{name}_best_constant_classifier": value for name, value in weighted(told).items()}

    @staticmethod
    def _summed(counts: list[int], without: int | None) -> tuple[int, int, int]:
        labelled, predicted, both = (sum(counts[part::3]) for part in range(3))
        if without is None:
            return labelled, predicted, both
        at = 3 * without
        return labelled - counts[at], predicted - counts[at + 1], both - counts[at + 2]

    def values(self) -> dict[str, float]:
        """Each metric by name."""
        return values_of(self)

    def statistics(self) -> dict[str, Any]:
        """The analyzer's `multiclass_classification_metrics`; calibration is additional."""
        names = sorted(self._classes)
        matrix = {actual: {said: self._matrix.get((actual, said), 0) for said in names} for actual in names}
        body = {"confusion_matrix": matrix, **described(self.measures())}
        return body | ({"reliability": self._calibration.table()} if self._calibration.count else {})


def _likeliest(probability: Cell | Sequence[Cell]) -> tuple[int | None, float | None]:
    """The place of the most likely class, if all are given, and its probability."""
    if isinstance(probability, str | int | float) or probability is None:
        return None, share_of(probability)
    shares = [share_of(cell) for cell in probability]
    known = [share for share in shares if share is not None]
    if not known or len(known) < len(shares):
        return None, None
    top = max(known)
    return known.index(top), top
