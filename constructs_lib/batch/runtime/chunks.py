"""Parts of large objects, each the work of one function: the lines that begin in a range of bytes.

A line belongs to the chunk that its first byte lies in, however far it reaches, so that chunks that fill an
object have each of its lines once. Only line feeds end lines; a carriage return before one is left out.
Lines of nothing but white space are no records: they are skipped, here and where records are counted.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

from botocore.exceptions import ClientError, IncompleteReadError, ReadTimeoutError, ResponseStreamingError

BLOCK = 8 << 20
"""Bytes that are asked for at once, and held; of what is made of them, a piece at a time."""
LONGEST_LINE = 32 << 20
"""Bytes of a line; a longer one is no record that a sink could take, and would not fit into memory."""

_REST = 64 << 10
"""Bytes that are asked for to find the end of a chunk's last line; doubled until it is found."""
_PIECE = 1 << 20
_TRIES = 3
"""So often in a row a broken download is taken up again."""
_BLANK_START = re.compile(rb"\n[\n\r \t\v\f]")


class ObjectChanged(ValueError):  # noqa: N818 - the name is what the state machine and people see
    """An object is not the one that the run began with."""


class UnreadableObject(ValueError):  # noqa: N818
    """An object is no gzip file though it should be one, or has a line beyond all measure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """A part of an object."""

    n: int
    """Its number in its list; the names of its results have it."""
    what: str
    """Whose output the object is: ``in``, ``out`` or ``finished``."""
    bucket: str
    key: str
    start: int
    """The first byte."""
    end: int
    """The byte after the last one; -1 for the whole object."""
    size: int
    """Bytes of the whole object, as it lies there."""
    file: int = 0
    """The object's number among the sorted ones."""
    gzip: bool = False
    """Whether it is compressed: then it is read whole."""
    etag: str = ""
    """Of the object that is meant; empty where that is not known."""

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> Chunk:
        """Read what `to_json` wrote; TypeError where a member is missing or unknown."""
        return cls(**given)

    def to_json(self) -> dict[str, Any]:
        """As it lies in a list of chunks."""
        return {each.name: getattr(self, each.name) for each in fields(self)}

    @property
    def uri(self) -> str:
        """The object."""
        return f"s3://{self.bucket}/{self.key}"

    @property
    def length(self) -> int:
        """Bytes in its range."""
        return self._end - self.start

    @property
    def _end(self) -> int:
        return self.size if self.end < 0 or self.gzip else min(self.end, self.size)

    def position(self, offset: int) -> str:
        """What a record of it is called: unique in a run, and the same whenever the chunk is read."""
        return f"{self.file}:{offset}"


def lines(client: Any, chunk: Chunk) -> Iterator[tuple[int, bytes]]:
    """The lines of a chunk that are not blank, without their ends, each with the offset of its first byte.

    Offsets are those of what was compressed, where the object is.

    :param client: S3's. It needs ``s3:GetObject``.
    :raises ObjectChanged: where the object is another, or shorter than it was.
    :raises UnreadableObject: for a broken gzip file, or a line of more than `LONGEST_LINE` bytes.
    """
    for offset, block in _whole_lines(client, chunk):
        at = offset
        for line in block.split(b"\n"):
            if line and not line.isspace():
                yield at, line[:-1] if line.endswith(b"\r") else line
            at += len(line) + 1


def count(client: Any, chunk: Chunk) -> int:
    """How many lines `lines` gives, found without taking them apart. The same errors."""
    return sum(_count(block) for _, block in _whole_lines(client, chunk))


def _count(block: bytes) -> int:
    """The lines of a block that are not blank. Searching for a blank one is much cheaper than splitting."""
    if not block or block.isspace():
        return 0
    if block[:1].isspace() or _BLANK_START.search(block):
        return sum(1 for line in block.split(b"\n") if line and not line.isspace())
    return block.count(b"\n") + (not block.endswith(b"\n"))


