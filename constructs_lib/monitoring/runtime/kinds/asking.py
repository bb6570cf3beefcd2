"""Asks the served model, so that nobody takes it for traffic.

The inference ids of what is asked begin with `captured.OWN`: every monitor leaves these records out.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

import boto3
from botocore.config import Config

from ..reading.answers import selected
from ..reading.captured import OWN
from ..reading.cells import is_missing, number_of
from ..reading.table import Cell
from ..run.description import Description

_CONFIG = Config(retries={"mode": "adaptive", "total_max_attempts": 8}, read_timeout=70)


class Endpoint:
    """The model of an endpoint as a function of rows."""

    def __init__(self, monitor: Description, columns: Sequence[str]) -> None:
        """Ask the endpoint that `monitor` watches, in its features' order."""
        self._monitor = monitor
        self._columns = columns
        self._runtime = boto3.client("sagemaker-runtime", config=_CONFIG)
        prediction = monitor.options["prediction"]
        path = prediction.get("probability")
        self._path: str = prediction["label"] if path is None else path
        self._asked = 0

    def predict(self, rows: list[list[Cell]]) -> list[float]:
        """The number that is explained, for each row.

        :raises ValueError: where an answer has no number for each row.
        """
        self._asked += 1
        requests = self._monitor.options["requests"]
        answer = self._runtime.invoke_endpoint(
            EndpointName=self._monitor.endpoint,
            **({} if self._monitor.variant is None else {"TargetVariant": self._monitor.variant}),
            ContentType="text/csv" if requests == "csv" else "application/json",
            InferenceId=f"{OWN}{self._monitor.name}-{self._asked}",
            Body=body_of(rows, self._columns, requests, self._monitor.options.get("path")),
        )
        return numbers_in(answer, self._path, len(rows))


def body_of(rows: list[list[Cell]], columns: Sequence[str], requests: str, path: str | None) -> bytes:
    """Rows as a request."""
    if requests == "csv":
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(
            ["" if cell is None else cell for cell in row] for row in rows
        )
        return text.getvalue().encode()
    plain = [[_plain(cell) for cell in row] for row in rows]
    body: Any = (
        [dict(zip(columns, row, strict=True)) for row in plain] if requests == "json_objects" else plain
    )
    return json.dumps(_below(path.split(".") if path else [], body)).encode()


def _below(steps: list[str], rows: Any) -> Any:
    """Rows where a path leads to; each item of a list lies below ``*``."""
    if not steps:
        return rows
    step, *rest = steps
    return [_below(rest, row) for row in rows] if step == "*" else {step: _below(rest, rows)}


def _plain(cell: Cell) -> Cell:
    """A number of CSV as one, and what is missing as null: JSON tells them from texts."""
    if is_missing(cell):
        return None
    number = number_of(cell) if isinstance(cell, str) else None
    return cell if number is None else number


def numbers_in(answer: Mapping[str, Any], path: str, rows: int) -> list[float]:
    """The numbers of an answer, one for each row."""
    side = {"data": answer["Body"].read().decode(), "observedContentType": answer.get("ContentType", "")}
    (cells,) = selected(side, [path], rows)
    numbers = [number_of(cell) for cell in cells]
    if None in numbers:
        raise ValueError(f"at {path!r} the model answers {cells[numbers.index(None)]!r}, which is no number")
    return [number for number in numbers if number is not None]
