"""What is watched: the variants of an endpoint, of which kind it is, and how many instances they should have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..core.checks import known
from ..core.instance_types import has_gpu
from ..core.tokens import is_token
from ..hosting.asynchronous import AsyncEndpoint
from ..hosting.auto_scaling import minimums
from ..hosting.component_endpoint import ComponentEndpoint
from ..hosting.endpoint import EndpointBase
from ..hosting.hosted import HostedEndpoint
from ..hosting.hosting_rules import HostedVariant
from ..hosting.metrics import EndpointMetric
from ..hosting.multi_model import MultiModelEndpoint
from ..hosting.serverless import ServerlessEndpoint
from ..hosting.support import Kind

# Pipelines and shadow tests report what real-time endpoints do. Of an imported one the kind is not known.
_KINDS: Sequence[tuple[type[EndpointBase], Kind]] = (
    (ServerlessEndpoint, Kind.SERVERLESS),
    (AsyncEndpoint, Kind.ASYNC),
    (ComponentEndpoint, Kind.COMPONENT),
    (MultiModelEndpoint, Kind.MULTI_MODEL),
)


def kind_of(endpoint: EndpointBase) -> Kind:
    """The kind of `endpoint`, as far as its metrics go."""
    return next((kind for type, kind in _KINDS if isinstance(endpoint, type)), Kind.REALTIME)


@dataclass(frozen=True, slots=True)
class WatchedVariant:
    """One variant of an endpoint."""

    endpoint: EndpointBase
    name: str
    index: int
    """Its place among those that are watched: tells metrics of several variants apart in one graph."""

    @property
    def kind(self) -> Kind:
        """The kind of its endpoint."""
        return kind_of(self.endpoint)

    @property
    def id(self) -> str:
        """For ids of constructs and for names of alarms: its name, where synthesis knows it."""
        return str(self.index) if is_token(self.name) else self.name

    @property
    def requests(self) -> EndpointMetric:
        """What counts its requests."""
        asynchronous = self.kind is Kind.ASYNC
        return EndpointMetric.INVOCATIONS_PROCESSED if asynchronous else EndpointMetric.INVOCATIONS

    @property
    def has_gpu(self) -> bool:
        """Whether it is known to run on GPUs."""
        hosted = self._hosted
        instance_type = None if hosted is None else hosted.instance_type
        return instance_type is not None and not is_token(instance_type) and has_gpu(instance_type)

    @property
    def smallest_count(self) -> int | None:
        """The fewest instances it may come down to, now and by schedules. None: not known."""
        hosted = self._hosted
        if hosted is None:
            return None
        if hosted.scaling is None:
            return hosted.smallest_count
        bounds = [low for _, low in minimums(hosted.scaling) if low is not None]
        return min(bounds) if known(*bounds) else hosted.smallest_count

    @property
    def largest_count(self) -> int | None:
        """The most instances it may scale out to, now and by schedules. None: not known, or it does not scale."""
        hosted = self._hosted
        scaling = None if hosted is None else hosted.scaling
        if scaling is None:
            return None
        scheduled = [each.max_capacity for each in scaling.schedules if each.max_capacity is not None]
        bounds = [scaling.max_capacity, *scheduled]
        return max(bounds) if known(*bounds) else scaling.max_capacity

    @property
    def _hosted(self) -> HostedVariant | None:
        if not isinstance(self.endpoint, HostedEndpoint):
            return None
        return self.endpoint.hosted_variants.get(self.name)


def watched_variants(endpoint: EndpointBase, names: Sequence[str] | None = None) -> list[WatchedVariant]:
    """The variants of `endpoint` called `names`, or all that are in production."""
    wanted = endpoint.variant_names if names is None else names
    return [
        WatchedVariant(endpoint, name, index) for index, name in enumerate(dict.fromkeys(wanted), start=1)
    ]
