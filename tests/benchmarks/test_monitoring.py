"""The benchmark of looks runs: on few values, and without Evidently."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from benchmarks import captured_files, captured_window, monitoring
from benchmarks.captured_files import DRIFTED, make
from benchmarks.claim import Claim
from benchmarks.our_look import main as look

VALUES = 15_000


@pytest.fixture(autouse=True)
def _once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(monitoring, "REPEATS", 1)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files") / "made"
    make(folder, VALUES)
    return folder


def captured(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted((folder / captured_window.CAPTURED).iterdir())]


def test_files_are_the_same_every_time(made: Path, tmp_path: Path) -> None:
    make(tmp_path, VALUES)
    assert captured(tmp_path) == captured(made)
    for name in (captured_window.REFERENCE, captured_window.BASELINE):
        assert (tmp_path / name).read_bytes() == (made / name).read_bytes()


def test_files_have_the_records_that_are_asked_for_and_none_twice(made: Path) -> None:
    files = captured(made)
    lines = [json.loads(line) for file in files for line in file.splitlines()]
    assert len(files) == captured_files.FEWEST_FILES
    assert len(lines) == VALUES // captured_window.FEATURES
    requests = [line["captureData"]["endpointInput"]["data"] for line in lines]
    assert {len(each.split(",")) for each in requests} == {captured_window.FEATURES}
    assert len(set(requests)) == len(requests)
    assert len({line["eventMetadata"]["eventId"] for line in lines}) == len(lines)


@pytest.mark.parametrize("processes", [1, 2])
def test_a_look_finds_what_was_moved_and_says_what_it_took(
    made: Path, monkeypatch: pytest.MonkeyPatch, processes: int
) -> None:
    monkeypatch.setenv("MONITOR_WORKERS", str(processes))
    took = look(made)
    assert took["drifted"] == DRIFTED
    assert took["records"] == VALUES // captured_window.FEATURES
    assert min(took[name] for name in ("seconds", "cpu", "memory", "judging")) > 0


def test_the_report_tells_of_each_look_and_of_the_growth(tmp_path: Path) -> None:
    *_, growth = lines = list(monitoring.monitoring([3_000, VALUES], files=tmp_path))
    told = [line for line in lines if isinstance(line, str)]
    assert [line.split(",")[0:2] for line in told] == [["  3", "000 values"]] * 2 + [
        ["  15", "000 values"]
    ] * 2
    assert all("records/s" in line and "drifted: feature_3" in line for line in told)
    assert isinstance(growth, Claim)
    assert growth.what == "our memory, 15,000 values over 3,000"
    assert growth.aim == monitoring.FLAT
    assert sorted(path.name for path in tmp_path.iterdir()) == ["15000", "3000"], "left for the next time"


LIMITED = "import resource, sys; resource.setrlimit(resource.RLIMIT_CPU, (int(sys.argv[5]), 9))\n"
"""As `evidently_look` does it, which cannot be imported without Evidently."""


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (f"raise SystemExit({monitoring.OUT_OF_MEMORY})", "out of memory, of 2 GiB"),
        ("print('!'); raise ValueError('wrong')", "ended with 1: ValueError: wrong"),
        (LIMITED + "while True: pass", "not done after 1 s of a core"),
    ],
)
def test_what_evidently_could_not_do_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, told: str
) -> None:
    python = tmp_path / "python"
    python.write_text(f"#!{sys.executable}\n{code}\n")
    python.chmod(0o755)
    monkeypatch.setattr(monitoring, "MOST_SECONDS", 1)
    assert monitoring.evidently(str(python), "default", 2, tmp_path) == told
    lines = list(monitoring.monitoring([3_000], python=str(python), gib=2))
    assert [str(line) for line in lines if str(line).endswith(told)] == [
        f"  3,000 values, Evidently, default  {told}",
        f"  3,000 values, Evidently, psi      {told}",
    ]
    assert not any("over Evidently" in str(line) for line in lines), "no ratio with nothing"
