"""Endpoints of every kind."""

from __future__ import annotations

from ...hosting.async_data import AsyncInput, AsyncOutput
from ...hosting.asynchronous import AsyncEndpoint
from ...hosting.component_endpoint import ComponentEndpoint, ManagedInstanceScaling
from ...hosting.endpoint import EndpointBase
from ...hosting.multi_model import MultiModelEndpoint
from ...hosting.pipeline import InferencePipeline
from ...hosting.realtime import RealtimeEndpoint
from ...hosting.serverless import ServerlessEndpoint
from ...hosting.variant import RoutingStrategy
from ..folder import default_name
from ..schema.endpoints import (
    AsyncInputSpec,
    AsyncOutputSpec,
    AsyncSpec,
    ComponentEndpointSpec,
    ComponentSpec,
    MultiModelSpec,
    PipelineSpec,
    RealtimeSpec,
    ServerlessSpec,
)
from . import hosting
from .models import container, data, model, place
from .site import Where

ID = "Endpoint"
"""Construct id of what a deployment is about."""


def name_of(where: Where, given: str | None) -> str:
    """An endpoint's or a fleet's name."""
    return given or default_name(where.site.environment.name, where.site.manifest.name)


def realtime(where: Where, spec: RealtimeSpec) -> EndpointBase | None:
    """A `RealtimeEndpoint`."""
    served = None if spec.model is None else model(where / "model", spec.model)
    several = None if spec.variants is None else hosting.variants(where / "variants", spec.variants)
    fleet = hosting.fleet(where, spec)
    where.site.stop_if_refused()
    return where.make(
        lambda: RealtimeEndpoint(
            where.scope,
            ID,
            model=served,
            variants=several,
            instance_type=spec.instance_type,
            instance_count=spec.instance_count,
            scaling=fleet.scaling,
            endpoint_name=name_of(where, spec.endpoint_name),
            rollout=fleet.rollout,
            capture=fleet.capture,
            encryption_key=fleet.key,
            metrics=fleet.metrics,
            parameter_name=spec.parameter_name,
        )
    )


def serverless(where: Where, spec: ServerlessSpec) -> EndpointBase | None:
    """A `ServerlessEndpoint`."""
    served = where.need(lambda: model(where / "model", spec.model))
    scales = hosting.scaling(where / "scaling", spec.scaling)
    where.site.stop_if_refused()
    return where.make(
        lambda: ServerlessEndpoint(
            where.scope,
            ID,
            model=served,
            memory=where.size(spec.memory),
            max_concurrency=spec.max_concurrency,
            provisioned_concurrency=spec.provisioned_concurrency,
            scaling=scales,
            endpoint_name=name_of(where, spec.endpoint_name),
            parameter_name=spec.parameter_name,
        )
    )


def asynchronous(where: Where, spec: AsyncSpec) -> EndpointBase | None:
    """An `AsyncEndpoint`."""
    served = model(where / "model", spec.model)
    fleet = hosting.fleet(where, spec)
    takes = _input(where / "input", spec.input)
    gives = _output(where / "output", spec.output)
    where.site.stop_if_refused()
    if served is None:
        return None
    return where.make(
        lambda: AsyncEndpoint(
            where.scope,
            ID,
            model=served,
            instance_type=spec.instance_type,
            instance_count=spec.instance_count,
            scaling=fleet.scaling,
            input=takes,
            output=gives,
            max_concurrent_invocations_per_instance=spec.max_concurrent_invocations_per_instance,
            volume_size=where.size(spec.volume_size),
            download_timeout=where.duration(spec.download_timeout),
            startup_timeout=where.duration(spec.startup_timeout),
            endpoint_name=name_of(where, spec.endpoint_name),
            rollout=fleet.rollout,
            capture=fleet.capture,
            encryption_key=fleet.key,
            metrics=fleet.metrics,
            parameter_name=spec.parameter_name,
        )
    )


def _input(where: Where, spec: AsyncInputSpec | None) -> AsyncInput | None:
    if spec is None:
        return None
    return where.make(lambda: AsyncInput(bucket=where.bucket(spec.bucket), prefix=spec.prefix))


def _output(where: Where, spec: AsyncOutputSpec | None) -> AsyncOutput | None:
    if spec is None:
        return None
    return where.make(
        lambda: AsyncOutput(
            bucket=where.bucket(spec.bucket),
            prefix=spec.prefix,
            failure_prefix=spec.failure_prefix,
            success_topic=where.topic(spec.success_topic),
            error_topic=where.topic(spec.error_topic),
            include_response_in_success=spec.include_response_in_success,
            include_response_in_error=spec.include_response_in_error,
        )
    )


