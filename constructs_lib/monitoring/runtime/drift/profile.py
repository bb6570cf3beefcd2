"""What is kept of a dataset, feature by feature, in bounded memory: its statistics.json."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from ..reading.table import Chunk
from .feature import TYPES, Feature, FeatureType
from .numbers import EVERYWHERE, Range

MOST_CATEGORIES = 1000
MOST_FEATURES = 5000
"""Columns that come after are left out: a client that invents names must not fill the memory."""


class Profile:
    """The statistics of a dataset. Shards are profiled one by one, with the same arguments, and merged.

    Args:
        types: of the features whose type is not to be inferred. "String" makes categories of numbers.
        most_categories: told apart in a feature; a text with more is free text.
        ranges: what lies outside is counted, exactly.
        domains: categories of a baseline, which are told apart in any case.

    Raises:
        ValueError: a type is none of Integral, Fractional, String and Unknown, which is inferred.
    """

    def __init__(
        self,
        types: Mapping[str, str] | None = None,
        *,
        most_categories: int = MOST_CATEGORIES,
        ranges: Mapping[str, Range] | None = None,
        domains: Mapping[str, list[str]] | None = None,
    ) -> None:
        self._types = dict(types or {})
        self._most_categories = most_categories
        self._ranges = dict(ranges or {})
        self._domains = dict(domains or {})
        for name, type in self._types.items():
            if type not in (*TYPES, "Unknown"):
                raise ValueError(f"the type of {name!r} is {type!r}, allowed are {', '.join(TYPES)}, Unknown")
        self.size = 0
        self.features: dict[str, Feature] = {}

    def add(self, chunk: Chunk) -> None:
        """Take in rows. A column that a chunk does not have is missing in its rows."""
        for name, cells in chunk.columns.items():
            feature = self._feature(name)
            if feature is not None:
                feature.add(cells)
        for name, feature in self.features.items():
            if name not in chunk.columns:
                feature.add_missing(chunk.size)
        self.size += chunk.size

    def _feature(self, name: str) -> Feature | None:
        found = self.features.get(name)
        if found is None and len(self.features) < MOST_FEATURES:
            found = Feature(
                cast("FeatureType | None", self._types.get(name)),
                most_categories=self._most_categories,
                range=self._ranges.get(name, EVERYWHERE),
                domain=self._domains.get(name, ()),
            )
            found.add_missing(self.size)
            self.features[name] = found
        return found

    def merge(self, other: Profile) -> None:
        """Take in a shard."""
        for name in other.features:
            self._feature(name)
        for name, feature in self.features.items():
            shard = other.features.get(name)
            if shard is None:
                feature.add_missing(other.size)
            else:
                feature.merge(shard)
        self.size += other.size

    def statistics(self) -> dict[str, Any]:
        """As the analyzer of Model Monitor writes statistics.json of data quality."""
        return {
            "version": 0.0,
            "dataset": {"item_count": self.size},
            "features": [feature.described(name) for name, feature in self.features.items()],
        }

    @classmethod
    def of_statistics(cls, given: Mapping[str, Any], *, most_categories: int = MOST_CATEGORIES) -> Profile:
        """The profile that a statistics.json tells, this engine's or the analyzer's.

        Raises:
            ValueError: it is no such file.
        """
        try:
            features = {
                feature["name"]: Feature.of_description(feature, most_categories=most_categories)
                for feature in given["features"]
            }
            size = int(given["dataset"]["item_count"])
        except (KeyError, TypeError, AttributeError, ValueError) as wrong:
            raise ValueError(f"this is no statistics.json of data quality: {wrong!r}") from wrong
        found = cls(
            {name: feature.type for name, feature in features.items()}, most_categories=most_categories
        )
        found.features, found.size = features, size
        return found
