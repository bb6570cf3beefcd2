"""What sinks of a batch transform talk to, in memory behind real boto3 clients, with calls that never return."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest

from constructs_lib.batch.runtime.chunks import Chunk

from .batch_data_api import DataApi
from .bucket import BUCKET, FakeBucket
from .fake_aws import Killed, Params, Refused, client_answered_by

ORDER = 1_795_917_600_000  # 2026-11-29T02:00:00Z
COLUMNS = [
    {"name": "id", "type": "string", "role": "key"},
    {"name": "age", "type": "int", "role": "feature"},
    {"name": "name", "type": "string", "role": "feature"},
    {"name": "score", "type": "double", "role": "prediction"},
    {"name": "ok", "type": "boolean", "role": "other"},
]
BODY = b'a,30,Ann,0.5,true\nb,,"Bo, jr",NaN,0\n\nc,7,,1e-7,false\n'
"""Three records at 0, 18 and 37."""


@dataclass
class SinkAws:
    """A bucket, a table of DynamoDB, a table of Glue, and a database."""

    bucket: FakeBucket = field(default_factory=FakeBucket)
    key: tuple[str, ...] = ("id",)
    items: dict[tuple[str, ...], Params] = field(default_factory=dict)
    table: Params = field(
        default_factory=lambda: {
            "Name": "scores",
            "PartitionKeys": [{"Name": "scored_on", "Type": "string"}, {"Name": "run", "Type": "string"}],
            "StorageDescriptor": {
                "Columns": [{"Name": "id", "Type": "string"}],
                "Location": "s3://b/scores/",
            },
        }
    )
    partitions: dict[tuple[str, ...], Params] = field(default_factory=dict)
    database: DataApi = field(default_factory=DataApi)
    calls: list[str] = field(default_factory=list)
    kill: tuple[int, str] | None = None
    """The number of a call, from 1, and whether the process ends ``before`` or ``after`` it."""
    errors: dict[str, list[Refused]] = field(default_factory=dict)
    """Of an operation: what its next calls fail with."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def client(self, service: str, **_: object) -> Any:
        """A real boto3 client that talks to this."""
        return client_answered_by(self._answer, service)

    def state(self) -> Params:
        """All that sinks left, but for the run's own counts."""
        return {
            "objects": dict(self.bucket.objects),
            "items": dict(self.items),
            "partitions": dict(self.partitions),
        }

    def _answer(self, operation: str, params: Params) -> Params:
        with self._lock:
            self.calls.append(operation)
            number, when = self.kill or (0, "")
            if number == len(self.calls) and when == "before":
                raise Killed
            if self.errors.get(operation):
                raise self.errors[operation].pop(0)
            answered = self._does(operation, params)
            if number == len(self.calls):
                raise Killed
            return answered

    def _does(self, operation: str, params: Params) -> Params:
        if operation == "ExecuteStatement":
            return self.database.answer(params)
        place: Any = self.bucket if operation.endswith("Object") else self
        answered: Params = getattr(place, f"_{operation}")(params)
        return answered

    def _PutItem(self, params: Params) -> Params:  # noqa: N802
        item = params["Item"]
        for attribute in item.values():
            if "N" in attribute:
                _check_number(Decimal(attribute["N"]))
        key = tuple(next(iter(item[name].values())) for name in self.key)
        old = self.items.get(key)
        if not _holds(params["ConditionExpression"], params, old):
            wanted = old is not None and params.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
            more = {"Item": old} if wanted else {}
            raise Refused("ConditionalCheckFailedException", "The conditional request failed", **more)
        self.items[key] = item
        return {}

    def _GetTable(self, params: Params) -> Params:  # noqa: N802
        assert params == {"DatabaseName": "ml", "Name": "scores"}
        return {"Table": self.table}

    def _CreatePartition(self, params: Params) -> Params:  # noqa: N802
        assert (params["DatabaseName"], params["TableName"]) == ("ml", "scores")
        values = tuple(params["PartitionInput"]["Values"])
        if values in self.partitions:
            raise Refused("AlreadyExistsException", "Partition already exists.")
        self.partitions[values] = params["PartitionInput"]
        return {}


def _check_number(number: Decimal) -> None:
    assert number == 0 or -130 <= number.adjusted() <= 125
    assert len(number.as_tuple().digits) <= 38


def _holds(condition: str, params: Params, old: Params | None) -> bool:
    """Whether a condition of ANDs within ORs holds for an item."""
    return any(
        all(_compares(term, params, old) for term in each.strip("()").split(" AND "))
        for each in condition.replace("attribute_not_exists(", "attribute_not_exists ")
        .replace("#key)", "#key")
        .split(" OR ")
    )


def _compares(term: str, params: Params, old: Params | None) -> bool:
    names, values = params["ExpressionAttributeNames"], params["ExpressionAttributeValues"]
    if term.startswith("attribute_not_exists "):
        return old is None or names[term.split()[1]] not in old
    name, sign, placeholder = term.split()
    have, given = (old or {}).get(names[name]), values[placeholder]
    if have is None or have.keys() != given.keys():
        return False
    left, right = _plain(have), _plain(given)
    return bool({"=": left == right, "<": left < right}[sign])


def _plain(attribute: Params) -> Any:
    ((kind, value),) = attribute.items()
    return Decimal(value) if kind == "N" else value


def event(
    aws: SinkAws,
    body: bytes = BODY,
    *,
    run: str = "r1",
    order: int = ORDER,
    n: int = 3,
    format: str = "csv",
    columns: Sequence[Mapping[str, Any]] = COLUMNS,
    file: int = 0,
    at: int = ORDER,
) -> dict[str, Any]:
    """The event that has a sink write one chunk: the whole of an object with such a body."""
    key = f"runs/{run}/output/1/{file}.csv.out"
    aws.bucket.objects[key] = body
    chunk = Chunk(n=n, what="out", bucket=BUCKET, key=key, start=0, end=-1, size=len(body), file=file)
    return {
        "step": "write",
        "run": {"run": run, "order": order, "on": "2026-11-29", "reconcile": {"counts": {}, "at": at}},
        "batch": {
            **{"transform": "nightly", "bucket": BUCKET, "prefix": "runs/", "input_bucket": BUCKET},
            **{"format": format, "lines": True, "gzip": False, "columns": list(columns)},
        },
        "chunk": chunk.to_json(),
    }


def call(*events: Mapping[str, Any]) -> dict[str, Any]:
    """The event of one call that writes the chunks of several."""
    first = {name: value for name, value in events[0].items() if name != "chunk"}
    return {**first, "chunks": [each["chunk"] for each in events]}


def broken_off(aws: SinkAws, write: Callable[[SinkAws], object]) -> None:
    """`write` in a process that ends at some call, and then in one that goes on."""
    with pytest.raises(Killed):
        write(aws)
    aws.kill = None
    write(aws)


def kills(calls: int) -> list[tuple[int, str]]:
    """Each moment that a process may end in, before and after so many calls."""
    return list(itertools.product(range(1, calls + 1), ("before", "after")))
