"""Chunks: whatever an object is cut into, each of its lines is there once."""

from __future__ import annotations

import gzip
import hashlib
import itertools

import pytest
from botocore.exceptions import ClientError, ResponseStreamingError
from hypothesis import given, settings
from hypothesis import strategies as st

from constructs_lib.batch.runtime import chunks
from constructs_lib.batch.runtime.chunks import Chunk, ObjectChanged, UnreadableObject, count, lines
from tests.support.bucket import BUCKET, FakeBucket

BODIES = st.lists(st.sampled_from([b"a", b"\n", b"\r\n", b" ", b"\t", b"bcd", b"\n\n", b"ef,1"])).map(
    b"".join
)


def _chunk(body: bytes, start: int = 0, end: int = -1, **more: object) -> Chunk:
    return Chunk(n=0, what="out", bucket=BUCKET, key="k", start=start, end=end, size=len(body), **more)  # type: ignore[arg-type]


def _expected(body: bytes) -> list[tuple[int, bytes]]:
    found, at = [], 0
    for line in body.split(b"\n"):
        if line.strip():
            found.append((at, line.removesuffix(b"\r")))
        at += len(line) + 1
    return found


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"BLOCK": 5, "_REST": 2, "_PIECE": 3}.items():
        monkeypatch.setattr(chunks, name, value)


@pytest.mark.usefixtures("small_blocks")
class TestRanges:
    @settings(deadline=None)
    @given(BODIES, st.lists(st.integers(0, 40)), st.booleans())
    def test_each_line_is_in_one_chunk(self, body: bytes, cuts: list[int], breaking: bool) -> None:
        s3 = FakeBucket({"k": body}, breaks_after=2 if breaking else None).client("s3")
        bounds = [0, *sorted(min(cut, len(body)) for cut in cuts), len(body)]
        parts = [_chunk(body, start, end) for start, end in itertools.pairwise(bounds)]
        assert [each for part in parts for each in lines(s3, part)] == _expected(body)
        for part in parts:
            assert count(s3, part) == len(list(lines(s3, part)))

    @settings(deadline=None)
    @given(BODIES, st.integers(1, 3))
    def test_a_gzip_file_is_read_whole(self, body: bytes, members: int) -> None:
        cut = len(body) // members
        parts = [body[i * cut : (i + 1) * cut if i < members - 1 else None] for i in range(members)]
        packed = b"".join(gzip.compress(each, mtime=0) for each in parts)
        s3 = FakeBucket({"k": packed}, breaks_after=4).client("s3")
        assert list(lines(s3, _chunk(packed, gzip=True))) == _expected(body)
        assert count(s3, _chunk(packed, gzip=True)) == len(_expected(body))

    def test_a_chunk_inside_a_long_line_reads_no_further_than_itself(self) -> None:
        body = b"x" * 100 + b"\ny\n"
        bucket = FakeBucket({"k": body})
        assert list(lines(bucket.client("s3"), _chunk(body, 10, 20))) == []
        assert len(bucket.calls) == 3  # 11 bytes, in blocks of 5
        assert list(lines(bucket.client("s3"), _chunk(body, 101, 102))) == [(101, b"y")]

    def test_an_empty_range_asks_for_nothing(self) -> None:
        bucket = FakeBucket({"k": b""})
        assert list(lines(bucket.client("s3"), _chunk(b""))) == []
        assert count(bucket.client("s3"), _chunk(b"", gzip=True)) == 0
        assert bucket.calls == []

    def test_a_line_beyond_measure_is_an_error(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(chunks, "LONGEST_LINE", 8)
        body = b"ok\n" + b"x" * 30
        with pytest.raises(UnreadableObject, match=r"s3://captured/k .* more than 8 bytes at byte 3"):
            list(lines(FakeBucket({"k": body}).client("s3"), _chunk(body)))

    def test_an_object_that_is_replaced_while_it_is_read(self) -> None:
        bucket = FakeBucket({"k": b"a\n" * 10})
        reading = lines(bucket.client("s3"), _chunk(b"a\n" * 10))
        next(reading)
        bucket.objects["k"] = b"b\n" * 10
        with pytest.raises(ObjectChanged, match="s3://captured/k"):
            list(reading)

    @pytest.mark.parametrize("now", [b"b\n" * 10, b"a\n", None])
    def test_an_object_that_was_replaced_before(self, now: bytes | None) -> None:
        body = b"a\n" * 10
        chunk = _chunk(body, 10, 20, etag=hashlib.sha256(body).hexdigest())
        bucket = FakeBucket({"k": body})
        assert count(bucket.client("s3"), chunk) == 5
        bucket.objects = {} if now is None else {"k": now}
        with pytest.raises(ObjectChanged):
            count(bucket.client("s3"), chunk)

    def test_trouble_that_is_not_the_objects_is_no_change(self) -> None:
        s3 = FakeBucket({"k": b"a\n"}, unreadable=frozenset(["k"])).client("s3")
        with pytest.raises(ClientError, match="AccessDenied"):
            count(s3, _chunk(b"a\n"))

    def test_an_object_that_is_shorter_though_nobody_knew_its_etag(self) -> None:
        with pytest.raises(ObjectChanged):
            count(FakeBucket({"k": b"a\n"}).client("s3"), _chunk(b"a\n" * 10))

    def test_a_download_that_gets_nowhere(self) -> None:
        s3 = FakeBucket({"k": b"a\n" * 10}, breaks_after=0).client("s3")
        with pytest.raises(ResponseStreamingError):
            count(s3, _chunk(b"a\n" * 10))


def test_a_download_that_breaks_often_but_gets_on() -> None:
    body = b"a line\n" * 30
    bucket = FakeBucket({"k": body}, breaks_after=20)
    assert count(bucket.client("s3"), _chunk(body)) == 30
    assert len(bucket.calls) == 11


@pytest.mark.parametrize(
    "packed",
    [b"no gzip", gzip.compress(b"a\n" * 99, mtime=0)[:-3], gzip.compress(b"a", mtime=0) + b"x"],
    ids=["none", "cut", "surplus"],
)
def test_a_broken_gzip_file(packed: bytes) -> None:
    with pytest.raises(UnreadableObject, match=r"s3://captured/k is (no|a) gzip"):
        count(FakeBucket({"k": packed}).client("s3"), _chunk(packed, gzip=True))


def test_padding_after_a_gzip_file() -> None:
    packed = gzip.compress(b"a\nb") + b"\0" * 9
    assert count(FakeBucket({"k": packed}).client("s3"), _chunk(packed, gzip=True)) == 2


def test_what_expands_beyond_a_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "BLOCK", 1000)
    packed = gzip.compress(b"12345\n" * 10_000)
    assert count(FakeBucket({"k": packed}).client("s3"), _chunk(packed, gzip=True)) == 10_000


def test_a_chunk_as_json() -> None:
    chunk = _chunk(b"abc", 1, 2, file=7, etag='"e"')
    assert Chunk.from_json(chunk.to_json()) == chunk
    assert chunk.to_json()["start"] == 1
    assert (chunk.length, _chunk(b"abc").length, chunk.position(12)) == (1, 3, "7:12")
    with pytest.raises(TypeError):
        Chunk.from_json({**chunk.to_json(), "surplus": 1})
