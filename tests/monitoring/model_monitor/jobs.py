"""Descriptions of monitors, the least of each kind, and stacks for them."""

from __future__ import annotations

from functools import cache
from typing import Any

import aws_cdk as cdk
import constructs
from aws_cdk import aws_s3 as s3

from constructs_lib.monitoring.model_monitor.job import (
    Attributes,
    BiasAnalysis,
    Facet,
    ModelMonitorJob,
    MonitorKind,
    Place,
    ProblemType,
    ShapAnalysis,
)
from constructs_lib.monitoring.model_monitor.schedule import ModelMonitorSchedule
from tests.support.synth import ACCOUNT, Template, fresh_app, properties, resources, synthesized

KINDS = list(MonitorKind)
DEFINITIONS = {
    MonitorKind.DATA_QUALITY: "AWS::SageMaker::DataQualityJobDefinition",
    MonitorKind.MODEL_QUALITY: "AWS::SageMaker::ModelQualityJobDefinition",
    MonitorKind.BIAS: "AWS::SageMaker::ModelBiasJobDefinition",
    MonitorKind.ATTRIBUTION: "AWS::SageMaker::ModelExplainabilityJobDefinition",
}
SCHEDULE = "AWS::SageMaker::MonitoringSchedule"
CONFIG = "Custom::AnalysisConfig"
REGION = "eu-west-1"

BIAS = BiasAnalysis(
    label_values=[1],
    facets=[Facet(name="sex", values=["female"])],
    headers=["sex", "age", "label"],
    label="label",
)
SHAP = ShapAnalysis(model_name="fraud", background=[[0.5, 1], [0.7, 2]], headers=["amount", "age"])


def a_stack(region: str | None = REGION, name: str = "Fraud") -> cdk.Stack:
    """A stack in `region`; None: in any."""
    env = None if region is None else cdk.Environment(account=ACCOUNT, region=region)
    return cdk.Stack(fresh_app(), name, env=env)


@cache
def _bucket(scope: constructs.Construct) -> s3.IBucket:
    return s3.Bucket.from_bucket_name(scope, "MonitoringBucket", "monitoring-bucket")


def a_place(scope: constructs.Construct, prefix: str) -> Place:
    """A place in an imported bucket."""
    return Place(bucket=_bucket(scope), prefix=prefix)


def a_job(scope: constructs.Construct, kind: MonitorKind, **changes: Any) -> ModelMonitorJob:
    """The least of a kind."""
    of_kind: dict[MonitorKind, dict[str, Any]] = {
        MonitorKind.DATA_QUALITY: {},
        MonitorKind.MODEL_QUALITY: {
            "problem": ProblemType.BINARY,
            "attributes": Attributes(probability="0", probability_threshold=0.5),
        },
        MonitorKind.BIAS: {
            "bias": BIAS,
            "attributes": Attributes(inference="0", features="features"),
        },
        MonitorKind.ATTRIBUTION: {"shap": SHAP},
    }
    described: dict[str, Any] = {
        "name": "Monitor",
        "kind": kind,
        "endpoint_name": "fraud",
        "captured": a_place(scope, "data-capture"),
        "baseline": a_place(scope, "monitoring/fraud/Monitor/baseline/0a1b"),
        "results": a_place(scope, "monitoring/fraud/Monitor"),
        **of_kind[kind],
    }
    if kind.takes_labels:
        described["ground_truth"] = a_place(scope, "labels")
    return ModelMonitorJob(**{**described, **changes})


def a_schedule(
    scope: constructs.Construct,
    kind: MonitorKind = MonitorKind.DATA_QUALITY,
    id: str = "Monitor",
    **changes: Any,
) -> ModelMonitorSchedule:
    """A monitor of a kind."""
    return ModelMonitorSchedule(scope, id, job=a_job(scope, kind, **changes))


def template_of(kind: MonitorKind, *, region: str | None = REGION, **changes: Any) -> Template:
    """The template of a stack with one monitor."""
    stack = a_stack(region)
    a_schedule(stack, kind, **changes)
    return synthesized(stack)


def definition_of(template: Template, kind: MonitorKind) -> dict[str, Any]:
    """The properties of the one definition of `kind`."""
    return properties(template, DEFINITIONS[kind])


def name_of(template: Template) -> str:
    """The name of the one definition in a template, which its schedule refers to."""
    (found,) = [each for type in DEFINITIONS.values() for each in resources(template, type).values()]
    name = str(found["Properties"]["JobDefinitionName"])
    config = properties(template, SCHEDULE)["MonitoringScheduleConfig"]
    assert config["MonitoringJobDefinitionName"] == name
    return name