def multi_model(where: Where, spec: MultiModelSpec) -> EndpointBase | None:
    """A `MultiModelEndpoint` with its models."""
    serves = container(where / "container", spec.container)
    code = None if spec.code is None else (where / "code").file(spec.code)
    models = {name: data(where / "models" / name, each) for name, each in spec.models.items()}
    fleet = hosting.fleet(where, spec)
    stands = place(where / "network", spec.network)
    where.site.stop_if_refused()
    if serves is None:
        return None
    endpoint = where.make(
        lambda: MultiModelEndpoint(
            where.scope,
            ID,
            container=serves,
            code=code,
            cache=spec.cache,
            instance_type=spec.instance_type,
            instance_count=spec.instance_count,
            scaling=fleet.scaling,
            vpc=stands.vpc,
            security_groups=stands.groups,
            network_isolation=spec.network_isolation,
            volume_size=where.size(spec.volume_size),
            download_timeout=where.duration(spec.download_timeout),
            startup_timeout=where.duration(spec.startup_timeout),
            endpoint_name=name_of(where, spec.endpoint_name),
            rollout=fleet.rollout,
            capture=fleet.capture,
            encryption_key=fleet.key,
            metrics=fleet.metrics,
            parameter_name=spec.parameter_name,
        )
    )
    if endpoint is None:
        return None
    for name, archive in models.items():
        if archive is not None:
            (where / "models" / name).make(
                lambda name=name, archive=archive: endpoint.add_model(name, archive)  # type: ignore[misc]
            )
    return endpoint


def pipeline(where: Where, spec: PipelineSpec) -> EndpointBase | None:
    """An `InferencePipeline`."""
    steps = [container(where / "containers" / index, each) for index, each in enumerate(spec.containers)]
    fleet = hosting.fleet(where, spec)
    stands = place(where / "network", spec.network)
    where.site.stop_if_refused()
    return where.make(
        lambda: InferencePipeline(
            where.scope,
            ID,
            containers=[each for each in steps if each is not None],
            direct_invocation=spec.direct_invocation,
            instance_type=spec.instance_type,
            instance_count=spec.instance_count,
            scaling=fleet.scaling,
            vpc=stands.vpc,
            security_groups=stands.groups,
            network_isolation=spec.network_isolation,
            volume_size=where.size(spec.volume_size),
            download_timeout=where.duration(spec.download_timeout),
            startup_timeout=where.duration(spec.startup_timeout),
            endpoint_name=name_of(where, spec.endpoint_name),
            rollout=fleet.rollout,
            capture=fleet.capture,
            encryption_key=fleet.key,
            metrics=fleet.metrics,
            parameter_name=spec.parameter_name,
        )
    )


def components(where: Where, spec: ComponentEndpointSpec) -> EndpointBase | None:
    """A `ComponentEndpoint` with its components."""
    managed = spec.managed_scaling
    scales = None
    if managed is not None:
        scales = (where / "managedScaling").make(
            lambda: ManagedInstanceScaling(min_count=managed.min_count, max_count=managed.max_count)
        )
    encryption = hosting.key(where, spec)
    captures = hosting.capture(where / "capture", spec.capture, encryption)
    publishes = hosting.metrics(where / "metrics", spec.metrics)
    stands = place(where / "network", spec.network)
    where.site.stop_if_refused()
    endpoint = where.make(
        lambda: ComponentEndpoint(
            where.scope,
            ID,
            instance_type=spec.instance_type,
            instance_count=spec.instance_count,
            managed_scaling=scales,
            routing=None if spec.routing is None else RoutingStrategy(spec.routing),
            vpc=stands.vpc,
            security_groups=stands.groups,
            network_isolation=spec.network_isolation,
            volume_size=where.size(spec.volume_size),
            endpoint_name=name_of(where, spec.endpoint_name),
            capture=captures,
            encryption_key=encryption,
            metrics=publishes,
            parameter_name=spec.parameter_name,
        )
    )
    for name, each in spec.components.items():
        if endpoint is not None:
            _component(where / "components" / name, name, each, endpoint)
    return endpoint


def _component(where: Where, name: str, spec: ComponentSpec, endpoint: ComponentEndpoint) -> None:
    served = model(where / "model", spec.model, f"{name}Model")
    scales = hosting.scaling(where / "scaling", spec.scaling)
    memory = where.size(spec.memory)
    if served is None or memory is None:
        return
    where.make(
        lambda: endpoint.add_component(
            name,
            model=served,
            memory=memory,
            max_memory=where.size(spec.max_memory),
            cpu_cores=spec.cpu_cores,
            accelerators=spec.accelerators,
            copies=spec.copies,
            scaling=scales,
            download_timeout=where.duration(spec.download_timeout),
            startup_timeout=where.duration(spec.startup_timeout),
        )
    )
