"""The data of a job: from S3 to the instances and back, with the rights of a role."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .. import emulator
from .async_storage import DeniedError, bucket_and_key, require_allowed
from .job import DataError


@dataclass(frozen=True, slots=True)
class Found:
    """An object of an input, and its path below the input's folder."""

    bucket: str
    key: str
    path: str


def objects_of(uri: str, role: str | None, *, manifest: bool) -> list[Found]:
    """The objects of an input, in order of their keys; DataError when there is none."""
    try:
        found = _listed(uri, role) if manifest else _under(uri, role)
    except DeniedError as error:
        raise DataError(f"ClientError: Failed to download data. {error}") from error
    if not found:
        raise DataError(
            f'ClientError: Failed to download data. No S3 objects found under S3 URL "{uri}" '
            f"given in input data source."
        )
    return found


def with_a_place(found: list[Found]) -> list[Found]:
    """Those that have a place below a folder of this machine."""
    return [each for each in found if ".." not in Path(each.path).parts]


def share_of(found: list[Found], instance: int, instances: int) -> list[Found]:
    """What one instance gets of an input that is sharded by key."""
    return found[instance::instances]


def _under(uri: str, role: str | None) -> list[Found]:
    bucket, prefix = bucket_and_key(uri)
    require_allowed(role, "s3:ListBucket", f"arn:aws:s3:::{bucket}", {"s3:prefix": prefix})
    # A key that ends with a slash is a console's folder, without content.
    keys = [key for key in emulator.keys_under(bucket, prefix) if not key.endswith("/")]
    return [Found(bucket, key, _below(prefix, key)) for key in keys]


def _below(prefix: str, key: str) -> str:
    """The path below the prefix, which may be a folder, an object, or the beginning of a name (inferred)."""
    folder = prefix.rstrip("/") + "/"
    if prefix and key.startswith(folder):
        return key.removeprefix(folder)
    return key[prefix.rfind("/") + 1 :]


def _listed(uri: str, role: str | None) -> list[Found]:
    """What a manifest lists: `[{"prefix": "s3://…"}, "relative/key", …]`."""
    bucket, key = bucket_and_key(uri)
    try:
        prefix, *names = json.loads(_content(bucket, key, role))
        start = str(prefix["prefix"])
        found = [(name, *bucket_and_key(start + name)) for name in names]
    except (ValueError, TypeError, KeyError) as error:
        raise DataError(f'ClientError: The manifest at "{uri}" cannot be read.') from error
    return [Found(its_bucket, its_key, name.lstrip("/")) for name, its_bucket, its_key in found]


def read(found: Found, role: str | None) -> bytes:
    """The content of an object; DataError when it is not there or not for the role."""
    try:
        return _content(found.bucket, found.key, role)
    except DeniedError as error:
        raise DataError(f"ClientError: Failed to download data. {error}") from error


def _content(bucket: str, key: str, role: str | None) -> bytes:
    require_allowed(role, "s3:GetObject", f"arn:aws:s3:::{bucket}/{key}")
    content = emulator.read_object(bucket, key)
    if content is None:
        raise DeniedError(f"The specified key does not exist: s3://{bucket}/{key}")
    return content


def files_of(folder: Path) -> Iterator[Path]:
    """The files below an output's folder, in order."""
    return (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink())


def write(uri: str, name: str, content: bytes, *, role: str | None, kms_key: str | None) -> None:
    """Write a file of an output; DataError when it is refused."""
    bucket, prefix = bucket_and_key(uri)
    key = f"{prefix.rstrip('/')}/{name}" if prefix else name
    try:
        require_allowed(role, "s3:PutObject", f"arn:aws:s3:::{bucket}/{key}")
        problem = emulator.write_object(bucket, key, content, kms_key=kms_key)
        if problem:
            raise DeniedError(problem)
    except DeniedError as error:
        raise DataError(f'ClientError: Failed to upload output data to "{uri}". {error}') from error
