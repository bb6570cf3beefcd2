"""The lines of files of any size, in bounded memory."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import IO, cast

from ....core.runtime.store import Item, Store, Stream

LONGEST = 10 * 1024 * 1024
"""Bytes of a line; a longer one is not read. A request to an endpoint has at most 6 MiB."""
_BLOCK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Unread:
    """A line, or the rest of a file, that cannot be read."""

    reason: str


Line = bytes | Unread


def lines(store: Store, items: Iterable[Item], *, longest: int = LONGEST) -> Iterator[Line]:
    """The lines of files, one file after the other, blank ones and all, without what ends them.

    A file whose name ends in ``.gz`` is unpacked.
    """
    for item in items:
        with closing(store.open(item.key)) as stream:
            if item.key.endswith(".gz"):
                yield from _unpacked(stream, longest)
            else:
                yield from split(_blocks(stream), longest)


def _unpacked(stream: Stream, longest: int) -> Iterator[Line]:
    try:
        # Of a file it asks for `read` alone.
        with gzip.GzipFile(fileobj=cast(IO[bytes], stream)) as unpacked:
            yield from split(_blocks(unpacked), longest)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        yield Unread(f"a broken gzip file: {error}")


def _blocks(stream: Stream) -> Iterator[bytes]:
    while block := stream.read(_BLOCK):
        yield block


def split(blocks: Iterable[bytes], longest: int = LONGEST) -> Iterator[Line]:
    """The lines of what comes in blocks; one that is too long is never held."""
    held: list[bytes] = []
    size = 0
    for block in blocks:
        *ended, rest = block.split(b"\n")
        if ended:
            held.append(ended[0])
            yield _line(held, size + len(ended[0]), longest)
            for each in ended[1:]:
                yield _line([each], len(each), longest)
            held, size = [], 0
        size += len(rest)
        if size > longest:
            held.clear()
        elif rest:
            held.append(rest)
    if size:
        yield _line(held, size, longest)


def _line(parts: list[bytes], size: int, longest: int) -> Line:
    if size > longest:
        return Unread(f"a line of more than {longest} bytes")
    return (parts[0] if len(parts) == 1 else b"".join(parts)).removesuffix(b"\r")
