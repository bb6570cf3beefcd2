"""Records as rows of a table of Aurora PostgreSQL, through its Data API: of each key the newest run's.

Many rows go with one statement. A row is inserted where there is none of its key, and replaces an older run's, or
the very same record's that a call wrote before it broke off. Rows that a statement did not write are looked up:
they are a newer run's, or another record of this one has their key.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from botocore.config import Config
from botocore.exceptions import ClientError

from .data_api import Fields, execute, field, plain
from .rows import BadRecord, Row, Value
from .sinks import RECORD, RUN, SCORED_AT, Tally, Work, shown, spread

THREADS = 4
"""Each takes a connection of the cluster while a statement runs."""
CONFIG = Config(
    retries={"mode": "standard", "max_attempts": 5},
    max_pool_connections=THREADS,
    connect_timeout=5,
    read_timeout=50,  # a statement takes at most 45 seconds
)

_MOST_ROWS = 200
_MOST_BYTES = 1 << 20
"""Of the values of a statement, as JSON; the Data API takes requests of 4 MiB."""
_LARGEST_ROW = 3 << 20
_LONGEST_SQL = 65_536
"""Characters: https://docs.aws.amazon.com/rdsdataservice/latest/APIReference/API_ExecuteStatement.html"""
_MOST_PARAMETERS = 32_000
"""PostgreSQL's protocol counts them in 16 bits, and drivers of it in 15."""
_PLACEHOLDER = len(":p12345")
"""At most: fewer than `_MOST_PARAMETERS` have five digits."""
_TWICE = "cannot affect row a second time"
"""What PostgreSQL says of two rows of one key in one statement (SQLSTATE 21000)."""


def write(work: Work, sink: Mapping[str, Any], client: Callable[[str], Any]) -> Tally:
    """Insert or replace the rows of a chunk.

    :param sink: has ``cluster`` and ``secret`` (ARNs), ``database``, ``schema`` and ``table``.
    :raises BadRecord: for a record that no statement holds.
    :raises DuplicateKey: for the second record of a key in the run.
    :raises ForeignRecord: for a key whose row no run wrote.
    """
    writing = _Writing(work, sink, client("rds-data"))
    return spread(writing.settle, writing.batches(work.rows(client("s3"))), THREADS)


def quoted(name: str) -> str:
    """An identifier, whatever it is made of."""
    doubled = name.replace('"', '""')
    return f'"{doubled}"'


