"""Model data: the artefact a container loads."""

from __future__ import annotations

import hashlib
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import aws_cdk as cdk
import constructs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_s3_assets as s3_assets

from ..core.buckets import attributes_of
from ..core.checks import file, folder, kind, known
from ..core.place import construct_path
from ..core.roles import Permissions
from ..core.rules import API_REFERENCE, DEVELOPER_GUIDE, Advice, Broken, Rules, listed
from ..core.tokens import is_token
from . import archive

MUTABLE_KEY = Advice(
    "SM-DATA-101",
    "The model artefact is pinned by a version or an immutable key.",
    DEVELOPER_GUIDE + "realtime-endpoints-deploy-models.html",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundData:
    """Model data as a container definition carries it."""

    url: str
    uncompressed: bool = False
    """Load the objects under `url` as they are (ModelDataSource) instead of one model.tar.gz."""
    version: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivedModel:
    """One model.tar.gz: where it lies, and a label that changes with its content."""

    bucket: s3.IBucket
    key: str
    fingerprint: str
    """Known at synthesis, unless the key is not."""
    path: str | None = None
    """Of the file on this machine, where it is packed here."""


class ModelData(ABC):
    """Where a container's model artefact comes from."""

    @staticmethod
    def from_asset(path: str, *, code: str | None = None, exclude: Sequence[str] = ()) -> ModelData:
        """Pack the folder `path` (and `code` beneath ``code/``) into a reproducible model.tar.gz.

        A ready ``.tar.gz`` file is taken as it is. The key of the uploaded object is a hash of the
        content, so a changed model always redeploys, and an unchanged one never does.

        :param path: folder, relative to where synthesis runs, or a ``.tar.gz`` file.
        :param code: folder with your ``inference.py`` (and ``requirements.txt``).
        :param exclude: file-name patterns to leave out, for example ``["*.ipynb"]``.
        :raises ConstraintError: SM-DATA-001, SM-DATA-002.
        """
        return _AssetData(path=path, code=code, exclude=exclude)

    @staticmethod
    def from_bucket(bucket: s3.IBucket, key: str, *, version: str | None = None) -> ModelData:
        """Use the model.tar.gz at `key` of `bucket`.

        SageMaker loads whatever is at the key when instances start, and overwriting it redeploys nothing.
        So give `version` (the object's version id, or any label of yours that changes with the artefact),
        or use a key that is never written twice (one with a digest, a UUID or a version number): else
        SM-DATA-101 warns. A new `version` replaces the model; SageMaker itself cannot be told to load an
        old object version.

        :raises ConstraintError: SM-DATA-003.
        """
        return _BucketData(bucket=bucket, key=key, version=version)

    @staticmethod
    def from_prefix(bucket: s3.IBucket, prefix: str, *, version: str | None = None) -> ModelDataPrefix:
        """Load the objects under `prefix` uncompressed, without an archive: quick for large models.

        For a multi-model container it is where its archives lie. Not for serverless endpoints and batch
        (https://docs.aws.amazon.com/sagemaker/latest/dg/large-model-inference-uncompressed.html).

        :raises ConstraintError: SM-DATA-004.
        """
        return ModelDataPrefix(bucket=bucket, prefix=prefix, version=version)

    @abstractmethod
    def bind(self, scope: constructs.Construct, id: str, permissions: Permissions) -> BoundData:
        """Make what is needed under `scope` and allow reading it."""

    def archived(self, scope: constructs.Construct, id: str) -> ArchivedModel:
        """The one archive it is, its asset made under `scope`.

        :raises TypeError: for a prefix of objects, which is none.
        """
        raise TypeError(f"{type(self).__name__} is no archive")


@dataclass(frozen=True, slots=True, kw_only=True)
class _AssetData(ModelData):
    path: str
    code: str | None
    exclude: Sequence[str]

    def __post_init__(self) -> None:
        _asset_rules.enforce(self, path="ModelData.from_asset")

    def bind(self, scope: constructs.Construct, id: str, permissions: Permissions) -> BoundData:
        asset, _ = self._asset(scope, id)
        _let_read(permissions, asset.bucket, asset.s3_object_key)
        return BoundData(url=asset.s3_object_url)

    def archived(self, scope: constructs.Construct, id: str) -> ArchivedModel:
        asset, path = self._asset(scope, id)
        return ArchivedModel(
            bucket=asset.bucket, key=asset.s3_object_key, fingerprint=asset.asset_hash, path=path
        )

    def _asset(self, scope: constructs.Construct, id: str) -> tuple[s3_assets.Asset, str]:
        """The asset, and the file that it is of."""
        if Path(self.path).is_file():
            path = str(Path(self.path).resolve())
            return s3_assets.Asset(scope, id, path=path), path
        packed = self._pack(construct_path(scope, id))
        asset = s3_assets.Asset(
            scope,
            id,
            path=str(packed.path),
            asset_hash=packed.digest,
            asset_hash_type=cdk.AssetHashType.CUSTOM,
        )
        return asset, str(packed.path)

    def _pack(self, path: str) -> archive.Archive:
        try:
            return archive.pack(
                Path(self.path), code=Path(self.code) if self.code else None, exclude=self.exclude
            )
        except archive.ArchiveError as error:
            allowed = "a folder of regular files, with no link that leaves it"
            raise PACKABLE.error(path, Broken("data", self.path, allowed, str(error))) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class _BucketData(ModelData):
    bucket: s3.IBucket
    key: str
    version: str | None

    def __post_init__(self) -> None:
        _bucket_rules.enforce(self, path="ModelData.from_bucket")

    def bind(self, scope: constructs.Construct, id: str, permissions: Permissions) -> BoundData:
        self._warn_if_mutable(scope)
        _let_read(permissions, self.bucket, self.key)
        return BoundData(url=self.bucket.s3_url_for_object(self.key), version=self.version)

    def archived(self, scope: constructs.Construct, id: str) -> ArchivedModel:
        self._warn_if_mutable(scope)
        bucket_name = attributes_of(self.bucket).name
        known_bucket = [] if is_token(bucket_name) else [bucket_name]
        version = [] if self.version is None else [self.version]
        named = "/".join([*known_bucket, self.key, *version])
        # A key that only the deployment knows names its content by itself, or not at all.
        fingerprint = named if is_token(named) else hashlib.sha256(named.encode()).hexdigest()
        return ArchivedModel(bucket=self.bucket, key=self.key, fingerprint=fingerprint)

    def _warn_if_mutable(self, scope: constructs.Construct) -> None:
        if self.version is None and known(self.key) and not looks_immutable(self.key):
            MUTABLE_KEY.warn(
                scope,
                f"the artefact at key {self.key!r} can be overwritten without a redeploy: give version=… or a key "
                "that names its content",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelDataPrefix(ModelData):
    """The objects under a prefix of a bucket; made by `ModelData.from_prefix`."""

    bucket: s3.IBucket
    prefix: str
    version: str | None

    def __post_init__(self) -> None:
        """Check."""
        _prefix_rules.enforce(self, path="ModelData.from_prefix")

    def bind(self, scope: constructs.Construct, id: str, permissions: Permissions) -> BoundData:
        """Let the role read all of it."""
        if self.version is None and known(self.prefix) and not looks_immutable(self.prefix):
            MUTABLE_KEY.warn(
                scope, f"objects under {self.prefix!r} can change without a redeploy: give version=…"
            )
        return self._readable(
            permissions, "Uncompressed model data is a prefix of objects, all of them read."
        )

    def bind_on_demand(self, permissions: Permissions) -> BoundData:
        """The same for a multi-model container, whose archives come and go without a redeploy."""
        return self._readable(permissions, "Which models there will be under the prefix, no template knows.")

    def _readable(self, permissions: Permissions, reason: str) -> BoundData:
        bucket, objects = attributes_of(self.bucket), f"{self.prefix}*"
        permissions.allow("s3:GetObject", on=f"{bucket.arn}/{objects}", wildcard=reason)
        permissions.allow("s3:ListBucket", on=bucket.arn, conditions={"StringLike": {"s3:prefix": [objects]}})
        permissions.allow_key(bucket.key, "kms:Decrypt")
        return BoundData(url=f"s3://{bucket.name}/{self.prefix}", uncompressed=True, version=self.version)


def _let_read(permissions: Permissions, bucket: s3.IBucket, key: str) -> None:
    """Exactly the object: CDK's own grant would open the whole bucket with GetObject* and List*."""
    permissions.allow("s3:GetObject", on=bucket.arn_for_objects(key))
    permissions.allow_key(bucket.encryption_key, "kms:Decrypt")


_CONTENT_NAMED = re.compile(
    r"[0-9a-f]{12,}"  # a digest
    r"|[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"  # a UUID
    r"|(?<![a-z0-9])v?\d+(?:\.\d+)+(?![0-9])"  # 1.4.2, v3.1
    r"|\d{4}-?\d{2}-?\d{2}[t_-]?\d{2}",  # a time stamp, as training jobs name their output
    re.IGNORECASE,
)


def looks_immutable(key: str) -> bool:
    """Whether a key names its content, so that nobody would write it twice."""
    return _CONTENT_NAMED.search(key) is not None


_asset_rules = Rules[_AssetData]()
_bucket_rules = Rules[_BucketData]()
_prefix_rules = Rules[ModelDataPrefix]()

_ASSET_SOURCE = DEVELOPER_GUIDE + "adapt-inference-container.html"

PACKABLE = listed(
    id="SM-DATA-002",
    summary="The model folder can be packed: regular files, no link leaves it.",
    source=_ASSET_SOURCE,
)


@_asset_rules.rule("SM-DATA-001", source=_ASSET_SOURCE)
def asset_exists(data: _AssetData) -> Iterator[Broken]:
    """The model folder (or .tar.gz) and the code folder exist where synthesis runs."""
    where = f"looked in {Path.cwd()}"
    archived = file(data.path) and data.path.endswith(".tar.gz")
    if not folder(data.path) and not archived:
        yield Broken("path", data.path, "an existing folder, or a file named *.tar.gz", where)
    if data.code is None:
        return
    if not folder(data.code):
        yield Broken("code", data.code, "an existing folder with your inference.py", where)
    elif archived:
        yield Broken("code", data.code, "no code folder beside a ready .tar.gz", "put code/ into the archive")


@_bucket_rules.rule("SM-DATA-003", source=API_REFERENCE + "API_ContainerDefinition.html")
def object_key(data: _BucketData) -> Iterator[Broken]:
    """The key names one .tar.gz object of a bucket."""
    yield from kind("key", data.key, str, optional=False)
    yield from kind("version", data.version, str)
    if known(data.key) and isinstance(data.key, str):
        named = data.key.endswith(".tar.gz") and not data.key.startswith("/")
        if not named or "://" in data.key:
            fix = "from_prefix(bucket, prefix) loads uncompressed objects" if data.key.endswith("/") else ""
            yield Broken(
                "key", data.key, "the key of one .tar.gz object, without bucket and leading slash", fix
            )


@_prefix_rules.rule("SM-DATA-004", source=DEVELOPER_GUIDE + "large-model-inference-uncompressed.html")
def object_prefix(data: ModelDataPrefix) -> Iterator[Broken]:
    """The prefix ends with a slash and names no bucket."""
    yield from kind("prefix", data.prefix, str, optional=False)
    yield from kind("version", data.version, str)
    if known(data.prefix) and isinstance(data.prefix, str):
        ok = data.prefix.endswith("/") and not data.prefix.startswith("/") and "://" not in data.prefix
        if not ok:
            yield Broken(
                "prefix", data.prefix, "a key prefix that ends with a slash, for example models/fraud/"
            )
