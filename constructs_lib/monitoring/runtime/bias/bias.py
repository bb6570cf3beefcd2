"""Whether a model treats groups alike: counts of a window, and Clarify's metrics of them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ..quality.noise import BLOCKS, Measure, block_of, deviations
from ..reading.cells import number_of
from ..reading.classes import class_of
from ..reading.table import Cell
from .bias_metrics import DESCRIPTIONS, POST_TRAINING, PRE_TRAINING, Outcomes, Sides, Split, metrics, supports

MOST_VALUES = 50
"""Of a facet that names none: of its further values only "others" remains."""
MOST_GROUPS = 100
_OTHERS = ""  # no class has this name

_Place = tuple[str, str, bool | None, bool | None]  # value of the facet, group, label, prediction


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What of a column counts: some of its values, or numbers above a threshold.

    For labels and predictions it is what is positive, for a facet who is sensitive. Clarify calls it
    `value_or_threshold`.
    """

    column: str
    values: tuple[Cell, ...] = ()
    threshold: float | None = None

    def __post_init__(self) -> None:
        """Check."""
        if self.values and self.threshold is not None:
            raise ValueError(f"{self.column!r} has values or a threshold, not both")
        if any(class_of(value) is None for value in self.values):
            raise ValueError(
                f"A value of {self.column!r} is a text, a number or a truth value: {self.values!r}"
            )

    @property
    def text(self) -> str:
        """As in Clarify's file, but for a threshold, which is told as it is: not as an interval up to the maximum."""
        if self.threshold is not None:
            return str(class_of(self.threshold))
        return ",".join(str(class_of(value)) for value in self.values)

    def meets(self, cell: object) -> bool | None:
        """Whether it counts; None where the cell is missing, or no number for a threshold."""
        if self.threshold is not None:
            number = number_of(cell)
            return None if number is None else number > self.threshold
        name = class_of(cell)
        return None if name is None else name in _names(self.values)


@lru_cache
def _names(values: tuple[Cell, ...]) -> frozenset[str | None]:
    return frozenset(map(class_of, values))


class Bias:
    """Counts by facet, group, label and prediction, in twenty blocks.

    Bounded memory: the first `MOST_VALUES` values of a facet that names none, the first `MOST_GROUPS` groups. Shards
    merge to exactly the whole, but for values and groups beyond (the whole of two shards has those of both).
    """

    def __init__(self, label: Rule, facets: Sequence[Rule], *, group: str | None = None) -> None:
        """What is counted.

        Args:
            label: Of the label's column: what is positive. Predictions are measured with the same rule.
            facets: Who is sensitive. Without values and threshold, each value in turn.
            group: A column for the metrics under a condition (CDDL, CDDPL), such as a department.
        """
        if not facets:
            raise ValueError("Bias takes at least one facet")
        if not label.values and label.threshold is None:
            raise ValueError("Bias takes the values of the label that are positive, or its threshold")
        self.label = label
        self.facets = tuple(facets)
        self.group = group
        self.size = 0
        self.unread = 0
        self._counts: list[dict[_Place, list[int]]] = [{} for _ in self.facets]
        self._values: list[set[str]] = [set() for _ in self.facets]
        self._groups: set[str] = set()

    def add(
        self,
        cells: Mapping[str, object],
        label: object = None,
        prediction: object = None,
        *,
        key: str | None = None,
    ) -> None:
        """Count a record.

        Args:
            cells: The columns of the facets and of the group; others are not looked at.
            label: What is true; None: it is not known, and only metrics of predictions count it.
            prediction: What the model said; None: it said nothing.
            key: Of the record, as its inference id: it tells its block. None: it is by its place.

        A record is unread if it has neither label nor prediction, or if no facet of it can be read. A facet that is
        missing is missing for that facet only.
        """
        actual, said = self.label.meets(label), self.label.meets(prediction)
        values = [self._value(index, cells.get(facet.column)) for index, facet in enumerate(self.facets)]
        if (actual is None and said is None) or not any(value is not None for value in values):
            self.unread += 1
            return
        block, group = block_of(key, self.size), self._group(cells)
        self.size += 1
        for counts, value in zip(self._counts, values, strict=True):
            if value is not None:
                place = (value, group, actual, said)
                counts.setdefault(place, [0] * BLOCKS)[block] += 1

    def _value(self, index: int, cell: object) -> str | None:
        facet = self.facets[index]
        if facet.values or facet.threshold is not None:
            met = facet.meets(cell)
            return None if met is None else (facet.text if met else _OTHERS)
        return _known(self._values[index], class_of(cell), MOST_VALUES)

    def _group(self, cells: Mapping[str, object]) -> str:
        if self.group is None:
            return _OTHERS
        return _known(self._groups, class_of(cells.get(self.group)), MOST_GROUPS) or _OTHERS

    def merge(self, other: Bias) -> None:
        """Add the records of another shard, counted by the same rules."""
        if (self.label, self.facets, self.group) != (other.label, other.facets, other.group):
            raise ValueError("Only what is counted by the same rules can be merged")
        self.size += other.size
        self.unread += other.unread
        self._groups |= other._groups
        for own, theirs in zip(self._values, other._values, strict=True):
            own |= theirs
        for mine, his in zip(self._counts, other._counts, strict=True):
            for place, counts in his.items():
                mine[place] = list(map(int.__add__, mine.get(place, [0] * BLOCKS), counts))

    def measures(self) -> dict[tuple[str, str, str], Measure]:
        """Each metric by facet, its value and the metric's short name. Some may be infinite."""
        return {
            (facet.column, value, name): measure
            for index, facet in enumerate(self.facets)
            for value in self._sensitive(index)
            for name, measure in self._measures(index, value).items()
        }

    def _sensitive(self, index: int) -> list[str]:
        """The values of a facet that are looked at."""
        facet = self.facets[index]
        if facet.values or facet.threshold is not None:
            return [facet.text]
        return sorted({place[0] for place in self._counts[index]} - {_OTHERS})

    def _measures(self, index: int, value: str) -> dict[str, Measure]:
        counts = self._counts[index]
        sizes = [sum(column) for column in zip(*counts.values(), strict=True)]
        found = deviations(lambda block: metrics(self._sides(index, value, block)), sizes)
        whole = self._sides(index, value, None)
        support = supports(whole)
        return {
            name: Measure(value=number, standard_deviation=found[name], support=support[name])
            for name, number in metrics(whole).items()
        }

    def _sides(self, index: int, value: str, without: int | None) -> Sides:
        return _sides(self._counts[index], value, without, self.group is not None)

    def values(self) -> dict[str, float]:
        """The finite metrics by name, as for CloudWatch: ``DPL.sex.female``."""
        return {
            f"{name}.{facet}.{value}": measure.value
            for (facet, value, name), measure in self.measures().items()
            if math.isfinite(measure.value)
        }

    def statistics(self) -> dict[str, Any]:
        """Clarify's analysis.json. An infinite value is a text there; JSON has no number for it."""
        measures = self.measures()
        return {
            "version": "1.0",
            "pre_training_bias_metrics": self._section(measures, PRE_TRAINING),
            "post_training_bias_metrics": self._section(measures, POST_TRAINING),
        }

    def _section(
        self, measures: Mapping[tuple[str, str, str], Measure], names: Sequence[str]
    ) -> dict[str, Any]:
        facets: dict[str, list[dict[str, Any]]] = {}
        for index, facet in enumerate(self.facets):
            for value in self._sensitive(index):
                told = [
                    {
                        "name": name,
                        "description": DESCRIPTIONS[name],
                        "value": _json(measures[facet.column, value, name].value),
                    }
                    for name in names
                    if (facet.column, value, name) in measures
                ]
                facets.setdefault(facet.column, []).append({"value_or_threshold": value, "metrics": told})
        return {
            "label": self.label.column,
            "label_value_or_threshold": self.label.text,
            "facets": facets,
        }


