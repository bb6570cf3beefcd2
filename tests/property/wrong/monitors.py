"""Values of monitors and of what they watch, and what each of their properties may be."""

from __future__ import annotations

from collections.abc import Callable

import aws_cdk as cdk
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk import aws_stepfunctions as stepfunctions

from constructs_lib import (
    AttributionDrift,
    Baseline,
    BiasDrift,
    CapturedData,
    ContainerImage,
    DataCapture,
    DataQuality,
    DriftTest,
    EndpointAlarms,
    EndpointBase,
    Facet,
    FeatureType,
    GroundTruth,
    ModelQuality,
    MonitorAction,
    MonitorCompute,
    MonitoredEndpoint,
    MonitorEngine,
    Monitoring,
    Prediction,
    ProblemType,
    RealtimeEndpoint,
    RequestFormat,
    Rollout,
)
from constructs_lib.monitoring.monitors import Monitor

from ..kinds import (
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
    text,
    whole,
)
from ..made import InStack, Made
from ..surroundings import BUCKET
from .endpoints import HOSTED, MODEL
from .pool import PREFIX, Property, Subject

_DAY = 86_400
_LARGEST = 1e15
_METHODS = ("ks", "psi", "jensen_shannon", "wasserstein", "l_infinity", "chi_square")
_PIPELINE = "arn:aws:sagemaker:us-east-1:111122223333:pipeline/fraud"

_STRING = a(str)
_STRINGS = listed(_STRING, 0, 5_000)
_PATH = optional(text(r"[^.\s]+(\.[^.\s]+)*"))
_KEY = text(r"[\S ]{1,1024}")
_LABELS = listed(_STRING, 1, 5_000)
_ENOUGH = number(0, 1)


def _window(value: object) -> bool:
    return (
        duration(300, _DAY)(value)
        and isinstance(value, cdk.Duration)
        and value.to_seconds() % 60 == 0
        and _DAY % value.to_seconds() == 0
    )


def _cell(value: object) -> bool:
    return _STRING(value) or number()(value)


def _columns(value: object) -> bool:
    return listed(text(r".+"), 1, 5_000)(value) and len(set(value)) == len(value)  # type: ignore[arg-type, call-overload]


_TOPIC = InStack("MonitorTopic", sns.Topic)
_MACHINE = InStack(
    "Retraining",
    lambda stack, id: stepfunctions.StateMachine.from_state_machine_name(stack, id, "retrain"),
)
_BASELINE = Made(Baseline.from_bucket, (BUCKET, "training.csv"))
_TRUTH = Made(
    GroundTruth, given={"bucket": BUCKET, "prefix": "labels", "within": Made(cdk.Duration.hours, (1,))}
)
_ANSWER = Made(Prediction, given={"label": "labels", "baseline_label": "predicted"})
_DATA = Made(DataQuality, given={"baseline": _BASELINE})

_COMMON: dict[str, Property] = {
    "name": (None, optional(text(r"[A-Za-z][A-Za-z0-9]{0,39}"))),
    "every": (None, optional(_window)),
    "settle": (None, optional(duration(0, 3600))),
    "least_records": (200, whole(1, 1_000_000)),
    "variant": (None, optional(_STRING)),
    "features_path": (None, _PATH),
    "windows_to_alarm": (1, whole(1, 24)),
    "actions": ((), listed(a(MonitorAction), 0, 5)),
    "runbook": (None, optional(text(r"https?://\S{1,500}"))),
}

_READING: dict[str, Property] = {
    "columns": (None, optional(_columns)),
    "not_features": ((), _STRINGS),
    "at_deploy": (True, flag),
}


def _tests(method: str) -> list[Subject]:
    factory: Callable[..., DriftTest] = getattr(DriftTest, method)
    return [(f"DriftTest.{method}", factory, {"threshold": (0.1, number(0, _LARGEST, above=True))})]