class _Writing:
    """Writes batches of rows; it is used by all threads."""

    def __init__(self, work: Work, sink: Mapping[str, Any], client: Any) -> None:
        self._work, self._client = work, client
        self._target = {
            "resourceArn": sink["cluster"],
            "secretArn": sink["secret"],
            "database": sink["database"],
        }
        self._table = f"{quoted(sink['schema'])}.{quoted(sink['table'])}"
        self._names = work.names
        self._key = work.indexes("key")
        self._all = [*self._names, RUN, SCORED_AT, RECORD]
        self._key_names = [quoted(self._names[at]) for at in self._key]
        self._head, self._tail, self._meeting = self._insert()
        asked = ", ".join([*self._key_names, *map(quoted, (RUN, SCORED_AT, RECORD))])
        self._select = f"SELECT {asked} FROM {self._table} WHERE "  # noqa: S608 - quoted
        self._most = min(_MOST_ROWS, _MOST_PARAMETERS // len(self._all), self._fitting())

    def _fitting(self) -> int:
        """How many rows each of the statements has room for; 0 for so many columns that none has for one."""
        row = _longest(len(self._all), "(, )", ", ")
        written = (_LONGEST_SQL - len(self._head) - max(len(self._tail), len(self._meeting))) // row
        names = sum(len(each) + len(" = ") for each in self._key_names)
        wanted = names + _longest(len(self._key), "()", " AND ") + len(" OR ")
        return max(0, min(written, (_LONGEST_SQL - len(self._select)) // wanted))

    def _insert(self) -> tuple[str, str, str]:
        """What comes before the rows of a statement, and after them where they replace and where they ask."""
        keys = {self._names[at] for at in self._key}
        names = ", ".join(map(quoted, self._all))
        changes = ", ".join(
            f"{quoted(each)} = EXCLUDED.{quoted(each)}" for each in self._all if each not in keys
        )
        conflict = ", ".join(self._key_names)
        at, run, record = quoted(SCORED_AT), quoted(RUN), quoted(RECORD)
        same = " AND ".join(f"old.{each} = EXCLUDED.{each}" for each in (at, run, record))
        head = f"INSERT INTO {self._table} AS old ({names}) VALUES "  # noqa: S608 - quoted
        update = f" ON CONFLICT ({conflict}) DO UPDATE SET"
        replacing = f"{update} {changes} WHERE old.{at} < EXCLUDED.{at} OR ({same})"
        return head, replacing, f"{update} {run} = old.{run} RETURNING {run}, {at}, {record}"

    def batches(self, rows: Iterator[Row]) -> Iterator[list[Row]]:
        """Rows, as many as go with a statement. Two of one key in a batch are found here."""
        held: dict[tuple[Value, ...], Row] = {}
        size = 0
        for row in rows:
            key, more = self._key_of(row), self._size(row)
            if key in held:
                other = self._work.chunk.position(held[key].offset)
                raise self._work.duplicate(row, self._shown(row), other)
            if held and (len(held) >= self._most or size + more > _MOST_BYTES):
                yield self._sorted(held)
                held, size = {}, 0
            held[key] = row
            size += more
        if held:
            yield self._sorted(held)

    def _sorted(self, held: Mapping[tuple[Value, ...], Row]) -> list[Row]:
        # Statements that lock rows in one order do not wait for each other in a circle.
        return [held[key] for key in sorted(held)]

    def settle(self, rows: list[Row]) -> Tally:
        """Write rows, and find out what became of each."""
        try:
            told = self._execute(*self._statement(rows, self._tail))
        except ClientError as error:
            if _TWICE not in error.response["Error"].get("Message", "") or len(rows) == 1:
                raise
            # The database holds two keys for one that are two here, as with case-insensitive text.
            return self._one_by_one(rows)
        if told["numberOfRecordsUpdated"] == len(rows):
            return Tally(written=len(rows))
        if len(rows) == 1:
            return self._judged(rows[0], self._there(rows[0]))
        found = self._found(rows)
        if any(self._key_of(row) not in found for row in rows):
            return self._one_by_one(rows)
        return sum((self._judged(row, found[self._key_of(row)]) for row in rows), Tally())

    def _one_by_one(self, rows: list[Row]) -> Tally:
        return sum((self.settle([row]) for row in rows), Tally())

    def _judged(self, row: Row, found: tuple[Any, ...]) -> Tally:
        """What became of a row, of whose key there is `found`: run, time, and record."""
        run, at, record = found
        if at is None:
            raise self._work.foreign(row, self._shown(row))
        if int(at) < self._work.order:  # another one in the meantime: the next try writes it
            raise RuntimeError(f"{self._table} changed under the key {self._shown(row)} while it was written")
        # Two runs of the same millisecond: the first one to write stays.
        if int(at) > self._work.order or run != self._work.run:
            return Tally(stale=1)
        if record != self._work.chunk.position(row.offset):
            raise self._work.duplicate(row, self._shown(row), str(record))
        return Tally(written=1)

    def _statement(self, rows: list[Row], tail: str) -> tuple[str, Fields]:
        fields: Fields = []
        groups: list[str] = []
        for row in rows:
            values = (*row.values, self._work.run, self._work.order, self._work.chunk.position(row.offset))
            groups.append(f"({', '.join(f':p{len(fields) + at}' for at in range(len(values)))})")
            fields += [field(f"p{len(fields) + at}", value) for at, value in enumerate(values)]
        return f"{self._head}{', '.join(groups)}{tail}", fields

    def _there(self, row: Row) -> tuple[Any, ...]:
        """What there is of the key of a row, whatever the database takes for the same key.

        It is asked by writing the row without changing what it meets: a comparison with a text may be another
        than that of the key, as with ``citext``.
        """
        sql, fields = self._statement([row], self._meeting)
        (record,) = self._execute(sql, fields)["records"]
        return tuple(map(plain, record))

    def _found(self, rows: list[Row]) -> dict[tuple[Value, ...], tuple[Any, ...]]:
        """What there is of the keys of rows."""
        names = self._key_names
        fields: Fields = []
        wanted: list[str] = []
        for row in rows:
            each = " AND ".join(f"{name} = :p{len(fields) + at}" for at, name in enumerate(names))
            wanted.append(f"({each})")
            fields += [field(f"p{len(fields) + at}", value) for at, value in enumerate(self._key_of(row))]
        told = self._execute(self._select + " OR ".join(wanted), fields)
        records = [tuple(map(plain, each)) for each in told["records"]]
        return {each[: len(names)]: each[len(names) :] for each in records}

    def _execute(self, sql: str, fields: Fields) -> Mapping[str, Any]:
        asked = {**self._target, "sql": sql, "parameters": fields}
        return execute(self._client, asked, self._work.check_time)

    def _key_of(self, row: Row) -> tuple[Value, ...]:
        return tuple(row.values[at] for at in self._key)

    def _shown(self, row: Row) -> str:
        return shown((self._names[at] for at in self._key), self._key_of(row))

    def _size(self, row: Row) -> int:
        """Bytes of a row's parameters as JSON, no less than they are; BadRecord where no statement holds it."""
        texts = [each for each in row.values if isinstance(each, str)]
        size = 60 * len(self._all) + sum(map(_json_size, texts))
        if size > _LARGEST_ROW:
            raise self._too_large(
                row, f"the record takes up to {size:,} bytes", f"{_LARGEST_ROW:,} of values"
            )
        if not self._most:
            many = f"the record has {len(self._names):,} columns, too many with such names"
            raise self._too_large(row, many, f"{_LONGEST_SQL:,} characters")
        return size

    def _too_large(self, row: Row, what: str, most: str) -> BadRecord:
        reason = f"{what}, and a statement of the Data API has at most {most}"
        return BadRecord(self._work.chunk.uri, row.offset, reason)


def _longest(placeholders: int, around: str, between: str) -> int:
    """Characters of so many placeholders, at most."""
    return placeholders * (_PLACEHOLDER + len(between)) + len(around)


def _json_size(text: str) -> int:
    """Bytes of a text as JSON; of a short one no less than they are. A character takes up to six."""
    return 6 * len(text) if len(text) < 1000 else len(json.dumps(text))
