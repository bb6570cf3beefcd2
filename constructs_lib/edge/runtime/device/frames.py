"""How records lie in a file of the buffer: one after the other, each with its number, its time and a checksum.

A frame says where it begins. So a reader finds the next whole record behind a damaged one, and the numbers tell how
many are missing.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

_MAGIC = b"\xf5rec"
"""0xF5 is in no UTF-8 text, so hardly in a record."""
_HEADER = struct.Struct("<4sQQI")
_CHECKSUM = struct.Struct("<I")
OVERHEAD = _HEADER.size + _CHECKSUM.size
"""Bytes of a frame besides its record."""


class Frame(NamedTuple):
    """A whole record that was read."""

    number: int
    at: int
    """When it was appended, in ms since 1970."""
    record: bytes
    end: int
    """Where in the file it ends."""


def framed(number: int, at: int, record: bytes) -> bytes:
    """The bytes of a record in a file."""
    header = _HEADER.pack(_MAGIC, number, at, len(record))
    return b"".join((header, _CHECKSUM.pack(zlib.crc32(record, zlib.crc32(header))), record))


def frames(file: BinaryIO, *, start: int, stop: int, least: int) -> Iterator[Frame]:
    """The whole records between two places, with ascending numbers from `least` on; what is damaged is left out."""
    place = start
    file.seek(place)
    while place + OVERHEAD <= stop:
        frame = _frame(file, place, stop)
        if frame is not None and frame.number >= least:
            yield frame
            place, least = frame.end, frame.number + 1
        else:
            place = _next_magic(file, place + 1, stop)
            file.seek(place)


def _frame(file: BinaryIO, place: int, stop: int) -> Frame | None:
    """The frame that begins here, if it is whole."""
    header = file.read(_HEADER.size)
    checksum = file.read(_CHECKSUM.size)
    if len(header) < _HEADER.size or len(checksum) < _CHECKSUM.size or not header.startswith(_MAGIC):
        return None
    _, number, at, length = _HEADER.unpack(header)
    end = place + OVERHEAD + length
    if end > stop:
        return None
    record = file.read(length)
    if len(record) < length or zlib.crc32(record, zlib.crc32(header)) != _CHECKSUM.unpack(checksum)[0]:
        return None
    return Frame(number, at, record, end)


def _next_magic(file: BinaryIO, place: int, stop: int) -> int:
    """Where a frame may begin next; `stop` where none does."""
    file.seek(place)
    found = file.read(stop - place).find(_MAGIC)
    return stop if found < 0 else place + found
