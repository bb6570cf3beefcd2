"""Each rule of monitors, baselines, tests and actions: what is refused, with what words, and what passes."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_sns as sns

from constructs_lib import (
    Baseline,
    CapturedData,
    DataCapture,
    DataQuality,
    DriftTest,
    Facet,
    FeatureType,
    GroundTruth,
    ModelQuality,
    MonitorAction,
    MonitorCompute,
    MonitoredEndpoint,
    Prediction,
    ProblemType,
    Variant,
)
from tests.support.monitoring import (
    MONITORS,
    a_baseline,
    a_bucket,
    a_monitored_endpoint,
    attribution_drift,
    bias_drift,
    data_quality,
    model_quality,
)
from tests.support.refusals import (
    WRONG_DURATIONS,
    WRONG_LISTS,
    WRONG_NUMBERS,
    WRONG_OBJECTS,
    WRONG_TEXTS,
    WRONG_WHOLE_NUMBERS,
    Refusal,
    WrongType,
    as_parameters,
    refused,
    wrong_types,
)
from tests.support.synth import a_model, fresh_app

minutes, hours = cdk.Duration.minutes, cdk.Duration.hours
ids = count()


@cache
def scope() -> cdk.Stack:
    return cdk.Stack(fresh_app(), "Monitors")


def data(**props: Any) -> DataQuality:
    return data_quality(scope(), **props)


def quality(**props: Any) -> ModelQuality:
    return model_quality(scope(), **props)


def bias(**props: Any) -> object:
    return bias_drift(scope(), **props)


def attribution(**props: Any) -> object:
    return attribution_drift(scope(), **props)


def bucket_baseline(**props: Any) -> Baseline:
    return Baseline(**{"bucket": a_bucket(scope()), "key": "train.csv", **props})


def truth(**props: Any) -> GroundTruth:
    return GroundTruth(**{"bucket": a_bucket(scope()), "prefix": "labels", "within": hours(1), **props})


def endpoint(**props: Any) -> MonitoredEndpoint:
    return a_monitored_endpoint(scope(), f"Endpoint{next(ids)}", **props)


def variants(*names: str) -> list[Variant]:
    model = a_model(cdk.Stack(scope(), f"Variants{next(ids)}"), "Model")
    return [Variant(name=name, model=model, instance_type="ml.m5.large") for name in names]


NOWHERE = Prediction()
NO_COLUMNS = Prediction(label="labels")
OTHER_OPTIONS = len(json.dumps(quality(thresholds={"": 1.0}).options()))
TOKEN = cdk.Duration.minutes(cdk.Token.as_number("x"))

REFUSALS = [
    Refusal("SM-MONITOR-001", lambda: data(name="a b"), "name", "a b", "1–40 letters"),
    Refusal("SM-MONITOR-001", lambda: data(name=""), "name", "", "1–40 letters"),
    Refusal("SM-MONITOR-001", lambda: data(name="ü"), "name", "ü", "1–40 letters"),
    Refusal("SM-MONITOR-001", lambda: data(name="A" * 41), "name", "A" * 41, "1–40 letters"),
    Refusal("SM-MONITOR-002", lambda: data(every=minutes(4)), "every", "4 minutes", "5 minutes to 1 day"),
    Refusal("SM-MONITOR-002", lambda: data(every=minutes(7)), "every", "7 minutes", "divide a day"),
    Refusal("SM-MONITOR-002", lambda: data(every=hours(25)), "every", "1 day 1 hour", "5 minutes to 1 day"),
    Refusal("SM-MONITOR-002", lambda: data(every=TOKEN), "every", "a token", "known at synthesis"),
    Refusal("SM-MONITOR-002", lambda: data(settle=minutes(61)), "settle", "1 hour 1 minute", "to 1 hour"),
    Refusal("SM-MONITOR-003", lambda: data(least_records=0), "least_records", 0, "from 1"),
    Refusal("SM-MONITOR-003", lambda: data(windows_to_alarm=25), "windows_to_alarm", 25, "to 24"),
    Refusal("SM-MONITOR-003", lambda: data(runbook="wiki/fraud"), "runbook", "wiki/fraud", "https://"),
    Refusal("SM-MONITOR-003", lambda: data(features_path="a..b"), "features_path", "a..b", "keys with dots"),
    Refusal(
        "SM-MONITOR-004",
        lambda: quality(thresholds={"a" * 2500: 1.0}),
        "monitor",
        f"{2500 + OTHER_OPTIONS} characters",
        "at most 2500 characters",
    ),
    Refusal("SM-MONITOR-010", lambda: data(alpha=0.5), "alpha", 0.5, "at most 0.2"),
    Refusal(
        "SM-MONITOR-010", lambda: data(categorical=DriftTest.ks()), "categorical", "DriftTest.ks(…)", "psi"
    ),
    Refusal(
        "SM-MONITOR-010",
        lambda: data(numeric=DriftTest.l_infinity()),
        "numeric",
        "DriftTest.l_infinity(…)",
        "wasserstein",
    ),
    Refusal(
        "SM-MONITOR-011",
        lambda: data(ignore=["zip", "id"], types={"zip": FeatureType.CATEGORICAL}),
        "types",
        ["zip"],
        "not ignored",
    ),
    Refusal("SM-MONITOR-020", lambda: quality(thresholds={}), "baseline", None, "or thresholds"),
    Refusal(
        "SM-MONITOR-020",
        lambda: quality(baseline=a_baseline(scope())),
        "baseline_truth",
        None,
        "the column",
    ),
    Refusal(
        "SM-MONITOR-020",
        lambda: quality(baseline=a_baseline(scope()), baseline_truth="fraud", prediction=NO_COLUMNS),
        "prediction.baseline_label",
        None,
        "the column",
    ),
    Refusal("SM-MONITOR-021", lambda: quality(prediction=NOWHERE), "prediction.label", None, "labels or 0"),
    Refusal("SM-MONITOR-021", lambda: quality(confidence=1), "confidence", 1, "at most 0.9999"),
    Refusal(
        "SM-MONITOR-021",
        lambda: quality(problem=ProblemType.REGRESSION, prediction=Prediction(label="0", probability="1")),
        "prediction.probability",
        "1",
        "None for a regression",
    ),
    Refusal("SM-MONITOR-022", lambda: Prediction(label="a..b"), "label", "a..b", "keys with dots"),
    Refusal("SM-MONITOR-022", lambda: Prediction(probability=""), "probability", "", "keys with dots"),
    Refusal("SM-MONITOR-022", lambda: Prediction(threshold=1.01), "threshold", 1.01, "at most 1"),
    Refusal("SM-MONITOR-030", lambda: bias(facets=[]), "facets", [], "at least one"),
    Refusal(
        "SM-MONITOR-030",
        lambda: bias(facets=[Facet(column="a", above=1), Facet(column="a", above=2)]),
        "facets",
        ["a", "a"],
        "its own",
    ),
    Refusal("SM-MONITOR-032", lambda: Facet(column="a"), "values", None, "exactly one"),
    Refusal("SM-MONITOR-032", lambda: Facet(column="a", values=[]), "values", [], "at least one value"),
    Refusal(
        "SM-MONITOR-032", lambda: Facet(column="a", values=["b"], above=1), "values", ["b"], "exactly one"
    ),
    Refusal("SM-MONITOR-032", lambda: Facet(column="a", above=-1e16), "above", -1e16, "at least -1e+15"),
    Refusal("SM-MONITOR-031", lambda: bias(positive=[]), "positive", [], "at least one label"),
    Refusal("SM-MONITOR-031", lambda: bias(allowed_change=1.5), "allowed_change", 1.5, "at most 1"),
    Refusal("SM-MONITOR-040", lambda: attribution(sample=1001), "sample", 1001, "to 1000"),
    Refusal("SM-MONITOR-040", lambda: attribution(background=0), "background", 0, "from 1"),
    Refusal("SM-MONITOR-040", lambda: attribution(threshold=1.1), "threshold", 1.1, "at most 1"),
    Refusal(
        "SM-MONITOR-040",
        lambda: attribution(baseline=Baseline.existing(a_bucket(scope()), "monitoring/old")),
        "baseline",
        "Baseline.existing(…)",
        "data",
    ),
    Refusal(
        "SM-MONITOR-050", lambda: CapturedData(bucket=a_bucket(scope()), prefix="/x"), "prefix", "/x", "key"
    ),
    Refusal("SM-BASELINE-001", lambda: Baseline.from_asset("gone.csv"), "path", "gone.csv", "is there"),
    Refusal("SM-BASELINE-001", lambda: Baseline.existing(a_bucket(scope()), "/"), "prefix", "", "slashes"),
    Refusal("SM-BASELINE-002", lambda: bucket_baseline(columns=["a", "a"]), "columns", ["a", "a"], "its own"),
    Refusal("SM-BASELINE-002", lambda: bucket_baseline(columns=[]), "columns", [], "at least one"),
    Refusal(
        "SM-BASELINE-003", lambda: bucket_baseline(key="train/", version="v1"), "version", "v1", "a folder"
    ),
    Refusal("SM-DRIFT-001", lambda: DriftTest(method="magic", threshold=1), "method", "magic", "ks"),
    Refusal("SM-DRIFT-001", lambda: DriftTest.psi(0), "threshold", 0, "more than 0"),
    Refusal("SM-TRUTH-001", lambda: truth(prefix="labels/"), "prefix", "labels/", "slashes"),
    Refusal("SM-TRUTH-001", lambda: truth(within=minutes(59)), "within", "59 minutes", "1 hour to 60 days"),
    Refusal("SM-TRUTH-001", lambda: truth(within=TOKEN), "within", "a token", "known at synthesis"),
    Refusal("SM-ACTION-001", lambda: MonitorAction.shift_traffic(to="-"), "variant", "-", "letters"),
    Refusal(
        "SM-ACTION-002",
        lambda: MonitorAction.retrain_pipeline("train"),
        "pipeline_arn",
        "train",
        ":pipeline/",
    ),
    Refusal("SM-COMPUTE-001", lambda: MonitorCompute.function(memory_mb=511), "memory_mb", 511, "from 512"),
    Refusal(
        "SM-COMPUTE-001",
        lambda: MonitorCompute.processing(instance_type="m5.large"),
        "instance_type",
        "m5.large",
        "ml.m5",
    ),
    Refusal(
        "SM-COMPUTE-001",
        lambda: MonitorCompute.processing(longest=hours(121)),
        "longest",
        "5 days 1 hour",
        "5 days",
    ),
    Refusal(
        "SM-MONITOR-051",
        lambda: endpoint(capture=DataCapture(capture_input=False)),
        "monitors[DataQuality]",
        "capture_input",
        "captures it",
    ),
    Refusal(
        "SM-MONITOR-052",
        lambda: endpoint(monitors=[data(), data()]),
        "monitors",
        ["DataQuality", "DataQuality"],
        "its own",
    ),
    Refusal("SM-MONITOR-052", lambda: endpoint(results_prefix="/"), "results_prefix", "/", "key prefix"),
    Refusal(
        "SM-MONITOR-053",
        lambda: endpoint(monitors=[data(variant="B")]),
        "monitors[DataQuality].variant",
        "B",
        "AllTraffic",
    ),
    Refusal(
        "SM-MONITOR-053",
        lambda: endpoint(
            variants=variants("A", "B"), monitors=[data(actions=[MonitorAction.shift_traffic(to="C")])]
        ),
        "monitors[DataQuality].actions[0]",
        "shift_traffic(to='C')",
        "A, B",
    ),
]


@pytest.mark.parametrize("refusal", as_parameters(REFUSALS))
def test_refused(refusal: Refusal) -> None:
    refusal.check()


def test_a_wrong_monitor_leaves_no_endpoint_behind() -> None:
    stack = cdk.Stack(fresh_app(), "Empty")
    a_model(stack, "FraudModel")
    a_baseline(stack)
    before = len(stack.node.find_all())
    error = refused(
        lambda: a_monitored_endpoint(
            stack,
            model=stack.node.find_child("FraudModel"),
            instance_type=None,
            monitors=[data(variant="B")],
        )
    )
    assert error.path == "Empty/Fraud"
    assert set(error.rules) == {"SM-ENDPOINT-001", "SM-MONITOR-053"}, "all that is wrong is told at once"
    assert len(stack.node.find_all()) == before


PASSES: list[Callable[[], object]] = [
    lambda: data(every=minutes(5), settle=minutes(0), least_records=1, windows_to_alarm=24),
    lambda: data(every=hours(24), settle=minutes(60), alpha=0.0001),
    lambda: data(name="A" * 40, runbook="https://wiki.example.com/fraud?page=1"),
    lambda: data(numeric=DriftTest.wasserstein(), categorical=DriftTest.l_infinity()),
    lambda: quality(prediction=Prediction(probability="0")),
    lambda: quality(problem=ProblemType.REGRESSION, prediction=Prediction(label="0"), thresholds={"rmse": 3}),
    lambda: attribution(sample=1, background=1, permutations=1, rows_a_call=1, threshold=0),
    lambda: truth(within=cdk.Duration.days(60)),
    lambda: bucket_baseline(key="train/"),
    lambda: bucket_baseline(version=cdk.Fn.import_value("Version")),
    lambda: MonitorAction.retrain_pipeline(cdk.Fn.import_value("Pipeline"), parameters={"a": "b"}),
    lambda: MonitorCompute.processing(longest=cdk.Duration.days(5), volume_gb=16_384),
]


@pytest.mark.parametrize("attempt", PASSES)
def test_passes(attempt: Callable[[], object]) -> None:
    attempt()


WRONG = (
    [
        param
        for name, make in MONITORS.items()
        for param in wrong_types(
            lambda make=make, **props: make(scope(), **props),  # type: ignore[misc]
            name,
            name=WRONG_TEXTS,
            every=WRONG_DURATIONS,
            settle=WRONG_DURATIONS,
            least_records=(*WRONG_WHOLE_NUMBERS, None),
            windows_to_alarm=(*WRONG_WHOLE_NUMBERS, None),
            actions=WRONG_LISTS,
            runbook=WRONG_TEXTS,
            baseline=WRONG_OBJECTS,
        )
    ]
    + [
        *wrong_types(
            data, "data", alpha=WRONG_NUMBERS, tests=("x", 5, None), types=("x", 5), ignore=WRONG_LISTS[:2]
        ),
        *wrong_types(quality, "quality", problem=(*WRONG_OBJECTS, None), prediction=(*WRONG_OBJECTS, None)),
        *wrong_types(quality, "quality", ground_truth=(*WRONG_OBJECTS, None), confidence=WRONG_NUMBERS),
        *wrong_types(Prediction, "prediction", label=WRONG_TEXTS, baseline_label=WRONG_TEXTS),
        *wrong_types(Prediction, "prediction", threshold=(*WRONG_NUMBERS, None)),
        *wrong_types(bias, "bias", facets=WRONG_LISTS, allowed_change=WRONG_NUMBERS),
        *wrong_types(attribution, "attribution", sample=WRONG_WHOLE_NUMBERS, threshold=WRONG_NUMBERS),
    ]
)


@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_types_are_refused_by_name(wrong: WrongType) -> None:
    wrong.check()


def test_an_action_does_one_thing() -> None:
    topic = sns.Topic(scope(), "Topic")
    assert refused(MonitorAction).rules == ("SM-ACTION-001",)
    assert refused(lambda: MonitorAction(topic=topic, variant="A")).rules == ("SM-ACTION-001",)


def test_a_baseline_is_a_file_or_an_object(tmp_path: Path) -> None:
    file = tmp_path / "train.csv"
    file.write_text("a\n1\n")
    both = refused(lambda: Baseline(path=str(file), bucket=a_bucket(scope()), key="x"))
    assert set(both.rules) == {"SM-BASELINE-001"}
    assert refused(Baseline).rules == ("SM-BASELINE-001",)
    assert Baseline.from_asset(str(file)).path == str(file)