VALUES_OF_MONITORS: list[Subject] = [
    *(subject for method in _METHODS for subject in _tests(method)),
    (
        "DriftTest",
        DriftTest,
        {
            "method": ("ks", lambda value: isinstance(value, str) and value in _METHODS),
            "threshold": (0.1, number(0, _LARGEST, above=True)),
        },
    ),
    (
        "Prediction",
        Prediction,
        {
            "label": ("labels", _PATH),
            "probability": (None, _PATH),
            "threshold": (0.5, _ENOUGH),
            "baseline_label": (None, optional(_STRING)),
            "baseline_probability": (None, optional(_STRING)),
        },
    ),
    (
        "Facet of values",
        Facet,
        {"column": ("sex", _STRING), "values": (["F"], _LABELS), "above": (None, nothing)},
    ),
    ("Facet of numbers", Facet, {"above": (60, number(-_LARGEST, _LARGEST)), "column": ("age", _STRING)}),
    (
        "GroundTruth",
        GroundTruth,
        {
            "bucket": (BUCKET, like("bucket_name")),
            "prefix": ("labels", text(PREFIX)),
            "within": (Made(cdk.Duration.hours, (1,)), duration(3600, 60 * _DAY)),
        },
    ),
    (
        "CapturedData",
        CapturedData,
        {
            "bucket": (BUCKET, like("bucket_name")),
            "prefix": ("data-capture", text(PREFIX)),
            "encryption_key": (None, optional(like("key_arn"))),
            "has_input": (True, flag),
            "has_output": (True, flag),
        },
    ),
    (
        "Baseline.from_asset",
        Baseline.from_asset,
        {"path": ("model/model.json", text(r".*/model\.json")), **_READING},
    ),
    (
        "Baseline.from_bucket",
        Baseline.from_bucket,
        {
            "bucket": (BUCKET, like("bucket_name")),
            "key": ("training.csv", _KEY),
            "version": (None, optional(_STRING)),
            **_READING,
        },
    ),
    (
        "Baseline.existing",
        Baseline.existing,
        {"bucket": (BUCKET, like("bucket_name")), "prefix": ("statistics", _KEY)},
    ),
    (
        "Baseline",
        Baseline,
        {
            "path": (None, nothing),
            "bucket": (BUCKET, like("bucket_name")),
            "key": ("training.csv", _KEY),
            "version": (None, optional(_STRING)),
            "made_already": (False, flag),
            **_READING,
        },
    ),
    (
        "MonitorAction.retrain_pipeline",
        MonitorAction.retrain_pipeline,
        {
            "pipeline_arn": (_PIPELINE, text(r"arn:.*:pipeline/.*")),
            "parameters": (None, optional(mapping(_STRING))),
        },
    ),
    (
        "MonitorAction.retrain",
        MonitorAction.retrain,
        {"state_machine": (_MACHINE, like("state_machine_arn"))},
    ),
    ("MonitorAction.notify", MonitorAction.notify, {"topic": (_TOPIC, like("topic_arn"))}),
    (
        "MonitorAction.shift_traffic",
        MonitorAction.shift_traffic,
        {"to": ("Old", text(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}"))},
    ),
    (
        "MonitorAction",
        MonitorAction,
        {
            "topic": (_TOPIC, like("topic_arn")),
            "state_machine": (None, nothing),
            "pipeline_arn": (None, nothing),
            "parameters": ({}, mapping(_STRING)),
            "variant": (None, nothing),
        },
    ),
    ("MonitorCompute.function", MonitorCompute.function, {"memory_mb": (1769, whole(512, 10_240))}),
    (
        "MonitorCompute.processing",
        MonitorCompute.processing,
        {
            "instance_type": ("ml.m5.xlarge", text(r"ml\..*")),
            "volume_gb": (30, whole(1, 16_384)),
            "longest": (None, optional(duration(60, 432_000))),
            "image": (None, optional(a(ContainerImage))),
        },
    ),
    (
        "MonitorCompute",
        MonitorCompute,
        {
            "memory_mb": (None, nothing),
            "instance_type": ("ml.m5.xlarge", text(r"ml\..*")),
            "volume_gb": (30, whole(1, 16_384)),
            "longest": (None, optional(duration(60, 432_000))),
            "image": (None, optional(a(ContainerImage))),
        },
    ),
    (
        "DataQuality",
        DataQuality,
        {
            **_COMMON,
            "baseline": (_BASELINE, a(Baseline)),
            "numeric": (Made(DriftTest.ks), a(DriftTest)),
            "categorical": (Made(DriftTest.psi), a(DriftTest)),
            "tests": ({}, mapping(a(DriftTest))),
            "alpha": (0.01, number(0.0001, 0.2)),
            "types": ({}, mapping(a(FeatureType))),
            "ignore": ((), _STRINGS),
        },
    ),
    (
        "ModelQuality",
        ModelQuality,
        {
            **_COMMON,
            "problem": (ProblemType.BINARY, a(ProblemType)),
            "ground_truth": (_TRUTH, a(GroundTruth)),
            "prediction": (_ANSWER, a(Prediction)),
            "baseline": (_BASELINE, a(Baseline)),
            "baseline_truth": ("label", _STRING),
            "positive": ("1", _STRING),
            "thresholds": ({}, mapping(number(-_LARGEST, _LARGEST))),
            "confidence": (0.99, number(0.5, 0.9999)),
        },
    ),
    (
        "BiasDrift",
        BiasDrift,
        {
            **_COMMON,
            "baseline": (_BASELINE, a(Baseline)),
            "facets": ([Made(Facet, given={"column": "sex", "values": ["F"]})], listed(a(Facet), 1, 50)),
            "prediction": (_ANSWER, a(Prediction)),
            "positive": (["1"], _LABELS),
            "baseline_truth": (None, optional(_STRING)),
            "group": (None, optional(_STRING)),
            "ground_truth": (None, optional(a(GroundTruth))),
            "metrics": (None, optional(_STRINGS)),
            "allowed_change": (0.1, _ENOUGH),
        },
    ),
    (
        "AttributionDrift",
        AttributionDrift,
        {
            **_COMMON,
            "baseline": (_BASELINE, a(Baseline)),
            "prediction": (_ANSWER, a(Prediction)),
            "requests": (None, optional(one_of(*RequestFormat))),
            "threshold": (0.9, _ENOUGH),
            "sample": (30, whole(1, 1000)),
            "background": (10, whole(1, 200)),
            "permutations": (1, whole(1, 200)),
            "rows_a_call": (100, whole(1, 10_000)),
            "background_rows": ([[1, 2.5, "a"]], listed(listed(_cell, 0, 10_000), 0, 10_000)),
        },
    ),
]


def _imported(stack: cdk.Stack, id: str) -> EndpointBase:
    return RealtimeEndpoint.from_endpoint_name(stack, id, "fraud")


def _bucket(stack: cdk.Stack, id: str) -> s3.IBucket:
    return s3.Bucket.from_bucket_name(stack, id, "results")


_MONITORS: Accepts = listed(a(Monitor), 0, 50)
_WATCHING: dict[str, Property] = {
    "results": (InStack("Results", _bucket), optional(like("bucket_name"))),
    "alarms": (None, optional(a(EndpointAlarms))),
    "engine": (MonitorEngine.OWNED, a(MonitorEngine)),
    "compute": (None, optional(a(MonitorCompute))),
    "notify": ([_TOPIC], listed(like("topic_arn"), 0, 5)),
    "dashboard": (True, flag),
}

MONITORED: list[Subject] = [
    (
        "Monitoring",
        Monitoring,
        {
            "endpoint": (InStack("MonitoredThere", _imported), a(EndpointBase)),
            "monitors": ([_DATA], _MONITORS),
            "captured": (Made(CapturedData, given={"bucket": BUCKET}), a(CapturedData)),
            "prefix": ("monitoring", text(PREFIX)),
            **_WATCHING,
        },
    ),
    (
        "MonitoredEndpoint",
        MonitoredEndpoint,
        {
            **HOSTED,
            "model": (MODEL, like("model_ref")),
            "variants": (None, nothing),
            "instance_type": ("ml.m5.large", text(r"ml\.[a-z0-9-]+\.[a-z0-9-]+")),
            "instance_count": (None, optional(whole(1, 10_000))),
            "scaling": (None, nothing),
            "rollout": (None, optional(a(Rollout))),
            "capture": (Made(DataCapture), optional(a(DataCapture))),
            "weights_managed_elsewhere": (False, flag),
            "monitors": ([_DATA], _MONITORS),
            "results_prefix": ("monitoring", text(PREFIX)),
            **_WATCHING,
        },
    ),
]
