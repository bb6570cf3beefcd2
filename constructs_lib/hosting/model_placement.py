"""Model placement: copies archives to where multi-model endpoints find them, while a stack deploys."""

from __future__ import annotations

import posixpath
from functools import cache

import aws_cdk as cdk
import constructs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3

from ..core.place import stack_of
from ..core.roles import acknowledge_wildcard
from ..model.data import ArchivedModel, ModelDataPrefix
from .stack_function import stack_function

_ID = "ConstructsLibModelPlacement"
_PATIENCE_SECONDS = 600


class ModelPlacement(constructs.Construct):
    """The placement of one stack, with one function; get it with `ModelPlacement.of`."""

    def __init__(self, scope: constructs.Construct, id: str) -> None:
        super().__init__(scope, id)
        self.function = stack_function(
            self,
            handler="model_placement.handle",
            description="Places models for multi-model endpoints",
            role_description="Copies model archives to the prefixes of multi-model endpoints",
        )
        self._allowed: set[str] = set()

    @staticmethod
    def of(scope: constructs.Construct) -> ModelPlacement:
        """The placement of the stack that `scope` is in, made on first use."""
        return _placement_of(stack_of(scope))

    def place(
        self,
        scope: constructs.Construct,
        archived: ArchivedModel,
        *,
        into: ModelDataPrefix,
        key: str,
        keep: bool,
    ) -> cdk.CfnResource:
        """Copy `archived` to `key` below the prefix `into`, as the resource ``Resource`` of `scope`."""
        self._let_read(archived)
        self._let_write(into)
        return cdk.CfnResource(
            scope,
            "Resource",
            type="Custom::HostedModel",
            properties={
                "ServiceToken": self.function.function_arn,
                "ServiceTimeout": str(_PATIENCE_SECONDS),
                "SourceBucket": archived.bucket.bucket_name,
                "SourceKey": archived.key,
                # A change of content under the same key is a change of the resource.
                "Fingerprint": archived.fingerprint,
                "Bucket": into.bucket.bucket_name,
                "Key": f"{into.prefix}{key}",
                "Keep": "true" if keep else "false",
            },
        )

    def _let_read(self, archived: ArchivedModel) -> None:
        # By folder, not by object: the policy of a role has room for 10,240 characters, about 80 keys.
        folder = posixpath.dirname(archived.key)
        self._allow(archived.bucket, f"{folder}/*" if folder else "*", "s3:GetObject")
        if archived.bucket.encryption_key is not None:
            archived.bucket.encryption_key.grant_decrypt(self.function)

    def _let_write(self, into: ModelDataPrefix) -> None:
        actions = ("s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload")
        self._allow(into.bucket, f"{into.prefix}*", *actions)
        if into.bucket.encryption_key is not None:
            into.bucket.encryption_key.grant(self.function, "kms:Decrypt", "kms:GenerateDataKey")

    def _allow(self, bucket: s3.IBucket, keys: str, *actions: str) -> None:
        objects = bucket.arn_for_objects(keys)
        if f"{actions} {objects}" in self._allowed:
            return
        self._allowed.add(f"{actions} {objects}")
        self.function.add_to_role_policy(iam.PolicyStatement(actions=list(actions), resources=[objects]))
        acknowledge_wildcard(self, objects, "One policy of constant size, however many models there are.")


@cache
def _placement_of(stack: cdk.Stack) -> ModelPlacement:
    return ModelPlacement(stack, _ID)
