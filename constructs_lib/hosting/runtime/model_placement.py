"""Puts the archive of a model where a multi-model endpoint finds it, and takes it away again.

The physical id is the place. So a model whose place changes with its content is placed anew before the
old one goes, and a rollback of the stack finds the old one untouched.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import boto3

from .custom_resource import answer

log = logging.getLogger()
log.setLevel(logging.INFO)

NOT_PLACED = "not-placed"
"""Physical id of what never came to lie anywhere: nothing is deleted for it."""


def place(properties: Mapping[str, Any]) -> str:
    """Copy the archive, whatever its size, and tell where it lies."""
    source = {"Bucket": properties["SourceBucket"], "Key": properties["SourceKey"]}
    bucket, key = properties["Bucket"], properties["Key"]
    # Of the object's content alone: its tags and their permissions stay where they are.
    extra = {"TaggingDirective": "REPLACE"}
    boto3.client("s3").copy(source, bucket, key, ExtraArgs=extra)
    return f"s3://{bucket}/{key}"


def remove(place: str) -> None:
    """Delete the archive at `place`."""
    parts = urlsplit(place)
    boto3.client("s3").delete_object(Bucket=parts.netloc, Key=parts.path.lstrip("/"))


def handle(event: dict[str, Any], _context: object) -> None:
    """Entry point of the function."""
    before = event.get("PhysicalResourceId", NOT_PLACED)
    if event["RequestType"] == "Delete":
        _take_away(before, event["ResourceProperties"])
        answer(event, physical_id=before)
        return
    try:
        placed = place(event["ResourceProperties"])
    except Exception as error:  # whatever it is: CloudFormation waits for an answer
        log.exception("failed")
        answer(event, physical_id=before, failure=f"{type(error).__name__}: {error}")
        return
    log.info("placed %s", placed)
    answer(event, physical_id=placed)


def _take_away(place: str, properties: Mapping[str, Any]) -> None:
    if place == NOT_PLACED or properties.get("Keep") == "true":
        return
    try:
        remove(place)
    except Exception:
        # Never in the way of deleting a stack: what stays behind is an object, and a line in the log.
        log.exception("%s stays behind", place)
