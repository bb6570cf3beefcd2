"""The archive with the devices' program: laid out as the library is, runs alone, the same wherever it is packed."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from constructs_lib.core.code import LIBRARY
from constructs_lib.edge import device_package as packing
from constructs_lib.edge.device_package import NAME, device_package, lock_digest

PROGRAM = LIBRARY / "edge" / "runtime" / "device"
LOCK = LIBRARY / "edge" / "requirements" / "device.txt"
EMPTY = {f"constructs_lib/{each}__init__.py" for each in ("", "edge/", "edge/runtime/")}


def members(path: str) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return {each: archive.read(each) for each in archive.namelist()}


@pytest.fixture
def unpacked(tmp_path: Path) -> Path:
    with zipfile.ZipFile(device_package().path) as archive:
        archive.extractall(tmp_path / NAME)
    return tmp_path / NAME


def python(unpacked: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Away from the repository, so that nothing of it is imported by chance."""
    return subprocess.run(
        [sys.executable, "-P", *arguments],
        cwd=unpacked.parent,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(unpacked), **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_it_is_laid_out_as_the_library_and_has_nothing_else() -> None:
    found = members(device_package().path)
    program = {
        f"constructs_lib/edge/runtime/device/{each.relative_to(PROGRAM).as_posix()}": each.read_bytes()
        for each in PROGRAM.rglob("*.py")
    }
    assert len(program) > 20
    assert found == {**program, **dict.fromkeys(EMPTY, b""), "requirements.txt": LOCK.read_bytes()}


def test_it_is_small() -> None:
    """Devices fetch it over links that cost."""
    assert Path(device_package().path).stat().st_size < 200_000


def test_every_module_is_imported_from_the_archive(unpacked: Path) -> None:
    names = [
        ".".join(each.relative_to(unpacked).with_suffix("").parts)
        for each in (unpacked / "constructs_lib").rglob("*.py")
        if each.name not in ("__init__.py", "__main__.py") and each.stem != "greengrass"
    ]
    assert len(names) > 20
    text = (
        f"import importlib, sys\nfor each in {names!r}: importlib.import_module(each)\n"
        "ours = [m.__file__ for n, m in sys.modules.items() if n.startswith('constructs_lib') and m.__file__]\n"
        f"assert all(each.startswith({str(unpacked)!r}) for each in ours), ours\n"
        "assert not {'aws_cdk', 'jsii', 'boto3'} & set(sys.modules)\n"
    )
    found = python(unpacked, "-c", text)
    assert found.returncode == 0, found.stderr


@pytest.mark.parametrize("module", ["", ".handover"])
def test_it_runs_as_a_program(unpacked: Path, module: str) -> None:
    found = python(unpacked, "-m", f"constructs_lib.edge.runtime.device{module}", "--help")
    assert found.returncode == 0, found.stderr
    assert "--root" in found.stdout


def test_without_a_configuration_it_says_what_is_missing(unpacked: Path) -> None:
    found = python(unpacked, "-m", "constructs_lib.edge.runtime.device", EDGE_CONFIG="{}")
    assert found.returncode == 2
    assert "fleet" in found.stderr


def test_packed_again_it_has_the_same_bytes_and_digest() -> None:
    packed = device_package.__wrapped__
    one, two = packed(), packed()
    assert one.path != two.path
    assert one.digest == two.digest
    assert Path(one.path).read_bytes() == Path(two.path).read_bytes()


def test_it_knows_no_time_no_owner_and_no_folder_of_whoever_packed_it() -> None:
    with zipfile.ZipFile(device_package().path) as archive:
        for each in archive.infolist():
            assert each.date_time == (1980, 1, 1, 0, 0, 0)
            assert each.external_attr >> 16 == 0o644
            assert not each.filename.startswith(("/", ".."))
            assert str(LIBRARY.parent).encode() not in archive.read(each)


def test_wheels_lie_beside_it_and_make_it_another(tmp_path: Path) -> None:
    (tmp_path / "b.whl").write_bytes(b"b")
    (tmp_path / "a.whl").write_bytes(b"a")
    (tmp_path / "notes.txt").write_bytes(b"none")
    packed = device_package(str(tmp_path))
    found = members(packed.path)
    assert {name: content for name, content in found.items() if name.startswith("wheels/")} == {
        "wheels/a.whl": b"a",
        "wheels/b.whl": b"b",
    }
    assert packed.digest != device_package().digest


def test_the_locks_digest_is_of_the_lock_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert lock_digest() == hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12]
    other = tmp_path / "device.txt"
    other.write_bytes(LOCK.read_bytes() + b"\n")
    before = lock_digest()
    monkeypatch.setattr(packing, "_REQUIREMENTS", other)
    assert lock_digest() != before


def test_every_package_of_the_lock_is_pinned_with_hashes() -> None:
    """``pip install --require-hashes`` on a device would refuse it otherwise, an hour after the merge."""
    entries = [
        each
        for each in LOCK.read_text().replace("\\\n", " ").splitlines()
        if each.strip() and not each.lstrip().startswith("#")
    ]
    assert entries
    for each in entries:
        assert "==" in each.split()[0], each
        assert "--hash=sha256:" in each, each