def _whole_lines(client: Any, chunk: Chunk) -> Iterator[tuple[int, bytes]]:
    """The chunk's lines in blocks that end where a line does, each with its offset."""
    blocks = _unpacked(client, chunk) if chunk.gzip else _ranges(client, chunk)
    stop = None if chunk.gzip else chunk._end
    at, held, inside = _start_of_reading(chunk), b"", chunk.gzip or chunk.start == 0
    for block in blocks:
        held = held + block if held else block
        if not inside:
            # What begins before the chunk is another's, up to and with the first line feed.
            cut = held.find(b"\n") + 1
            if not cut:
                at, held = at + len(held), b""
                if stop is not None and at >= stop:
                    return
                continue
            at, held, inside = at + cut, held[cut:], True
        if stop is not None and at >= stop:
            return
        cut = _last_end(held, at, stop)
        if cut:
            yield at, held[: cut - 1]
            at, held = at + cut, held[cut:]
        if stop is not None and at >= stop:
            return
        if len(held) > LONGEST_LINE:
            raise UnreadableObject(
                f"{chunk.uri} has a line of more than {LONGEST_LINE:,} bytes at byte {at:,}"
            )
    if inside and held:
        yield at, held


def _start_of_reading(chunk: Chunk) -> int:
    """One byte early: whether it is a line feed tells whether a line begins at the chunk's start."""
    return 0 if chunk.gzip else max(0, chunk.start - 1)


def _last_end(held: bytes, at: int, stop: int | None) -> int:
    """How much of what is held is whole lines that begin before `stop`; 0 for none."""
    if stop is None or at + len(held) < stop:
        return held.rfind(b"\n") + 1
    # The line that has the last byte before `stop` is the last one.
    return held.find(b"\n", stop - 1 - at) + 1 or held.rfind(b"\n") + 1


def _ranges(client: Any, chunk: Chunk) -> Iterator[bytes]:
    """The chunk's bytes, and after them what the reader still asks for until the end of the object."""
    source = _Source(client, chunk)
    at, end, more = _start_of_reading(chunk), chunk._end, _REST
    if chunk.start >= end:
        return
    while at < end:
        yield from source.parts(at, min(at + BLOCK, end))
        at = min(at + BLOCK, end)
    while at < chunk.size:
        yield source.read(at, min(at + more, chunk.size))
        at, more = at + more, min(2 * more, BLOCK)


def _unpacked(client: Any, chunk: Chunk) -> Iterator[bytes]:
    """What a gzip file has, of however many members, in blocks of bounded size."""
    source, unpacking, begun = _Source(client, chunk), zlib.decompressobj(wbits=31), False
    try:
        for at in range(0, chunk.size, _PIECE):
            packed = source.read(at, min(at + _PIECE, chunk.size))
            while packed:
                if unpacking.eof:
                    # Zeros after a member are padding.
                    packed = packed.lstrip(b"\0")
                    if not packed:
                        break
                    unpacking = zlib.decompressobj(wbits=31)
                begun = True
                yield unpacking.decompress(packed, BLOCK)
                packed = unpacking.unused_data if unpacking.eof else unpacking.unconsumed_tail
    except zlib.error as error:
        raise UnreadableObject(f"{chunk.uri} is no gzip file: {error}") from error
    if begun and not unpacking.eof:
        raise UnreadableObject(f"{chunk.uri} is a gzip file without its end")


class _Source:
    """An object, read in ranges; the same object from the first to the last of them."""

    def __init__(self, client: Any, chunk: Chunk) -> None:
        self._client, self._chunk, self._etag = client, chunk, chunk.etag

    def read(self, start: int, end: int) -> bytes:
        """The bytes from `start` until before `end`."""
        return b"".join(self.parts(start, end))

    def parts(self, start: int, end: int) -> list[bytes]:
        """The same in pieces, all of them, so that no connection waits for what is done with the first ones.

        A download that breaks off is taken up where it was.
        """
        parts: list[bytes] = []
        at, failures = start, 0
        while at < end:
            try:
                body = self._get(at, end)
                while part := body.read(_PIECE):
                    parts.append(part)
                    at, failures = at + len(part), 0
            except (ReadTimeoutError, ResponseStreamingError, IncompleteReadError):
                failures += 1
                if failures == _TRIES:
                    raise
        return parts

    def _get(self, start: int, end: int) -> Any:
        asked = {"Bucket": self._chunk.bucket, "Key": self._chunk.key, "Range": f"bytes={start}-{end - 1}"}
        try:
            found = self._client.get_object(**asked, **({"IfMatch": self._etag} if self._etag else {}))
        except ClientError as error:
            if error.response["Error"]["Code"] in ("PreconditionFailed", "InvalidRange", "NoSuchKey"):
                raise ObjectChanged(f"{self._chunk.uri} is not what it was when the run began") from error
            raise
        self._etag = found["ETag"]
        return found["Body"]
