"""What the fields of an output record are called, and what they are."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from ..core.checks import kind, settled, text
from ..core.rules import DEVELOPER_GUIDE, Broken, Rules

_SOURCE = DEVELOPER_GUIDE + "batch-transform-data-processing.html"
_NAME = re.compile(r"[a-z_][a-z0-9_]{0,126}")
_NAME_ALLOWED = "1–127 lower-case letters, digits and underscores, beginning with none of the digits"
_PATH = re.compile(r"[^.\[\]]+(\[\d+\])*(\.[^.\[\]]+(\[\d+\])*)*")
_MOST_BYTES = 60_000
"""A call of a map's child has them twice in its input, of which there are 256 KB."""
RESERVED = ("run", "record", "scored_at", "scored_on", "expires_at")
"""What sinks write beside the columns."""


class ColumnType(Enum):
    """The types that all sinks know, by the names that Athena has for them."""

    STRING = "string"
    INT = "int"
    """32 bits."""
    BIGINT = "bigint"
    """64 bits."""
    DOUBLE = "double"
    BOOLEAN = "boolean"


class ColumnRole(Enum):
    """What a field is for."""

    KEY = "key"
    """It tells which thing the record is about; never empty."""
    FEATURE = "feature"
    """The model was asked with it; monitors compare it with the baseline."""
    PREDICTION = "prediction"
    """The model answered it."""
    OTHER = "other"
    """It is carried along."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One field of an output record: make it with `key`, `feature`, `prediction` or `other`.

    Of CSV, the columns name the fields of a row in their order: all of them, as they are after the output filter.
    Of JSON Lines, each is looked up in the object.

    :raises ConstraintError: SM-BATCH-030.
    """

    name: str
    """1–127 lower-case letters, digits and underscores."""
    type: ColumnType = ColumnType.STRING
    role: ColumnRole = ColumnRole.OTHER
    path: str | None = None
    """Where the field lies in an object of JSON Lines: ``SageMakerOutput.predictions[0].score``. Default: its name."""

    def __post_init__(self) -> None:
        """Check."""
        column_rules.enforce(self, path="Column")

    @staticmethod
    def key(name: str, type: ColumnType = ColumnType.STRING, *, path: str | None = None) -> Column:
        """What tells records apart: the key in DynamoDB and in the database. Never empty."""
        return Column(name=name, type=type, role=ColumnRole.KEY, path=path)

    @staticmethod
    def feature(name: str, type: ColumnType = ColumnType.DOUBLE, *, path: str | None = None) -> Column:
        """What the model was asked with."""
        return Column(name=name, type=type, role=ColumnRole.FEATURE, path=path)

    @staticmethod
    def prediction(name: str, type: ColumnType = ColumnType.DOUBLE, *, path: str | None = None) -> Column:
        """What the model answered."""
        return Column(name=name, type=type, role=ColumnRole.PREDICTION, path=path)

    @staticmethod
    def other(name: str, type: ColumnType = ColumnType.STRING, *, path: str | None = None) -> Column:
        """A field that is carried along."""
        return Column(name=name, type=type, path=path)

    def told(self) -> dict[str, str | None]:
        """As the runtime reads it."""
        return {"name": self.name, "type": self.type.value, "role": self.role.value, "path": self.path}


column_rules = Rules[Column]()


@column_rules.rule("SM-BATCH-030", source=_SOURCE)
def column_has_a_name(column: Column) -> Iterator[Broken]:
    """A column has a name that all sinks take and none of theirs, and a path of names and indexes."""
    yield from kind("name", column.name, str, optional=False)
    yield from text("name", column.name, _NAME, _NAME_ALLOWED)
    yield from settled("name", column.name, "keys and tables are compared with it")
    if column.name in RESERVED:
        yield Broken("name", column.name, f"none of {', '.join(RESERVED)}, which sinks write themselves")
    yield from text("path", column.path, _PATH, "names with dots between and indexes: answers[0].score")


def of_role(columns: Sequence[Column], role: ColumnRole) -> list[Column]:
    """Those columns, in their order."""
    return [each for each in columns if each.role is role]


def column_names_differ(columns: object, *, csv: bool) -> Iterator[Broken]:
    """For the rules of who takes columns: each is one, with a name of its own."""
    if not isinstance(columns, list | tuple):
        yield Broken("columns", columns, "a list of Column")
        return
    broken = [each for each in columns if not isinstance(each, Column)]
    if broken:
        yield Broken(
            "columns", broken[0], "a Column each", 'Column.key("customer"), Column.prediction("churn")'
        )
        return
    names = [each.name for each in columns]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        yield Broken("columns", twice, "a name of its own for each column")
    size = len(json.dumps([each.told() for each in columns]))
    if size > _MOST_BYTES:
        allowed = f"at most {_MOST_BYTES} bytes of JSON, about 700 columns: a run carries them along"
        yield Broken("columns", f"{len(columns)} columns of {size} bytes", allowed)
    for each in columns:
        if csv and each.path is not None:
            yield Broken(
                "columns", f"{each.name} with path {each.path}", "no path: rows of CSV go by their order"
            )
