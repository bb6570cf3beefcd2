"""Records as a partition of a Glue table: one of a day and a run, seen by Athena only when it is whole.

The files are gzipped JSON Lines with the columns, ``record`` and ``scored_at``. The same records make the same
bytes, so that a chunk that is written again leaves nothing behind.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from .sinks import RECORD, SCORED_AT, Tally, Work

PARTITION_KEYS = ("scored_on", "run")
"""Of the table, in this order or the other."""

_LEVEL = 6
"""Of compression. 9, the library's own, takes two thirds more time, for files that are 2 % smaller."""

_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def write(work: Work, sink: Mapping[str, Any], client: Callable[[str], Any]) -> Tally:
    """Write the file of a chunk; none for one without records. In memory is what is compressed, and no more.

    :param sink: has ``bucket``, ``prefix``, ``database`` and ``table``.
    """
    names = work.names
    packed = io.BytesIO()
    written = 0
    # No time and no name in its header: they would differ from call to call.
    with gzip.GzipFile("", "wb", _LEVEL, packed, mtime=0) as file:
        for row in work.rows(client("s3")):
            whole = dict(zip(names, row.values, strict=True))
            whole[RECORD], whole[SCORED_AT] = work.chunk.position(row.offset), work.order
            file.write(_encode(whole).encode() + b"\n")
            written += 1
    if written:
        client("s3").put_object(
            Bucket=sink["bucket"],
            Key=f"{folder(sink['prefix'], work.on, work.run)}part-{work.chunk.n:06}.json.gz",
            Body=packed.getvalue(),
            ContentType="application/x-ndjson",
            # Not ContentEncoding: Athena tells by the name, and others would unpack it twice.
        )
    return Tally(written=written)


def folder(prefix: str, on: str, run: str) -> str:
    """Where the files of a run lie, as Hive names folders; what is special in a value is escaped."""
    values = zip(PARTITION_KEYS, (on, run), strict=True)
    parts = [prefix.strip("/"), *(f"{name}={quote(value, safe='')}" for name, value in values)]
    return "".join(f"{each}/" for each in parts if each)


def commit(event: Mapping[str, Any], sink: Mapping[str, Any], client: Callable[[str], Any]) -> dict[str, Any]:
    """Add the run's partition to the table, as the table describes itself; it may be there already.

    :raises ValueError: where the table is partitioned by something else.
    """
    run = event["run"]
    glue = client("glue")
    table = glue.get_table(DatabaseName=sink["database"], Name=sink["table"])["Table"]
    values = dict(zip(PARTITION_KEYS, (run["on"], run["run"]), strict=True))
    keys = [each["Name"] for each in table.get("PartitionKeys", ())]
    if sorted(keys) != sorted(values):
        raise ValueError(f"{sink['database']}.{sink['table']} is partitioned by {keys}, not by {[*values]}")
    location = f"s3://{sink['bucket']}/{folder(sink['prefix'], run['on'], run['run'])}"
    partition = {
        "Values": [values[each] for each in keys],
        "StorageDescriptor": {**table["StorageDescriptor"], "Location": location},
    }
    # There is one already where a call before broke off: of a run there is only this one.
    with contextlib.suppress(glue.exceptions.AlreadyExistsException):
        glue.create_partition(
            DatabaseName=sink["database"], TableName=sink["table"], PartitionInput=partition
        )
    return {"partition": location}
