"""One deployment of any kind, made in its scope."""

from __future__ import annotations

import aws_cdk as cdk
import constructs

from ...experiments.ab_test import ABTest
from ...hosting.endpoint import EndpointBase
from ..folder import EnvironmentFolder, Manifest
from ..problems import FIELD_RULE, Problem
from ..schema import document as kinds
from ..schema.experiments import ABTestSpec
from ..schema.hosting import EndpointCommon
from ..schema.monitors import MonitoredSpec
from . import endpoints, hosting
from .access import api
from .batch import transform
from .edge import fleet
from .experiments import ab_test, shadow_test
from .monitors import monitored
from .site import RefusedError, Site, Where
from .smoke import smoke_test

MOST_TAGS = 50
"""Of a resource: https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html"""


def build(
    scope: constructs.Construct, manifest: Manifest, environment: EnvironmentFolder
) -> tuple[Problem, ...]:
    """Make what `manifest` says in `scope`; the problems that it had."""
    site = Site(scope=scope, manifest=manifest, environment=environment)
    try:
        made = _made(site.spec, manifest.document)
        site.stop_if_refused()
        if made is not None:
            _around(site.spec, manifest.document, made)
    except RefusedError:
        pass
    _tag(site)
    return tuple(site.problems)


def _made(where: Where, document: kinds.AnyDeployment) -> EndpointBase | ABTest | None:
    """What the deployment is about, where that can be called."""
    match document:
        case kinds.RealtimeEndpoint(spec=spec):
            return endpoints.realtime(where, spec)
        case kinds.ServerlessEndpoint(spec=spec):
            return endpoints.serverless(where, spec)
        case kinds.AsyncEndpoint(spec=spec):
            return endpoints.asynchronous(where, spec)
        case kinds.MultiModelEndpoint(spec=spec):
            return endpoints.multi_model(where, spec)
        case kinds.InferencePipeline(spec=spec):
            return endpoints.pipeline(where, spec)
        case kinds.ComponentEndpoint(spec=spec):
            return endpoints.components(where, spec)
        case kinds.MonitoredEndpoint(spec=spec):
            return monitored(where, spec)
        case kinds.ShadowTest(spec=spec):
            return shadow_test(where, spec)
        case kinds.ABTest(spec=spec):
            return ab_test(where, spec)
        case kinds.BatchTransform(spec=spec):
            transform(where, spec)
        case kinds.EdgeFleet(spec=spec):
            fleet(where, spec)
    return None


def _around(where: Where, document: kinds.AnyDeployment, made: EndpointBase | ABTest) -> None:
    """What stands around an endpoint: its alarms, its smoke test and its API."""
    spec = document.spec
    endpoint, experiment = (made.endpoint, made) if isinstance(made, ABTest) else (made, None)
    if isinstance(spec, EndpointCommon) and not isinstance(spec, MonitoredSpec):
        hosting.watch(where, spec, endpoint)
    if not isinstance(spec, EndpointCommon | ABTestSpec):
        return
    if spec.smoke_test is not None:
        smoke_test(where / "smokeTest", spec.smoke_test, endpoint)
    if spec.api is not None:
        told = spec if isinstance(spec, EndpointCommon) else None
        api(where / "api", spec.api, told, endpoint, experiment)


def _tag(site: Site) -> None:
    metadata = site.manifest.document.metadata
    owner = {} if metadata.owner is None else {"owner": metadata.owner}
    told = {**site.environment.environment.spec.tags, **owner, **metadata.labels}
    if len(told) > MOST_TAGS:
        given = f"{len(told)} tags, the environment's and the owner included"
        Where(site, ("metadata", "labels")).refuse(given, f"at most {MOST_TAGS}", FIELD_RULE)
    tags = cdk.Tags.of(site.scope)
    for key, value in told.items():
        tags.add(key, value)
