"""Puts the archive of a model where a multi-model endpoint finds it, and takes it away again.

The physical id is the place. So a model whose place changes with its content is placed anew before the
old one goes, and a rollback of the stack finds the old one untouched.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import boto3
from boto3.s3.transfer import TransferConfig

from ...core.runtime.custom_resource import answer

log = logging.getLogger()
log.setLevel(logging.INFO)

NOT_PLACED = "not-placed"
"""Physical id of what never came to lie anywhere: nothing is deleted for it."""

_SCHEME = "s3://"
_OWNER = "placed-by"
"""Metadata of the archive: the resource that placed it, and alone may delete it."""
_PARTS = TransferConfig(multipart_threshold=64 * 1024**2, multipart_chunksize=64 * 1024**2)
"""S3 copies the parts by itself; with boto3's 8 MiB, a large model would take longer than the function may."""


def place(properties: Mapping[str, Any], owner: str) -> str:
    """Copy the archive, whatever its size, and tell where it lies."""
    source = {"Bucket": properties["SourceBucket"], "Key": properties["SourceKey"]}
    bucket, key = properties["Bucket"], properties["Key"]
    # Of the object's content alone: its tags and their permissions stay where they are.
    extra = {
        "TaggingDirective": "REPLACE",
        "MetadataDirective": "REPLACE",
        "Metadata": {_OWNER: owner},
    }
    boto3.client("s3").copy(source, bucket, key, ExtraArgs=extra, Config=_PARTS)
    return f"{_SCHEME}{bucket}/{key}"


def remove(place: str, owner: str) -> None:
    """Delete the archive at `place`, if it is still the one that `owner` placed.

    Where a construct is renamed, the resource of the new name has placed its archive there before
    CloudFormation deletes the one of the old name.
    """
    bucket, _, key = place.removeprefix(_SCHEME).partition("/")
    s3 = boto3.client("s3")
    if s3.head_object(Bucket=bucket, Key=key)["Metadata"].get(_OWNER) == owner:
        s3.delete_object(Bucket=bucket, Key=key)
    else:
        log.info("%s belongs to another resource by now", place)


def handle(event: dict[str, Any], _context: object) -> None:
    """Entry point of the function."""
    before = event.get("PhysicalResourceId", NOT_PLACED)
    owner = f"{event['StackId']} {event['LogicalResourceId']}"
    if event["RequestType"] == "Delete":
        _take_away(before, owner, event["ResourceProperties"])
        answer(event, physical_id=before)
        return
    try:
        placed = place(event["ResourceProperties"], owner)
    except Exception as error:  # whatever it is: CloudFormation waits for an answer
        log.exception("failed")
        answer(event, physical_id=before, failure=f"{type(error).__name__}: {error}")
        return
    log.info("placed %s", placed)
    answer(event, physical_id=placed)


def _take_away(place: str, owner: str, properties: Mapping[str, Any]) -> None:
    # CloudFormation makes up an id of its own for what never answered.
    if not place.startswith(_SCHEME) or properties.get("Keep") == "true":
        return
    try:
        remove(place, owner)
    except Exception:
        # Never in the way of deleting a stack: what stays behind is an object, and a line in the log.
        log.exception("%s stays behind", place)
