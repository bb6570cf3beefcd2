"""Records as monitors read them: in the format of SageMaker's data capture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import constructs
from aws_cdk import aws_s3 as s3

from ..core.buckets import attributes_of
from ..core.checks import KEY_PREFIX, number, text
from ..core.roles import Permissions
from ..core.rules import DEVELOPER_GUIDE, Broken, Rules
from ..core.s3_prefix import S3Prefix
from .columns import Column, ColumnRole, of_role
from .sink import BoundSink, PredictionSink, SinkPlace, files_in

_SOURCE = DEVELOPER_GUIDE + "model-monitor-data-capture.html"
_CHUNK_BYTES = 16 << 20
_CONCURRENCY = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchCapture(PredictionSink):
    """Write what the model was asked and has answered for monitors to read: ``Monitoring.of_batch`` does.

    Feature columns are the request, prediction columns the answer, and the key columns the inference id by which
    labels are joined. Which keys are in the sample never changes.

    :raises ConstraintError: SM-BATCH-053.
    """

    sampling_percent: float = 100
    """0.01–100."""
    bucket: s3.IBucket | None = None
    """Default: that of the transform's output."""
    prefix: str = "data-capture"

    def __post_init__(self) -> None:
        """Check."""
        capture_rules.enforce(self, path="BatchCapture")

    @property
    def id(self) -> str:
        """What its construct is called."""
        return "Capture"

    def unfit(self, columns: Sequence[Column]) -> Iterator[Broken]:
        """There is a request, an answer, and what tells them apart."""
        for role in (ColumnRole.KEY, ColumnRole.FEATURE, ColumnRole.PREDICTION):
            if not of_role(columns, role):
                fix = "DataProcessing(join=True) keeps the request beside the answer"
                yield Broken("columns", f"no {role.value} column", "at least one, to capture", fix)

    def claims(self) -> Iterator[str]:
        """The files."""
        yield files_in(self.bucket, self.prefix)

    @property
    def files(self) -> tuple[s3.IBucket | None, str] | None:
        """Below the prefix."""
        return self.bucket, self.prefix

    def bind(self, scope: constructs.Construct, place: SinkPlace, permissions: Permissions) -> BoundSink:
        """It may add files."""
        files = self.records_in(place.output)
        below = S3Prefix(bucket=files.bucket, prefix=f"{self.prefix}/{place.transform}")
        below.allow_write(permissions)
        return BoundSink(
            kind="capture",
            target={
                "bucket": attributes_of(files.bucket).name,
                "prefix": files.prefix,
                "percent": self.sampling_percent,
            },
            permissions=permissions,
            chunk_bytes=_CHUNK_BYTES,
            concurrency=_CONCURRENCY,
            follows=True,
        )

    def records_in(self, output: S3Prefix) -> S3Prefix:
        """Where the records lie, of a transform with this output; each transform has a folder of its own below."""
        return S3Prefix(bucket=output.bucket if self.bucket is None else self.bucket, prefix=self.prefix)


capture_rules = Rules[BatchCapture]()


@capture_rules.rule("SM-BATCH-053", source=_SOURCE)
def sample_is_a_share(capture: BatchCapture) -> Iterator[Broken]:
    """The sample is 0.01–100 % of the keys, written below a prefix."""
    yield from number("sampling_percent", capture.sampling_percent, 0.01, 100)
    yield from text("prefix", capture.prefix, KEY_PREFIX, "a key prefix without slashes at its ends")
