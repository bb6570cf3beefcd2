"""What there is to score: the objects of a folder, or those that a manifest names."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from botocore.exceptions import ClientError

from .inputs import InputError, Place, is_arrival
from .pairing import MOST_NAMED, named

WORKERS = 32
"""Objects that are looked at at once; the client needs as many connections."""
MOST_OBJECTS = 100_000
"""Of one run: its plan, of about 30 MB then, is made and read in memory."""
_LARGEST_MANIFEST = 64 << 20
_RESERVE = 20.0
"""Seconds that are left for what comes after the look: the plan, and the start."""

ABSENT = ("NoSuchKey", "404", "NotFound")
_DENIED = ("AccessDenied", "403", "Forbidden")
"""Codes of S3: a HEAD has no body that could tell more than the status."""

Left = Callable[[], float]
"""Tells how many seconds are left."""


class Object(NamedTuple):
    """One object of an input."""

    key: str
    size: int
    etag: str
    """Without the quotation marks that S3 puts around it; empty where it is the run's own."""


@dataclass(frozen=True, slots=True)
class Found:
    """All objects of an input, in the order of their keys."""

    objects: list[Object]
    left_out: Mapping[str, int] = field(default_factory=dict)
    """How many were left out, by reason."""

    @property
    def size(self) -> int:
        """Bytes of all objects."""
        return sum(each.size for each in self.objects)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What belongs to an input, wherever it is."""

    within: str
    """What all keys of a manifest begin with."""
    arrival_suffix: str | None = None
    runs: str | None = None
    """Where in the input's bucket the runs lie, whose output never is an input; None: in another bucket."""
    most: int = MOST_OBJECTS


def look(s3: Any, place: Place, bounds: Bounds, left: Left) -> Found:
    """The objects of a folder or of a manifest.

    :raises InputError: a manifest that is none, or names what is not there, is empty or may not be read; more objects
        than a run can have, or than can be looked at in the time that is left.
    """
    if place.is_manifest:
        return Found(_headed(s3, place.bucket, _manifest(s3, place, bounds), _watch(place, bounds, left)))
    return _listed(s3, place, bounds, _watch(place, bounds, left))


def _watch(place: Place, bounds: Bounds, left: Left) -> Callable[[int], None]:
    """What is told how many objects are known so far, and ends a look that goes too far."""

    def check(count: int) -> None:
        if count > bounds.most:
            raise InputError(
                f"{place.uri} has more than {bounds.most:,} objects, and one run cannot score more"
            )
        if left() < _RESERVE:
            raise InputError(
                f"{place.uri}: the function's time was over after {count:,} objects. Give it more time, or score "
                "fewer objects a run"
            )

    return check


# --- a folder -------------------------------------------------------------------------------------------


def why_not(key: str, size: int, place: Place, bounds: Bounds) -> str | None:
    """Why an object below a folder is no part of the input; None where it is.

    As in Hadoop and Spark, whatever has a ``_`` or ``.`` before its name is no data: neither an object of such a name
    nor what lies in a folder of such a name, such as ``_temporary/``.
    """
    inside = key.removeprefix(place.key)
    if bounds.runs is not None and key.startswith(bounds.runs):
        return "of runs"
    if key.endswith("/"):
        return "folders"
    if any(each.startswith(("_", ".")) for each in inside.split("/")):
        return "hidden"
    if is_arrival(key, bounds.arrival_suffix):
        return "manifests"
    return None if size else "empty"


def _listed(s3: Any, place: Place, bounds: Bounds, check: Callable[[int], None]) -> Found:
    objects: list[Object] = []
    left_out: Counter[str] = Counter()
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=place.bucket, Prefix=place.key):
        for each in page.get("Contents", ()):
            reason = why_not(each["Key"], each["Size"], place, bounds)
            if reason is None:
                objects.append(Object(each["Key"], each["Size"], each["ETag"].strip('"')))
            else:
                left_out[reason] += 1
        check(len(objects))
    return Found(sorted(objects), dict(left_out))


