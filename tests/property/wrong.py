"""A right value of every kind, what each of its properties may be, and a pool of what is wrong somewhere."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_applicationautoscaling as appscaling
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_s3 as s3

from constructs_lib import (
    Adjustment,
    AutoScaling,
    Container,
    ContainerImage,
    DataCapture,
    MetricTarget,
    ModelData,
    Rollback,
    Rollout,
    RoutingStrategy,
    ScalingStep,
    ScheduledScaling,
    StepScaling,
    SuspendedScaling,
    Variant,
)

from .kinds import (
    Accepts,
    a,
    duration,
    flag,
    like,
    listed,
    mapping,
    nothing,
    number,
    one_of,
    optional,
    size,
    text,
    whole,
)
from .made import InStack, Made
from .surroundings import BUCKET, KEY, MODELS

POOL: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 3, 60, 101, 2**31, 10**400, 0.5, -0.5, 1e308, 1.5),
    *(float("nan"), float("inf"), float("-inf"), Decimal(1), 1j),
    *("", " ", "a", "1", "-a", "a-", "a b", "a\nb", "\0", "x" * 5_000, "größe", "日本", "🙂", "${x}", "../x"),
    *(b"bytes", [], [None], [[]], ["a"], [1], ["a"] * 40, (), (None,), {}, {"a": None}, {"a": 1}, {1: "a"}),
    *(set(), {"a"}, range(3), object(), int, len, Path("x"), Adjustment, RoutingStrategy.RANDOM),
    Made(cdk.Duration.seconds, (0,)),
    Made(cdk.Duration.seconds, (7,)),
    Made(cdk.Duration.millis, (61_500,)),
    Made(cdk.Duration.days, (400,)),
    Made(cdk.Size.kibibytes, (1,)),
    Made(cdk.Size.gibibytes, (0,)),
    Made(cdk.Size.tebibytes, (9,)),
    Made(Rollback),
)
"""Values that are wrong for most properties: kinds, ends of ranges, emptiness, size, script, nesting."""

NAME = r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}"
SCALING_NAME = r"[A-Za-z][A-Za-z0-9-]{0,63}"
MEDIA_TYPE = r"[a-zA-Z0-9][a-zA-Z0-9-]*/[a-zA-Z0-9][a-zA-Z0-9.-]*"
FILE = r"(?!.*\.\.)[A-Za-z0-9_.-]{1,255}(/[A-Za-z0-9_.-]{1,255})*"

METRIC = Made(cloudwatch.Metric, given={"namespace": "Team", "metric_name": "Load"})
MINUTE = Made(cdk.Duration.minutes, (1,))
REPOSITORY = InStack("Repository", lambda stack, id: ecr.Repository.from_repository_name(stack, id, "fraud"))
ARTEFACTS = InStack("Artefacts", lambda stack, id: s3.Bucket.from_bucket_name(stack, id, "artefacts"))
IMAGE = Made(ContainerImage.from_repository, (REPOSITORY,), {"tag_or_digest": "1.0"})
CONTAINER = Made(Container, given={"image": IMAGE})
MODEL = MODELS[0]

Property = tuple[Any, Accepts]
"""A right value, and what else may be right."""


def target(**more: Property) -> dict[str, Property]:
    """What every rollout takes."""
    return {"rollback": (None, optional(a(Rollback))), **more}


WAIT = (MINUTE, duration(0, 3600))
TERMINATION = (None, optional(duration(0, 3600)))
LIMIT = (None, optional(duration(600, 28_800)))
CAPACITY = 10_000

SUBJECTS: list[tuple[str, Any, dict[str, Property]]] = [
    (
        "MetricTarget",
        MetricTarget,
        {
            "name": ("Load", text(SCALING_NAME)),
            "metric": (METRIC, like("to_metric_config")),
            "target": (5, number(0, above=True)),
        },
    ),
    (
        "StepScaling",
        StepScaling,
        {
            "name": ("Out", text(SCALING_NAME)),
            "metric": (METRIC, like("to_metric_config")),
            "threshold": (5, number()),
            "steps": ([Made(ScalingStep, given={"change": 1, "lower": 0})], listed(a(ScalingStep), 1, 20)),
            "comparison": (
                cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
                a(cloudwatch.ComparisonOperator),
            ),
            "adjustment": (Adjustment.CHANGE, a(Adjustment)),
            "cooldown": (MINUTE, optional(duration(0, 86_400))),
            "evaluation_periods": (1, whole(1, 1440)),
        },
    ),
    (
        "StepScaling.steps[0]",
        lambda **given: StepScaling(
            name="Out",
            metric=cloudwatch.Metric(namespace="T", metric_name="L"),
            threshold=1,
            steps=[ScalingStep(**given)],
        ),
        {
            "change": (1, whole(-(2**31) + 1, 2**31 - 1)),
            "lower": (0, optional(number())),
            "upper": (None, optional(number(0, above=True))),
        },
    ),
    (
        "ScheduledScaling",
        ScheduledScaling,
        {
            "name": ("Day", text(SCALING_NAME)),
            "schedule": (Made(appscaling.Schedule.expression, ("rate(1 day)",)), a(appscaling.Schedule)),
            "min_capacity": (1, optional(whole(0, 4))),
            "max_capacity": (4, optional(whole(1, CAPACITY))),
            "timezone": (None, optional(a(cdk.TimeZone))),
        },
    ),
    (
        "AutoScaling",
        AutoScaling,
        {
            "min_capacity": (1, whole(0, 4)),
            "max_capacity": (4, whole(1, CAPACITY)),
            "invocations_per_instance": (600, optional(number(0, above=True))),
            "concurrent_requests_per_model": (None, optional(number(0, above=True))),
            "cpu_utilization": (70, optional(number(0, above=True))),
            "metrics": ((), listed(a(MetricTarget), 0, 50)),
            "steps": ((), listed(a(StepScaling), 0, 50)),
            "schedules": ((), listed(a(ScheduledScaling), 0, 50)),
            "scale_in_cooldown": (None, optional(duration(0, 86_400))),
            "scale_out_cooldown": (None, optional(duration(0, 86_400))),
            "scale_in": (True, flag),
            "suspended": (Made(SuspendedScaling), a(SuspendedScaling)),
        },
    ),
    (
        "AutoScaling.suspended",
        lambda **given: AutoScaling(
            min_capacity=1, max_capacity=2, cpu_utilization=50, suspended=SuspendedScaling(**given)
        ),
        {"scale_in": (False, flag), "scale_out": (False, flag), "scheduled": (False, flag)},
    ),
    (
        "Rollback",
        Rollback,
        {
            "error_rate_percent": (5, optional(number(0, 100, above=True))),
            "latency": (MINUTE, optional(duration(1, 3600))),
            "latency_alarm": (True, flag),
            "alarms": ((), listed(like("alarm_name"), 0, 10)),
        },
    ),
    (
        "Rollout.all_at_once",
        Rollout.all_at_once,
        target(termination_wait=TERMINATION, maximum_execution=LIMIT),
    ),
    (
        "Rollout.canary",
        Rollout.canary,
        target(
            size_percent=(10, whole(1, 50)),
            size_instances=(None, nothing),
            wait=WAIT,
            termination_wait=TERMINATION,
            maximum_execution=LIMIT,
        ),
    ),
    (
        "Rollout.canary of instances",
        Rollout.canary,
        target(size_instances=(1, whole(1, CAPACITY)), size_percent=(None, nothing), wait=WAIT),
    ),
    (
        "Rollout.linear",
        Rollout.linear,
        target(
            step_percent=(10, whole(10, 50)),
            step_instances=(None, nothing),
            wait=WAIT,
            termination_wait=TERMINATION,
            maximum_execution=LIMIT,
        ),
    ),
    (
        "Rollout.rolling",
        Rollout.rolling,
        target(
            batch_percent=(5, whole(5, 50)),
            batch_instances=(None, nothing),
            wait=WAIT,
            rollback_percent=(None, optional(whole(1, 100))),
            maximum_execution=LIMIT,
        ),
    ),
    (
        "DataCapture",
        DataCapture,
        {
            "sampling_percent": (100, whole(0, 100)),
            "bucket": (BUCKET, optional(like("bucket_name"))),
            "prefix": ("captured", text(r"[A-Za-z0-9!_.*'()/-]{1,400}")),
            "capture_input": (True, flag),
            "capture_output": (True, flag),
            "csv_content_types": (["text/csv"], listed(text(MEDIA_TYPE), 0, 10)),
            "json_content_types": (["application/json"], listed(text(MEDIA_TYPE), 0, 10)),
            "encryption_key": (KEY, optional(like("key_arn"))),
        },
    ),
    (
        "Variant",
        Variant,
        {
            "name": ("A", text(NAME)),
            "model": (MODEL, like("model_ref")),
            "instance_type": ("ml.m5.large", text(r"ml\.[a-z0-9-]+\.[a-z0-9-]+")),
            "instance_count": (2, optional(whole(1, CAPACITY))),
            "weight": (1, number(0, 3.5e38)),
            "scaling": (None, optional(a(AutoScaling))),
            "volume_size": (None, optional(size(1, 512))),
            "download_timeout": (None, optional(duration(60, 3600))),
            "startup_timeout": (None, optional(duration(60, 3600))),
            "routing": (None, optional(a(RoutingStrategy))),
            "inference_ami_version": (None, optional(text(r"[a-z0-9.-]{1,256}"))),
            "ssm_access": (False, flag),
        },
    ),
    (
        "Container",
        Container,
        {
            "image": (IMAGE, a(ContainerImage)),
            "data": (None, optional(a(ModelData))),
            "environment": ({"A": "1"}, mapping(a(str))),
            "hostname": (None, optional(text(NAME))),
            "model_package": (None, nothing),
        },
    ),
    (
        "Container.from_model_package",
        Container.from_model_package,
        {
            "arn": (
                "arn:aws:sagemaker:us-east-1:111122223333:model-package/fraud/1",
                text(r"arn:aws[a-z-]*:\S+"),
            ),
            "environment": (None, optional(mapping(a(str)))),
        },
    ),
    (
        "ContainerImage.built_in",
        ContainerImage.built_in,
        {
            "name": ("xgboost", one_of("xgboost")),
            "version": ("1.7-1", text(r"1(\.7-1)?")),
            "processor": (None, optional(a(str))),
        },
    ),
    (
        "ContainerImage.framework",
        ContainerImage.framework,
        {
            "name": ("sklearn", one_of("sklearn")),
            "version": ("1.2-1", one_of("1.2-1")),
            "entry_point": ("inference.py", text(FILE)),
            "processor": (None, optional(one_of("cpu"))),
            "py_version": (None, optional(one_of("py3"))),
            "base_framework": (None, nothing),
        },
    ),
    (
        "ContainerImage.from_repository",
        ContainerImage.from_repository,
        {
            "repository": (REPOSITORY, like("repository_arn")),
            "tag_or_digest": ("1.0", text(r"sha256:[0-9a-f]{64}|[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")),
        },
    ),
    (
        "ContainerImage.from_asset",
        ContainerImage.from_asset,
        {"directory": ("image", one_of("image")), "file": (None, nothing)},
    ),
    (
        "ContainerImage.from_uri",
        ContainerImage.from_uri,
        {"uri": ("111122223333.dkr.ecr.us-east-1.amazonaws.com/fraud:1", text(r"\d{12}\.dkr.*"))},
    ),
    (
        "ModelData.from_asset",
        ModelData.from_asset,
        {"path": ("model", one_of("model")), "code": (None, nothing), "exclude": ((), listed(a(str), 0, 50))},
    ),
    (
        "ModelData.from_bucket",
        ModelData.from_bucket,
        {
            "bucket": (ARTEFACTS, like("bucket_name")),
            "key": ("1.0.0/model.tar.gz", text(r"[^/].*\.tar\.gz")),
            "version": (None, optional(a(str))),
        },
    ),
    (
        "ModelData.from_prefix",
        ModelData.from_prefix,
        {
            "bucket": (ARTEFACTS, like("bucket_name")),
            "prefix": ("llm/1.0.0/", text(r"[^/].*/")),
            "version": (None, optional(a(str))),
        },
    ),
]
