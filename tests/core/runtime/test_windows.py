"""Windows of time: which are due, where their files lie, how they are written."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from constructs_lib.core.runtime.windows import Window, hours, iso, seconds, window_at, windows_due

HOUR = 3600


@pytest.mark.parametrize(
    ("now", "newest"),
    [
        ("2026-11-22T15:09:59Z", "2026-11-22T13:00:00Z"),
        ("2026-11-22T15:10:00Z", "2026-11-22T14:00:00Z"),
        ("2026-11-22T16:09:59Z", "2026-11-22T14:00:00Z"),
    ],
)
def test_a_window_is_due_once_it_has_settled(now: str, newest: str) -> None:
    before, last = windows_due(seconds(now), HOUR, 600, 2)
    assert last == Window(seconds(newest), seconds(newest) + HOUR)
    assert before.end == last.start


@settings(deadline=None)
@given(
    st.integers(0, 4_000_000_000),
    st.sampled_from([300, 900, HOUR, 86_400]),
    st.integers(0, 7200),
    st.integers(1, 5),
)
def test_windows_that_are_due_are_over_follow_on_and_none_is_forgotten(
    now: int, every: int, settle: int, looks: int
) -> None:
    due = windows_due(now, every, settle, looks)
    assert len(due) == looks
    assert all(one.end == other.start for one, other in pairwise(due))
    assert due[-1].end + settle <= now < due[-1].end + every + settle
    assert all(each == window_at(each.start, every) for each in due)


@pytest.mark.parametrize("every", [300, 900, HOUR, 86_400])
def test_windows_fill_the_day(every: int) -> None:
    midnight = seconds("2026-11-22T00:00:00")
    assert window_at(midnight, every).start == midnight
    assert window_at(midnight + every - 1, every) == window_at(midnight, every)
    assert window_at(midnight + every, every).start == midnight + every


def test_a_window_has_its_start_and_not_its_end() -> None:
    window = Window(100, 200)
    assert [at in window for at in (99, 100, 199.9, 200)] == [False, True, True, False]


def test_a_window_has_a_folder() -> None:
    assert window_at(seconds("2026-01-02T03:59:00Z"), 900).folder == "2026/01/02/0345"


@pytest.mark.parametrize(
    ("start", "end", "folders"),
    [
        ("2026-11-22T14:00:00Z", "2026-11-22T15:00:00Z", ["2026/11/22/14"]),
        ("2026-11-22T14:59:59Z", "2026-11-22T15:00:01Z", ["2026/11/22/14", "2026/11/22/15"]),
        ("2026-12-31T23:30:00Z", "2027-01-01T00:30:00Z", ["2026/12/31/23", "2027/01/01/00"]),
        ("2026-11-22T14:00:00Z", "2026-11-22T14:00:00Z", []),
    ],
)
def test_the_hours_of_a_stretch(start: str, end: str, folders: list[str]) -> None:
    assert list(hours(seconds(start), seconds(end))) == folders


@settings(deadline=None)
@given(st.integers(0, 4_000_000_000))
def test_a_time_is_written_and_read(at: int) -> None:
    assert seconds(iso(at)) == at


def test_a_text_without_a_zone_is_of_utc_and_another_zone_is_heeded() -> None:
    assert seconds("2026-11-22T14:00:00") == seconds("2026-11-22T14:00:00Z")
    assert seconds("2026-11-22T15:00:00+01:00") == seconds("2026-11-22T14:00:00Z")
    assert iso(seconds("2026-11-22T14:00:00.999Z")) == "2026-11-22T14:00:00Z"


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01T00:00:00Z"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        seconds(text)
