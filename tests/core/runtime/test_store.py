"""Files in a bucket and in a folder: the same code reads both, and finds the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from botocore.exceptions import ClientError, ResponseStreamingError

from constructs_lib.core.runtime.store import (
    FolderStore,
    Item,
    S3Store,
    Store,
    read,
    read_json,
    store_at,
    write_json,
)
from tests.support.bucket import BUCKET, FakeBucket

Filled = Callable[[dict[str, bytes]], Store]


@pytest.fixture(params=["bucket", "prefix", "folder"])
def filled(request: pytest.FixtureRequest, tmp_path: Path) -> Filled:
    """What makes a store with files in it."""

    def make(files: dict[str, bytes]) -> Store:
        if request.param == "folder":
            for key, body in files.items():
                FolderStore(tmp_path).write(key, body)
            return store_at(str(tmp_path))
        prefix = "" if request.param == "bucket" else "some/prefix"
        before = f"{prefix}/" if prefix else ""
        bucket = FakeBucket({"other": b"", "some/prefixed": b""} if prefix else {})
        bucket.objects.update({before + key: body for key, body in files.items()})
        return store_at(f"s3://{BUCKET}/{prefix}", bucket.client("s3"))

    return make


FILES = {"a/b/2": b"22", "a/b/1": b"1", "a/b-c/3": b"", "a/b.txt": b"text", "a/bb": b"", "z": b"zz"}


@pytest.mark.parametrize(
    ("under", "keys"),
    [
        ("a/b", ["a/b/1", "a/b/2"]),
        ("a/b/", ["a/b/1", "a/b/2"]),
        ("a/b/1", ["a/b/1"]),
        ("z", ["z"]),
        ("", ["a/b-c/3", "a/b.txt", "a/b/1", "a/b/2", "a/bb", "z"]),
        ("absent", []),
        ("absent/", []),
    ],
)
def test_files_are_listed_in_order(filled: Filled, under: str, keys: list[str]) -> None:
    assert list(filled(FILES).items(under)) == [Item(key, len(FILES[key])) for key in keys]


@pytest.mark.parametrize(("under", "names"), [("a", ["b", "b-c"]), ("", ["a"]), ("a/b", []), ("absent", [])])
def test_folders_are_listed(filled: Filled, under: str, names: list[str]) -> None:
    store = filled(FILES)
    assert store.folders(under) == names
    assert not under or store.folders(f"{under}/") == names


def test_a_file_is_read_in_blocks(filled: Filled) -> None:
    with closing(filled({"a/b": b"12345"}).open("a/b")) as stream:
        assert [stream.read(2), stream.read(2), stream.read(2), stream.read(2)] == [b"12", b"34", b"5", b""]


def test_what_is_written_is_read(filled: Filled) -> None:
    store = filled({})
    write_json(store, "a/b/c.json", {"é": [1, None]})
    write_json(store, "a/b/c.json", {"é": [2, None]})
    assert read_json(store, "a/b/c.json") == {"é": [2, None]}
    assert [each.key for each in store.items("")] == ["a/b/c.json"]
    store.write("empty", b"")
    assert read(store, "empty") == b""


def test_what_is_not_there_is_none(filled: Filled) -> None:
    store = filled(FILES)
    assert read(store, "absent") is None
    assert read_json(store, "a/absent.json") is None
    with pytest.raises(FileNotFoundError, match="absent"):
        store.open("absent")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"1", b"\xff"])
def test_what_is_no_object_of_json_says_so(filled: Filled, body: bytes) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        read_json(filled({"a": body}), "a")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_json_has_not_is_not_written(filled: Filled, value: float) -> None:
    store = filled({})
    with pytest.raises(ValueError, match="JSON"):
        write_json(store, "a", {"value": value})
    assert read(store, "a") is None


def test_a_place_has_a_name(tmp_path: Path) -> None:
    client = FakeBucket().client("s3")
    assert store_at("s3://b/some/prefix/", client).uri("a/b") == "s3://b/some/prefix/a/b"
    assert store_at("s3://b", client).uri() == "s3://b/"
    assert store_at(str(tmp_path)).uri("a/b") == f"{tmp_path}/a/b"
    with pytest.raises(ValueError, match="no bucket"):
        store_at("s3:///prefix", client)


def test_the_marks_of_folders_that_the_console_makes_are_no_files() -> None:
    bucket = FakeBucket({"a/": b"", "a/b/": b"", "a/b/1": b""})
    assert list(S3Store(bucket.client("s3"), BUCKET).items("a")) == [Item("a/b/1", 0)]


def test_without_the_permission_to_list_what_is_not_there_is_denied_and_none() -> None:
    bucket = FakeBucket({"a": b"{}"}, may_list=False, unreadable=frozenset({"b"}))
    store = S3Store(bucket.client("s3"), BUCKET)
    assert read_json(store, "a") == {}
    assert read_json(store, "absent") is None
    # What is there and may not be read is no baseline that was never made.
    with pytest.raises(ClientError, match="AccessDenied"):
        read_json(store, "b")


@pytest.mark.parametrize("after", [1, 7, 999, 1000, 5000])
def test_a_download_that_breaks_off_is_taken_up_again(after: int) -> None:
    body = json.dumps({"numbers": list(range(200))}).encode()
    bucket = FakeBucket({"a": body}, breaks_after=after)
    assert read(S3Store(bucket.client("s3"), BUCKET), "a") == body
    assert bucket.calls.count("GetObject") == -(-len(body) // after)


def test_one_that_never_comes_on_says_so() -> None:
    bucket = FakeBucket({"a": b"12"}, breaks_after=0)
    with pytest.raises(ResponseStreamingError):
        read(S3Store(bucket.client("s3"), BUCKET), "a")


def test_and_one_whose_object_was_replaced_is_not_read_half_and_half() -> None:
    bucket = FakeBucket({"a": b"old"}, breaks_after=1)
    with closing(S3Store(bucket.client("s3"), BUCKET).open("a")) as stream:
        assert stream.read(1) == b"o"
        bucket.objects["a"] = b"new"
        with pytest.raises(ClientError, match="PreconditionFailed"):
            stream.read(1)
