"""The archives that the library's functions run from."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from constructs_lib.core import code
from constructs_lib.core.code import LIBRARY, runtime_archive


@pytest.fixture(autouse=True)
def anew() -> Iterator[None]:
    """Archives are made once a process; here, once a test."""
    runtime_archive.cache_clear()
    yield
    runtime_archive.cache_clear()


def test_packed_twice_it_is_the_same() -> None:
    first = runtime_archive("hosting")
    content = Path(first.path).read_bytes()
    runtime_archive.cache_clear()
    second = runtime_archive("hosting")
    assert first.path != second.path
    assert second.digest == first.digest
    assert Path(second.path).read_bytes() == content


def test_it_is_the_runtime_of_its_rooms_and_nothing_else() -> None:
    with zipfile.ZipFile(runtime_archive("hosting").path) as archive:
        packed = {name: archive.read(name) for name in archive.namelist()}
    runtime = [path for room in ("core", "hosting") for path in (LIBRARY / room / "runtime").glob("*.py")]
    expected = {
        f"constructs_lib/{path.relative_to(LIBRARY).as_posix()}": path.read_bytes() for path in runtime
    }
    packages = ("", "core/", "hosting/")
    assert packed == {**expected, **{f"constructs_lib/{each}__init__.py": b"" for each in packages}}
    assert "constructs_lib/hosting/runtime/deploy_guard.py" in packed


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The library somewhere else."""
    there = tmp_path / "constructs_lib"
    for room in ("core", "hosting"):
        shutil.copytree(LIBRARY / room, there / room, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(code, "LIBRARY", there)
    return there


def digest() -> str:
    runtime_archive.cache_clear()
    return runtime_archive("hosting").digest


def test_its_digest_tells_of_its_content_alone(copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A changed digest deploys every stack's functions anew."""
    first = digest()
    (copied / "hosting/runtime/__pycache__").mkdir()
    (copied / "hosting/runtime/__pycache__/x.cpython-314.pyc").write_bytes(b"compiled")
    (copied / "hosting/realtime.py").write_text("changed")
    (copied / "hosting/runtime/notes.txt").write_text("beside it")
    for each in (copied / "hosting/runtime").glob("*.py"):
        each.touch()
    assert digest() == first
    monkeypatch.undo()
    assert digest() == first, "it tells where the library lies"
    monkeypatch.setattr(code, "LIBRARY", copied)
    (copied / "hosting/runtime/model_placement.py").write_text("changed")
    assert digest() != first


@pytest.mark.parametrize(
    ("room", "module"),
    [
        *(("hosting", each) for each in ("deploy_guard", "model_placement", "canary_analysis")),
        *(("experiments", each) for each in ("ingest", "controller", "recount", "client", "shadow")),
        *(("monitoring", each) for each in ("function", "job", "shift", "relay")),
    ],
)
def test_the_functions_start_from_it_alone(room: str, module: str, tmp_path: Path) -> None:
    """With boto3, which Lambda brings, and nothing else of this environment."""
    packages = ("aws_lambda_powertools", "typing_extensions") if room == "experiments" else ()
    with zipfile.ZipFile(runtime_archive(room, packages=packages).path) as archive:
        archive.extractall(tmp_path)
    blocked = "import sys; sys.modules.update(dict.fromkeys(('aws_cdk', 'jsii', 'constructs', 'numpy')))"
    program = f"{blocked}; import constructs_lib.{room}.runtime.{module} as it; print(it.__file__)"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(tmp_path))
