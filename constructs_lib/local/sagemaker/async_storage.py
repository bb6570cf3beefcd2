"""What an asynchronous endpoint reads, writes and publishes, with the rights of its execution role."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from .. import emulator
from .async_config import AsyncSettings


class DeniedError(Exception):
    """It did not work; the message says why."""


def read(url: str, settings: AsyncSettings) -> bytes:
    """The input of a request."""
    bucket, key = bucket_and_key(url)
    require_allowed(settings.role, "s3:GetObject", f"arn:aws:s3:::{bucket}/{key}")
    content = emulator.read_object(bucket, key)
    if content is None:
        raise DeniedError("The specified key does not exist.")
    return content


def write(url: str, content: bytes, settings: AsyncSettings) -> None:
    """Write a result, or a failure."""
    bucket, key = bucket_and_key(url)
    require_allowed(settings.role, "s3:PutObject", f"arn:aws:s3:::{bucket}/{key}")
    problem = emulator.write_object(bucket, key, content, kms_key=settings.kms_key)
    if problem:
        raise DeniedError(problem)


def publish(topic_arn: str, message: str, settings: AsyncSettings) -> None:
    """Tell a topic."""
    require_allowed(settings.role, "sns:Publish", topic_arn)
    problem = emulator.publish(topic_arn, message)
    if problem:
        raise DeniedError(problem)


def require_allowed(
    role: str | None, action: str, resource: str, condition_keys: Mapping[str, str] | None = None
) -> None:
    """DeniedError when IAM is enforced and the role may not."""
    if (
        role is None
        or not emulator.iam_is_enforced()
        or emulator.role_allows(role, action, resource, condition_keys)
    ):
        return
    raise DeniedError(f"The role {role} is not authorized to perform: {action} on resource: {resource}")


def bucket_and_key(url: str) -> tuple[str, str]:
    """Of `s3://bucket/key`, `https://bucket.s3.….amazonaws.com/key` or `https://s3.….amazonaws.com/bucket/key`."""
    parts = urlsplit(url)
    path = parts.path.lstrip("/")
    if parts.scheme == "s3":
        return parts.netloc, path
    bucket, virtual_hosted, _region = parts.netloc.partition(".s3")
    if virtual_hosted:
        return bucket, path
    bucket, _slash, key = path.partition("/")
    return bucket, key
