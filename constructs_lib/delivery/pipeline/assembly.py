"""What a commit is deployed as: the cloud assemblies of all environments, packed once, known by a digest."""

from __future__ import annotations

import gzip
import hashlib
import posixpath
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

ENVIRONMENT_FILE = "_environment.yaml"
_BLOCK = 1 << 20


class PipelineError(Exception):
    """A step fails; says why, in words for the log of a workflow."""


def environments(deployments: Path) -> list[str]:
    """The environments that have a folder of manifests, by name.

    :raises PipelineError: when there is none.
    """
    found = sorted(each.parent.name for each in deployments.glob(f"*/{ENVIRONMENT_FILE}"))
    if not found:
        raise PipelineError(f"no environment in {deployments}: none of its folders has a {ENVIRONMENT_FILE}")
    return found


def pack(folder: Path, archive: Path) -> str:
    """Pack all of `folder`, and tell the SHA-256 of the archive: the same files give the same one.

    A tar, since the artefacts of GitHub keep no permissions, and what a function's code may execute is part of it.
    """
    archive.parent.mkdir(parents=True, exist_ok=True)
    with (
        archive.open("wb") as raw,
        gzip.GzipFile(fileobj=raw, mode="wb", mtime=0, filename="") as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for path in _below(folder):
            member = tar.gettarinfo(path, path.relative_to(folder).as_posix())
            member.mtime = member.uid = member.gid = 0
            member.uname = member.gname = ""
            if member.isreg():
                with path.open("rb") as content:
                    tar.addfile(member, content)
            else:
                tar.addfile(member)
    return digest(archive)


def unpack(archive: Path, folder: Path, *, wanted: str) -> None:
    """Unpack an archive into a new `folder`, if it is the one that was packed.

    :raises PipelineError: when it is another, holds what would be written elsewhere, or the folder is not empty.
    """
    found = digest(archive)
    if found != wanted:
        raise PipelineError(f"{archive} is not what was synthesized: its digest is {found}, not {wanted}")
    if folder.exists() and any(folder.iterdir()):
        raise PipelineError(f"{folder} is not empty: what lies there would be deployed too")
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with tarfile.open(archive, "r:gz") as tar:
            _unpack(tar, folder)
    except (tarfile.TarError, OSError, EOFError) as error:
        raise PipelineError(f"{archive} cannot be unpacked: {error}") from error


def _unpack(tar: tarfile.TarFile, folder: Path) -> None:
    """All of it, below `folder` and nowhere else."""
    if hasattr(tarfile, "data_filter"):
        tar.extractall(folder, filter="data")
        return
    # Before Python 3.11.4 nothing in the standard library looks.
    links: set[PurePosixPath] = set()
    for member in tar.getmembers():
        if not _stays(member) or links & set(PurePosixPath(member.name).parents):
            raise tarfile.ReadError(f"{member.name!r} would lie outside the destination")
        if member.issym():
            links.add(PurePosixPath(member.name))
    tar.extractall(folder)  # noqa: S202 - each member was looked at


def _stays(member: tarfile.TarInfo) -> bool:
    """Whether a member lies in the archive's own folder, and what it links to, too."""
    if not (member.isfile() or member.isdir() or member.issym() or member.islnk()):
        return False
    places = [member.name]
    if member.issym():
        places.append(posixpath.join(posixpath.dirname(member.name), member.linkname))
    if member.islnk():
        places.append(member.linkname)
    return not any(posixpath.isabs(each) or posixpath.normpath(each).split("/")[0] == ".." for each in places)


def digest(archive: Path) -> str:
    """SHA-256 of a file.

    :raises PipelineError: when there is none.
    """
    if not archive.is_file():
        raise PipelineError(f"{archive} is no file")
    seen = hashlib.sha256()
    with archive.open("rb") as content:
        while block := content.read(_BLOCK):
            seen.update(block)
    return seen.hexdigest()


def _below(folder: Path) -> Iterator[Path]:
    """All files and folders, in an order that is the same everywhere."""
    yield from sorted(folder.rglob("*"), key=lambda path: path.relative_to(folder).as_posix())
