"""What the transform job reads: the plan's objects, or what the pre-processing job made of them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from botocore.exceptions import ClientError

from ...core.runtime.store import write_json
from .found import ABSENT, WORKERS, Object
from .pairing import named
from .plan import PLAN, objects_of
from .problems import InputChanged, NothingPrepared, write_problem
from .run_files import GATHERED, MANIFEST, PLANNED, PREPARED, Run


class Gathered(NamedTuple):
    """All objects that the transform job reads."""

    bucket: str
    objects: list[Object]
    """In the order of their keys."""


def list_planned(run: Run) -> dict[str, Any]:
    """Write the manifest of the plan's objects, which the pre-processing job reads; its place."""
    return {"manifest": _write_manifest(run, PLANNED, _objects(run.read(PLAN)))}


def gather(run: Run) -> dict[str, Any]:
    """Write ``gathered.json`` and ``input.manifest``; the manifest's place, and how much it names.

    Where a job prepared them, the plan's objects are looked at once more: what it read must be what was planned.
    Otherwise that is seen where they are counted.

    :raises NothingPrepared: where the job wrote nothing.
    :raises InputChanged: where an object of the plan was replaced or deleted.
    """
    found = _objects(run.read(PLAN))
    if run.settings.prepares:
        check_unchanged(run, found)
        found = _prepared(run)
    write_json(run.store, GATHERED, {"bucket": found.bucket, "objects": found.objects}, compact=True)
    return {
        "manifest": _write_manifest(run, MANIFEST, found),
        "objects": len(found.objects),
        "bytes": sum(each.size for each in found.objects),
    }


def gathered(run: Run) -> Gathered:
    """What `gather` found."""
    return _objects(run.read(GATHERED))


def _objects(file: Mapping[str, Any]) -> Gathered:
    return Gathered(file["bucket"], objects_of(file))


def _prepared(run: Run) -> Gathered:
    found = [
        Object(run.key(item.key), item.size, "") for item in run.made(PREPARED, "prepare") if item.size > 0
    ]
    if not found:
        place = run.store.uri(f"{PREPARED}/{run.attempt('prepare')}/")
        raise NothingPrepared(f"the pre-processing job wrote nothing to {place}")
    return Gathered(run.settings.bucket, found)


def _write_manifest(run: Run, name: str, found: Gathered) -> str:
    """Write a manifest of the objects; its address."""
    run.store.write(name, json.dumps(manifest(found.bucket, [each.key for each in found.objects])).encode())
    return run.store.uri(name)


def manifest(bucket: str, keys: Sequence[str]) -> list[Any]:
    """A manifest of SageMaker's: the longest folder that all have in common, and the rest of each key.

    Source: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_TransformS3DataSource.html
    """
    folder = common_folder(keys)
    return [{"prefix": f"s3://{bucket}/{folder}"}, *(key.removeprefix(folder) for key in keys)]


def common_folder(keys: Sequence[str]) -> str:
    """The longest folder that all keys lie in, with its slash; empty where there is none."""
    # All keys have in common what the first and the last in their order have.
    first, last = min(keys), max(keys)
    same = next((at for at, (one, other) in enumerate(zip(first, last, strict=False)) if one != other), None)
    shared = first[: min(len(first), len(last)) if same is None else same]
    # A key may be the folder's name itself, as a file.
    return shared[: shared.rfind("/") + 1]


# --- whether they are still the same ---------------------------------------------------------------------


def check_unchanged(run: Run, objects: Gathered) -> None:
    """Ask S3 for each object whether it is still the one that was planned.

    :raises InputChanged: naming those that are not.
    """
    with ThreadPoolExecutor(WORKERS) as pool:
        changed = list(
            _names(pool.map(lambda each: _is_same(run.client, objects.bucket, each), objects.objects))
        )
    if changed:
        error = InputChanged(
            f"{len(changed):,} of {len(objects.objects):,} input objects are not what they were when the run was "
            f"planned: {named(changed)}"
        )
        write_problem(run, "input", 0, error, f"s3://{objects.bucket}/{changed[0]}")
        raise error


def _names(answers: Iterator[tuple[str, bool]]) -> Iterator[str]:
    return (key for key, same in answers if not same)


def _is_same(client: Any, bucket: str, object: Object) -> tuple[str, bool]:
    try:
        found = client.head_object(Bucket=bucket, Key=object.key)
    except ClientError as error:
        if error.response["Error"]["Code"] in ABSENT:
            return object.key, False
        raise
    return object.key, found["ETag"].strip('"') == object.etag.strip('"')
