"""What is scored: where it lies, and how it is cut into records."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

import aws_cdk as cdk
from aws_cdk import aws_s3 as s3

from ..core.checks import duration, kind, known, settled, text
from ..core.rules import API_REFERENCE, Broken, Rules

_SOURCE = API_REFERENCE + "API_TransformInput.html"
_S3_SOURCE = API_REFERENCE + "API_TransformS3DataSource.html"
_SEGMENT = r"(?:[A-Za-z0-9!_.()=-]|\{yyyy\}|\{mm\}|\{dd\}|\{hh\})+"
_PREFIX = re.compile(rf"(?=.{{1,400}}$)(?:{_SEGMENT}/)+")
_PREFIX_ALLOWED = (
    "a prefix of keys that ends with a slash, of letters, digits and !_.()=- between slashes, and {yyyy}, {mm}, {dd}, "
    "{hh}: customers/{yyyy}-{mm}-{dd}/"
)
_KEY = re.compile(r"(?=.{1,900}$)[A-Za-z0-9!_.()=/-]*[A-Za-z0-9!_.()=-]")
_KEY_ALLOWED = "a key of at most 900 letters, digits and !_.()=-/ such as in/today.manifest"
CONTENT_TYPE = re.compile(r"(?=.{1,256}$)[A-Za-z0-9.+-]+/[A-Za-z0-9.+-]+(\s*;.*)?")

_CSV = ("text/csv",)
_JSON_LINES = (
    "application/jsonlines",
    "application/x-jsonlines",
    "application/jsonl",
    "application/x-ndjson",
)
_JSON = ("application/json",)


class SplitType(Enum):
    """How an object is cut into records.

    Source: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_TransformInput.html
    """

    NONE = "None"
    """Not at all: one request an object."""
    LINE = "Line"
    """At newlines. A record has none within it."""
    RECORD_IO = "RecordIO"
    TF_RECORD = "TFRecord"


class RecordFormat(Enum):
    """What the lines of an object are."""

    CSV = "csv"
    JSON_LINES = "jsonl"
    OTHER = "other"

    @staticmethod
    def of(content_type: str | None) -> RecordFormat:
        """The format of a MIME type. Lines of ``application/json`` are taken for JSON Lines."""
        plain = (content_type or "").partition(";")[0].strip().lower()
        if plain in _CSV:
            return RecordFormat.CSV
        return RecordFormat.JSON_LINES if plain in (*_JSON_LINES, *_JSON) else RecordFormat.OTHER


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchInput:
    """Where the records lie: make it with `from_prefix` or `from_manifest`.

    :raises ConstraintError: SM-BATCH-010.
    """

    bucket: s3.IBucket
    prefix: str | None = None
    manifest: str | None = None
    content_type: str = "text/csv"
    """MIME type of the records, which the model is asked with."""
    split: SplitType = SplitType.LINE
    gzip: bool = False
    """Whether the objects are compressed with gzip."""
    lag: cdk.Duration | None = None
    """How far back ``{yyyy}`` … ``{hh}`` reach from the time a run is due, in UTC. Default: not at all."""

    def __post_init__(self) -> None:
        """Check."""
        input_rules.enforce(self, path="BatchInput")

    @staticmethod
    def from_prefix(
        bucket: s3.IBucket,
        prefix: str,
        *,
        content_type: str = "text/csv",
        split: SplitType = SplitType.LINE,
        gzip: bool = False,
        lag: cdk.Duration | None = None,
    ) -> BatchInput:
        """All objects below `prefix`, but markers: empty objects, and those whose name begins with ``_`` or ``.``.

        :param prefix: ends with a slash. ``{yyyy}``, ``{mm}``, ``{dd}`` and ``{hh}`` are filled in from the time that
            a run is due (UTC), less `lag`: ``customers/{yyyy}-{mm}-{dd}/`` with a lag of one day is yesterday's.
        """
        return BatchInput(
            bucket=bucket, prefix=prefix, content_type=content_type, split=split, gzip=gzip, lag=lag
        )

    @staticmethod
    def from_manifest(
        bucket: s3.IBucket,
        key: str,
        *,
        content_type: str = "text/csv",
        split: SplitType = SplitType.LINE,
        gzip: bool = False,
    ) -> BatchInput:
        """The objects that the manifest at `key` lists, which lie in the same bucket below the manifest's folder.

        Its format is SageMaker's: ``[{"prefix": "s3://bucket/folder/"}, "part-1.csv", "part-2.csv"]``.

        Source: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_TransformS3DataSource.html
        """
        return BatchInput(bucket=bucket, manifest=key, content_type=content_type, split=split, gzip=gzip)

    @property
    def format(self) -> RecordFormat:
        """What the records are."""
        return RecordFormat.of(self.content_type)

    @property
    def place(self) -> str:
        """The part of the prefix that is always the same, with a slash at its end; of a manifest, its folder."""
        if self.manifest is not None:
            folder, slash, _ = self.manifest.rpartition("/")
            return f"{folder}{slash}"
        before = (self.prefix or "").partition("{")[0]
        return before[: before.rfind("/") + 1]


input_rules = Rules[BatchInput]()


@input_rules.rule("SM-BATCH-010", source=_S3_SOURCE)
def prefix_or_manifest(given: BatchInput) -> Iterator[Broken]:
    """The input is a prefix that ends with a slash, or the key of a manifest."""
    if (given.prefix is None) == (given.manifest is None):
        yield Broken(
            "prefix",
            given.prefix,
            "either a prefix or a manifest",
            "BatchInput.from_prefix(…), .from_manifest(…)",
        )
    for name, value in (("prefix", given.prefix), ("manifest", given.manifest), ("lag", given.lag)):
        yield from settled(name, value, "what the run may read is worked out from it")
    broken = [
        *text("prefix", given.prefix, _PREFIX, _PREFIX_ALLOWED, fix=_with_slash(given.prefix)),
        *text("manifest", given.manifest, _KEY, _KEY_ALLOWED),
    ]
    yield from broken
    name = "prefix" if given.manifest is None else "manifest"
    value = getattr(given, name)
    # The job may read below the folder: without one that would be the whole bucket.
    if not broken and isinstance(value, str) and known(value) and "/" not in value.partition("{")[0]:
        yield Broken(name, value, "a folder first, without placeholders", f"in/{value}")
    yield from duration("lag", given.lag, 0, 366 * 86_400)


def _with_slash(prefix: object) -> str:
    return f"{prefix}/" if isinstance(prefix, str) and prefix and not prefix.endswith("/") else ""


@input_rules.rule("SM-BATCH-011", source=_SOURCE)
def content_type_is_one(given: BatchInput) -> Iterator[Broken]:
    """The content type is a MIME type."""
    yield from kind("content_type", given.content_type, str, optional=False)
    yield from text("content_type", given.content_type, CONTENT_TYPE, "a MIME type such as text/csv")
