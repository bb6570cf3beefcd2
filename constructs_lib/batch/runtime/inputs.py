"""Which input a run is asked to score: the configured one as of a time, or one that a request names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...core.runtime.windows import moment

_PLACEHOLDERS = {"{yyyy}": "%Y", "{mm}": "%m", "{dd}": "%d", "{hh}": "%H"}
_PLACEHOLDER = re.compile("|".join(map(re.escape, _PLACEHOLDERS)))
_MANIFEST = ".manifest"
_LONGEST_KEY = 1024
"""Bytes of UTF-8: https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html"""


class InputError(ValueError):
    """What is asked cannot be done as it is; the text says why, and what can."""


@dataclass(frozen=True, slots=True)
class Place:
    """A folder of a bucket, or a manifest in it."""

    bucket: str
    key: str
    """A folder's ends with a slash, or is empty: the whole bucket."""
    is_manifest: bool

    @property
    def uri(self) -> str:
        """``s3://bucket/key``, with the key as it is: nothing in it is encoded."""
        return f"s3://{self.bucket}/{self.key}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Configured:
    """The input as the construct describes it."""

    bucket: str
    prefix: str
    """A folder, or the key of a manifest; ``{yyyy}``, ``{mm}``, ``{dd}`` and ``{hh}`` stand for a time of UTC."""
    lag_seconds: float = 0
    """So much earlier than the time of the request is the time that fills the placeholders."""
    manifest: bool = False
    """Whether `prefix` is the key of a manifest."""

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Configured:
        """From its JSON; a folder gets the slash at its end that keeps ``day-1`` from being ``day-10`` too."""
        prefix = told["prefix"]
        if prefix and not told.get("manifest") and not prefix.endswith("/"):
            prefix += "/"
        return cls(**{**told, "prefix": prefix})

    @property
    def within(self) -> str:
        """What the keys of every input begin with: the function, and the job, may read nothing else.

        That is the folder of what comes before the first placeholder.
        """
        before = _PLACEHOLDER.split(self.prefix, maxsplit=1)[0]
        return before[: before.rfind("/") + 1]

    def at(self, seconds: float) -> Place:
        """The input of a request of that time."""
        when = moment(seconds - self.lag_seconds)
        filled = _PLACEHOLDER.sub(lambda found: when.strftime(_PLACEHOLDERS[found[0]]), self.prefix)
        return Place(self.bucket, filled, self.manifest)

    def named(self, uri: str) -> Place:
        """The input that a request names.

        :raises InputError: it is no folder and no manifest, or lies where the run may not read.
        """
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        if not uri.startswith("s3://") or not bucket:
            raise InputError(f'"input" is {uri!r}: it has to be s3://{self.bucket}/{self.within}…')
        if found := _PLACEHOLDER.search(uri):
            raise InputError(
                f'"input" is {uri!r}: {found[0]} is only filled in the configured input. Give the key as it '
                'is, or leave "input" out and give "at"'
            )
        if bucket != self.bucket or not key.startswith(self.within):
            raise InputError(
                f'"input" is {uri!r}: this transform may only read below s3://{self.bucket}/{self.within}'
            )
        if len(key.encode("utf-8", "replace")) > _LONGEST_KEY:
            raise InputError(f'"input" is {uri[:80]}…: a key has at most {_LONGEST_KEY} bytes')
        is_folder = not key or key.endswith("/")
        if not is_folder and not (self.manifest or key.endswith(_MANIFEST)):
            raise InputError(
                f'"input" is {uri!r}: a folder ends with "/", and a manifest with "{_MANIFEST}". To score one '
                "object, list it in a manifest"
            )
        return Place(bucket, key, not is_folder)


def is_arrival(key: str, suffix: str | None) -> bool:
    """Whether an object of this key says that an input has arrived.

    :param suffix: ``_SUCCESS`` is a whole name, so that ``not_SUCCESS`` is none; ``.manifest`` ends one.
    """
    if suffix is None:
        return False
    return key.rpartition("/")[2] == suffix or (suffix.startswith(".") and key.endswith(suffix))


def arrived(bucket: str, key: str) -> str:
    """The input that an object announces: the folder of a marker; a manifest is one itself."""
    return f"s3://{bucket}/{key if key.endswith(_MANIFEST) else key[: key.rfind('/') + 1]}"
