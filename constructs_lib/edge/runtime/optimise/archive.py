"""Model archives: what is read of one, and one that has the same bytes whenever it is made of the same."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from .errors import BadModel

ARCHIVE = "model.tar.gz"
LARGEST = 2 * 1024**3
"""Bytes of a model file: as long as protobuf, and so ONNX, can be."""
_ONNX = ("model.onnx",)
_ESTIMATOR = ("model.joblib", "model.pkl", "model.pickle")
_SUPPORTED = (
    f"model.tar.gz with {_ONNX[0]} at its top, or a scikit-learn estimator as {_ESTIMATOR[0]}; a model of TensorFlow "
    "or PyTorch is exported to ONNX where it was trained"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFile:
    """The file of an archive that is the model."""

    name: str
    content: bytes

    @property
    def is_onnx(self) -> bool:
        """Whether it is ONNX already."""
        return self.name.endswith(".onnx")


def read_model(path: Path) -> ModelFile:
    """The model of the archive at `path`.

    :raises BadModel: no archive, or none with a model that is supported.
    """
    try:
        with tarfile.open(path, mode="r:gz") as archive:
            return _model_of(archive)
    except (tarfile.TarError, zlib.error, EOFError, gzip.BadGzipFile, OSError) as error:
        raise BadModel(f"{path.name} is no complete gzipped tar archive ({error})") from error


def _model_of(archive: tarfile.TarFile) -> ModelFile:
    found = {_top(each): each for each in archive.getmembers() if each.isfile()}
    for names in (_ONNX, _ESTIMATOR):
        there = [name for name in names if name in found]
        if len(there) > 1:
            raise BadModel(f"the archive has {there[0]} and {there[1]}: leave one")
        if there:
            return _read(archive, found[there[0]], there[0])
    held = ", ".join(sorted(found)[:8]) or "no file"
    raise BadModel(f"the archive has {held}, and none of what is supported: {_SUPPORTED}")


def _top(member: tarfile.TarInfo) -> str:
    """Its path, without the ``./`` that tar puts before it."""
    return str(PurePosixPath(member.name))


def _read(archive: tarfile.TarFile, member: tarfile.TarInfo, name: str) -> ModelFile:
    if not 0 < member.size < LARGEST:
        raise BadModel(
            f"{name} has {member.size} bytes: more than none, and less than {LARGEST}, can be read"
        )
    content = archive.extractfile(member)
    if content is None:
        raise BadModel(f"{name} is no regular file")
    return ModelFile(name=name, content=content.read())


def packed(members: Mapping[str, bytes]) -> bytes:
    """An archive of `members`: sorted, without times, owners or a compressor's whims about the file's name."""
    raw = io.BytesIO()
    with (
        gzip.GzipFile(filename="", fileobj=raw, mode="wb", compresslevel=6, mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w|", format=tarfile.PAX_FORMAT) as archive,
    ):
        for name, content in sorted(members.items()):
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(content), 0o644
            archive.addfile(info, io.BytesIO(content))
    return raw.getvalue()


def put(folder: Path, name: str, content: bytes) -> None:
    """Write a file that is there as a whole, or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f".{name}.partial"
    try:
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(folder / name)
    finally:
        partial.unlink(missing_ok=True)


def only_file(path: Path) -> Path | None:
    """The file at `path`, or in the folder at `path`.

    SageMaker fetches all whose key begins with the one that was asked for: that one has the shortest name of them.
    """
    if path.is_file():
        return path
    files = [each for each in path.iterdir() if each.is_file()] if path.is_dir() else []
    return min(files, key=lambda each: (len(each.name), each.name), default=None)