def _known(known: set[str], name: str | None, most: int) -> str | None:
    """The name, if it is among the first ones; None where there is none."""
    if name is None or name in known:
        return name
    if len(known) >= most:
        return _OTHERS
    known.add(name)
    return name


def _json(value: float) -> float | str:
    if math.isfinite(value):
        return value
    return "Infinity" if value > 0 else "-Infinity"


def _sides(counts: Mapping[_Place, list[int]], value: str, without: int | None, grouped: bool) -> Sides:
    """The counts of both sides of a facet's value, of all blocks or without one."""
    records = [0, 0]
    outcomes = [dict[tuple[bool | None, bool | None], int]() for _ in records]
    labels: dict[str, list[list[int]]] = {}
    predictions: dict[str, list[list[int]]] = {}
    for (of, group, label, prediction), blocks in counts.items():
        count = sum(blocks) - (0 if without is None else blocks[without])
        side = int(of == value)
        records[side] += count
        outcomes[side][label, prediction] = outcomes[side].get((label, prediction), 0) + count
        for splits, positive in ((labels, label), (predictions, prediction)):
            if positive is not None:
                splits.setdefault(group, [[0, 0], [0, 0]])[side][not positive] += count
    return Sides(
        records=(records[0], records[1]),
        labels=_total(labels),
        predictions=_total(predictions),
        outcomes=(_outcomes(outcomes[0]), _outcomes(outcomes[1])),
        groups=list(_splits(labels)) if grouped else (),
        predicted_groups=list(_splits(predictions)) if grouped else (),
    )


def _splits(groups: Mapping[str, list[list[int]]]) -> Iterator[tuple[Split, Split]]:
    for name in sorted(groups):
        others, sensitive = groups[name]
        yield (others[0], others[1]), (sensitive[0], sensitive[1])


def _total(groups: Mapping[str, list[list[int]]]) -> tuple[Split, Split]:
    others, sensitive = (
        (sum(sides[side][0] for sides in groups.values()), sum(sides[side][1] for sides in groups.values()))
        for side in (0, 1)
    )
    return others, sensitive


def _outcomes(counts: Mapping[tuple[bool | None, bool | None], int]) -> Outcomes:
    return Outcomes(
        true_positives=counts.get((True, True), 0),
        false_positives=counts.get((False, True), 0),
        false_negatives=counts.get((True, False), 0),
        true_negatives=counts.get((False, False), 0),
    )