# --- a manifest -----------------------------------------------------------------------------------------


def _manifest(s3: Any, place: Place, bounds: Bounds) -> list[str]:
    try:
        answer = s3.get_object(Bucket=place.bucket, Key=place.key)
    except ClientError as error:
        raise _told(error, f"the manifest {place.uri}") from error
    if answer["ContentLength"] > _LARGEST_MANIFEST:
        raise InputError(f"the manifest {place.uri} has more than {_LARGEST_MANIFEST >> 20} MiB")
    return keys_of(answer["Body"].read(), place, bounds.within)


def keys_of(body: bytes, place: Place, within: str) -> list[str]:
    """The keys that a manifest names: ``[{"prefix": "s3://bucket/folder/"}, "name", "other/name"]``.

    :raises InputError: it is no such manifest, names one object twice, or one where a run may not read.

    Source: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_TransformS3DataSource.html
    """
    first, *names = _entries(body, place)
    prefix = first.get("prefix") if isinstance(first, dict) and set(first) == {"prefix"} else None
    if not isinstance(prefix, str) or not prefix.startswith("s3://"):
        raise InputError(f'{place.uri} does not begin with {{"prefix": "s3://…"}}')
    bucket, _, start = prefix.removeprefix("s3://").partition("/")
    if bucket != place.bucket:
        raise InputError(f"{place.uri} names objects of {bucket!r}: a run reads from {place.bucket!r} only")
    if odd := [each for each in names if not isinstance(each, str) or not each or each.endswith("/")]:
        raise InputError(f"{place.uri} names {odd[0]!r}, which is no object")
    keys = [start + str(name) for name in names]
    if outside := [key for key in keys if not key.startswith(within)]:
        raise InputError(
            f"{place.uri} names {named(outside)}: this transform may only read below s3://{bucket}/{within}"
        )
    if twice := [key for key, count in Counter(keys).items() if count > 1]:
        raise InputError(f"{place.uri} names twice: {named(twice)}")
    return keys


def _entries(body: bytes, place: Place) -> list[Any]:
    try:
        entries = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InputError(f"the manifest {place.uri} is no JSON: {error}") from error
    if not isinstance(entries, list) or not entries:
        raise InputError(f'the manifest {place.uri} is no list such as [{{"prefix": "s3://…"}}, "name"]')
    return entries


def _headed(s3: Any, bucket: str, keys: list[str], check: Callable[[int], None]) -> list[Object]:
    """Look at each object, many at once, in pieces: so a look that takes too long ends."""
    check(len(keys))
    objects: list[Object] = []
    wrong: list[str] = []
    with ThreadPoolExecutor(WORKERS) as pool:
        for start in range(0, len(keys), WORKERS * 8):
            check(len(objects))
            piece = keys[start : start + WORKERS * 8]
            for found in pool.map(lambda key: _head(s3, bucket, key), piece):
                if isinstance(found, str):
                    wrong.append(found)
                else:
                    objects.append(found)
            if len(wrong) >= MOST_NAMED:
                break
    if wrong:
        raise InputError(f"the manifest names what cannot be scored: {named(wrong)}")
    return sorted(objects)


def _head(s3: Any, bucket: str, key: str) -> Object | str:
    """An object, or what is wrong with it."""
    uri = f"s3://{bucket}/{key}"
    try:
        head = s3.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        return str(_told(error, uri))
    if not head["ContentLength"]:
        return f"{uri} is empty"
    return Object(key, head["ContentLength"], head["ETag"].strip('"'))


def _told(error: ClientError, what: str) -> InputError:
    """A refusal that concerns the object; any other is raised."""
    code = error.response["Error"]["Code"]
    if code in ABSENT:
        return InputError(f"{what} is not there")
    if code in _DENIED:
        # To one who may not list, S3 denies what is not there.
        return InputError(f"{what} may not be read, or is not there")
    raise error
