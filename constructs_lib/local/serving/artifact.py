"""The model artefact: model.tar.gz, unpacked the way a hosting instance unpacks it."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path


class ArtifactError(Exception):
    """The archive cannot be served; the message says why, without a path of this machine."""


def unpack(archive: bytes, folder: Path, *, max_bytes: int) -> None:
    """Unpack a (compressed) tar archive into `folder`; not one byte more than `max_bytes`."""
    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:*") as tar:
            _unpack_members(tar, folder, max_bytes)
    except (tarfile.TarError, EOFError, OSError) as error:
        # zlib and lzma errors arrive as OSError or EOFError from the file object.
        raise ArtifactError(f"the archive cannot be unpacked: {type(error).__name__}") from error


def _unpack_members(tar: tarfile.TarFile, folder: Path, max_bytes: int) -> None:
    total = 0
    for member in tar:
        # Counted before it is written: a small archive can unpack to any size.
        total += member.size
        if total > max_bytes:
            raise ArtifactError(f"the archive unpacks to more than {max_bytes} bytes")
        _extract(tar, member, folder)


def _extract(tar: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    """Refuse absolute paths, links and names that lead outside, and devices."""
    if hasattr(tarfile, "data_filter"):
        tar.extract(member, folder, filter="data")
        return
    # Python 3.11 before 3.11.4 has no filters: there only plain files and folders are taken, inside.
    inside = (folder / member.name).resolve().is_relative_to(folder.resolve())
    if not inside or not (member.isfile() or member.isdir()):
        raise ArtifactError(f"the archive cannot be unpacked: {member.name!r} is no plain file inside of it")
    tar.extract(member, folder)
