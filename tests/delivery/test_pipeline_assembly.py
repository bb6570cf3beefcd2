"""What is packed is what is unpacked, and nothing else is deployed."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path

import pytest

from constructs_lib.delivery.pipeline.__main__ import main
from constructs_lib.delivery.pipeline.assembly import PipelineError, digest, environments, pack, unpack


@pytest.fixture
def assembly(tmp_path: Path) -> Path:
    """Two environments, with what assets may hold."""
    folder = tmp_path / "assembly"
    for name in ("dev", "prod"):
        (folder / name / "asset.1" / ".hidden").mkdir(parents=True)
        (folder / name / "manifest.json").write_text(f'{{"for": "{name}"}}')
        (folder / name / "asset.1" / ".hidden" / "empty").touch()
        tool = folder / name / "asset.1" / "tool"
        tool.write_bytes(b"#!/bin/sh\n\x00\xff")
        tool.chmod(0o755)
        (folder / name / "asset.1" / "link").symlink_to("tool")
    return folder


def listed(folder: Path) -> dict[str, tuple[object, int]]:
    """Name → content or target, and permissions."""
    return {
        path.relative_to(folder).as_posix(): (
            path.readlink() if path.is_symlink() else path.read_bytes() if path.is_file() else None,
            path.lstat().st_mode,
        )
        for path in folder.rglob("*")
    }


def test_all_comes_out_as_it_went_in(assembly: Path, tmp_path: Path) -> None:
    archive = tmp_path / "build" / "assembly.tar.gz"
    told = pack(assembly, archive)
    unpack(archive, tmp_path / "out", wanted=told)
    assert listed(tmp_path / "out") == listed(assembly)
    assert len(told) == 64


def test_the_same_files_give_the_same_digest_whenever_and_wherever_they_are_packed(
    assembly: Path, tmp_path: Path
) -> None:
    first = pack(assembly, tmp_path / "one.tar.gz")
    for path in assembly.rglob("*"):
        os.utime(path, (1, 1), follow_symlinks=False)
    assert pack(assembly, tmp_path / "another" / "name.tar.gz") == first


@pytest.mark.parametrize("change", ["content", "name", "permission", "more"])
def test_anything_else_gives_another(assembly: Path, tmp_path: Path, change: str) -> None:
    first = pack(assembly, tmp_path / "one.tar.gz")
    tool = assembly / "dev" / "asset.1" / "tool"
    if change == "content":
        tool.write_bytes(b"#!/bin/sh\n\x00\xfe")
    elif change == "name":
        tool.rename(tool.with_name("tools"))
    elif change == "permission":
        tool.chmod(0o644)
    else:
        tool.with_name("more").touch()
    assert pack(assembly, tmp_path / "two.tar.gz") != first


def test_another_archive_is_not_unpacked(assembly: Path, tmp_path: Path) -> None:
    archive = tmp_path / "assembly.tar.gz"
    told = pack(assembly, archive)
    archive.write_bytes(archive.read_bytes() + b"\0")
    with pytest.raises(PipelineError, match="is not what was synthesized"):
        unpack(archive, tmp_path / "out", wanted=told)
    assert not (tmp_path / "out").exists()


def test_nothing_is_mixed_with_what_lies_there(assembly: Path, tmp_path: Path) -> None:
    told = pack(assembly, tmp_path / "assembly.tar.gz")
    with pytest.raises(PipelineError, match="not empty"):
        unpack(tmp_path / "assembly.tar.gz", assembly, wanted=told)


def _member(name: str, type: bytes = tarfile.REGTYPE, to: str = "") -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = type, to
    return member


@pytest.mark.parametrize("by_the_library", [True, False], ids=["3.11.4 and later", "before"])
@pytest.mark.parametrize(
    "members",
    [
        [_member("../evil")],
        [_member("dev/../../evil")],
        [_member("link", tarfile.SYMTYPE, ".."), _member("link/evil")],
        [_member("link", tarfile.SYMTYPE, "../evil")],
        [_member("link", tarfile.SYMTYPE, "/etc/passwd")],
        [_member("link", tarfile.LNKTYPE, "../evil")],
        [_member("device", tarfile.CHRTYPE)],
    ],
)
def test_an_archive_writes_nowhere_else(
    members: list[tarfile.TarInfo], by_the_library: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not by_the_library:
        monkeypatch.delattr(tarfile, "data_filter", raising=False)
    archive = tmp_path / "evil.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        for member in members:
            tar.addfile(member)
    with pytest.raises(PipelineError, match=r"cannot be unpacked"):
        unpack(archive, tmp_path / "out", wanted=digest(archive))
    assert not (tmp_path / "evil").exists()


def test_what_is_no_archive_is_told(tmp_path: Path) -> None:
    archive = tmp_path / "assembly.tar.gz"
    archive.write_bytes(b"no archive")
    with pytest.raises(PipelineError, match="cannot be unpacked"):
        unpack(archive, tmp_path / "out", wanted=digest(archive))


def test_environments_are_the_folders_that_say_so(tmp_path: Path) -> None:
    for name in ("prod", "dev", "_base", "notes"):
        (tmp_path / name).mkdir()
    with pytest.raises(PipelineError, match="no environment in"):
        environments(tmp_path)
    for name in ("prod", "dev"):
        (tmp_path / name / "_environment.yaml").touch()
    assert environments(tmp_path) == ["dev", "prod"]


# --- as the workflows call it -----------------------------------------------------------------------------


def test_a_step_that_fails_says_why_where_github_shows_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert main(["unpack", "--digest", "0" * 64]) == 1
    assert capsys.readouterr().err == "::error::build/assembly.tar.gz is no file\n"
    monkeypatch.delenv("GITHUB_ACTIONS")
    assert main(["deploy", "prod"]) == 1
    assert capsys.readouterr().err == "prod was not synthesized; there is nothing\n"


def test_what_was_synthesized_is_unpacked_by_its_digest(
    assembly: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    told = pack(assembly, Path("build/assembly.tar.gz"))
    assert main(["unpack", "--digest", told]) == 0
    assert capsys.readouterr().out == "unpacked dev, prod, as synthesized\n"
    assert main(["deploy", "staging"]) == 1
    assert "staging was not synthesized; there is dev, prod" in capsys.readouterr().err


def test_nothing_is_synthesized_beside_what_lies_there(
    assembly: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["synth", "--assembly", str(assembly)]) == 1
    assert "is not empty" in capsys.readouterr().err


def test_without_the_cli_a_step_says_what_is_missing(
    assembly: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "")
    assert main(["deploy", "dev", "--assembly", str(assembly)]) == 1
    assert "there is no cdk on the PATH" in capsys.readouterr().err


@pytest.mark.parametrize("given", ["model", "=x", ""])
def test_context_has_a_name_and_a_value(
    tmp_path: Path, given: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["synth", "--context", given, "--assembly", str(tmp_path / "out")]) == 1
    assert "NAME=VALUE is wanted" in capsys.readouterr().err
