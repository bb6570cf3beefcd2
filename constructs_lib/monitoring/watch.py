"""A watch: one monitor, with what it watches and where it writes."""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import aws_s3 as s3

from ..core.buckets import attributes_of
from ..hosting.endpoint import EndpointBase
from .captured_data import CapturedData
from .monitors import Monitor


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Watched:
    """What is watched: an endpoint, or what writes its records down as an endpoint's data capture does."""

    name: str
    """The dimension ``Endpoint`` of metrics, and the folder of captured data and of results."""
    kind: str
    """In words: ``endpoint`` or ``batch transform``."""
    endpoint: EndpointBase | None = None

    @staticmethod
    def of(endpoint: EndpointBase) -> Watched:
        """An endpoint."""
        return Watched(name=endpoint.endpoint_name, kind="endpoint", endpoint=endpoint)

    def __str__(self) -> str:
        """As descriptions have it: ``endpoint fraud``."""
        return f"{self.kind} {self.name}"

    @property
    def some(self) -> str:
        """As descriptions have it that tell no name: ``an endpoint``."""
        return f"{'an' if self.kind[0] in 'aeiou' else 'a'} {self.kind}"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Watch:
    """What an engine is told to look at, and where it writes."""

    monitor: Monitor
    watched: Watched
    captured: CapturedData
    results: s3.IBucket
    prefix: str
    """Of all results in the bucket."""

    @property
    def endpoint(self) -> EndpointBase | None:
        """The endpoint, where it is one that is watched."""
        return self.watched.endpoint

    @property
    def results_prefix(self) -> str:
        """Where baseline and results of this monitor lie in the bucket."""
        return f"{self.prefix}/{self.watched.name}/{self.monitor.title}"

    @property
    def results_uri(self) -> str:
        """The same as ``s3://bucket/prefix``."""
        return f"s3://{attributes_of(self.results).name}/{self.results_prefix}"
