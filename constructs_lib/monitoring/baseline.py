"""Baselines: the data that a monitor takes for right, and compares all later data with."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import constructs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_s3_assets as s3_assets

from ..core.buckets import attributes_of
from ..core.checks import KEY_PREFIX, file, known, text
from ..core.roles import Permissions
from ..core.rules import DEVELOPER_GUIDE, Broken, Rules
from .reading import allow_reading

_SOURCE = DEVELOPER_GUIDE + "model-monitor-create-baseline.html"
_KEY = re.compile(r"[\S ]{1,1024}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """Training data that a monitor's statistics and constraints are made of: `from_asset` or `from_bucket`.

    A file is JSON Lines by its name (``.jsonl``, ``.json``, ``.jsonlines``, ``.ndjson``), and CSV otherwise;
    ``.gz`` after it is unpacked. Or, with `existing`, a folder with ``statistics.json`` and ``constraints.json``,
    as this library or Model Monitor have written them.

    Source: https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-create-baseline.html

    :raises ConstraintError: SM-BASELINE-001 … SM-BASELINE-003.
    """

    path: str | None = None
    bucket: s3.IBucket | None = None
    key: str | None = None
    version: str | None = None
    columns: Sequence[str] | None = None
    not_features: Sequence[str] = ()
    at_deploy: bool = True
    made_already: bool = False

    def __post_init__(self) -> None:
        """Check."""
        baseline_rules.enforce(self, path="Baseline")

    @staticmethod
    def from_asset(
        path: str,
        *,
        columns: Sequence[str] | None = None,
        not_features: Sequence[str] = (),
        at_deploy: bool = True,
    ) -> Baseline:
        """A file of this repository. Another content makes a new baseline with the next deploy.

        :param columns: names of the columns of CSV without a first line that tells them.
        :param not_features: columns that requests do not have: labels, predictions, weights.
        :param at_deploy: make the baseline while the stack deploys, and fail the deploy where that fails.
            Otherwise on demand: see docs/monitoring.md.
        """
        return Baseline(path=path, columns=columns, not_features=not_features, at_deploy=at_deploy)

    @staticmethod
    def from_bucket(
        bucket: s3.IBucket,
        key: str,
        *,
        version: str | None = None,
        columns: Sequence[str] | None = None,
        not_features: Sequence[str] = (),
        at_deploy: bool = True,
    ) -> Baseline:
        """An object, or with a slash at the end of `key` all objects below it.

        :param version: of the object. Without one, new content under the same key is not noticed: give
            another key, or run the baseline on demand.
        """
        return Baseline(
            bucket=bucket,
            key=key,
            version=version,
            columns=columns,
            not_features=not_features,
            at_deploy=at_deploy,
        )

    @staticmethod
    def existing(bucket: s3.IBucket, prefix: str) -> Baseline:
        """A folder where ``statistics.json`` and ``constraints.json`` lie already, of either engine."""
        key = prefix.rstrip("/") if isinstance(prefix, str) else prefix
        return Baseline(bucket=bucket, key=key, made_already=True)

    def bind(self, scope: constructs.Construct, permissions: Permissions) -> Mapping[str, Any]:
        """Where the data lies and how it is read, once it may be read."""
        reading = {
            "columns": list(self.columns or ()),
            "not_features": list(self.not_features),
        }
        if self.path is not None:
            asset = s3_assets.Asset(scope, "BaselineData", path=self.path)
            permissions.allow("s3:GetObject", on=asset.bucket.arn_for_objects(asset.s3_object_key))
            place = {"bucket": asset.s3_bucket_name, "key": asset.s3_object_key}
            return {**place, "fingerprint": asset.asset_hash, **reading}
        bucket, key = self._object()
        _let_read(permissions, bucket, key, folder=key.endswith("/") or self.made_already)
        place = {"bucket": attributes_of(bucket).name, "key": key}
        return {**place, "version": self.version, "fingerprint": self.version or key, **reading}

    def _object(self) -> tuple[s3.IBucket, str]:
        if self.bucket is None or self.key is None:
            raise AssertionError("SM-BASELINE-001 looks for them")
        return self.bucket, self.key


def _let_read(permissions: Permissions, bucket: s3.IBucket, key: str, *, folder: bool) -> None:
    if folder:
        allow_reading(permissions, bucket, key.rstrip("/"))
        return
    objects = f"{attributes_of(bucket).arn}/{key}"
    permissions.allow("s3:GetObject", "s3:GetObjectVersion", on=objects)
    permissions.allow_key(attributes_of(bucket).key, "kms:Decrypt")


def _key_name(baseline: Baseline) -> str:
    """As callers spell it."""
    return "prefix" if baseline.made_already is True else "key"


baseline_rules = Rules[Baseline](spelled=lambda baseline: {"key": _key_name(baseline)})


@baseline_rules.rule("SM-BASELINE-001", source=_SOURCE)
def is_one_place(baseline: Baseline) -> Iterator[Broken]:
    """A baseline is made of a file of this repository, or of objects in a bucket."""
    if (baseline.path is None) == (baseline.bucket is None):
        yield Broken("path", baseline.path, "exactly one of a file and a bucket", "Baseline.from_asset(…)")
    if baseline.path is not None and not file(baseline.path):
        yield Broken("path", baseline.path, "the path of a file that is there")
    if baseline.bucket is not None:
        if baseline.key is None:
            allowed = "the key of an object, or a prefix with a slash at its end"
            yield Broken(_key_name(baseline), None, allowed)
        if baseline.made_already:
            yield from text("prefix", baseline.key, KEY_PREFIX, "a prefix without slashes at its ends")
        else:
            yield from text("key", baseline.key, _KEY, "a key of 1–1024 characters")


@baseline_rules.rule("SM-BASELINE-002", source=_SOURCE)
def columns_have_names(baseline: Baseline) -> Iterator[Broken]:
    """The columns' names are given once each."""
    if baseline.columns is None:
        return
    given = baseline.columns
    if not isinstance(given, list | tuple) or not all(isinstance(each, str) and each for each in given):
        yield Broken("columns", given, "a list of names")
    elif len(set(given)) < len(given) or not given:
        yield Broken("columns", list(given), "at least one, and a name of its own for each")


@baseline_rules.rule("SM-BASELINE-003", source=_SOURCE)
def version_is_of_one_object(baseline: Baseline) -> Iterator[Broken]:
    """A version is that of one object, not of a folder."""
    if known(baseline.version, baseline.key) and str(baseline.key).endswith("/"):
        yield Broken("version", baseline.version, "None, since key names a folder")
