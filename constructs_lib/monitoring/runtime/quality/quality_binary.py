"""The quality of a model that tells one class from the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..reading.classes import class_of, share_of
from ..reading.table import Cell
from .calibration import Calibration
from .confusion import BETAS, binary, f_score
from .noise import BLOCKS, Measure, block_of, deviations
from .quality import Kind, described, values_of
from .ranking import Scores

_BEST = "best_constant_classifier"


class BinaryQuality:
    """The confusion matrix, and with probabilities the areas under the curves and the calibration.

    Bounded memory: counts by block, and at most some thousand different scores (see `ranking.Scores`). Shards merge
    to exactly the whole, but for the rounding of the sums behind the calibration.
    """

    def __init__(self, positive: Cell = 1, *, negative: Cell = None, threshold: float = 0.5) -> None:
        """What is counted.

        Args:
            positive: The label that is to be found.
            negative: The other one: records with a third are unread. None: every other label.
            threshold: Of the probability: where a record has no prediction, it is positive from there.
        """
        name = class_of(positive)
        if name is None:
            raise ValueError(f"The positive label is a text, a number or a truth value: {positive!r}")
        self.kind: Kind = "binary_classification"
        self.positive = name
        self.negative = class_of(negative)
        if self.negative == name:
            raise ValueError(f"The two labels are different ones: {positive!r} and {negative!r}")
        self.threshold = threshold
        self.size = 0
        self.unread = 0
        self._others: set[str] = set()
        self._counts = [[0, 0, 0, 0] for _ in range(BLOCKS)]  # true and false positives, then negatives
        self._scores = Scores()
        self._calibration = Calibration()

    def add(
        self, label: object, prediction: object = None, probability: Cell = None, *, key: str | None = None
    ) -> None:
        """Count a record.

        Args:
            label: What is true.
            prediction: The class the model said; None: it follows from the probability.
            probability: Of the positive class, as a number from 0 to 1.
            key: Of the record, as its inference id: it tells its block. None: it is by its place.
        """
        actual, said, score = self._sign(label), self._sign(prediction), share_of(probability)
        if said is None and prediction is None and score is not None:
            said = score >= self.threshold
        if actual is None or said is None or (score is None and probability is not None):
            self.unread += 1
            return
        self._note(label if not actual else None, prediction if not said else None)
        block = block_of(key, self.size)
        self.size += 1
        self._counts[block][(0 if actual else 1) if said else (2 if actual else 3)] += 1
        if score is not None:
            self._scores.add(score, actual, block)
            self._calibration.add(score, actual, block)

    def _sign(self, cell: object) -> bool | None:
        """Whether it is the positive label; None where it is neither."""
        name = class_of(cell)
        if name is None or name == self.positive:
            return None if name is None else True
        if self.negative is not None:
            return False if name == self.negative else None
        return False

    def _note(self, *cells: object) -> None:
        """Keep the name of the negative class, as long as there is one name."""
        for name in map(class_of, cells):
            if name is not None and len(self._others) < 2:
                self._others.add(name)

    def merge(self, other: BinaryQuality) -> None:
        """Add the records of another shard, counted for the same labels."""
        if (self.positive, self.negative) != (other.positive, other.negative):
            raise ValueError("Only what is counted for the same labels can be merged")
        self.size += other.size
        self.unread += other.unread
        self._others |= other._others
        for own, theirs in zip(self._counts, other._counts, strict=True):
            own[:] = map(int.__add__, own, theirs)
        self._scores.merge(other._scores)
        self._calibration.merge(other._calibration)

    def measures(self) -> dict[str, Measure]:
        """Each metric by name. What divides by zero is left out: a recall without positive labels is none."""
        true, wrong, missed, rejected = self._summed(None)
        positives, negatives = true + missed, wrong + rejected
        support = {
            "recall": positives,
            "precision": true + wrong,
            "accuracy": self.size,
            "true_positive_rate": positives,
            "true_negative_rate": negatives,
            "false_positive_rate": negatives,
            "false_negative_rate": positives,
            **dict.fromkeys(BETAS, true + wrong + missed),
        }
        found = self._measured(lambda block: binary(*self._summed(block)), support)
        found |= self._measured(self._constant, {})
        steps = self._scores.steps()
        found |= self._measured(
            steps.metrics, dict.fromkeys(("auc", "au_prc"), min(steps.positives, steps.negatives))
        )
        calibrated = self._calibration.count
        return found | self._measured(
            self._calibration.metrics,
            dict.fromkeys(("expected_calibration_error", "brier_score"), calibrated),
        )

    def _measured(
        self, metrics: Callable[[int | None], Mapping[str, float]], support: dict[str, int]
    ) -> dict[str, Measure]:
        sizes = [sum(counts) for counts in self._counts]
        found = deviations(metrics, sizes)
        chance = {"expected_calibration_error": self._calibration.chance()}
        return {
            name: Measure(
                value=value,
                standard_deviation=found[name],
                support=support.get(name, self.size),
                chance=chance.get(name, 0.0),
            )
            for name, value in metrics(None).items()
        }

    def _summed(self, without: int | None) -> tuple[int, int, int, int]:
        kept = [counts for block, counts in enumerate(self._counts) if block != without]
        true, wrong, missed, rejected = (sum(column) for column in zip(*kept, strict=True))
        return true, wrong, missed, rejected

    def _constant(self, without: int | None) -> dict[str, float]:
        """Of a model that always says the positive class: what Model Monitor's example calls the best constant."""
        true, wrong, missed, rejected = self._summed(without)
        positives, records = true + missed, true + wrong + missed + rejected
        if not records:
            return {}
        scores = {name: f_score(beta, positives, 0, records - positives) for name, beta in BETAS.items()}
        share = positives / records
        return {
            **({f"recall_{_BEST}": 1.0} if positives else {}),
            f"precision_{_BEST}": share,
            f"accuracy_{_BEST}": share,
            **{f"{name}_{_BEST}": score for name, score in scores.items() if score is not None},
        }

    def values(self) -> dict[str, float]:
        """Each metric by name."""
        return values_of(self)

    def statistics(self) -> dict[str, Any]:
        """The analyzer's `binary_classification_metrics`; au_prc, Brier score and calibration are additional."""
        true, wrong, missed, rejected = self._summed(None)
        body: dict[str, Any] = {
            "confusion_matrix": {
                self._rest(): {self._rest(): rejected, self.positive: wrong},
                self.positive: {self._rest(): missed, self.positive: true},
            },
            **described(self.measures()),
        }
        if self._calibration.count:
            steps = self._scores.steps()
            body |= {**steps.curves(), "reliability": self._calibration.table(), "auc_error": steps.error()}
        return body

    def _rest(self) -> str:
        """What the negative class is called."""
        if self.negative is not None:
            return self.negative
        return next(iter(self._others)) if len(self._others) == 1 else f"not {self.positive}"
