"""What stands behind an API: which kind of endpoint, what requests may name, where its data lies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from aws_cdk import aws_iam as iam

from ..hosting.async_data import AsyncLocations
from ..hosting.asynchronous import AsyncEndpoint
from ..hosting.component_endpoint import ComponentEndpoint
from ..hosting.endpoint import EndpointBase
from ..hosting.multi_model import MultiModelEndpoint
from ..hosting.pipeline import InferencePipeline
from ..hosting.serverless import ServerlessEndpoint
from .limits import Part

_ANY = ("*",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """An endpoint as an API treats it."""

    endpoint: EndpointBase
    part: Part = Part.REALTIME
    named: str | None = None
    """The parameter of InvokeEndpoint by which each request says who is to answer; none: it does not."""
    targets: Sequence[str] | None = None
    """Patterns of what may be named; none: all."""
    variants: bool = False
    """Whether requests may choose a variant."""
    locations: AsyncLocations | None = field(default=None)
    """Of an asynchronous endpoint."""

    @staticmethod
    def of(endpoint: EndpointBase, *, targets: Sequence[str] | None, variants: bool) -> Served:
        """What kind it is, by its class; one that is imported answers at once, and names nothing."""
        return Served(
            endpoint=endpoint,
            part=_part(endpoint),
            named=named_by(endpoint),
            targets=targets,
            variants=variants,
            locations=endpoint.locations if isinstance(endpoint, AsyncEndpoint) else None,
        )

    @property
    def may_name(self) -> Mapping[str, Sequence[str]]:
        """Patterns of what requests may name, by the parameter."""
        named = {} if self.named is None else {self.named: _ANY if self.targets is None else self.targets}
        return {**named, "TargetVariant": self.endpoint.variant_names or _ANY} if self.variants else named

    def let_invoke(self, grantee: iam.IGrantable) -> None:
        """Let the function ask the endpoint for just that."""
        endpoint = self.endpoint
        if isinstance(endpoint, MultiModelEndpoint):
            endpoint.grants.invoke(grantee, target_model=self.targets)
        elif isinstance(endpoint, InferencePipeline) and self.named is not None:
            endpoint.grants.invoke(grantee, target_container=self.targets)
        else:
            endpoint.grants.invoke(grantee)
        if isinstance(endpoint, AsyncEndpoint):
            endpoint.grants.write_input(grantee)
            endpoint.locations.input.let_read(grantee)
            endpoint.grants.read_results(grantee)


def _part(endpoint: EndpointBase) -> Part:
    if isinstance(endpoint, ServerlessEndpoint):
        return Part.SERVERLESS
    return Part.ASYNC if isinstance(endpoint, AsyncEndpoint) else Part.REALTIME


def named_by(endpoint: EndpointBase) -> str | None:
    """The parameter that each request to `endpoint` has to give."""
    if isinstance(endpoint, MultiModelEndpoint):
        return "TargetModel"
    if isinstance(endpoint, ComponentEndpoint):
        return "InferenceComponentName"
    if isinstance(endpoint, InferencePipeline) and endpoint.model.direct_invocation:
        return "TargetContainerHostname"
    return None
