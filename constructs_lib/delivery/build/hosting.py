"""Scaling, rollouts, capture, alarms, keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import aws_cdk as cdk
from aws_cdk import aws_applicationautoscaling as appscaling
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns

from ...hosting.auto_scaling import AutoScaling, ScheduledScaling
from ...hosting.capture import DataCapture
from ...hosting.endpoint import EndpointBase
from ...hosting.metrics import MetricsPublishing
from ...hosting.rollout import Rollback, Rollout
from ...hosting.variant import RoutingStrategy, Variant
from ...monitoring.endpoint_alarms import EndpointAlarms
from ...monitoring.endpoint_monitoring import EndpointMonitoring
from ...monitoring.thresholds import (
    AlarmThreshold,
    ErrorThreshold,
    LatencyThreshold,
    TrafficThreshold,
    UtilizationThreshold,
)
from ..schema.hosting import (
    AlarmsSpec,
    Capture,
    Common,
    EndpointCommon,
    ErrorAlarm,
    LatencyAlarm,
    Metrics,
    Notified,
    OnInstances,
    RolloutSpec,
    Scaling,
    ScheduledCapacity,
    TrafficAlarm,
    UtilizationAlarm,
    VariantSpec,
)
from .models import model
from .site import Where, duration


def key(where: Where, spec: Common) -> kms.IKey | None:
    """The key that volumes and data are encrypted with."""
    environment = where.site.environment.environment.spec.encryption_key
    choice = spec.encryption_key or environment or "new"
    if choice == "none":
        return None
    if choice != "new":
        return where.key(choice)
    name = where.site.manifest.name
    return kms.Key(where.scope, "Key", description=f"Volumes and data of {name}", enable_key_rotation=True)


def topics(where: Where, spec: Notified) -> list[sns.ITopic]:
    """Who hears of alarms: the environment's topics and the deployment's."""
    return where.topics([*where.site.environment.environment.spec.notify, *spec.notify])


def scaling(where: Where, spec: Scaling | None) -> AutoScaling | None:
    """Bounds and targets."""
    if spec is None:
        return None
    schedules = [_scheduled(where / "schedules" / index, each) for index, each in enumerate(spec.schedules)]
    return where.make(
        lambda: AutoScaling(
            min_capacity=spec.min_capacity,
            max_capacity=spec.max_capacity,
            invocations_per_instance=spec.invocations_per_instance,
            concurrent_requests_per_model=spec.concurrent_requests_per_model,
            cpu_utilization=spec.cpu_utilization,
            backlog_per_instance=spec.backlog_per_instance,
            provisioned_concurrency_utilization=spec.provisioned_concurrency_utilization,
            invocations_per_copy=spec.invocations_per_copy,
            concurrent_requests_per_copy=spec.concurrent_requests_per_copy,
            schedules=[each for each in schedules if each is not None],
            scale_in_cooldown=where.duration(spec.scale_in_cooldown),
            scale_out_cooldown=where.duration(spec.scale_out_cooldown),
            scale_in=spec.scale_in,
        )
    )


def _scheduled(where: Where, spec: ScheduledCapacity) -> ScheduledScaling | None:
    return where.make(
        lambda: ScheduledScaling(
            name=spec.name,
            schedule=appscaling.Schedule.expression(f"cron({spec.cron})"),
            min_capacity=spec.min_capacity,
            max_capacity=spec.max_capacity,
            timezone=None if spec.timezone is None else cdk.TimeZone.of(spec.timezone),
        )
    )


def rollout(where: Where, spec: RolloutSpec | None) -> Rollout | None:
    """How traffic moves to a new version."""
    if spec is None:
        return None
    back = _rollback(where / "rollback", spec)
    if spec.canary is not None:
        canary = spec.canary
        return (where / "canary").make(
            lambda: Rollout.canary(
                size_percent=canary.size_percent,
                size_instances=canary.size_instances,
                wait=duration(canary.wait),
                termination_wait=where.duration(canary.termination_wait),
                maximum_execution=where.duration(canary.maximum_execution),
                rollback=back,
            ),
            {"percent": "size_percent", "instances": "size_instances"},
        )
    if spec.linear is not None:
        linear = spec.linear
        return (where / "linear").make(
            lambda: Rollout.linear(
                step_percent=linear.step_percent,
                step_instances=linear.step_instances,
                wait=duration(linear.wait),
                termination_wait=where.duration(linear.termination_wait),
                maximum_execution=where.duration(linear.maximum_execution),
                rollback=back,
            ),
            {"percent": "step_percent", "instances": "step_instances"},
        )
    if spec.rolling is not None:
        rolling = spec.rolling
        return (where / "rolling").make(
            lambda: Rollout.rolling(
                batch_percent=rolling.batch_percent,
                batch_instances=rolling.batch_instances,
                wait=duration(rolling.wait),
                rollback_percent=rolling.rollback_percent,
                maximum_execution=where.duration(rolling.maximum_execution),
                rollback=back,
            ),
            {"percent": "batch_percent", "instances": "batch_instances"},
        )
    if spec.unguarded is not None:
        return Rollout.unguarded()
    at_once = spec.all_at_once
    return where.make(
        lambda: Rollout.all_at_once(
            termination_wait=None if at_once is None else where.duration(at_once.termination_wait),
            maximum_execution=None if at_once is None else where.duration(at_once.maximum_execution),
            rollback=back,
        )
    )


def _rollback(where: Where, spec: RolloutSpec) -> Rollback | None:
    if spec.rollback is None:
        return None
    given = spec.rollback
    own = where.alarms(given.alarms)
    made = where.make(
        lambda: Rollback(latency=where.duration(given.latency), latency_alarm=given.latency_alarm, alarms=own)
    )
    if made is None or given.error_rate_percent is None:
        return made
    return where.make(lambda: replace(made, error_rate_percent=given.error_rate_percent))


def capture(where: Where, spec: Capture | None, encryption: kms.IKey | None) -> DataCapture | None:
    """Requests and answers, written to S3."""
    if spec is None:
        return None
    bucket = where.bucket(spec.bucket)
    return where.make(
        lambda: DataCapture(
            sampling_percent=spec.sampling_percent,
            bucket=bucket,
            prefix=spec.prefix,
            capture_input=spec.capture_input,
            capture_output=spec.capture_output,
            csv_content_types=spec.csv_content_types,
            json_content_types=spec.json_content_types,
            # Of a bucket that exists, what it encrypts with is its own affair.
            encryption_key=encryption if bucket is None else None,
        )
    )


def metrics(where: Where, spec: Metrics | None) -> MetricsPublishing | None:
    """How metrics are published."""
    if spec is None:
        return None
    return where.make(lambda: MetricsPublishing(enhanced=spec.enhanced, every=where.duration(spec.every)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """What endpoints with instances have in common, made."""

    scaling: AutoScaling | None
    rollout: Rollout | None
    key: kms.IKey | None
    capture: DataCapture | None
    metrics: MetricsPublishing | None


def fleet(where: Where, spec: OnInstances) -> Fleet:
    """What endpoints with instances have in common."""
    encryption = key(where, spec)
    return Fleet(
        scaling=scaling(where / "scaling", spec.scaling),
        rollout=rollout(where / "rollout", spec.rollout),
        key=encryption,
        capture=capture(where / "capture", spec.capture, encryption),
        metrics=metrics(where / "metrics", spec.metrics),
    )


def variant(where: Where, spec: VariantSpec) -> Variant | None:
    """One of several models, with a model of its own."""
    served = model(where / "model", spec.model, f"{spec.name}Model")
    scales = scaling(where / "scaling", spec.scaling)
    if served is None:
        return None
    return where.make(
        lambda: Variant(
            name=spec.name,
            model=served,
            instance_type=spec.instance_type,
            instance_count=spec.instance_count,
            weight=spec.weight,
            scaling=scales,
            volume_size=where.size(spec.volume_size),
            download_timeout=where.duration(spec.download_timeout),
            startup_timeout=where.duration(spec.startup_timeout),
            routing=None if spec.routing is None else RoutingStrategy(spec.routing),
        )
    )


def variants(where: Where, specs: list[VariantSpec]) -> list[Variant]:
    """Several models."""
    made = [variant(where / index, each) for index, each in enumerate(specs)]
    return [each for each in made if each is not None]


def alarms(where: Where, spec: AlarmsSpec | None, endpoint: EndpointBase | None) -> EndpointAlarms | None:
    """Alarms by what they measure, on top of those that suit the kind of endpoint."""
    if spec is None:
        return None
    base = EndpointAlarms.default(endpoint) if spec.defaults else EndpointAlarms()
    changes: dict[str, Mapping[str, object]] = {}
    for name, field in type(spec).model_fields.items():
        given = getattr(spec, name)
        if not isinstance(given, dict) or not given:
            continue
        made = {
            label: _threshold(where / (field.alias or name) / label, each) for label, each in given.items()
        }
        changes[name] = {**getattr(base, name), **made}
    return where.make(lambda: replace(base, **changes))  # type: ignore[arg-type]


def _threshold(
    where: Where, spec: ErrorAlarm | LatencyAlarm | UtilizationAlarm | TrafficAlarm
) -> AlarmThreshold | None:
    made = where.make(lambda: _own(spec))
    if made is None:
        return None
    return where.make(
        lambda: replace(
            made,
            evaluation_periods=spec.evaluation_periods,
            datapoints=spec.datapoints,
            period=where.duration(spec.period),
            runbook=spec.runbook,
        )
    )


def _own(spec: ErrorAlarm | LatencyAlarm | UtilizationAlarm | TrafficAlarm) -> AlarmThreshold:
    """What tells the thresholds apart."""
    if isinstance(spec, ErrorAlarm):
        return ErrorThreshold(percent=spec.percent, count=spec.count, min_requests=spec.min_requests)
    if isinstance(spec, LatencyAlarm):
        return LatencyThreshold(at_most=duration(spec.at_most), min_requests=spec.min_requests)
    if isinstance(spec, UtilizationAlarm):
        return UtilizationThreshold(percent=spec.percent)
    return TrafficThreshold(fewer_than=spec.fewer_than)


def watch(where: Where, spec: EndpointCommon, endpoint: EndpointBase) -> None:
    """Alarms on an endpoint, where somebody hears of them or asks for them."""
    told = topics(where, spec)
    if spec.alarms is None and not told:
        return
    made = alarms(where / "alarms", spec.alarms, endpoint)
    (where / "alarms").make(
        lambda: EndpointMonitoring(where.scope, "Monitoring", endpoint=endpoint, alarms=made, notify=told)
    )
