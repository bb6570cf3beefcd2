"""Who may read below a prefix of a bucket."""

from __future__ import annotations

from aws_cdk import aws_s3 as s3

from ..core.buckets import attributes_of
from ..core.roles import Permissions

BY_TIME = "Captured data, labels and results are named by time; prefixes bound them."


def allow_reading(permissions: Permissions, bucket: s3.IBucket, prefix: str) -> None:
    """Objects below a prefix, and which there are."""
    arn = attributes_of(bucket).arn
    permissions.allow("s3:GetObject", on=f"{arn}/{prefix}/*", wildcard=BY_TIME)
    # Without it, an object that is not there yet would be a denied one.
    permissions.allow(
        "s3:ListBucket", on=arn, conditions={"StringLike": {"s3:prefix": [f"{prefix}/*", prefix]}}
    )
    permissions.allow_key(attributes_of(bucket).key, "kms:Decrypt")
