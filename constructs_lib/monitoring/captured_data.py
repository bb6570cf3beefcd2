"""Where the captured data of an endpoint lies."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3

from ..core.checks import KEY_PREFIX, known, text
from ..core.rules import DEVELOPER_GUIDE, Broken, Rules
from ..hosting.capture import DataCapture
from ..hosting.endpoint import EndpointBase
from ..hosting.hosted import HostedEndpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class CapturedData:
    """The bucket and prefix that an endpoint's `DataCapture` writes to; for endpoints that were not made here.

    :raises ConstraintError: SM-MONITOR-050.
    """

    bucket: s3.IBucket
    prefix: str = "data-capture"
    encryption_key: kms.IKey | None = None
    """Of the captured objects, where it is not the bucket's own."""
    has_input: bool = True
    has_output: bool = True

    def __post_init__(self) -> None:
        """Check."""
        captured_data_rules.enforce(self, path="CapturedData")

    @staticmethod
    def of(endpoint: EndpointBase) -> CapturedData | None:
        """What an endpoint made here captures, if it does."""
        if not isinstance(endpoint, HostedEndpoint):
            return None
        bucket, capture = endpoint.capture_bucket, endpoint.capture
        if bucket is None or capture is None:
            return None
        return CapturedData.written_by(capture, bucket)

    @staticmethod
    def written_by(capture: DataCapture, bucket: s3.IBucket) -> CapturedData:
        """What `capture` writes to `bucket`."""
        return CapturedData(
            bucket=bucket,
            prefix=capture.prefix,
            encryption_key=capture.encryption_key,
            has_input=capture.capture_input,
            has_output=capture.capture_output,
        )


captured_data_rules = Rules[CapturedData]()


@captured_data_rules.rule("SM-MONITOR-050", source=DEVELOPER_GUIDE + "model-monitor-data-capture.html")
def prefix_is_a_path(captured: CapturedData) -> Iterator[Broken]:
    """Captured data lies under a key prefix without slashes at its ends."""
    if known(captured.prefix):
        yield from text("prefix", captured.prefix, KEY_PREFIX, "a key prefix such as data-capture")
