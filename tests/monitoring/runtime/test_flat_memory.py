"""Ten times the data takes no more memory. Blocks and chunks are smaller here, so that little data fills many."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from constructs_lib.core.runtime.store import FolderStore, S3Store, Store
from constructs_lib.monitoring.runtime.reading.captured import captured_items
from constructs_lib.monitoring.runtime.reading.join import JoinTally, joined
from constructs_lib.monitoring.runtime.reading.labels import label_items
from constructs_lib.monitoring.runtime.reading.lines import lines
from constructs_lib.monitoring.runtime.reading.rows import Reading, chunks
from constructs_lib.monitoring.runtime.reading.table import Chunk
from constructs_lib.monitoring.runtime.reading.tabular import data_items, table
from constructs_lib.monitoring.runtime.reading.tally import Tally
from tests.support.bucket import BUCKET, FakeBucket
from tests.support.capturing import WINDOW, captured, of_json, truth, write

NAMES = tuple(f"feature {number}" for number in range(6))
READING = Reading(columns=NAMES, outputs={"score": "0"})
RECORDS = 1500
HOUR = "2026/11/22/14"


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("constructs_lib.monitoring.runtime.reading.lines._BLOCK", 20_000)
    monkeypatch.setattr("constructs_lib.monitoring.runtime.reading.rows.MOST_ROWS", 200)


Read = Callable[[Store], Iterable[Chunk]]


def row(number: int) -> str:
    return ",".join(str(number + place / 7) for place in range(6))


def fill(root: Path, records: int, line: Callable[[int], bytes]) -> Store:
    """Captured files of 500 records, but for the last, and labels."""
    for start in range(0, records, 500):
        numbers = range(start, min(start + 500, records))
        write(root / f"capture/v/{HOUR}/{start:09}.jsonl", map(line, numbers))
        write(root / f"truth/{HOUR}/{start:09}.jsonl", (truth("1", str(number)) for number in numbers))
    return FolderStore(root)


def peak(read: Read, store: Store) -> tuple[int, int]:
    """The most bytes that were held at once, and the rows."""
    tracemalloc.start()
    try:
        rows = sum(chunk.size for chunk in read(store))
        return tracemalloc.get_traced_memory()[1], rows
    finally:
        tracemalloc.stop()


def of_capture(store: Store) -> Iterator[Chunk]:
    return chunks(lines(store, captured_items(store, "capture", WINDOW)), WINDOW, READING, Tally())


def of_join(store: Store) -> Iterator[Chunk]:
    told = lines(store, captured_items(store, "capture", WINDOW))
    truths = lines(store, label_items(store, "truth", WINDOW, within=0))
    return joined(told, truths, WINDOW, READING, JoinTally(), room=50_000)


def csv_line(number: int) -> bytes:
    return captured(row(number), "0.5", id=str(number))


def json_line(number: int) -> bytes:
    given = {name: number + place / 7 for place, name in enumerate(NAMES)}
    # Keys that none asked for, each another.
    return captured(of_json({**given, f"extra {number}": 1}), "0.5", id=str(number))


@pytest.mark.parametrize(
    ("line", "read"), [(csv_line, of_capture), (json_line, of_capture), (csv_line, of_join)]
)
def test_of_captured_records(tmp_path: Path, line: Callable[[int], bytes], read: Read) -> None:
    one, rows = peak(read, fill(tmp_path / "one", RECORDS, line))
    ten, ten_rows = peak(read, fill(tmp_path / "ten", 10 * RECORDS, line))
    assert (rows, ten_rows) == (RECORDS, 10 * RECORDS)
    assert ten < 1.2 * one


@pytest.mark.parametrize("quoted", [False, True])
def test_of_training_data(tmp_path: Path, quoted: bool) -> None:
    def read(store: Store) -> Iterator[Chunk]:
        return table(store, data_items(store), Tally(), header=False)

    def filled(name: str, rows: int) -> Store:
        before = '"a\nb",' if quoted else ""
        write(tmp_path / name / "train.csv", ((before + row(number)).encode() for number in range(rows)))
        return FolderStore(tmp_path / name)

    one, rows = peak(read, filled("one", 2 * RECORDS))
    ten, ten_rows = peak(read, filled("ten", 20 * RECORDS))
    assert (rows, ten_rows) == (2 * RECORDS, 20 * RECORDS)
    assert ten < 1.2 * one


def test_of_one_line_without_end() -> None:
    # It lies in the fake's memory before it is measured.
    def store(size: int) -> Store:
        return S3Store(FakeBucket({"long": b"x" * size}).client("s3"), BUCKET)

    def read(of: Store) -> Iterator[Chunk]:
        (unread,) = lines(of, of.items(""), longest=1_000_000)
        assert "more than 1000000" in str(unread)
        return iter(())

    few, _ = peak(read, store(5_000_000))
    many, _ = peak(read, store(50_000_000))
    assert many < 1.2 * few
