"""Records as SageMaker's data capture has them, so that monitors of an endpoint look at a transform too.

The transform is an endpoint and ``batch`` its variant: ``<prefix>/<transform>/batch/yyyy/mm/dd/hh/``, of the hour
in which the records of the run were counted: a monitor does not look back to when a long run began. A request is the
features as a line of CSV, its answer the predictions.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ...core.runtime.windows import iso, moment
from .rows import Row, Value
from .sinks import Tally, Work

VARIANT = "batch"
_MOST_BYTES = 32 << 20
"""Of a file; the records of a chunk may make several."""
_SIDES = {"feature": ("endpointInput", "INPUT"), "prediction": ("endpointOutput", "OUTPUT")}


def write(work: Work, sink: Mapping[str, Any], client: Callable[[str], Any]) -> Tally:
    """Write the files of a chunk.

    All records count as written: those that are not sampled are in their place where they are.

    :param sink: has ``bucket``, ``prefix`` and ``percent``.
    """
    s3 = client("s3")
    telling = _Telling(work, float(sink["percent"]))
    for part, body in enumerate(_files(telling.lines(work.rows(s3)))):
        key = _key(work, sink["prefix"], part)
        s3.put_object(Bucket=sink["bucket"], Key=key, Body=body, ContentType="application/jsonlines")
    return Tally(written=telling.seen)


def is_sampled(key: Sequence[Value], percent: float) -> bool:
    """Whether the records of a key are: the same in each run, so that a customer is always in or always out."""
    if percent >= 100:
        return True
    digest = hashlib.sha256(json.dumps(list(key)).encode()).digest()
    return int.from_bytes(digest[:7]) < percent / 100 * 2**56


def _key(work: Work, prefix: str, part: int) -> str:
    name = f"{work.run}-{work.chunk.n:06}{f'-{part}' if part else ''}.jsonl"
    folder = f"{work.transform}/{VARIANT}/{moment(work.at / 1000):%Y/%m/%d/%H}/{name}"
    return f"{prefix.strip('/')}/{folder}".lstrip("/")


def _files(told: Iterator[bytes]) -> Iterator[bytes]:
    held: list[bytes] = []
    size = 0
    for line in told:
        if held and size + len(line) > _MOST_BYTES:
            yield b"".join(held)
            held, size = [], 0
        held.append(line)
        size += len(line)
    if held:
        yield b"".join(held)


class _Telling:
    """Makes the lines of what is sampled."""

    def __init__(self, work: Work, percent: float) -> None:
        self._work, self._percent = work, percent
        self._key = work.indexes("key")
        self._sides = [(*side, work.indexes(role)) for role, side in _SIDES.items() if work.indexes(role)]
        self._at = iso(work.at / 1000)
        self.seen = 0
        """Records, whether sampled or not."""

    def lines(self, rows: Iterator[Row]) -> Iterator[bytes]:
        """A line for each record that is sampled."""
        for row in rows:
            self.seen += 1
            if is_sampled([row.values[at] for at in self._key], self._percent):
                line = json.dumps(self._record(row), ensure_ascii=False, separators=(",", ":"))
                yield line.encode() + b"\n"

    def _record(self, row: Row) -> dict[str, Any]:
        metadata = {"eventId": f"{self._work.run}-{self._work.chunk.position(row.offset)}"}
        if self._key:
            metadata["inferenceId"] = "|".join(_text(row.values[at]) for at in self._key)
        captured = {
            name: {
                "observedContentType": "text/csv",
                "mode": mode,
                "data": _csv_line([_text(row.values[at]) for at in indexes]),
                "encoding": "CSV",
            }
            for name, mode, indexes in self._sides
        }
        metadata["inferenceTime"] = self._at
        return {"captureData": captured, "eventMetadata": metadata, "eventVersion": "0"}


class _Echo:
    """A file that gives back what is written to it."""

    def write(self, line: str) -> str:
        return line


_write_row = csv.writer(_Echo(), lineterminator="").writerow


def _csv_line(fields: list[str]) -> str:
    line: Any = _write_row(fields)  # what `write` returned, which the types of csv do not know
    return str(line)


def _text(value: Value) -> str:
    """A value as CSV has it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(value)
    return "" if value is None else str(value)
