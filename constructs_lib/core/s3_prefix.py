"""A prefix of a bucket, and the rights to read and write below it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import constructs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3

from .buckets import attributes_of, data_bucket
from .roles import Permissions, acknowledge_on

# Objects of up to gigabytes are uploaded in parts: AWS asks for the right to give up on them too.
_WRITE = ("s3:PutObject", "s3:AbortMultipartUpload")
_READ_WITH_KEY = ("kms:Decrypt",)
_WRITE_WITH_KEY = ("kms:Decrypt", "kms:GenerateDataKey")
_PER_REQUEST = "Objects are named per request; the prefix bounds them."


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Prefix:
    """The objects under a prefix of a bucket, to grant on."""

    bucket: s3.IBucket
    prefix: str
    key: kms.IKey | None = None
    """Encrypts the objects, where that is not the bucket's own."""

    @property
    def uri(self) -> str:
        """``s3://bucket/prefix``."""
        return f"s3://{attributes_of(self.bucket).name}/{self.prefix}"

    def arn_of(self, below: str) -> str:
        """The ARN of objects below it."""
        return f"{attributes_of(self.bucket).arn}/{self.prefix}/{below}"

    @property
    def _objects(self) -> str:
        return self.arn_of("*")

    @property
    def _listed(self) -> Mapping[str, Mapping[str, Sequence[str]]]:
        return {"StringLike": {"s3:prefix": [f"{self.prefix}/*"]}}

    def allow_read(self, permissions: Permissions) -> None:
        """The same as `let_read`, gathered."""
        permissions.allow("s3:GetObject", on=self._objects, wildcard=_PER_REQUEST)
        permissions.allow("s3:ListBucket", on=attributes_of(self.bucket).arn, conditions=self._listed)
        for key in self.keys:
            permissions.allow_key(key, *_READ_WITH_KEY)

    def allow_write(self, permissions: Permissions) -> None:
        """The same as `let_write`, gathered."""
        permissions.allow(*_WRITE, on=self._objects, wildcard=_PER_REQUEST)
        for key in self.keys:
            permissions.allow_key(key, *_WRITE_WITH_KEY)

    def let_read(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let `grantee` read the objects, and tell that one is not there yet."""
        granted = self._grant(grantee, "s3:GetObject")
        iam.Grant.add_to_principal(
            grantee=grantee,
            actions=["s3:ListBucket"],
            resource_arns=[attributes_of(self.bucket).arn],
            conditions=self._listed,
        )
        for key in self.keys:
            key.grant(grantee, *_READ_WITH_KEY)
        return granted

    def let_write(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let `grantee` write objects."""
        granted = self._grant(grantee, *_WRITE)
        for key in self.keys:
            key.grant(grantee, *_WRITE_WITH_KEY)
        return granted

    def _grant(self, grantee: iam.IGrantable, *actions: str) -> iam.Grant:
        objects = self._objects
        acknowledge_on(grantee, objects, _PER_REQUEST)
        return iam.Grant.add_to_principal(grantee=grantee, actions=list(actions), resource_arns=[objects])

    @property
    def keys(self) -> Sequence[kms.IKey]:
        """What its objects may be encrypted with."""
        return [key for key in (self.key, attributes_of(self.bucket).key) if key is not None]


def output_of(
    scope: constructs.Construct,
    *,
    what: str,
    bucket: s3.IBucket | None,
    prefix: str | None,
    default_prefix: str,
    key: kms.IKey | None,
) -> S3Prefix:
    """Where a construct puts what it makes: in `bucket`, or a new one of its own (``OutputBucket``).

    :param what: the new bucket holds, in words.
    :param key: encrypts the objects, and the new bucket.
    """
    place = data_bucket(scope, "Output", what=what, key=key) if bucket is None else bucket
    return S3Prefix(bucket=place, prefix=default_prefix if prefix is None else prefix, key=key)
