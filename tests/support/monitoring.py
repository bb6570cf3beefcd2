"""Monitors and monitored endpoints with the least of everything, unless told otherwise."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
import constructs
from aws_cdk import aws_s3 as s3

from constructs_lib import (
    AttributionDrift,
    Baseline,
    BiasDrift,
    DataQuality,
    Facet,
    GroundTruth,
    ModelQuality,
    MonitoredEndpoint,
    Prediction,
    ProblemType,
)

from .synth import a_model

ANSWER = Prediction(
    label="labels", probability="scores", baseline_label="predicted", baseline_probability="score"
)


def a_bucket(scope: constructs.Construct, id: str = "Data") -> s3.IBucket:
    """A bucket that is there already."""
    found = scope.node.try_find_child(id)
    return found if found is not None else s3.Bucket.from_bucket_name(scope, id, id.lower())  # type: ignore[return-value]


def a_baseline(scope: constructs.Construct) -> Baseline:
    """Training data in a bucket."""
    return Baseline.from_bucket(a_bucket(scope), "training/fraud.csv")


def the_truth(scope: constructs.Construct) -> GroundTruth:
    """Labels within a day."""
    return GroundTruth(bucket=a_bucket(scope, "Labels"), prefix="labels", within=cdk.Duration.hours(24))


def data_quality(scope: constructs.Construct, **props: Any) -> DataQuality:
    return DataQuality(**{"baseline": a_baseline(scope), **props})


def model_quality(scope: constructs.Construct, **props: Any) -> ModelQuality:
    given = {"problem": ProblemType.BINARY, "ground_truth": the_truth(scope), "prediction": ANSWER}
    return ModelQuality(**{**given, "thresholds": {"auc": 0.8}, **props})  # type: ignore[arg-type]


def bias_drift(scope: constructs.Construct, **props: Any) -> BiasDrift:
    facets = [Facet(column="sex", values=["F"]), Facet(column="age", above=40)]
    return BiasDrift(**{"baseline": a_baseline(scope), "facets": facets, "prediction": ANSWER, **props})


def attribution_drift(scope: constructs.Construct, **props: Any) -> AttributionDrift:
    return AttributionDrift(**{"baseline": a_baseline(scope), "prediction": ANSWER, **props})


MONITORS = {
    "data_quality": data_quality,
    "model_quality": model_quality,
    "bias": bias_drift,
    "attribution": attribution_drift,
}


def a_monitored_endpoint(scope: constructs.Construct, id: str = "Fraud", **props: Any) -> MonitoredEndpoint:
    """A monitored endpoint with a model of its own, and a monitor of its data."""
    given: dict[str, Any] = {"monitors": [data_quality(scope)], "dashboard": False, **props}
    if "variants" not in given:
        model = given.pop("model", None) or a_model(scope, f"{id}Model")
        given = {"model": model, "instance_type": "ml.m5.large", **given}
    return MonitoredEndpoint(scope, id, **given)
