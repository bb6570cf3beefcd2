"""Ground truth joined to rows: by the ids of records, however late and in whatever order, in bounded memory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from constructs_lib.core.runtime.store import FolderStore, Item
from constructs_lib.core.runtime.windows import HOUR, Window, seconds
from constructs_lib.monitoring.runtime.reading.join import JoinTally, Truth, joined
from constructs_lib.monitoring.runtime.reading.labels import label_items, labels
from constructs_lib.monitoring.runtime.reading.lines import Line, Unread, lines
from constructs_lib.monitoring.runtime.reading.rows import Reading
from constructs_lib.monitoring.runtime.reading.table import Cell
from constructs_lib.monitoring.runtime.reading.tally import Tally
from tests.support.capturing import WINDOW, captured, truth, whole

READING = Reading(columns=("a",), outputs={"prediction": "0"})
ROOMS = pytest.mark.parametrize("room", [10**9, 0], ids=["in memory", "on disk"])


def join(
    told: list[Line], truths: list[Line], room: int = 10**9, **how: Any
) -> tuple[dict[str, list[Cell]], JoinTally]:
    tally = JoinTally()
    return whole(joined(told, truths, WINDOW, READING, tally, room=room, **how)), tally


def rows_of(columns: dict[str, list[Cell]]) -> list[tuple[Cell, ...]]:
    rows = zip(*(columns.get(name, []) for name in ("a", "prediction", "label")), strict=True)
    return sorted(rows, key=str)


@ROOMS
def test_labels_are_joined_by_the_callers_id_or_else_the_events(room: int) -> None:
    told = [
        captured("1", "yes", id="mine", event="e1"),
        captured("2", "no", event="e2"),
        captured("3", "no", id="unlabelled", event="e3"),
    ]
    # That of e1 names nothing: the caller's id does.
    truths = [truth("0", "e2"), truth("1", "mine"), truth("1", "another window's"), truth("9", "e1")]
    columns, tally = join(told, truths, room)
    assert rows_of(columns) == [("1", "yes", "1"), ("2", "no", "0")]
    assert (tally.matched, tally.unlabelled, tally.unused) == (2, 1, 2)
    assert (tally.duplicates, tally.mismatched) == (0, 0)
    assert (tally.captured.records, tally.truth.records) == (3, 4)


@ROOMS
def test_the_last_label_of_a_key_counts(room: int) -> None:
    truths = [truth("old", "k"), truth("x", "other"), truth("newer", "k"), truth("newest", "k")]
    columns, tally = join([captured("1", "p", id="k")], truths, room)
    assert rows_of(columns) == [("1", "p", "newest")]
    assert (tally.duplicates, tally.unused) == (2, 1)


@ROOMS
def test_two_records_of_one_id_both_get_its_label(room: int) -> None:
    columns, tally = join([captured("1", "p", id="k"), captured("2", "q", id="k")], [truth("1", "k")], room)
    assert rows_of(columns) == [("1", "p", "1"), ("2", "q", "1")]
    assert (tally.matched, tally.unused) == (2, 0)


@ROOMS
def test_a_record_of_several_rows_has_a_label_for_each(room: int) -> None:
    told = [captured("1\n2\n3", "p\nq\nr", id=key) for key in ("lines", "line", "json")]
    truths = [truth("x\ny\nz", "lines"), truth("[4, 5, 6]", "json", "JSON"), truth("x\ny", "line")]
    columns, tally = join(told, truths, room)
    assert rows_of(columns) == [
        *(("1", "p", "x"), ("1", "p", 4)),
        *(("2", "q", "y"), ("2", "q", 5)),
        *(("3", "r", "z"), ("3", "r", 6)),
    ]
    assert (tally.matched, tally.unlabelled, tally.mismatched, tally.unused) == (6, 3, 1, 0)


@ROOMS
@pytest.mark.parametrize("data", ["x", "x\ny\nz"])
def test_a_record_with_fewer_or_more_labels_than_rows_has_none(room: int, data: str) -> None:
    columns, tally = join([captured("1\n2", "p\nq", id="k")], [truth(data, "k")], room)
    assert columns == {}
    assert (tally.matched, tally.unlabelled, tally.mismatched, tally.unused) == (0, 2, 1, 0)


@ROOMS
def test_a_row_that_cannot_be_read_takes_no_label_of_another(room: int) -> None:
    told = [captured("1\n2,2\n3", "p\nq\nr", id="k")]
    columns, tally = join(told, [truth("x\ny\nz", "k")], room)
    assert rows_of(columns) == [("1", "p", "x"), ("3", "r", "z")]
    assert (tally.matched, tally.captured.unread) == (2, 1)


def test_labels_in_one_line_are_read_as_answers_are() -> None:
    # One line of three cells is one row of which the first counts: the number of rows is not known here.
    columns, tally = join(
        [captured("1", "p", id="k")], [truth("x,y", "k")], of=Truth(path="1", column="right")
    )
    assert columns == {"right": ["y"], "prediction": ["p"], "a": ["1"]}
    assert tally.matched == 1


@ROOMS
def test_ids_may_be_anything(room: int) -> None:
    ids = ["é☃", "\ud800", "a\nb", '"', "x" * 1000]
    told = [captured(str(number), "p", id="?").replace(b'"?"', _quoted(id)) for number, id in enumerate(ids)]
    columns, tally = join(told, [truth("1", id) for id in ids], room)
    assert sorted(map(str, columns["a"])) == ["0", "1", "2", "3", "4"]
    assert tally.unused == 0


def _quoted(text: str) -> bytes:
    return json.dumps(text).encode()


@ROOMS
@pytest.mark.parametrize("truths", [[], [truth("1", "other")]])
def test_without_labels_nothing_is_joined(room: int, truths: list[Line]) -> None:
    columns, tally = join([captured("1", "p")], truths, room)
    assert columns == {}
    assert tally.unlabelled == 1


def test_what_is_no_ground_truth_is_counted_and_stops_nothing() -> None:
    tally = Tally()
    told: list[Line] = [
        *(b"{", b"[]", b"null", b"\xff", b"[" * 100_000, b"", b" "),
        Unread("a line of more than 5 bytes"),
        truth("1", "k").replace(b"eventId", b"id"),
        truth("1", "k").replace(b"groundTruthData", b"data"),
        truth("", "empty"),
        truth("{", "k", "JSON"),
        truth("1", "k"),
    ]
    assert [(each.key, each.values) for each in labels(told, tally)] == [("k", ["1"])]
    assert (tally.records, tally.rows, tally.unread) == (1, 1, 10)


def test_labels_are_waited_for() -> None:
    def folders(within: float, window: Window = WINDOW) -> list[str]:
        return [
            item.key.removeprefix("truth/") for item in label_items(store, "truth", window, within=within)
        ]

    store = _Everywhere()
    assert folders(0) == folders(HOUR) == ["2026/11/22/14/"]
    assert folders(HOUR + 1) == ["2026/11/22/14/", "2026/11/22/15/"]
    assert len(folders(48 * HOUR)) == 48
    short = Window(seconds("2026-11-22T14:45:00"), seconds("2026-11-22T15:00:00"))
    assert folders(HOUR, short) == ["2026/11/22/14/", "2026/11/22/15/"]


class _Everywhere(FolderStore):
    """A file in each folder that is asked for."""

    def __init__(self) -> None:
        super().__init__(Path())

    def items(self, under: str) -> Iterator[Item]:
        yield Item(under, 1)


def test_labels_of_later_files_count(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    store.write("truth/2026/11/22/20/a.jsonl", truth("late", "k"))
    store.write("truth/2026/11/22/14/z.jsonl", truth("early", "k"))
    store.write("truth/2026/11/23/14/z.jsonl", truth("too late", "k"))
    store.write("truth/2026/11/22/13/z.jsonl", truth("too early", "k"))
    told = lines(store, label_items(store, "truth", WINDOW, within=24 * HOUR))
    columns, _ = join([captured("1", "p", id="k")], list(told))
    assert columns["label"] == ["late"]


def test_nothing_is_left_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    told = [captured("1", "p", id=str(number)) for number in range(5000)]
    truths = [truth("1", str(number)) for number in range(5000)]
    found = joined(told, truths, WINDOW, READING, JoinTally(), room=0)
    assert next(found).size == 2000
    assert list(tmp_path.iterdir())
    found.close()
    assert not list(tmp_path.iterdir())


KEYS = st.lists(st.sampled_from("abcdefg"), max_size=12)


@settings(max_examples=40, deadline=None)
@given(KEYS, KEYS, st.integers(0, 3000))
def test_on_disk_is_as_in_memory(records: list[str], labelled: list[str], room: int) -> None:
    told: list[Line] = [captured(str(number), "p", id=key) for number, key in enumerate(records)]
    truths: list[Line] = [truth(str(number), key) for number, key in enumerate(labelled)]
    right = {key: str(number) for number, key in enumerate(labelled)}
    expected = [(str(number), "p", right[key]) for number, key in enumerate(records) if key in right]
    columns, tally = join(told, truths, room)
    assert rows_of(columns) == sorted(expected, key=str)
    assert tally.matched == len(expected)
    assert tally.unlabelled == len(records) - len(expected)
    assert tally.unused == len(set(labelled) - set(records))
    assert tally.duplicates == len(labelled) - len(set(labelled))


def test_what_shards_joined_is_added_up() -> None:
    one, other = (
        JoinTally(matched=1, unlabelled=2),
        JoinTally(matched=3, mismatched=4, unused=5, duplicates=6),
    )
    one.captured.rows, other.captured.rows, other.truth.rows = 1, 2, 3
    one.merge(other)
    expected = JoinTally(matched=4, unlabelled=2, mismatched=4, unused=5, duplicates=6)
    expected.captured.rows, expected.truth.rows = 3, 3
    assert one == expected
