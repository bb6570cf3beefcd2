"""Strategies for monitored endpoints. What they have of real-time endpoints is drawn there, and plain here."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_sns as sns
from aws_cdk import aws_stepfunctions as stepfunctions
from hypothesis import strategies as st

from constructs_lib import (
    AttributionDrift,
    AutoScaling,
    Baseline,
    BiasDrift,
    DataCapture,
    DataQuality,
    DriftTest,
    EndpointAlarms,
    ErrorThreshold,
    Facet,
    FeatureType,
    GroundTruth,
    ModelQuality,
    MonitorAction,
    MonitorCompute,
    MonitoredEndpoint,
    MonitorEngine,
    Prediction,
    ProblemType,
    RequestFormat,
    Rollout,
    Variant,
)

from .. import surroundings
from ..made import InStack, Made
from .basics import SWITCHES, Strategy, call, maybe, some
from .hosting import KEYS, NAMED, PUBLISHINGS

_TRAINING = str(surroundings.EXAMPLES / "breast_cancer" / "baseline.csv")
_BUCKETS = st.just(surroundings.ARTEFACTS)
_COLUMNS = maybe(st.just(["age", "größe", "label"]))
_LEFT_OUT = maybe(st.just(["label"]))
_TOPICS = st.just(InStack("MonitorTopic", lambda stack, id: sns.Topic(stack, id, enforce_ssl=True)))
_MACHINES = st.just(
    InStack(
        "Retraining",
        lambda stack, id: stepfunctions.StateMachine.from_state_machine_arn(
            stack, id, f"arn:aws:states:us-east-1:{surroundings.ACCOUNT}:stateMachine:retrain"
        ),
    )
)
_PIPELINES = st.just(f"arn:aws:sagemaker:us-east-1:{surroundings.ACCOUNT}:pipeline/fraud")

_READING: dict[str, Strategy] = {
    "columns": _COLUMNS,
    "not_features": _LEFT_OUT,
    "at_deploy": maybe(SWITCHES),
}
BASELINES = (
    some(Baseline.from_asset, path=st.just(_TRAINING), **_READING)
    | some(
        Baseline.from_bucket,
        bucket=_BUCKETS,
        key=st.sampled_from(["training.csv", "größe/v1.jsonl.gz"]),
        version=maybe(st.just("v1")),
        **_READING,
    )
    | some(Baseline.from_bucket, bucket=_BUCKETS, key=st.just("training/"), **_READING)
)
EXISTING = some(Baseline.existing, bucket=_BUCKETS, prefix=st.sampled_from(["statistics", "a/b/"]))
ACTIONS = (
    some(MonitorAction.notify, topic=_TOPICS)
    | some(MonitorAction.retrain, state_machine=_MACHINES)
    | some(
        MonitorAction.retrain_pipeline,
        pipeline_arn=_PIPELINES,
        parameters=maybe(st.sampled_from([{}, {"Reason": "drift"}])),
    )
)
PREDICTIONS = some(
    Prediction,
    label=st.sampled_from(["labels", "predictions.0.label", "1"]),
    probability=maybe(st.just("scores")),
    threshold=maybe(st.floats(0, 1)),
    baseline_label=st.just("predicted"),
    baseline_probability=maybe(st.just("score")),
)
TRUTHS = some(
    GroundTruth,
    bucket=_BUCKETS,
    prefix=st.sampled_from(["labels", "a/b-c/d.e"]),
    within=st.sampled_from([1, 24 * 60]).map(lambda count: call(cdk.Duration.hours, count)),
)
FACETS = some(Facet, column=st.just("sex"), values=st.just(["F"])) | some(
    Facet, column=st.just("age"), above=st.floats(-1e9, 1e9)
)
_THRESHOLDS = st.floats(0.001, 10)
NUMERIC = some(DriftTest.ks, threshold=maybe(_THRESHOLDS))
CATEGORICAL = some(DriftTest.psi, threshold=maybe(_THRESHOLDS))
COMPUTES = some(MonitorCompute.function, memory_mb=maybe(st.integers(512, 10_240))) | some(
    MonitorCompute.processing,
    instance_type=maybe(st.sampled_from(["ml.m5.large", "ml.c5.4xlarge"])),
    volume_gb=maybe(st.integers(1, 16_384)),
    longest=maybe(st.integers(1, 7_200).map(lambda count: call(cdk.Duration.minutes, count))),
    image=maybe(st.just(surroundings.OWN_IMAGE)),
)


_COMMON: dict[str, Strategy] = {
    "every": maybe(st.sampled_from([5, 15, 60, 1440]).map(lambda count: call(cdk.Duration.minutes, count))),
    "settle": maybe(st.integers(0, 60).map(lambda count: call(cdk.Duration.minutes, count))),
    "least_records": maybe(st.integers(1, 1_000_000)),
    "features_path": maybe(st.sampled_from(["instances", "data.rows"])),
    # Seven of the longest fit into the week that an alarm looks back.
    "windows_to_alarm": maybe(st.integers(1, 7)),
    "actions": st.lists(ACTIONS, max_size=2),
    "runbook": maybe(st.just("https://wiki.example.com/fraud?page=1")),
}

MONITORS = st.one_of(
    some(
        DataQuality,
        baseline=BASELINES | EXISTING,
        numeric=maybe(NUMERIC),
        categorical=maybe(CATEGORICAL),
        tests=maybe(st.just({"age": Made(DriftTest.jensen_shannon)})),
        alpha=maybe(st.floats(0.0001, 0.2)),
        types=maybe(st.just({"zip": FeatureType.CATEGORICAL})),
        ignore=maybe(st.just(["größe"])),
        **_COMMON,
    ),
    some(
        ModelQuality,
        problem=st.sampled_from([ProblemType.BINARY, ProblemType.MULTICLASS]),
        ground_truth=TRUTHS,
        prediction=PREDICTIONS,
        baseline=maybe(BASELINES | EXISTING),
        baseline_truth=st.just("label"),
        positive=maybe(st.just("yes")),
        thresholds=st.just({"accuracy": 0.9}),
        confidence=maybe(st.floats(0.5, 0.9999)),
        **_COMMON,
    ),
    some(
        BiasDrift,
        baseline=BASELINES,
        facets=st.lists(FACETS, min_size=1, max_size=2, unique_by=lambda each: each.given["column"]),
        prediction=PREDICTIONS,
        positive=maybe(st.just(["yes"])),
        baseline_truth=maybe(st.just("label")),
        group=maybe(st.just("branch")),
        ground_truth=maybe(TRUTHS),
        metrics=maybe(st.just(["DPL", "DI"])),
        allowed_change=maybe(st.floats(0, 1)),
        **_COMMON,
    ),
    some(
        AttributionDrift,
        baseline=BASELINES,
        prediction=PREDICTIONS,
        requests=maybe(st.sampled_from(RequestFormat)),
        threshold=maybe(st.floats(0, 1)),
        sample=maybe(st.integers(1, 1000)),
        background=maybe(st.integers(1, 200)),
        permutations=maybe(st.integers(1, 200)),
        rows_a_call=maybe(st.integers(1, 10_000)),
        background_rows=maybe(st.just([[1, 2.5, "a"]])),
        **_COMMON,
    ),
)
"""Any monitor, without a name and a variant."""

CAPTURES = some(
    DataCapture,
    sampling_percent=maybe(st.integers(1, 100)),
    bucket=maybe(st.just(surroundings.BUCKET)),
    prefix=maybe(st.sampled_from(["captured", "a/b-c/d.e"])),
    encryption_key=maybe(KEYS),
)
"""Of requests and answers."""


_SCALED = maybe(
    st.just(Made(AutoScaling, given={"min_capacity": 2, "max_capacity": 4, "cpu_utilization": 70}))
)
_OF_BOTH: dict[str, Strategy] = {
    **NAMED,
    "encryption_key": maybe(KEYS),
    "metrics": maybe(PUBLISHINGS),
    "rollout": maybe(
        st.just(Made(Rollout.canary, given={"size_percent": 50, "wait": call(cdk.Duration.minutes, 5)}))
    ),
    "weights_managed_elsewhere": maybe(SWITCHES),
}
_MODEL = surroundings.LONE_MODELS[0]
_HOSTED_OF_ONE = some(
    MonitoredEndpoint,
    model=st.just(_MODEL),
    instance_type=st.just("ml.m5.large"),
    instance_count=maybe(st.integers(2, 4)),
    scaling=_SCALED,
    **_OF_BOTH,
)
_HOSTED_OF_TWO = some(
    MonitoredEndpoint,
    variants=st.just(
        [
            Made(Variant, given={"name": name, "model": _MODEL, "instance_type": "ml.m5.large"})
            for name in ("Old", "New")
        ]
    ),
    **_OF_BOTH,
)


@st.composite
def monitored_endpoints(draw: st.DrawFn) -> Made:
    """A `MonitoredEndpoint`, with up to 2 monitors: each makes a dozen resources."""
    hosted: dict[str, Any] = dict(draw(_HOSTED_OF_ONE | _HOSTED_OF_TWO).given)
    variants = [each.given["name"] for each in hosted.get("variants", [])] or ["AllTraffic"]
    watching = dict(draw(_WATCHING).given)
    watching["monitors"] = [
        draw(_of_variants(f"M{index}", monitor, variants))
        for index, monitor in enumerate(watching["monitors"])
    ]
    return Made(MonitoredEndpoint, given={**hosted, **watching})


_ALARMS = [
    InStack("NoAlarms", lambda *_: EndpointAlarms()),
    InStack("OneAlarm", lambda *_: EndpointAlarms(error_rate={"Critical": ErrorThreshold(percent=5)})),
]
"""Whole ones: what their properties may be is tested apart (tests/monitoring/test_thresholds.py)."""

_WATCHING = some(
    MonitoredEndpoint,
    capture=maybe(CAPTURES),
    monitors=st.lists(MONITORS, max_size=2),
    results=maybe(_BUCKETS),
    results_prefix=maybe(st.sampled_from(["monitoring", "a/b-c/d.e"])),
    alarms=maybe(st.sampled_from(_ALARMS)),
    engine=maybe(st.just(MonitorEngine.OWNED)),
    compute=maybe(COMPUTES),
    notify=maybe(st.lists(_TOPICS, max_size=1)),
    dashboard=maybe(SWITCHES),
)


@st.composite
def _of_variants(draw: st.DrawFn, name: str, monitor: Made, variants: list[str]) -> Made:
    """`monitor` with a name, and perhaps with one of `variants` to look at and to shift traffic to."""
    given: dict[str, Any] = {**monitor.given, "name": name}
    if draw(SWITCHES):
        given["variant"] = variants[0]
    if len(variants) > 1 and draw(SWITCHES):
        back = Made(MonitorAction.shift_traffic, given={"to": variants[-1]})
        given["actions"] = [*given["actions"], back]
    return Made(monitor.factory, given=given)
