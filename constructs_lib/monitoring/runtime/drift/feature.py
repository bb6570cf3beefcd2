"""What is kept of one column, and what type it has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal, cast

from ..reading.cells import is_missing, read
from ..reading.table import Cell
from .categories import Categories
from .numbers import EVERYWHERE, Numbers, Range
from .sketch import Sketch

FeatureType = Literal["Integral", "Fractional", "String", "Unknown"]
TYPES: tuple[FeatureType, ...] = ("Integral", "Fractional", "String")
MOST_TEXT = 0.05
"""Of the cells with a value: a column with a greater share of other cells than numbers is no column of numbers."""


class Feature:
    """One column of a dataset.

    Without a declared type it keeps both what numbers and what categories need, and the type is judged by the counts
    of all cells: whatever the order of chunks and shards, it is the same.
    """

    __slots__ = ("categories", "declared", "missing", "numbers", "texts")

    numbers: Numbers
    categories: Categories | None
    """None where numbers are declared."""
    texts: int
    """Cells with a value that is no number; where text is declared, every cell with a value."""
    missing: int

    def __init__(
        self,
        declared: FeatureType | None = None,
        *,
        most_categories: int,
        range: Range = EVERYWHERE,
        domain: Iterable[str] = (),
    ) -> None:
        self.declared = None if declared == "Unknown" else declared
        self.missing = self.texts = 0
        self.numbers = Numbers(range)
        numeric = self.declared in ("Integral", "Fractional")
        self.categories = None if numeric else Categories(most_categories, domain)

    @property
    def present(self) -> int:
        """Cells with a value."""
        return self.numbers.count + self.texts

    @property
    def size(self) -> int:
        """All cells."""
        return self.present + self.missing

    @property
    def type(self) -> FeatureType:
        """As declared, or as the cells have it."""
        if self.declared is not None:
            return self.declared
        if not self.present:
            return "Unknown"
        if self.texts > MOST_TEXT * self.present:
            return "String"
        return "Fractional" if self.numbers.fractional else "Integral"

    @property
    def free_text(self) -> bool:
        """Whether it is text that is no category."""
        return self.type == "String" and self.categories is not None and self.categories.free_text

    def unfit(self, type: FeatureType) -> int:
        """Cells with a value that does not fit a type. Every value fits text."""
        if type not in ("Integral", "Fractional"):
            return 0
        return self.texts + (self.numbers.fractional if type == "Integral" else 0)

    def add(self, cells: list[Cell]) -> None:
        """Take in raw cells."""
        if self.declared == "String":
            present = [cell for cell in cells if not is_missing(cell)]
            self.missing += len(cells) - len(present)
            self.texts += len(present)
            self._categorize(present)
            return
        found = read(cells)
        self.missing += found.missing
        self.texts += len(found.others)
        self.numbers.add(found.numbers)
        if self.categories is None:
            return
        if self.categories.overflowed:  # as text it would be free text: which numbers there are says no more
            self.categories.add_other(len(found.numbers))
            self._categorize(found.others)
        elif found.missing:
            self._categorize([cell for cell in cells if not is_missing(cell)])
        else:
            self._categorize(cells)

    def _categorize(self, present: list[Cell]) -> None:
        if self.categories is not None and present:
            self.categories.add(present)

    def add_missing(self, count: int) -> None:
        """Count rows without this column."""
        self.missing += count

    def merge(self, other: Feature) -> None:
        """Take in a shard, made with the same declaration."""
        self.missing += other.missing
        self.texts += other.texts
        self.numbers.merge(other.numbers)
        if self.categories is not None and other.categories is not None:
            self.categories.merge(other.categories)

    def described(self, name: str) -> dict[str, Any]:
        """As the analyzer writes it, in statistics.json; `num_unfit`, `num_fractional` and `free_text` are ours."""
        found: dict[str, Any] = {"name": name, "inferred_type": self.type}
        common = {"num_present": self.present, "num_missing": self.missing}
        if self.type in ("Integral", "Fractional"):
            numbers = self.numbers
            found["numerical_statistics"] = {
                "common": {**common, "num_unfit": self.texts, "num_fractional": numbers.fractional},
                "mean": numbers.mean,
                "sum": numbers.total,
                "std_dev": numbers.deviation,
                "min": numbers.sketch.low if numbers.count else 0.0,
                "max": numbers.sketch.high if numbers.count else 0.0,
                "distribution": {"kll": numbers.sketch.described()},
            }
        elif self.categories is not None:
            # Free text is not written down: it is of no use, and may name people.
            counts = {} if self.free_text else self.categories.counts
            ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
            found["string_statistics"] = {
                "common": common,
                "distinct_count": self.categories.distinct,
                "free_text": self.free_text,
                "distribution": {
                    "categorical": {"buckets": [{"value": name, "count": count} for name, count in ordered]}
                },
            }
        return found

    @classmethod
    def of_description(cls, given: Mapping[str, Any], *, most_categories: int) -> Feature:
        """The feature that was described, by this class or by the analyzer.

        Raises:
            KeyError, TypeError, ValueError: it is no description.
        """
        declared = given["inferred_type"]
        if declared not in (*TYPES, "Unknown"):
            raise ValueError(f"inferred_type is {declared!r}, allowed are {', '.join(TYPES)} and Unknown")
        found = cls(cast("FeatureType", declared), most_categories=most_categories)
        numerical, text = given.get("numerical_statistics"), given.get("string_statistics")
        if numerical is not None:
            found._take_numerical(numerical)
        elif text is not None:
            found._take_text(text, most_categories)
        return found

    def _take_numerical(self, given: Mapping[str, Any]) -> None:
        common = given["common"]
        self.missing, self.texts = int(common["num_missing"]), int(common.get("num_unfit", 0))
        sketch = Sketch.of_description(given["distribution"]["kll"])
        self.numbers = Numbers.of_moments(
            sketch,
            total=float(given["sum"]),
            mean=float(given["mean"]),
            deviation=float(given["std_dev"]),
            fractional=int(common.get("num_fractional", 0)),
        )

    def _take_text(self, given: Mapping[str, Any], most_categories: int) -> None:
        common = given["common"]
        self.missing, self.texts = int(common["num_missing"]), int(common["num_present"])
        buckets = given["distribution"]["categorical"]["buckets"]
        self.categories = Categories.of_counts(
            {str(bucket["value"]): int(bucket["count"]) for bucket in buckets},
            total=self.texts,
            distinct=int(given["distinct_count"]),
            most=most_categories,
        )
