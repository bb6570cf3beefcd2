"""Records as items of a DynamoDB table: of each key the newest run's.

An item has the columns that are not null, and ``run``, ``scored_at`` and ``record``. It is put on the condition
that there is none of its key yet, or an older run's, or that it is the very same record's, written before by a
call that broke off.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from botocore.config import Config
from botocore.exceptions import ClientError

from .rows import BadRecord, Row, Value
from .sinks import RECORD, RUN, SCORED_AT, Tally, Work, shown, spread

THREADS = 16
CONFIG = Config(
    # Adaptive: a table that is too slow is asked less often, by all threads together. The waits between seven
    # tries are half a minute on average; then the map's own retry comes.
    retries={"mode": "adaptive", "total_max_attempts": 7},
    max_pool_connections=THREADS,
    connect_timeout=5,
    read_timeout=10,
    # It takes a tenth of the time of a call; what is put here is made here.
    parameter_validation=False,
    # The long one, put together for each request twice, takes a quarter of it.
    user_agent="constructs-lib-batch",
    tcp_keepalive=True,
)
"""For the client: a call takes 0.5 ms of CPU and about 5 of waiting; more threads than 16 made it no faster."""

_LARGEST = 400 * 1024
"""Bytes of an item: the names and values of its attributes."""
_NUMBER = 21
"""Bytes that a number takes, at most."""
_KEY_BYTES = (2048, 1024)
"""Of the values of a partition key and of a sort key."""
_LEAST, _MOST = 1e-130, 9.99e125
"""Of numbers but zero, by magnitude."""

_CONDITION = (
    "attribute_not_exists(#key) OR #scored_at < :order"
    " OR (#scored_at = :order AND #run = :run AND #record = :record)"
)

Attribute = dict[str, Any]
Item = dict[str, Attribute]


def write(work: Work, sink: Mapping[str, Any], client: Callable[[str], Any]) -> Tally:
    """Put the records of a chunk.

    :param sink: has ``table``, its ``key`` of one or two columns, and ``ttl`` with ``attribute`` and ``seconds``,
        or null.
    :raises BadRecord: for a record that is no item: too large, or with a number beyond DynamoDB's.
    :raises DuplicateKey: for the second record of a key in the run.
    :raises ForeignRecord: for a key whose item no run wrote.
    """
    return spread(_Putting(work, sink, client("dynamodb")).put, work.rows(client("s3")), THREADS)


class _Putting:
    """Puts records; it is used by all threads."""

    def __init__(self, work: Work, sink: Mapping[str, Any], client: Any) -> None:
        self._work, self._client, self._names = work, client, work.names
        self._key = [self._names.index(each) for each in sink["key"]]
        self._common: Item = {RUN: {"S": work.run}, SCORED_AT: {"N": str(work.order)}}
        ttl = sink.get("ttl")
        if ttl is not None:
            self._common[ttl["attribute"]] = {"N": str(work.order // 1000 + int(ttl["seconds"]))}
        names = {"#key": sink["key"][0], "#scored_at": SCORED_AT, "#run": RUN, "#record": RECORD}
        self._asked = {
            "TableName": sink["table"],
            "ConditionExpression": _CONDITION,
            "ExpressionAttributeNames": names,
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }

    def put(self, row: Row) -> Tally:
        """Put a record's item, unless there is a newer one."""
        item = self._item(row)
        record = item[RECORD]
        values = {":order": item[SCORED_AT], ":run": item[RUN], ":record": record}
        try:
            self._client.put_item(Item=item, ExpressionAttributeValues=values, **self._asked)
        except ClientError as error:
            old: Item | None = dict[str, Any](error.response).get("Item")
            # Without it, it is gone in the meantime: the next try writes it.
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException" or old is None:
                raise
            return self._refused(row, old)
        return Tally(written=1)

    def _refused(self, row: Row, old: Item) -> Tally:
        key = shown((self._names[at] for at in self._key), (row.values[at] for at in self._key))
        found = old.get(SCORED_AT, {}).get("N")
        if found is None:
            raise self._work.foreign(row, key)
        # Two runs of the same millisecond: the first one to write stays.
        if int(found) == self._work.order and old.get(RUN) == self._common[RUN]:
            raise self._work.duplicate(row, key, old[RECORD]["S"])
        return Tally(stale=1)

    def _item(self, row: Row) -> Item:
        item: Item = dict(self._common)
        try:
            for name, value in zip(self._names, row.values, strict=True):
                if value is not None:
                    item[name] = attribute(value)
            item[RECORD] = {"S": self._work.chunk.position(row.offset)}
            _check_size(item)
            _check_key([(self._names[at], row.values[at]) for at in self._key])
        except ValueError as error:
            raise BadRecord(self._work.chunk.uri, row.offset, str(error)) from error
        return item


def attribute(value: Value) -> Attribute:
    """A value that is not null as DynamoDB has it; ValueError for a number beyond what it holds.

    A number nearer to zero than 1e-130 is zero: DynamoDB has none between.
    """
    if isinstance(value, str):
        return {"S": value}
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, float):
        size = abs(value)
        if size > _MOST:
            raise ValueError(f"{value!r} is beyond the numbers of DynamoDB, which end at {_MOST!r}")
        return {"N": repr(value) if size >= _LEAST else "0"}
    return {"N": str(value)}


def _check_key(key: Sequence[tuple[str, Value]]) -> None:
    for (name, value), most in zip(key, _KEY_BYTES, strict=False):
        if isinstance(value, str) and len(value) * 4 > most and len(value.encode()) > most:
            raise ValueError(f"{name} is a key of {len(value.encode()):,} bytes, and DynamoDB takes {most:,}")


def _check_size(item: Item) -> None:
    """ValueError for one that DynamoDB refuses. What is far from it is not counted exactly."""
    texts = [each["S"] for each in item.values() if "S" in each]
    if sum(map(len, texts)) * 4 < _LARGEST // 2:
        return
    size = sum(len(name.encode()) for name in item) + sum(len(each.encode()) for each in texts)
    size += _NUMBER * (len(item) - len(texts))
    if size > _LARGEST:
        raise ValueError(f"the record makes an item of {size:,} bytes, and DynamoDB takes {_LARGEST:,}")
