"""The records of a transform job: out of an object, into requests, and back with what the model made of them.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform-data-processing.html and the
descriptions of TransformInput, TransformOutput and DataProcessing. Where they are silent it is inferred:
a line without anything but blanks is no record, the records of one request are parted by newlines, and an
answer that ends with a newline gets no other one.
"""

from __future__ import annotations

import csv
import io
import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from .transform_path import EVERYTHING, Path, PathError

_NEWLINE = b"\n"
_INPUT, _OUTPUT = "SageMakerInput", "SageMakerOutput"


class RecordError(Exception):
    """A record cannot be sent, or what came back cannot be used."""


class Format(ABC):
    """How records of a content type are written. A record that is none is a ValueError."""

    @abstractmethod
    def parse(self, text: str) -> Any:
        """The value of a record, for JSONPath."""

    @abstractmethod
    def text(self, value: Any) -> str:
        """A value as one line."""

    @abstractmethod
    def join(self, given: Any, made: Any) -> Any:
        """The value of an input record with that of its output."""

    def records(self, body: str, *, single: bool) -> list[str]:  # JSON asks
        """The records of an answer to one record or to several."""
        return [line for line in body.split("\n") if line.strip()]


class Csv(Format):
    """A row is an array of texts."""

    def parse(self, text: str) -> list[str]:
        """The fields of a row."""
        rows = list(csv.reader([text.rstrip("\r")], strict=True))
        if len(rows) != 1:
            raise ValueError(f"it is no row: {text!r}")
        return rows[0]

    def text(self, value: Any) -> str:
        """A row; quotes are where they are needed."""
        row = value if isinstance(value, list) else [value]
        if any(isinstance(each, dict | list) for each in row):
            raise ValueError("a field of a row cannot hold others")
        out = io.StringIO()
        csv.writer(out, lineterminator="").writerow(row)
        return out.getvalue()

    def join(self, given: list[str], made: list[str]) -> list[str]:
        """The output's fields after the input's."""
        return [*given, *made]


class Json(Format):
    """A line is a document. An answer to one record may have more lines."""

    def parse(self, text: str) -> Any:
        """The document."""
        return json.loads(text)

    def text(self, value: Any) -> str:
        """The document, compact."""
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

    def join(self, given: Any, made: Any) -> Any:
        """The output as a member of the input, if that is an object."""
        if isinstance(given, dict):
            return {**given, _OUTPUT: made}
        return {_INPUT: given, _OUTPUT: made}

    def records(self, body: str, *, single: bool) -> list[str]:
        """The documents of an answer."""
        return [body] if single and body.strip() else super().records(body, single=single)


FORMATS: dict[str, Format] = {
    "text/csv": Csv(),
    "application/json": Json(),
    "application/jsonlines": Json(),
}
"""The formats of DataProcessing, by content type."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataProcessing:
    """What goes to the model, and what of it and of its answer into the output."""

    given: Format | None = None
    """The format of the input; None when nothing is read in it."""
    made: Format | None = None
    """The format of the answers; None when nothing is read in them."""
    input_path: Path = EVERYTHING
    output_path: Path = EVERYTHING
    joins: bool = False

    def sent(self, record: bytes) -> bytes:
        """What the model gets of a record."""
        if self.given is None or self.input_path.is_all:
            return record
        try:
            value = self.given.parse(record.decode())
            return self.given.text(self.input_path.select(value)).encode()
        except (ValueError, PathError, csv.Error) as error:
            raise RecordError(f"Unable to apply the InputFilter to a record: {error}") from error

    def kept(self, records: Sequence[bytes], answer: bytes) -> bytes:
        """What the output gets of an answer to records."""
        if self.made is None or (self.output_path.is_all and not self.joins):
            return answer
        try:
            return "\n".join(self._lines(self.made, records, answer.decode())).encode()
        except (ValueError, PathError, csv.Error) as error:
            raise RecordError(f"Unable to process the output of the algorithm: {error}") from error

    def _lines(self, made: Format, records: Sequence[bytes], answer: str) -> Iterator[str]:
        values = [made.parse(each) for each in made.records(answer, single=len(records) == 1)]
        if self.joins:
            if len(values) != len(records):
                raise RecordError(
                    "Fail to join data: mismatched line count between the input and the output "
                    f"({len(records)} and {len(values)})"
                )
            # One format for both: the request is refused otherwise.
            values = [
                made.join(made.parse(record.decode()), value)
                for record, value in zip(records, values, strict=True)
            ]
        for value in values:
            yield made.text(self.output_path.select(value))


@dataclass(frozen=True, slots=True, kw_only=True)
class Batching:
    """How an object becomes requests."""

    lines: bool
    """Whether each line is a record; the object is one otherwise."""
    several: bool
    """Whether a request holds as many records as fit."""
    most: int
    """The bytes that fit."""


@dataclass(frozen=True, slots=True)
class Payload:
    """The body of one request, and the records that it was made of, as they were."""

    body: bytes
    records: tuple[bytes, ...]


def payloads(content: bytes, batching: Batching, processing: DataProcessing) -> Iterator[Payload]:
    """The requests for an object; RecordError for a record that is too large, or that cannot be filtered."""
    sent, records, size = list[bytes](), list[bytes](), 0
    for record in _split(content, batching):
        part = processing.sent(record)
        if len(part) > batching.most:
            raise RecordError(
                f"A record of {len(part)} bytes is larger than MaxPayloadInMB ({batching.most} bytes)"
            )
        if records and not (batching.several and size + len(_NEWLINE) + len(part) <= batching.most):
            yield Payload(_NEWLINE.join(sent), tuple(records))
            sent, records, size = [], [], 0
        size += len(part) + (len(_NEWLINE) if sent else 0)
        sent.append(part)
        records.append(record)
    if records:
        yield Payload(_NEWLINE.join(sent), tuple(records))


def _split(content: bytes, batching: Batching) -> Iterator[bytes]:
    if not batching.lines:
        return iter([content])
    return (line for line in content.split(_NEWLINE) if line.strip())


def assembled(answers: Sequence[bytes], *, lines: bool) -> bytes:
    """The output of an object."""
    if not lines:
        return b"".join(answers)
    return b"".join(each if each.endswith(_NEWLINE) else each + _NEWLINE for each in answers)
