"""Archives are strangers'."""

from __future__ import annotations

import gzip
import io
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from constructs_lib.edge.runtime.device import archive as subject
from constructs_lib.edge.runtime.device.archive import unpack
from constructs_lib.edge.runtime.device.errors import BadModel

from .support import packed


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "in" / "model"
    made.mkdir(parents=True)
    return made


def _member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> Callable[[Path], Path]:
    def made(path: Path) -> Path:
        with tarfile.open(path, "w:gz") as archive:
            for each, its_kind in (("model.onnx", tarfile.REGTYPE), (name, kind)):
                member = tarfile.TarInfo(each)
                member.type, member.linkname = its_kind, link if its_kind == kind else ""
                member.size = 1 if its_kind == tarfile.REGTYPE else 0
                archive.addfile(member, io.BytesIO(b"x"))
        return path

    return made


def _zipped(name: str, mode: int = 0o100644) -> Callable[[Path], Path]:
    def made(path: Path) -> Path:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("model.onnx", b"x")
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            archive.writestr(info, b"/etc/passwd")
        return path

    return made


def _bytes(content: bytes) -> Callable[[Path], Path]:
    def made(path: Path) -> Path:
        path.write_bytes(content)
        return path

    return made


def test_tar_and_zip_are_unpacked(tmp_path: Path, folder: Path) -> None:
    files = {"./model.onnx": b"onnx", "code/inference.py": b"code", "model.onnx.data": b"weights"}
    unpack(packed(tmp_path / "a", files), folder)
    assert (folder / "model.onnx").read_bytes() == b"onnx"
    assert (folder / "code" / "inference.py").read_bytes() == b"code"
    other = folder.with_name("zip")
    other.mkdir()
    unpack(_zipped("code/x")(tmp_path / "z"), other)
    assert {each.relative_to(other).as_posix() for each in other.rglob("*")} == {
        "model.onnx",
        "code",
        "code/x",
    }


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (_member("../../out"), "outside"),
        (_member("/out"), "outside"),
        (_member("a/../../../out"), "outside"),
        (_member("link", tarfile.SYMTYPE, "model.onnx"), "no plain file"),
        (_member("link", tarfile.SYMTYPE, "/etc/passwd"), "no (model needs|plain file)"),
        (_member("link", tarfile.LNKTYPE, "model.onnx"), "no plain file"),
        (_member("pipe", tarfile.FIFOTYPE), "no (model needs|plain file)"),
        (_member("model.onnx"), "twice"),
        (_member("manifest.json"), "needed here"),
        (_zipped("../../out"), "outside"),
        (_zipped("/out"), "outside"),
        (_zipped("..\\..\\out"), "outside"),
        (_zipped("link", 0o120777), "no plain file"),
        (_bytes(b"nothing"), "no complete tar or zip"),
        (_bytes(b""), "no complete tar or zip"),
        (
            lambda path: packed(path, {"other.onnx": b"x"}),
            "has no model.onnx at its top; there is other.onnx",
        ),
    ],
)
def test_what_is_no_model_is_refused(
    made: Callable[[Path], Path], reason: str, tmp_path: Path, folder: Path
) -> None:
    with pytest.raises(BadModel, match=reason):
        unpack(made(tmp_path / "archive"), folder)
    assert not list(tmp_path.rglob("out"))


@pytest.mark.parametrize("make", [lambda p, f: packed(p, f), None])
def test_an_archive_cut_off_anywhere_is_refused(
    make: Callable[[Path, dict[str, bytes]], Path] | None, tmp_path: Path
) -> None:
    whole = packed(tmp_path / "w", {"model.onnx": bytes(range(256)) * 40}).read_bytes()
    if make is None:
        whole = _zipped("x")(tmp_path / "w").read_bytes()
    for share in (0.1, 0.5, 0.9, 0.99):
        folder = tmp_path / f"{share}"
        folder.mkdir()
        (tmp_path / "cut").write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(BadModel):
            unpack(tmp_path / "cut", folder)


def test_a_file_shorter_than_it_says_is_refused(tmp_path: Path, folder: Path) -> None:
    with zipfile.ZipFile(tmp_path / "z", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model.onnx", b"x" * 100)
        archive.filelist[0].file_size += 5
    with pytest.raises(BadModel, match=r"'model\.onnx' ends before its end"):
        unpack(tmp_path / "z", folder)


def test_bombs_are_refused_before_they_are_written(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subject, "LARGEST", 1000)
    with pytest.raises(BadModel, match="too large"):
        unpack(packed(tmp_path / "a", {"model.onnx": b"x", "b": bytes(1001)}), folder)
    assert sum(each.stat().st_size for each in folder.rglob("*")) < 1000
    monkeypatch.setattr(subject, "_MOST_FILES", 2)
    with pytest.raises(BadModel, match="more than 2 files"):
        unpack(packed(tmp_path / "a", dict.fromkeys("bcd", b"")), folder)


def test_the_disk_is_not_filled(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "_SPARE", 2**60)
    with pytest.raises(OSError, match=r"no room for model\.onnx"):
        unpack(packed(tmp_path / "a", {"model.onnx": b"x"}), folder)


@pytest.mark.parametrize("packing", ["w:gz", "w:bz2", "w:xz"])
def test_an_archive_damaged_within_is_refused(tmp_path: Path, folder: Path, packing: str) -> None:
    content = np.random.default_rng(0).bytes(100_000)
    path = tmp_path / "a.tar"
    with tarfile.open(path, packing) as archive:
        member = tarfile.TarInfo("model.onnx")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    spoilt = bytearray(path.read_bytes())
    spoilt[60_000] ^= 0xFF
    path.write_bytes(spoilt)
    with pytest.raises(BadModel, match=r"a\.tar is no complete tar or zip archive"):
        unpack(path, folder)


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME])
def test_a_name_of_gigabytes_is_not_read(tmp_path: Path, folder: Path, kind: bytes) -> None:
    """Of zeros, so some kilobytes in the archive: what reads it takes all of it into memory."""
    size = 64 * 1024**2
    path = tmp_path / "a.tar.gz"
    member = tarfile.TarInfo("name")
    member.type, member.size = kind, size
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(member.tobuf(tarfile.USTAR_FORMAT))
        for _ in range(64):
            file.write(bytes(1024**2))
    tracemalloc.start()
    try:
        with pytest.raises(BadModel, match="a header of 67108864 bytes"):
            unpack(path, folder)
        assert tracemalloc.get_traced_memory()[1] < 8 * 1024**2
    finally:
        tracemalloc.stop()


def test_long_names_are_taken(tmp_path: Path, folder: Path) -> None:
    name = "/".join("d" * 100 for _ in range(3)) + "/weights"
    path = tmp_path / "a.tar"
    for form in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT):
        with tarfile.open(path, "w", format=form) as archive:
            for each in ("model.onnx", name):
                archive.addfile(tarfile.TarInfo(each))
        target = folder / str(form)
        target.mkdir()
        unpack(path, target)
        assert (target / name).is_file()
