"""The course of time: windows up to this one, bounded, and those that tell nothing left out."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from constructs_lib.monitoring.report import course
from constructs_lib.monitoring.report.course import course_of
from constructs_lib.monitoring.report.findings import Course
from constructs_lib.monitoring.report.place import Folder, ReportError
from tests.support import monitoring_findings as made


def read(folder: Path, files: dict[str, Any], days: int = 3) -> Course:
    return course_of(Folder(made.write(folder, files)), days, "data_quality", {})


def test_the_windows_of_the_days_in_order(tmp_path: Path) -> None:
    found = read(tmp_path, {**made.past("data_quality", 100), **made.data_quality()})
    # Two whole days before, and this one up to ten o'clock.
    assert len(found.windows) == 48 + 11
    assert [each.at for each in found.windows] == sorted(each.at for each in found.windows)
    assert found.windows[-1].at == (made.START + timedelta(hours=1)).timestamp()
    assert found.windows[-1].beyond == frozenset(made.DRIFTED)
    assert found.left_out == 0


def test_windows_after_this_one_are_not_told(tmp_path: Path) -> None:
    later = {"2026/11/28/1100/result.json": made.result("data_quality", made.START + timedelta(hours=1))}
    found = read(tmp_path, {**later, **made.data_quality()})

    assert len(found.windows) == 1


def test_results_that_tell_nothing_are_counted(tmp_path: Path) -> None:
    wrong: dict[str, Any] = {
        "2026/11/28/0900/result.json": {},
        "2026/11/28/0800/result.json": [],
        "2026/11/28/0700/statistics.json": {},
    }
    found = read(tmp_path, {**wrong, **made.data_quality()})

    assert (len(found.windows), found.left_out) == (1, 3)


def test_windows_without_data_have_no_distance(tmp_path: Path) -> None:
    found = read(tmp_path, {**made.past("data_quality", 20), **made.data_quality()})

    assert [each.values for each in found.windows if each.status == "no_data"] == [{}]


def test_too_many_windows_are_thinned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(course, "MOST_WINDOWS", 10)
    found = read(tmp_path, {**made.past("data_quality", 40), **made.data_quality()})

    assert len(found.windows) == 10
    assert found.left_out == 31
    assert found.windows[-1].beyond == frozenset(made.DRIFTED)


def test_metrics_are_beyond_by_their_direction(tmp_path: Path) -> None:
    window = made.write(tmp_path, made.model_quality("regression"))
    limits = {"mae": (50.0, True), "r2": (0.4, False), "mse": (1e9, True)}
    found = course_of(Folder(window), 1, "model_quality", limits)

    assert found.windows[0].beyond == {"mae", "r2"}


@pytest.mark.parametrize("path", ["mine", "2026/13/28/1000", "2026/11/28"])
def test_a_folder_that_is_no_window(tmp_path: Path, path: str) -> None:
    with pytest.raises(ReportError, match="--days needs a folder"):
        course_of(Folder(tmp_path / path), 3, "data_quality", {})
