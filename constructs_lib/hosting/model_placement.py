"""Model placement: copies archives to where multi-model endpoints find them, while a stack deploys."""

from __future__ import annotations

import json
import posixpath
from collections import Counter
from collections.abc import Sequence
from functools import cache

import aws_cdk as cdk
import constructs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3

from ..core.buckets import attributes_of
from ..core.place import stack_of
from ..core.roles import acknowledge_wildcard
from ..core.tokens import is_token
from ..model.data import ArchivedModel, ModelDataPrefix
from .stack_function import stack_function

_ID = "ConstructsLibModelPlacement"
_PATIENCE_SECONDS = 600
_FOLDERS_OF_A_BUCKET = 10


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
        self._service_token = self.function.function_arn
        self._names: dict[s3.IBucket, str] = {}
        self._allowed: set[str] = set()
        self._reads: Counter[str] = Counter()
        self._taken: set[str] = set()

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
        self._taken.add(self._place_of(into, key))
        self._let_read(archived)
        self._let_write(into)
        return cdk.CfnResource(
            scope,
            "Resource",
            type="Custom::HostedModel",
            properties={
                "ServiceToken": self._service_token,
                "ServiceTimeout": str(_PATIENCE_SECONDS),
                "SourceBucket": attributes_of(archived.bucket).name,
                "SourceKey": archived.key,
                # A change of content under the same key is a change of the resource.
                "Fingerprint": archived.fingerprint,
                "Bucket": attributes_of(into.bucket).name,
                "Key": f"{into.prefix}{key}",
                "Keep": "true" if keep else "false",
            },
        )

    def is_taken(self, into: ModelDataPrefix, key: str) -> bool:
        """Whether a model of this stack is placed at `key` below the prefix `into` already."""
        return self._place_of(into, key) in self._taken

    def _place_of(self, into: ModelDataPrefix, key: str) -> str:
        return self._named(into.bucket, f"{into.prefix}{key}")

    def _named(self, bucket: s3.IBucket, keys: str) -> str:
        """Objects of a bucket, by a text that is the same for the same bucket imported twice."""
        if bucket not in self._names:
            self._names[bucket] = self._shown(attributes_of(bucket).name)
        return f"{self._names[bucket]}/{self._shown(keys)}"

    def _shown(self, text: str) -> str:
        return json.dumps(stack_of(self).resolve(text)) if is_token(text) else text

    def _let_read(self, archived: ArchivedModel) -> None:
        # By folder, not by object, and of a bucket with many folders all archives: the policy of a role
        # has room for 10,240 characters, about 80 keys.
        bucket, folder = archived.bucket, posixpath.dirname(archived.key)
        keys = f"{folder}/*.gz" if folder else "*.gz"
        if is_token(archived.key):
            keys = archived.key
        if self._named(bucket, keys) in self._allowed:
            return
        name = self._named(bucket, "")
        self._reads[name] += 1
        if self._reads[name] > _FOLDERS_OF_A_BUCKET:
            keys = "*.gz"
        self._allow(bucket, keys, ("s3:GetObject",), on_key=("kms:Decrypt",))

    def _let_write(self, into: ModelDataPrefix) -> None:
        # GetObject: what it did not place itself it does not delete.
        actions = ("s3:PutObject", "s3:GetObject", "s3:DeleteObject", "s3:AbortMultipartUpload")
        keys = f"{into.prefix}*"
        self._allow(into.bucket, keys, actions, on_key=("kms:Decrypt", "kms:GenerateDataKey"))

    def _allow(self, bucket: s3.IBucket, keys: str, actions: Sequence[str], *, on_key: Sequence[str]) -> None:
        allowed = self._named(bucket, keys)
        if allowed in self._allowed:
            return
        self._allowed.add(allowed)
        objects = f"{attributes_of(bucket).arn}/{keys}"
        self.function.add_to_role_policy(iam.PolicyStatement(actions=list(actions), resources=[objects]))
        acknowledge_wildcard(self, objects, "One policy of constant size, however many models there are.")
        key = attributes_of(bucket).key
        if key is not None:
            key.grant(self.function, *on_key)


@cache
def _placement_of(stack: cdk.Stack) -> ModelPlacement:
    return ModelPlacement(stack, _ID)
