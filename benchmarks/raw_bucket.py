"""A bucket with a key of its own, in raw L1s."""

from __future__ import annotations

from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3

from .raw_iam import document

_Bucket = s3.CfnBucket


@dataclass(frozen=True, slots=True)
class DataBucket:
    """What others need of it."""

    name: str
    arn: str
    key_arn: str


def data_bucket(stack: cdk.Stack, id: str, what: str) -> DataBucket:
    """Encrypted, TLS only, versioned, private, kept when the stack goes."""
    key = _key(stack, f"{id}Key", what)
    bucket = _Bucket(
        stack,
        f"{id}Bucket",
        bucket_encryption=_Bucket.BucketEncryptionProperty(
            server_side_encryption_configuration=[
                _Bucket.ServerSideEncryptionRuleProperty(
                    bucket_key_enabled=True,
                    server_side_encryption_by_default=_Bucket.ServerSideEncryptionByDefaultProperty(
                        sse_algorithm="aws:kms", kms_master_key_id=key.attr_arn
                    ),
                )
            ]
        ),
        lifecycle_configuration=_Bucket.LifecycleConfigurationProperty(
            rules=[
                _Bucket.RuleProperty(
                    status="Enabled",
                    noncurrent_version_expiration=_Bucket.NoncurrentVersionExpirationProperty(
                        noncurrent_days=30
                    ),
                    abort_incomplete_multipart_upload=_Bucket.AbortIncompleteMultipartUploadProperty(
                        days_after_initiation=7
                    ),
                )
            ]
        ),
        public_access_block_configuration=_Bucket.PublicAccessBlockConfigurationProperty(
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
        ),
        versioning_configuration=_Bucket.VersioningConfigurationProperty(status="Enabled"),
    )
    bucket.apply_removal_policy(cdk.RemovalPolicy.RETAIN)
    made = DataBucket(bucket.ref, bucket.attr_arn, key.attr_arn)
    _tls_only(stack, f"{id}BucketPolicy", made)
    return made


def _key(stack: cdk.Stack, id: str, what: str) -> kms.CfnKey:
    key = kms.CfnKey(
        stack,
        id,
        description=what,
        enable_key_rotation=True,
        key_policy=document(
            {
                "Action": "kms:*",
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:{stack.partition}:iam::{stack.account}:root"},
                "Resource": "*",
            }
        ),
    )
    key.apply_removal_policy(cdk.RemovalPolicy.RETAIN)
    return key


def _tls_only(stack: cdk.Stack, id: str, bucket: DataBucket) -> None:
    s3.CfnBucketPolicy(
        stack,
        id,
        bucket=bucket.name,
        policy_document=document(
            {
                "Action": "s3:*",
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                "Effect": "Deny",
                "Principal": {"AWS": "*"},
                "Resource": [bucket.arn, f"{bucket.arn}/*"],
            }
        ),
    )
