"""Fleets of devices."""

from __future__ import annotations

from aws_cdk import aws_kms as kms

from ...edge.devices import EdgeDevices
from ...edge.edge_fleet import EdgeFleet
from ...edge.edge_program import EdgeProgram
from ...edge.edge_rollout import EdgeRollout, EmptyCanary, ExponentialRate
from ...edge.telemetry import EdgeTelemetry
from ..schema.edge import DevicesSpec, EdgeFleetSpec, EdgeRolloutSpec, ProgramSpec, TelemetrySpec
from . import hosting
from .endpoints import ID, name_of
from .models import data
from .site import Where


def fleet(where: Where, spec: EdgeFleetSpec) -> EdgeFleet | None:
    """An `EdgeFleet`."""
    artefact = data(where / "model", spec.model)
    devices = _devices(where / "devices", spec.devices)
    rollout = _rollout(where / "rollout", spec.rollout)
    encryption = hosting.key(where, spec)
    telemetry = _telemetry(where / "telemetry", spec.telemetry, encryption)
    program = _program(where / "program", spec.program)
    where.site.stop_if_refused()
    if artefact is None or devices is None:
        return None
    return where.make(
        lambda: EdgeFleet(
            where.scope,
            ID,
            model=artefact,
            devices=devices,
            rollout=rollout,
            telemetry=telemetry,
            program=program,
            components=spec.components or None,
            fleet_name=name_of(where, spec.fleet_name),
            artefact_bucket=where.bucket(spec.artefact_bucket),
            encryption_key=encryption,
            notify=hosting.topics(where, spec),
            dashboard=spec.dashboard,
        )
    )


def _devices(where: Where, spec: DevicesSpec) -> EdgeDevices | None:
    if spec.matching is not None:
        pattern = spec.matching
        return where.make(lambda: EdgeDevices.matching(pattern), {"pattern": "matching"})
    if spec.listed is not None:
        serials = spec.listed
        return where.make(lambda: EdgeDevices.listed(*serials), {"serials": "listed"})
    table = where.table(spec.registered or "")
    return where.make(lambda: EdgeDevices.registered(table), {"table": "registered"})


def _rollout(where: Where, spec: EdgeRolloutSpec | None) -> EdgeRollout | None:
    if spec is None:
        return None
    faster = spec.exponential
    rate = None
    if faster is not None:
        rate = (where / "exponential").make(
            lambda: ExponentialRate(base=faster.base, factor=faster.factor, succeeded=faster.succeeded)
        )
    alarms = where.alarms(spec.alarms)
    return where.make(
        lambda: EdgeRollout(
            canary_percent=spec.canary_percent,
            canary_min_devices=spec.canary_min_devices,
            soak=where.duration(spec.soak),
            max_per_minute=spec.max_per_minute,
            exponential=rate,
            abort_percent=spec.abort_percent,
            abort_min_devices=spec.abort_min_devices,
            device_timeout=where.duration(spec.device_timeout),
            canary_timeout=where.duration(spec.canary_timeout),
            fleet_timeout=where.duration(spec.fleet_timeout),
            look_every=where.duration(spec.look_every),
            alarms=alarms,
            on_empty_canary=EmptyCanary(spec.on_empty_canary),
            start_on_deploy=spec.start_on_deploy,
        )
    )


def _telemetry(where: Where, spec: TelemetrySpec | None, encryption: kms.IKey | None) -> EdgeTelemetry | None:
    # Without a word of it there is telemetry, too: its results are encrypted with the same key.
    given = TelemetrySpec() if spec is None else spec
    bucket = where.bucket(given.bucket)
    return where.make(
        lambda: EdgeTelemetry(
            sample_percent=given.sample_percent,
            inputs=given.inputs,
            bucket=bucket,
            key=encryption if bucket is None else None,
            summary_every=where.duration(given.summary_every),
            silent_after=where.duration(given.silent_after),
            silent_devices=given.silent_devices,
            error_percent=given.error_percent,
            latency_p99=where.duration(given.latency_p99),
            buffer=where.size(given.buffer),
            retention=where.duration(given.retention),
        )
    )


def _program(where: Where, spec: ProgramSpec | None) -> EdgeProgram | None:
    if spec is None:
        return None
    wheels = None if spec.wheels is None else (where / "wheels").file(spec.wheels)
    return where.make(
        lambda: EdgeProgram(
            http_port=spec.http_port,
            socket=spec.socket,
            memory=where.size(spec.memory),
            threads=spec.threads,
            max_concurrent=spec.max_concurrent,
            python=spec.python,
            wheels=wheels,
        )
    )
