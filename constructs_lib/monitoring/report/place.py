"""Where a window lies: in a folder, or below a prefix of a bucket. Read only, and errors say what to do.

boto3 is needed, and imported, for buckets alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

WINDOW = re.compile(r"(?:^|/)(\d{4})/(\d{2})/(\d{2})/(\d{2})(\d{2})?/?$")
"""yyyy/mm/dd/hhmm, and yyyy/mm/dd/hh as Model Monitor has it."""


class ReportError(Exception):
    """There can be no report, and why."""


class Place(Protocol):
    """A folder of either kind."""

    @property
    def text(self) -> str:
        """How a person writes it."""

    def read(self, name: str) -> bytes | None:
        """A file in it; None: there is none. :raises ReportError: it cannot be read."""

    def within(self, path: str) -> Place:
        """A folder below it."""

    def above(self, levels: int) -> Place:
        """The folder so many levels above it."""

    def folders(self) -> list[str]:
        """The names of the folders in it, sorted."""


@dataclass(frozen=True, slots=True)
class Folder:
    """On this machine."""

    path: Path

    @property
    def text(self) -> str:
        """Its path as it was given."""
        return str(self.path)

    def read(self, name: str) -> bytes | None:
        """A file in it."""
        try:
            return (self.path / name).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise ReportError(f"cannot read {self.path / name}: {error.strerror}") from None

    def within(self, path: str) -> Folder:
        """A folder below it."""
        return Folder(self.path / path)

    def above(self, levels: int) -> Folder:
        """A folder above it; above a relative path lies what is above it in truth."""
        return Folder(self.path.absolute().parents[levels - 1])

    def folders(self) -> list[str]:
        """Sorted."""
        try:
            return sorted(each.name for each in self.path.iterdir() if each.is_dir())
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise ReportError(f"cannot list {self.path}: {error.strerror}") from None


@dataclass(frozen=True, slots=True)
class Prefix:
    """In S3."""

    client: Any
    bucket: str
    key: str
    """Without a slash at its end."""

    @property
    def text(self) -> str:
        """As a URI."""
        return f"s3://{self.bucket}/{self.key}/" if self.key else f"s3://{self.bucket}/"

    def read(self, name: str) -> bytes | None:
        """A file in it."""
        key = f"{self.key}/{name}".lstrip("/")
        with _asking(f"s3://{self.bucket}/{key}"):
            try:
                return bytes(self.client.get_object(Bucket=self.bucket, Key=key)["Body"].read())
            except self.client.exceptions.NoSuchKey:
                return None

    def within(self, path: str) -> Prefix:
        """A folder below it."""
        return Prefix(self.client, self.bucket, f"{self.key}/{path}".strip("/"))

    def above(self, levels: int) -> Prefix:
        """A folder above it."""
        return Prefix(self.client, self.bucket, "/".join(self.key.split("/")[:-levels]))

    def folders(self) -> list[str]:
        """Sorted."""
        prefix = f"{self.key}/" if self.key else ""
        with _asking(self.text):
            pages = self.client.get_paginator("list_objects_v2").paginate(
                Bucket=self.bucket, Prefix=prefix, Delimiter="/"
            )
            found = [each["Prefix"] for page in pages for each in page.get("CommonPrefixes", ())]
        return sorted(each[len(prefix) : -1] for each in found)


@contextmanager
def _asking(what: str) -> Iterator[None]:
    """What S3, or the way to it, has to complain of becomes an error with a reason."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        raise _refused(error, what) from None
    except BotoCoreError as error:
        raise ReportError(f"cannot read {what}: {error}") from None


def _refused(error: Any, what: str) -> ReportError:
    """What AWS said, and of what."""
    code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
    if code in ("AccessDenied", "403", "AllAccessDisabled"):
        return ReportError(
            f"no access to {what}, or there is nothing (without s3:ListBucket S3 does not tell which): {message}. "
            "You need s3:GetObject and s3:ListBucket there, and kms:Decrypt where the bucket has a key of its own"
        )
    if code == "NoSuchBucket":
        return ReportError(f"there is no such bucket: {what}")
    return ReportError(f"AWS refuses {error.operation_name} of {what}: {message} ({code})")


def place_of(text: str, s3: Callable[[], Any]) -> Place:
    """A folder, or ``s3://bucket/prefix``.

    :param s3: makes the client, where one is needed.
    """
    if not text.startswith("s3://"):
        return Folder(Path(text))
    bucket, _, key = text.removeprefix("s3://").partition("/")
    if not bucket:
        raise ReportError(f"{text!r} names no bucket: s3://BUCKET/PREFIX")
    return Prefix(s3(), bucket, re.sub(r"/+", "/", key).strip("/"))


def json_of(place: Place, name: str) -> dict[str, Any] | None:
    """A file's content; None: there is no such file.

    :raises ReportError: it is no JSON object.
    """
    content = place.read(name)
    if content is None:
        return None
    where = f"{place.text.rstrip('/')}/{name}"
    try:
        given = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ReportError(f"{where} is no JSON: {error}") from None
    if not isinstance(given, dict):
        raise ReportError(f"{where} is not what an analyzer writes: no object")
    return given


def windows(prefix: Place, days: list[str]) -> Iterator[str]:
    """The windows below a monitor's prefix on these days (yyyy/mm/dd), sorted: yyyy/mm/dd/hhmm."""
    for day in days:
        for hour in prefix.within(day).folders():
            if WINDOW.search(f"{day}/{hour}"):
                yield f"{day}/{hour}"


def latest(prefix: Place) -> str | None:
    """The last window below a monitor's prefix."""
    path = ""
    for pattern in (r"\d{4}", r"\d{2}", r"\d{2}", r"\d{4}|\d{2}"):
        here = prefix.within(path) if path else prefix
        found = [name for name in here.folders() if re.fullmatch(pattern, name)]
        if not found:
            return None
        path = f"{path}/{found[-1]}".lstrip("/")
    return path
