"""Values of endpoints, and what each of their properties may be."""

from __future__ import annotations

from aws_cdk import aws_cloudwatch as cloudwatch

from constructs_lib import (
    AsyncInput,
    AsyncOutput,
    AutoScaling,
    CanaryAnalysis,
    DataCapture,
    ManagedInstanceScaling,
    MetricCheck,
    OnInconclusive,
    Rollback,
    Rollout,
    RoutingStrategy,
    Variant,
)

from ..kinds import (
    a,
    duration,
    flag,
    like,
    listed,
    millis,
    nothing,
    number,
    one_of,
    optional,
    size,
    text,
    whole,
)
from ..made import Made
from ..surroundings import BUCKET, KEY, MODELS, TOPICS
from .pool import CAPACITY, INSTANCE_COUNT, MINUTE, NAME, PREFIX, STARTING, TYPE, Property, Subject

MODEL = MODELS[0]
METRIC = Made(cloudwatch.Metric, given={"namespace": "Team", "metric_name": "Accuracy"})
CHECK = Made(MetricCheck, given={"name": "accuracy", "metric": METRIC, "at_least": 0.9})
MEDIA_TYPE = r"[a-zA-Z0-9][a-zA-Z0-9-]*/[a-zA-Z0-9][a-zA-Z0-9.-]*"


def target(**more: Property) -> dict[str, Property]:
    """What every rollout takes."""
    return {"rollback": (None, optional(a(Rollback))), **more}


WAIT = (MINUTE, duration(0, 3600))
TERMINATION = (None, optional(duration(0, 3600)))
LIMIT = (None, optional(duration(600, 28_800)))
ANALYSIS = (None, optional(a(CanaryAnalysis)))


def whole_minutes(value: object) -> bool:
    return duration(60, 3600)(value) and value.to_milliseconds() % 60_000 == 0


VALUES_OF_HOSTING: list[Subject] = [
    (
        "Rollback",
        Rollback,
        {
            "error_rate_percent": (5, optional(number(0, 100, above=True))),
            "latency": (MINUTE, optional(millis(1, 60_000))),
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
            analysis=ANALYSIS,
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
            analysis=ANALYSIS,
            termination_wait=TERMINATION,
            maximum_execution=LIMIT,
        ),
    ),
    (
        "MetricCheck",
        MetricCheck,
        {
            "name": ("accuracy", text(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}")),
            "metric": (METRIC, like("to_metric_config")),
            "at_most": (5, number(-1e15, 1e15)),
            "at_least": (None, nothing),
            "margin": (0, number(0, 1e15)),
            "minimum_samples": (1, whole(1, 1_000_000_000)),
            "samples": (None, optional(like("to_metric_config"))),
        },
    ),
    (
        "CanaryAnalysis",
        CanaryAnalysis,
        {
            "checks": ([CHECK], listed(a(MetricCheck), 1, 10)),
            "interval": (None, optional(whole_minutes)),
            "failure_limit": (2, whole(1, 60)),
            "success_limit": (3, whole(1, 60)),
            "inconclusive_limit": (None, optional(whole(1, 60))),
            "on_inconclusive": (OnInconclusive.PROCEED, a(OnInconclusive)),
        },
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
            "prefix": ("captured", text(PREFIX)),
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
            "instance_type": ("ml.m5.large", text(TYPE)),
            "instance_count": INSTANCE_COUNT,
            "weight": (1, number(0, 3.5e38)),
            "scaling": (None, optional(a(AutoScaling))),
            "volume_size": (None, optional(size(1, 512))),
            **STARTING,
            "routing": (None, optional(a(RoutingStrategy))),
            "inference_ami_version": (None, optional(text(r"[a-z0-9.-]{1,256}"))),
            "ssm_access": (False, flag),
        },
    ),
    (
        "Rollout.rolling of instances",
        Rollout.rolling,
        target(batch_instances=(1, whole(1, CAPACITY)), batch_percent=(None, nothing), wait=WAIT),
    ),
    (
        "AsyncInput",
        AsyncInput,
        {"bucket": (None, optional(like("bucket_name"))), "prefix": ("requests", text(PREFIX))},
    ),
    (
        "AsyncOutput",
        AsyncOutput,
        {
            "bucket": (None, optional(like("bucket_name"))),
            "prefix": ("answers", text(PREFIX)),
            "failure_prefix": ("failures", text(PREFIX)),
            "encryption_key": (KEY, optional(like("key_arn"))),
            "success_topic": (None, optional(like("topic_arn"))),
            "error_topic": (None, optional(like("topic_arn"))),
            "include_response_in_success": (False, one_of(False)),
            "include_response_in_error": (False, one_of(False)),
        },
    ),
    (
        "AsyncOutput that tells",
        AsyncOutput,
        {
            "success_topic": (TOPICS[0], like("topic_arn")),
            "error_topic": (TOPICS[1], like("topic_arn")),
            "include_response_in_success": (True, flag),
            "include_response_in_error": (True, flag),
        },
    ),
    (
        "ManagedInstanceScaling",
        ManagedInstanceScaling,
        {"min_count": (1, whole(0, 4)), "max_count": (4, whole(1, CAPACITY))},
    ),
]
