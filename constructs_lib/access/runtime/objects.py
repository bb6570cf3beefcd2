"""Objects of S3, by their URIs."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

_LINK_SECONDS = 300


def parts(uri: str) -> dict[str, str]:
    """``s3://bucket/key`` as S3's calls take it."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return {"Bucket": bucket, "Key": key}


def size_of(s3: Any, uri: str) -> int | None:
    """Bytes of an object; None where there is none yet."""
    try:
        return int(s3.head_object(**parts(uri))["ContentLength"])
    except ClientError as error:
        if error.response["Error"]["Code"] in ("404", "NoSuchKey", "NotFound"):
            return None
        raise


def link(s3: Any, uri: str) -> str:
    """A URL that whoever has it may read the object by, for five minutes."""
    url: str = s3.generate_presigned_url("get_object", Params=parts(uri), ExpiresIn=_LINK_SECONDS)
    return url
