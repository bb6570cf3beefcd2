"""Packing a folder into a model.tar.gz that is the same, byte for byte, wherever it is packed."""

from __future__ import annotations

import atexit
import gzip
import hashlib
import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from itertools import pairwise
from pathlib import Path

ALWAYS_EXCLUDED = ("__pycache__", "*.pyc", ".DS_Store", ".git", ".ipynb_checkpoints")


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One file of the archive: where it is, and what it is called inside."""

    name: str
    path: Path


class ArchiveError(ValueError):
    """The folder cannot be packed; says which file and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """A packed model.tar.gz."""

    path: Path
    digest: str
    """SHA-256 over names, modes and contents: the same for the same content, whatever zlib compressed it."""


def pack(folder: Path, *, code: Path | None = None, exclude: Sequence[str] = ()) -> Archive:
    """Pack `folder`, and `code` beneath ``code/``, as SageMaker's framework containers expect them.

    Sorted names, no owners, no times, modes 0644 or 0755: content alone decides the digest, so an
    unchanged model never redeploys. Folders are packed once per process and content.

    :raises ArchiveError: for an empty folder, a broken link, one that leaves the folder, or a clash.
    """
    members = sorted(_members(folder, code, exclude), key=lambda member: member.name)
    _refuse_clashes(members)
    if not members:
        raise ArchiveError(f"{folder} holds no file to pack")
    digest = _digest(members)
    target = _workspace() / f"{digest}.tar.gz"
    if not target.exists():
        _write(members, target)
    return Archive(path=target, digest=digest)


def _members(folder: Path, code: Path | None, exclude: Sequence[str]) -> Iterator[Member]:
    yield from _files(folder, "", exclude)
    if code is not None:
        yield from _files(code, "code/", exclude)


def _files(folder: Path, prefix: str, exclude: Sequence[str]) -> Iterator[Member]:
    root = folder.resolve(strict=True)
    patterns = (*ALWAYS_EXCLUDED, *exclude)
    for parent, folders, files in os.walk(root):
        here = Path(parent)
        for name in [*files, *(each for each in folders if (here / each).is_symlink())]:
            relative = (here / name).relative_to(root).as_posix()
            if not _excluded(relative, patterns):
                yield Member(name=prefix + relative, path=_inside(here / name, root))
        folders[:] = [
            each for each in folders if not _excluded((here / each).relative_to(root).as_posix(), patterns)
        ]


def _excluded(relative: str, patterns: Sequence[str]) -> bool:
    name = relative.rsplit("/", 1)[-1]
    return any(fnmatchcase(name, pattern) or fnmatchcase(relative, pattern) for pattern in patterns)


def _inside(path: Path, root: Path) -> Path:
    """The file itself, refusing links that would carry something from outside into the model."""
    try:
        real = path.resolve(strict=True)
    except OSError as error:
        raise ArchiveError(f"{path} is a broken link") from error
    if not real.is_relative_to(root):
        raise ArchiveError(f"{path} links outside of {root}; copy the file in")
    if not real.is_file():
        raise ArchiveError(f"{path} is no regular file; pack the folder it stands for in its place")
    return real


def _refuse_clashes(members: Sequence[Member]) -> None:
    for one, other in pairwise(members):
        if one.name == other.name:
            raise ArchiveError(f"{one.name} is in both the model folder and the code folder")


def _mode(path: Path) -> int:
    return 0o755 if path.stat().st_mode & 0o100 else 0o644


def _digest(members: Sequence[Member]) -> str:
    digest = hashlib.sha256()
    for member in members:
        with member.path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        digest.update(
            f"{len(member.name.encode())}:{member.name}\0{_mode(member.path):o}\0{content}\n".encode()
        )
    return digest.hexdigest()


def _write(members: Sequence[Member], target: Path) -> None:
    partial = target.with_suffix(".partial")
    with (
        partial.open("wb") as raw,
        gzip.GzipFile(filename="", fileobj=raw, mode="wb", compresslevel=6, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w|", format=tarfile.PAX_FORMAT) as tar,
    ):
        for member in members:
            info = tarfile.TarInfo(member.name)
            info.size = member.path.stat().st_size
            info.mode = _mode(member.path)
            with member.path.open("rb") as content:
                tar.addfile(info, content)
    partial.replace(target)


@cache
def _workspace() -> Path:
    """A private folder for this process; CDK copies the archives into its assembly."""
    folder = Path(tempfile.mkdtemp(prefix="constructs-lib-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
