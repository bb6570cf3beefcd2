"""What a transform job passes on to the model, and what it keeps of request and answer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ..core.checks import kind, known
from ..core.rules import API_REFERENCE, DEVELOPER_GUIDE, Broken, Rules

_SOURCE = API_REFERENCE + "API_DataProcessing.html"
_OPERATORS = DEVELOPER_GUIDE + "batch-transform-data-processing.html"
LONGEST_FILTER = 63

_INDEX = r"-?\d+"
_SLICE = r"(?:-?\d+)?:(?:-?\d+)?"
_NUMBERS = rf"(?:{_INDEX}|{_SLICE})(?:\s*,\s*(?:{_INDEX}|{_SLICE}))*"
_NAMES = r"'[^'\[\]]+'(?:\s*,\s*'[^'\[\]]+')*"
_FILTER = re.compile(rf"\$(?:\.[^.\[\]\s'*]+|\.\*|\.?\[\s*(?:\*|{_NUMBERS}|{_NAMES})\s*\])*")
"""What SageMaker documents of JSONPath: names, ``*``, lists of names, indexes and slices. No filters, no ``..``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataProcessing:
    """Filters of the input, the join with the answer, and the filter of what comes out.

    A row of CSV is an array: ``$[1:]`` leaves out its first field. With `join`, the answer's fields follow those of
    the row; to an object of JSON Lines it is added as ``SageMakerOutput``.

    Source: https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform-data-processing.html

    :raises ConstraintError: SM-BATCH-020.
    """

    input_filter: str = "$"
    """What of a record the model is asked with, as JSONPath of at most 63 characters. Default: all."""
    join: bool = False
    """Whether the output has the record's own fields beside the answer."""
    output_filter: str = "$"
    """What of the (joined) record is kept. Default: all. ``$[0,-1]``: the first field and the last."""

    def __post_init__(self) -> None:
        """Check."""
        data_processing_rules.enforce(self, path="DataProcessing")

    @property
    def changes_nothing(self) -> bool:
        """Whether records and answers pass as they are."""
        return self.input_filter == "$" and self.output_filter == "$" and not self.join

    def config(self) -> dict[str, str]:
        """As CreateTransformJob takes it."""
        return {
            "InputFilter": self.input_filter,
            "OutputFilter": self.output_filter,
            "JoinSource": "Input" if self.join else "None",
        }


data_processing_rules = Rules[DataProcessing]()


@data_processing_rules.rule("SM-BATCH-020", source=_SOURCE)
def filters_are_paths(processing: DataProcessing) -> Iterator[Broken]:
    """Filters are JSONPath expressions of at most 63 characters, of the operators that SageMaker knows."""
    for name in ("input_filter", "output_filter"):
        value = getattr(processing, name)
        yield from kind(name, value, str, optional=False)
        if not isinstance(value, str) or not known(value):
            continue
        if not 1 <= len(value) <= LONGEST_FILTER:
            yield Broken(name, value, f"1–{LONGEST_FILTER} characters; this has {len(value)}")
        elif not _FILTER.fullmatch(value):
            fix = f"$[1:], $[0,-1], $.features, $['id','SageMakerOutput'] ({_OPERATORS})"
            yield Broken(name, value, "JSONPath of names, *, indexes and slices, beginning with $", fix)
