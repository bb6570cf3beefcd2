"""Where files lie: a bucket, or a folder as a processing container has it. The same keys in both."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import boto3
from botocore.exceptions import ClientError, IncompleteReadError, ReadTimeoutError, ResponseStreamingError

_TRIES = 3
"""So often in a row a broken download is taken up again."""


@dataclass(frozen=True, slots=True)
class Item:
    """A file."""

    key: str
    size: int
    """Bytes, as it lies there."""


class Stream(Protocol):
    """What can be read block by block."""

    def read(self, size: int = ..., /) -> bytes:
        """The next bytes, at most `size`; none at the end."""
        ...

    def close(self) -> None:
        """Let it go."""
        ...


class Store(Protocol):
    """Keys are relative to where the store begins, with ``/`` between folders."""

    def uri(self, key: str = "") -> str:
        """What a person calls it."""
        ...

    def items(self, under: str) -> Iterator[Item]:
        """The file `under`, and all files in the folder of that name; in the order of their keys."""
        ...

    def folders(self, under: str) -> list[str]:
        """The names of the folders in the folder `under`, sorted."""
        ...

    def open(self, key: str) -> Stream:
        """A file, to be read in blocks; FileNotFoundError where there is none."""
        ...

    def write(self, key: str, body: bytes, content_type: str = "application/json") -> None:
        """Write a file, whole or not at all."""
        ...


def store_at(place: str, client: Any = None) -> Store:
    """The store that begins at ``s3://bucket/prefix``, or at a folder.

    :param client: S3's; by default one of the surroundings.
    """
    if not place.startswith("s3://"):
        return FolderStore(Path(place))
    bucket, _, prefix = place.removeprefix("s3://").partition("/")
    if not bucket:
        raise ValueError(f"{place!r} names no bucket")
    return S3Store(boto3.client("s3") if client is None else client, bucket, prefix)


def read(store: Store, key: str) -> bytes | None:
    """A whole file; None where there is none."""
    try:
        stream = store.open(key)
    except FileNotFoundError:
        return None
    try:
        return b"".join(iter(lambda: stream.read(1 << 20), b""))
    finally:
        stream.close()


def read_json(store: Store, key: str) -> dict[str, Any] | None:
    """An object of JSON; None where there is no file, ValueError where it is something else."""
    body = read(store, key)
    if body is None:
        return None
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{store.uri(key)} is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise ValueError(f"{store.uri(key)} has no JSON object")
    return found


def write_json(store: Store, key: str, value: Mapping[str, Any], *, compact: bool = False) -> None:
    """Write an object of JSON; ValueError for NaN and infinity, which are none.

    :param compact: without what makes it easy to read.
    """
    layout: dict[str, Any] = {"separators": (",", ":")} if compact else {"indent": 1}
    store.write(key, json.dumps(value, allow_nan=False, **layout).encode())


class FolderStore:
    """A folder on this machine."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def uri(self, key: str = "") -> str:
        """Its path."""
        return str(self._root / key)

    def items(self, under: str) -> Iterator[Item]:
        """The files, in the order of their keys."""
        place = self._root / under
        found = [place] if place.is_file() else [each for each in place.rglob("*") if each.is_file()]
        for key, path in sorted((each.relative_to(self._root).as_posix(), each) for each in found):
            yield Item(key, path.stat().st_size)

    def folders(self, under: str) -> list[str]:
        """The names of the folders."""
        place = self._root / under
        return sorted(each.name for each in place.iterdir() if each.is_dir()) if place.is_dir() else []

    def open(self, key: str) -> Stream:
        """A file, to be read in blocks."""
        return (self._root / key).open("rb")

    def write(self, key: str, body: bytes, content_type: str = "application/json") -> None:
        """Write a file beside its place and move it there."""
        path = self._root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{path.name}.{os.getpid()}")
        beside.write_bytes(body)
        beside.replace(path)


class S3Store:
    """A prefix in a bucket. It needs ``s3:GetObject``, ``s3:PutObject`` and ``s3:ListBucket``."""

    def __init__(self, client: Any, bucket: str, prefix: str = "") -> None:
        self._client = client
        self._bucket = bucket
        self._prefix = f"{prefix.rstrip('/')}/" if prefix.rstrip("/") else ""

    def uri(self, key: str = "") -> str:
        """``s3://bucket/prefix/key``."""
        return f"s3://{self._bucket}/{self._prefix}{key}"

    def items(self, under: str) -> Iterator[Item]:
        """The objects; S3 lists them in the order of their keys."""
        whole = (self._prefix + under).rstrip("/")
        # A policy may allow the listing of one folder only: with a slash at its end it is that.
        asked = f"{whole}/" if whole and (under.endswith("/") or not under) else whole
        for page in self._pages(Prefix=asked):
            for each in page.get("Contents", ()):
                key = each["Key"]
                inside = not whole or key == whole or key.startswith(f"{whole}/")
                if inside and not key.endswith("/"):
                    yield Item(key.removeprefix(self._prefix), each["Size"])

    def folders(self, under: str) -> list[str]:
        """The names of the folders."""
        whole = (self._prefix + under).rstrip("/")
        asked = f"{whole}/" if whole else ""
        # S3 sorts them with the slash at their end, which comes after a hyphen.
        return sorted(
            each["Prefix"].removeprefix(asked).rstrip("/")
            for page in self._pages(Prefix=asked, Delimiter="/")
            for each in page.get("CommonPrefixes", ())
        )

    def _pages(self, **asked: str) -> Iterator[dict[str, Any]]:
        yield from self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, **asked)

    def open(self, key: str) -> Stream:
        """An object, to be read in blocks; a download that breaks off is taken up where it was."""
        whole = self._prefix + key
        try:
            return _Download(self._client, {"Bucket": self._bucket, "Key": whole})
        except ClientError as error:
            if _is_absent(error):
                raise FileNotFoundError(f"s3://{self._bucket}/{whole}") from error
            raise

    def write(self, key: str, body: bytes, content_type: str = "application/json") -> None:
        """Put an object."""
        self._client.put_object(
            Bucket=self._bucket, Key=self._prefix + key, Body=body, ContentType=content_type
        )


def _is_absent(error: ClientError) -> bool:
    """Whether there is no object of that key.

    To one who may not list the bucket S3 denies what is not there; the action that it names tells it from
    an object that may not be read (*inferred* from messages of S3; a bare "Access Denied" is taken for one).
    """
    told = error.response["Error"]
    if told["Code"] == "AccessDenied":
        return "s3:ListBucket" in told.get("Message", "")
    return bool(told["Code"] == "NoSuchKey")


class _Download:
    """The body of an object."""

    def __init__(self, client: Any, asked: dict[str, str]) -> None:
        self._client, self._asked = client, asked
        self._offset = 0
        found = client.get_object(**asked)
        self._body, self._etag = found["Body"], found["ETag"]

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes, at most `size`."""
        for left in reversed(range(_TRIES)):
            try:
                block: bytes = self._body.read(size if size >= 0 else None)
            except (ReadTimeoutError, ResponseStreamingError, IncompleteReadError):
                if not left:
                    raise
                self._resume()
            else:
                self._offset += len(block)
                return block
        raise AssertionError("the last try returns or raises")

    def _resume(self) -> None:
        self._body.close()
        # The same object still: one that was replaced in between would be read half and half.
        rest = {"Range": f"bytes={self._offset}-", "IfMatch": self._etag}
        self._body = self._client.get_object(**self._asked, **rest)["Body"]

    def close(self) -> None:
        """Let the connection go."""
        self._body.close()
