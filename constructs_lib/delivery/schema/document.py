"""Whole documents: a deployment of some kind, or what an environment has in common."""

from __future__ import annotations

from typing import Annotated, Generic, Literal, TypeAlias, TypeVar, get_args

from pydantic import Field, TypeAdapter

from .base import EncryptionKey, Name, Part, TopicArn, whole
from .batch import BatchSpec
from .edge import EdgeFleetSpec
from .endpoints import (
    AsyncSpec,
    ComponentEndpointSpec,
    MultiModelSpec,
    PipelineSpec,
    RealtimeSpec,
    ServerlessSpec,
)
from .experiments import ABTestSpec, ShadowSpec
from .monitors import MonitoredSpec

API_VERSION = "constructs-lib.dev/v1"

ApiVersion: TypeAlias = Literal["constructs-lib.dev/v1"]
Label = Annotated[str, Field(pattern=whole(r"[\w .:/=+@-]{0,256}"))]
LabelKey = Annotated[str, Field(pattern=whole(r"(?![aA][wW][sS]:)[\w .:/=+@-]{1,128}"))]


class Metadata(Part):
    """Who a deployment is."""

    name: Name
    """The file's name without `.yaml`."""
    owner: Annotated[Label, Field(min_length=1)] | None = None
    """Who is asked when it breaks; becomes the tag `owner`."""
    group: Name | None = None
    """Deployments of one group share stacks. Default: a stack of its own."""
    labels: dict[LabelKey, Label] = {}
    """Become tags of all its resources."""


Spec = TypeVar("Spec", bound=Part)


class Deployment(Part, Generic[Spec]):
    """A deployment."""

    api_version: ApiVersion
    kind: str
    metadata: Metadata
    spec: Spec


class RealtimeEndpoint(Deployment[RealtimeSpec]):
    """Answers at once, on instances of its own."""

    kind: Literal["RealtimeEndpoint"]


class ServerlessEndpoint(Deployment[ServerlessSpec]):
    """Costs nothing while nobody asks."""

    kind: Literal["ServerlessEndpoint"]


class AsyncEndpoint(Deployment[AsyncSpec]):
    """Requests that may wait."""

    kind: Literal["AsyncEndpoint"]


class MultiModelEndpoint(Deployment[MultiModelSpec]):
    """Many models behind one endpoint."""

    kind: Literal["MultiModelEndpoint"]


class InferencePipeline(Deployment[PipelineSpec]):
    """Containers that answer one after the other."""

    kind: Literal["InferencePipeline"]


class ComponentEndpoint(Deployment[ComponentEndpointSpec]):
    """Several models on one fleet, each with copies of its own."""

    kind: Literal["ComponentEndpoint"]


class MonitoredEndpoint(Deployment[MonitoredSpec]):
    """A real-time endpoint that notices when it stops being right."""

    kind: Literal["MonitoredEndpoint"]


class ABTest(Deployment[ABTestSpec]):
    """Which of several models is better."""

    kind: Literal["ABTest"]


class ShadowTest(Deployment[ShadowSpec]):
    """A challenger that gets the requests and answers nobody."""

    kind: Literal["ShadowTest"]


class BatchTransform(Deployment[BatchSpec]):
    """A whole data set, on machines that are gone afterwards."""

    kind: Literal["BatchTransform"]


class EdgeFleet(Deployment[EdgeFleetSpec]):
    """A model on devices."""

    kind: Literal["EdgeFleet"]


AnyDeployment: TypeAlias = (
    RealtimeEndpoint
    | ServerlessEndpoint
    | AsyncEndpoint
    | MultiModelEndpoint
    | InferencePipeline
    | ComponentEndpoint
    | MonitoredEndpoint
    | ABTest
    | ShadowTest
    | BatchTransform
    | EdgeFleet
)

KINDS: dict[str, type[AnyDeployment]] = {each.__name__: each for each in get_args(AnyDeployment)}
"""The kinds of deployments by name."""


class EnvironmentMetadata(Part):
    """Which environment it is."""

    name: Name
    """The folder's name."""


class EnvironmentSpec(Part):
    """What all deployments of an environment have in common."""

    account: Annotated[str, Field(pattern=whole(r"[0-9]{12}"))] | None = None
    """Twelve digits, in quotes. Default: the account of the CLI's credentials."""
    region: Annotated[str, Field(pattern=whole(r"[a-z]{2}(-[a-z]+)+-[0-9]"))] | None = None
    """Such as `eu-central-1`. With `account`."""
    tags: dict[LabelKey, Label] = {}
    """Of all resources; labels and owners of deployments outrank them."""
    encryption_key: EncryptionKey | None = None
    """What deployments that say nothing encrypt with. Default: `new`, a key for each."""
    notify: list[TopicArn] = []
    """Topics that hear of every deployment's alarms."""
    defaults: dict[str, dict[str, object]] = {}
    """Specs by kind that deployments of that kind are merged onto; they outrank nothing."""


class Environment(Part):
    """What all deployments of an environment have in common: `_environment.yaml`."""

    api_version: ApiVersion
    kind: Literal["Environment"]
    metadata: EnvironmentMetadata
    spec: EnvironmentSpec = EnvironmentSpec()


Document: TypeAlias = Annotated[AnyDeployment | Environment, Field(discriminator="kind")]
DOCUMENT: TypeAdapter[Document] = TypeAdapter(Document)
