"""Lines of files: however the blocks fall, however long they are."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from constructs_lib.core.runtime.store import FolderStore, S3Store
from constructs_lib.monitoring.runtime.reading.lines import Line, Unread, lines, split
from tests.support.bucket import BUCKET, FakeBucket


def cut(body: bytes, size: int) -> list[bytes]:
    return [body[start : start + size] for start in range(0, len(body), size)]


@settings(deadline=None)
@given(st.text(alphabet="ab\n\ré", max_size=60), st.integers(1, 70))
def test_lines_are_those_of_the_whole_wherever_it_is_cut(text: str, size: int) -> None:
    body = text.encode()
    expected = [line.removesuffix(b"\n").removesuffix(b"\r") for line in io.BytesIO(body)]
    assert list(split(cut(body, size))) == expected


@settings(deadline=None)
@given(st.lists(st.integers(0, 12), max_size=8), st.integers(1, 30), st.booleans())
def test_lines_that_are_too_long_are_unread_and_no_others(lengths: list[int], size: int, ended: bool) -> None:
    body = b"\n".join(b"x" * length for length in lengths) + b"\n" * ended
    expected: list[Line] = [
        b"x" * length if length <= 5 else Unread("a line of more than 5 bytes") for length in lengths
    ]
    if lengths and not lengths[-1] and not ended:
        expected.pop()
    if not lengths and ended:
        expected = [b""]
    assert list(split(cut(body, size), 5)) == expected


def test_files_follow_each_other_and_their_lines_do_not_run_together(tmp_path: Path) -> None:
    (tmp_path / "1").write_bytes(b"a\nb")
    (tmp_path / "2").write_bytes(b"")
    (tmp_path / "3.gz").write_bytes(gzip.compress(b"c\n") + gzip.compress(b"d"))
    store = FolderStore(tmp_path)
    assert list(lines(store, store.items(""))) == [b"a", b"b", b"c", b"d"]


def test_a_compressed_object_is_unpacked_as_it_comes() -> None:
    bucket = FakeBucket({"a.gz": gzip.compress(b"1\n" * 100_000)}, breaks_after=100)

    store = S3Store(bucket.client("s3"), BUCKET)
    assert sum(line == b"1" for line in lines(store, store.items(""))) == 100_000


@pytest.mark.parametrize(
    "body",
    [
        b"no gzip",
        gzip.compress(b"x\n" * 10_000, mtime=0)[:-20],
        gzip.compress(b"x", mtime=0)[:12] + b"\xff" * 9,
    ],
)
def test_a_broken_gzip_file_is_unread_and_the_next_is_read(tmp_path: Path, body: bytes) -> None:
    (tmp_path / "1.gz").write_bytes(body)
    (tmp_path / "2").write_bytes(b"next")
    store = FolderStore(tmp_path)
    *_, broken, last = lines(store, store.items(""))
    assert isinstance(broken, Unread)
    assert "gzip" in broken.reason
    assert last == b"next"


def test_files_are_closed_when_nobody_reads_on(tmp_path: Path) -> None:
    (tmp_path / "1").write_bytes(b"a\nb")
    opened: list[io.BufferedReader] = []

    class Watched(FolderStore):
        def open(self, key: str) -> io.BufferedReader:
            opened.append((tmp_path / key).open("rb"))
            return opened[-1]

    store = Watched(tmp_path)
    told = lines(store, store.items(""))
    assert next(told) == b"a"
    told.close()
    assert opened[0].closed
