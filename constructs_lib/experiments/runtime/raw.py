"""The raw events as Firehose wrote them: objects of lines under a prefix for each hour, gzipped or not."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from .events import LONGEST

BUCKET_VARIABLE = "EVENT_BUCKET"
"""The environment variable with the bucket's name."""
PREFIX_VARIABLE = "EVENT_PREFIX"
"""The environment variable with what stands before the hour in the keys."""

_HOUR = 3600
_BUFFER = 900.0
"""Seconds that Firehose gathers records for at most. An object changed later than that was copied."""
_GZIP = b"\x1f\x8b"
_CHUNK = 1 << 20


class RawEvents:
    """The objects of a bucket, read as streams: of none more than a chunk is in memory."""

    def __init__(self, client: Any, bucket: str, prefix: str) -> None:
        self._client = client
        self._bucket = bucket
        self._prefix = prefix

    def lines(self, since: float, until: float) -> Iterator[tuple[bytes, float]]:
        """The lines of the hours that lie between, and when each had arrived at the latest.

        When exactly an event arrived is not written down. Firehose keeps it for minutes only, so that it
        matters for events alone that are minutes from being too early or too late.
        """
        # An object lies in the hour of its first record.
        for hour in range(int(since) // _HOUR - 1, int(until) // _HOUR + 1):
            prefix = f"{self._prefix}{datetime.fromtimestamp(hour * _HOUR, UTC):%Y/%m/%d/%H}/"
            for page in self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=prefix
            ):
                for each in page.get("Contents", ()):
                    arrived = min(each["LastModified"].timestamp(), (hour + 1) * _HOUR + _BUFFER)
                    for line in self._object(each["Key"]):
                        yield line, arrived

    def _object(self, key: str) -> Iterator[bytes]:
        body = self._client.get_object(Bucket=self._bucket, Key=key)["Body"]
        with body, io.BufferedReader(_Readable(body), _CHUNK) as stream:
            if stream.peek(2)[:2] == _GZIP:
                with gzip.open(stream) as unpacked:
                    yield from bounded_lines(unpacked)
            else:
                yield from bounded_lines(stream)


class _Readable(io.RawIOBase):
    """A body of S3 as a file that can be buffered."""

    def __init__(self, body: Any) -> None:
        self._body = body

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data: bytes = self._body.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def bounded_lines(stream: io.BufferedIOBase) -> Iterator[bytes]:
    """Lines that are not blank; of one that is too long for an event, the beginning."""
    while line := stream.readline(LONGEST + 2):
        rest = line
        while not rest.endswith(b"\n") and (rest := stream.readline(_CHUNK)):
            pass
        if line.strip():
            yield line.removesuffix(b"\n")
