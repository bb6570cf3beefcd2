"""The captured records of a window: where they lie, which they are, and how they are shared out."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from constructs_lib.core.runtime.store import FolderStore, Item, Store, store_at
from constructs_lib.monitoring.runtime.reading.captured import captured_items, records, shards
from constructs_lib.monitoring.runtime.reading.lines import Unread, lines
from constructs_lib.monitoring.runtime.reading.tally import Tally
from tests.support.bucket import BUCKET, FakeBucket
from tests.support.capturing import WINDOW, captured

ENDPOINT = "capture/fraud"
FILES = {
    f"{ENDPOINT}/one/2026/11/22/13/1.jsonl": captured(event="before"),
    f"{ENDPOINT}/one/2026/11/22/14/2.jsonl": captured(event="b") + b"\n" + captured(event="c"),
    f"{ENDPOINT}/one/2026/11/22/14/1.jsonl": captured(event="a"),
    f"{ENDPOINT}/one/2026/11/22/15/1.jsonl": captured(event="late"),
    f"{ENDPOINT}/one/2026/11/22/16/1.jsonl": captured(event="later"),
    f"{ENDPOINT}/two/2026/11/22/14/1.jsonl": captured(event="two"),
    "capture/fraud-2/one/2026/11/22/14/1.jsonl": captured(event="another endpoint"),
    f"{ENDPOINT}/one/2026/11/22/140/1.jsonl": captured(event="no hour"),
}


@pytest.fixture(params=["bucket", "folder"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "bucket":
        return store_at(f"s3://{BUCKET}", FakeBucket(dict(FILES)).client("s3"))
    for key, body in FILES.items():
        FolderStore(tmp_path).write(key, body)
    return FolderStore(tmp_path)


def events(store: Store, *variants: str) -> list[str]:
    items = captured_items(store, ENDPOINT, WINDOW, variants=variants)
    return [each.event_id for each, _ in records(lines(store, items), WINDOW, Tally())]


def test_the_files_of_a_window_are_those_of_its_hours_and_one_more(store: Store) -> None:
    assert events(store) == ["a", "b", "c", "late", "two"]


def test_of_one_variant_if_asked_for(store: Store) -> None:
    assert events(store, "two") == ["two"]
    assert events(store, "two", "one") == ["two", "a", "b", "c", "late"]
    assert events(store, "absent") == []


def test_an_endpoint_without_captured_data_has_none(store: Store) -> None:
    assert captured_items(store, "capture/absent", WINDOW) == []


@pytest.mark.parametrize(
    ("at", "inside"),
    [
        ("2026-11-22T13:59:59Z", False),
        ("2026-11-22T14:00:00Z", True),
        ("2026-11-22T14:59:59Z", True),
        ("2026-11-22T15:00:00Z", False),
    ],
)
def test_a_record_is_of_the_window_by_its_own_time(at: str, inside: bool) -> None:
    tally = Tally()
    assert len(list(records([captured(at=at)], WINDOW, tally))) == inside
    assert tally == Tally(outside=not inside)


def test_what_the_monitor_asked_itself_is_left_out() -> None:
    tally = Tally()
    told = [captured(id="constructs-monitor-7"), captured(id="customer-7")]
    assert [each.key for each, _ in records(told, WINDOW, tally)] == ["customer-7"]
    assert tally == Tally(own=1)


def test_what_is_no_record_is_counted_with_its_reason_and_stops_nothing() -> None:
    tally = Tally()
    line = captured(event="é☃")
    told = [b"", b"  ", line[:-9], Unread("a line of more than 5 bytes"), b"\xff", b"[" * 100_000, line]
    assert [(each.key, size) for each, size in records(told, WINDOW, tally)] == [("é☃", len(line))]
    assert tally.unread == 4
    assert [reason.partition(":")[0] for reason in tally.reasons] == [
        "no record of data capture", "a line of more than 5 bytes", *["no record of data capture"] * 2,
    ]  # fmt: skip


SIZES = st.lists(st.integers(0, 1000), max_size=30)


@settings(deadline=None)
@given(SIZES, st.integers(1, 7), st.randoms())
def test_shards_have_each_file_once_and_are_the_same_in_any_order(
    sizes: list[int], count: int, random: object
) -> None:
    items = [Item(f"{number:03}", size) for number, size in enumerate(sizes)]
    parts = shards(items, count)
    assert sorted((each for part in parts for each in part), key=lambda each: each.key) == items
    assert all(part == sorted(part, key=lambda each: each.key) for part in parts)
    shuffled = list(items)
    random.shuffle(shuffled)
    assert shards(shuffled, count) == parts


@settings(deadline=None)
@given(SIZES, st.integers(1, 7))
def test_shards_are_about_the_same_size(sizes: list[int], count: int) -> None:
    loads = [
        sum(each.size for each in part)
        for part in shards([Item(str(i), s) for i, s in enumerate(sizes)], count)
    ]
    # Graham's bound for lists.
    assert max(loads) <= sum(sizes) / count + max(sizes, default=0)
