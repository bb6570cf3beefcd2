"""Model archives, unpacked as if a stranger had made them: regular files only, within bounds, below one folder."""

from __future__ import annotations

import gzip
import os
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from .errors import BadModel
from .files import sync_folder
from .models import MANIFEST, MODEL

try:
    from lzma import LZMAError
except ImportError:  # a Python without it reads no xz
    LZMAError = zlib.error  # type: ignore[misc,assignment]

LARGEST = 2 * 1024**3
"""Bytes of one file: as long as protobuf, and so ONNX, can be."""
_LARGEST_SUM = 4 * 1024**3
_MOST_FILES = 2000
_SPARE = 16 * 1024**2
"""Bytes of the disk that are left free."""
_BLOCK = 1024**2
_MOST_PADDING = 16
"""Blocks; tar pads with some kilobytes."""
_LONGEST_HEADER = 64 * 1024
"""Bytes of a long name, or of what else tar puts before a file; it is read into memory."""
_HEADERS = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)
# Python has it from 3.11.4 on, Debian 12 has 3.11.2: there `_safe` alone refuses all of that.
_FILTER = getattr(tarfile, "data_filter", None)
_REFUSED = getattr(tarfile, "FilterError", ())
_BROKEN = (
    tarfile.TarError,
    zipfile.BadZipFile,
    gzip.BadGzipFile,
    zlib.error,
    LZMAError,
    EOFError,
    NotImplementedError,
    RuntimeError,
)
"""What an archive that is cut off, damaged or locked raises, besides OSError."""


@dataclass(frozen=True, slots=True)
class _Member:
    name: str
    size: int
    is_file: bool
    is_folder: bool
    stream: IO[bytes] | None


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a tar (gzip, bzip2, xz or none) or zip archive into `folder`, which is there and empty; durably.

    :raises BadModel: it is no such archive, has no ``model.onnx`` at its top, is too large, or has what is no plain
        file below its top.
    :raises OSError: the disk is full or broken.
    """
    left = _LARGEST_SUM
    made: set[Path] = {folder}
    with _opened(archive, folder) as members:
        for count, member in enumerate(members, start=1):
            if count > _MOST_FILES:
                raise BadModel(f"{archive.name} has more than {_MOST_FILES} files")
            target = folder / _safe(member, archive)
            if member.is_folder:
                continue
            left -= member.size
            if member.size > LARGEST or left < 0:
                raise BadModel(
                    f"{member.name} in {archive.name} is too large: a file may have 2 GiB, all 4 GiB"
                )
            target.parent.mkdir(parents=True, exist_ok=True)
            made.update(each for each in target.parents if each.is_relative_to(folder))
            _write(member, target)
    for each in made:
        sync_folder(each)
    if not (folder / MODEL).is_file():
        there = ", ".join(sorted(each.name for each in folder.iterdir())[:8]) or "nothing"
        raise BadModel(f"{archive.name} has no {MODEL} at its top; there is {there}")


@contextmanager
def _opened(archive: Path, folder: Path) -> Iterator[Iterator[_Member]]:
    """Its members, while it is open; however it breaks on the way, the reason says which archive it was."""
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as opened:
                yield _of_zip(opened)
        else:
            with tarfile.open(archive, mode="r:*", tarinfo=_Header) as file:
                yield _of_tar(file, folder)
    except _REFUSED as error:
        raise BadModel(f"{archive.name} has what no model needs: {error}") from error
    except _BROKEN as error:
        raise BadModel(f"{archive.name} is no complete tar or zip archive: {error}") from error
    except ImportError as error:
        raise BadModel(f"{archive.name} is packed in a way this Python cannot read: {error}") from error


class _Header(tarfile.TarInfo):
    """One that does not take what an archive says is a name of gigabytes."""

    # Where the standard library's source says that a subclass may come in.
    def _proc_member(self, file: tarfile.TarFile) -> tarfile.TarInfo:
        if self.type in _HEADERS and self.size > _LONGEST_HEADER:
            raise BadModel(f"the archive has a header of {self.size} bytes")
        return super()._proc_member(file)  # type: ignore[misc,no-any-return]


def _of_tar(file: tarfile.TarFile, folder: Path) -> Iterator[_Member]:
    for each in file:
        # Refuses absolute names, those that lead out, devices; links are refused here, as a model needs none.
        if _FILTER is not None:
            _FILTER(each, str(folder))
        yield _Member(
            each.name,
            each.size,
            each.isfile(),
            each.isdir(),
            file.extractfile(each) if each.isfile() else None,
        )
    # To the end, where the checksum of what was packed is.
    for _ in range(_MOST_PADDING):
        if file.fileobj is None or not file.fileobj.read(_BLOCK):
            return
    raise BadModel("the archive goes on after its end")


def _of_zip(file: zipfile.ZipFile) -> Iterator[_Member]:
    for each in file.infolist():
        # The upper half has the mode, where the archive was made on a system with modes.
        mode = (each.external_attr >> 16) & 0o170000
        is_file = not each.is_dir() and mode in (0, 0o100000)
        if each.is_dir() or not is_file:
            yield _Member(each.filename, 0, False, each.is_dir(), None)
        else:
            with file.open(each) as stream:
                yield _Member(each.filename, each.file_size, True, False, stream)


def _safe(member: _Member, archive: Path) -> PurePosixPath:
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts or "\\" in member.name or "\0" in member.name:
        raise BadModel(f"{member.name!r} in {archive.name} would lie outside of the model's folder")
    if not (member.is_file or member.is_folder):
        raise BadModel(f"{member.name!r} in {archive.name} is no plain file")
    if member.is_file and (path == PurePosixPath(MANIFEST) or not path.parts):
        raise BadModel(f"{member.name!r} in {archive.name} has a name that is needed here")
    return path


def _write(member: _Member, target: Path) -> None:
    if shutil.disk_usage(target.parent).free < member.size + _SPARE:
        raise OSError(f"the disk has no room for {member.name}, of {member.size} bytes")
    if member.stream is None or target.exists():
        raise BadModel(f"{member.name!r} is twice in the archive")
    left = member.size
    with target.open("xb") as file:
        # No more than it said it has: what it has is what makes a bomb.
        while left and (block := member.stream.read(min(_BLOCK, left))):
            left -= len(block)
            file.write(block)
        file.flush()
        os.fsync(file.fileno())
    if left:
        raise BadModel(f"{member.name!r} ends before its end")
