"""The held-out set of a `ModelOptimisation`: where it is, and what its columns are."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import constructs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_s3_assets as s3_assets

from ..core.checks import file, items_of, kind, known, text
from ..core.rules import Broken, Rules

_SOURCE = "https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ProcessingS3Input.html"
_COLUMN = re.compile(r"[^\x00-\x1f]{1,200}")
_KEY = re.compile(r"(?!/)[^\x00-\x1f]{1,1024}")
_MOST_IGNORED = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedObject:
    """One object, to read."""

    bucket: s3.IBucket
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOutSet:
    """Records that the model was not trained on, with what is right for each.

    A CSV file in UTF-8 with a header, of which one column is the label and the others are numbers; or an ``.npz`` file
    of numpy with ``y``, and ``X`` or one array for each of the model's inputs by its name.

    :raises ConstraintError: SM-EDGE-060.
    """

    bucket: s3.IBucket | None = None
    key: str | None = None
    path: str | None = None
    label: str = "label"
    ignore: Sequence[str] = ()
    allow_missing: bool = False

    def __post_init__(self) -> None:
        """Check."""
        held_out_rules.enforce(self, path="HeldOutSet")

    @staticmethod
    def from_bucket(
        bucket: s3.IBucket,
        key: str,
        *,
        label: str = "label",
        ignore: Sequence[str] = (),
        allow_missing: bool = False,
    ) -> HeldOutSet:
        """The object at `key`; no other key may begin with it.

        :param label: the column with what is right, of a CSV file.
        :param ignore: at most 50 columns that are no features, such as ids.
        :param allow_missing: whether features may be empty or NaN, which the model then has to take.
        """
        return HeldOutSet(bucket=bucket, key=key, label=label, ignore=ignore, allow_missing=allow_missing)

    @staticmethod
    def from_asset(
        path: str, *, label: str = "label", ignore: Sequence[str] = (), allow_missing: bool = False
    ) -> HeldOutSet:
        """A file beside the app, uploaded with the stack."""
        return HeldOutSet(path=path, label=label, ignore=ignore, allow_missing=allow_missing)

    def placed(self, scope: constructs.Construct, id: str) -> PlacedObject:
        """Where it lies; a file's asset is made under `scope`."""
        if self.bucket is not None and self.key is not None:
            return PlacedObject(bucket=self.bucket, key=self.key)
        asset = s3_assets.Asset(scope, id, path=str(Path(str(self.path)).resolve()))
        return PlacedObject(bucket=asset.bucket, key=asset.s3_object_key)

    def arguments(self) -> list[str]:
        """As the job is told."""
        return [
            f"--label={self.label}",
            *(f"--ignore={each}" for each in self.ignore),
            *(["--allow-missing"] if self.allow_missing else []),
        ]


held_out_rules = Rules[HeldOutSet]()


@held_out_rules.rule("SM-EDGE-060", source=_SOURCE)
def held_out_set_is_one_object(given: HeldOutSet) -> Iterator[Broken]:
    """A held-out set is one object of a bucket, or one .csv or .npz file, with a label column."""
    if (given.path is None) == (given.bucket is None):
        yield Broken(
            "path", given.path, "either a file or an object", "HeldOutSet.from_asset(…), .from_bucket(…)"
        )
    if given.path is not None and given.key is not None:
        yield Broken("key", given.key, "none beside a file", "HeldOutSet.from_asset(…), .from_bucket(…)")
    if given.bucket is not None:
        yield from kind("key", given.key, str, optional=False)
        yield from text("key", given.key, _KEY, "the key of one object, without a slash before it")
    if given.path is not None and known(given.path):
        named = isinstance(given.path, str) and given.path.endswith((".csv", ".npz"))
        if not named or not file(given.path):
            yield Broken("path", given.path, "an existing .csv or .npz file", f"looked in {Path.cwd()}")
    yield from text("label", given.label, _COLUMN, "the name of a column, of 1–200 characters")
    yield from items_of("ignore", given.ignore, str)
    if isinstance(given.ignore, list | tuple):
        if len(given.ignore) > _MOST_IGNORED:
            yield Broken("ignore", f"{len(given.ignore)} columns", f"at most {_MOST_IGNORED}")
        for index, each in enumerate(given.ignore):
            yield from text(f"ignore[{index}]", each, _COLUMN, "the name of a column, of 1–200 characters")
        if given.label in given.ignore:
            yield Broken("ignore", given.label, "columns beside the label")
