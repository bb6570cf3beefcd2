"""Buckets for what endpoints take in and give out."""

from __future__ import annotations

import aws_cdk as cdk
import constructs
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3

from .roles import acknowledge, both_packs


def data_bucket(
    scope: constructs.Construct, name: str, *, what: str, key: kms.IKey | None = None
) -> s3.Bucket:
    """The bucket ``<name>Bucket``: encrypted, TLS only, versioned, private, kept when the stack goes.

    :param what: it holds, in words.
    :param key: encrypts it. Default: a new one, ``<name>Key``.
    """
    bucket = s3.Bucket(
        scope,
        f"{name}Bucket",
        encryption=s3.BucketEncryption.KMS,
        encryption_key=key or kms.Key(scope, f"{name}Key", description=what, enable_key_rotation=True),
        bucket_key_enabled=True,
        enforce_ssl=True,
        versioned=True,
        block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
        removal_policy=cdk.RemovalPolicy.RETAIN,
        lifecycle_rules=[
            s3.LifecycleRule(
                noncurrent_version_expiration=cdk.Duration.days(30),
                abort_incomplete_multipart_upload_after=cdk.Duration.days(7),
            )
        ],
    )
    acknowledge(
        bucket,
        dict.fromkeys(
            (
                "AwsSolutions::AwsSolutions-S1",
                *both_packs("S3BucketLoggingEnabled", "S3BucketReplicationEnabled"),
            ),
            "One writer and few readers, all with object-level grants; CloudTrail data events serve better than "
            "access logs. Replication is the account's decision: pass a bucket that has it.",
        ),
    )
    return bucket
