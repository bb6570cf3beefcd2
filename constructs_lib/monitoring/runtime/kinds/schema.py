"""Which columns requests have: those of the training data that are features."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..reading.table import Chunk


class Features:
    """The features of training data, as they come."""

    def __init__(self, spec: Mapping[str, Any]) -> None:
        """Of the data that a baseline's spec tells."""
        self._others = frozenset((spec.get("data") or {}).get("not_features") or ())
        self.names: list[str] = []
        self._seen: set[str] = set()

    def of(self, chunks: Iterable[Chunk]) -> Iterator[Chunk]:
        """The same rows, the names of their features noted."""
        for chunk in chunks:
            new = [name for name in chunk.columns if name not in self._seen]
            self._seen.update(new)
            self.names += [name for name in new if name not in self._others]
            yield chunk

    def only(self, chunk: Chunk) -> Chunk:
        """The columns that are features."""
        columns = {name: cells for name, cells in chunk.columns.items() if name not in self._others}
        return Chunk(columns, chunk.size)

    def described(self) -> dict[str, Any]:
        """As schema.json.

        :raises ValueError: the data has no feature, or not the columns that are said to be none.
        """
        self.must_have(self._others)
        if not self.names:
            raise ValueError("the data has no features")
        return {"columns": self.names}

    def must_have(self, names: Iterable[str | None], *, features: bool = False) -> None:
        """Refuse data that lacks columns; a name that is ``None`` is none.

        :param features: they must be features, as requests have them.
        :raises ValueError: with those that it lacks.
        """
        there = set(self.names) if features else self._seen
        lacking = sorted({name for name in names if name is not None} - there)
        if lacking:
            what = "feature" if features else "column"
            raise ValueError(
                f"the data has no {what} {', '.join(lacking)}: it has {', '.join(sorted(there))}"
            )


def columns_of(files: Mapping[str, Any]) -> tuple[str, ...]:
    """The features of a baseline, in the order in which requests of CSV have them."""
    schema = files.get("schema.json")
    if schema is not None:
        return tuple(schema["columns"])
    # A baseline that Model Monitor has made: its statistics have all columns, its constraints what is left of them.
    statistics = files.get("statistics.json", {})
    return tuple(feature["name"] for feature in statistics.get("features", ()))
