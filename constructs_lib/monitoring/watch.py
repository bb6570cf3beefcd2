"""A watch: one monitor, with what it watches and where it writes."""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import aws_s3 as s3

from ..core.buckets import attributes_of
from ..hosting.endpoint import EndpointBase
from .captured_data import CapturedData
from .monitors import Monitor


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Watch:
    """What an engine is told to look at, and where it writes."""

    monitor: Monitor
    endpoint: EndpointBase
    captured: CapturedData
    results: s3.IBucket
    prefix: str
    """Of all results in the bucket."""

    @property
    def results_prefix(self) -> str:
        """Where baseline and results of this monitor lie in the bucket."""
        return f"{self.prefix}/{self.endpoint.endpoint_name}/{self.monitor.title}"

    @property
    def results_uri(self) -> str:
        """The same as ``s3://bucket/prefix``."""
        return f"s3://{attributes_of(self.results).name}/{self.results_prefix}"
