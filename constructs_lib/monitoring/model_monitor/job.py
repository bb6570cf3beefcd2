"""What a monitor of SageMaker's Model Monitor is made from: plain descriptions, checked by `rules`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3

from ...core.buckets import attributes_of
from .cadence import HOURLY

Scalar = str | int | float


class MonitorKind(StrEnum):
    """What is monitored."""

    DATA_QUALITY = "data_quality"
    MODEL_QUALITY = "model_quality"
    BIAS = "bias"
    ATTRIBUTION = "attribution"

    @property
    def monitoring_type(self) -> str:
        """As a MonitoringSchedule calls it."""
        return _TYPES[self]

    @property
    def image(self) -> str:
        """The table's name of the image that it runs."""
        return "clarify" if self.by_clarify else "model-monitor"

    @property
    def by_clarify(self) -> bool:
        """Whether Clarify computes it, which takes its analysis from a file."""
        return self in (MonitorKind.BIAS, MonitorKind.ATTRIBUTION)

    @property
    def takes_labels(self) -> bool:
        """Whether a job of its own merges labels first, on half of the time; and windows may be shifted."""
        return self in (MonitorKind.MODEL_QUALITY, MonitorKind.BIAS)

    @property
    def constraints_file(self) -> str:
        """The baseline's file that a job judges by. Clarify's is the analysis of the baseline itself."""
        return "analysis.json" if self.by_clarify else "constraints.json"


_TYPES: Mapping[MonitorKind, str] = {
    MonitorKind.DATA_QUALITY: "DataQuality",
    MonitorKind.MODEL_QUALITY: "ModelQuality",
    MonitorKind.BIAS: "ModelBias",
    MonitorKind.ATTRIBUTION: "ModelExplainability",
}


class ProblemType(StrEnum):
    """What the model does, in Model Monitor's words."""

    BINARY = "BinaryClassification"
    MULTICLASS = "MulticlassClassification"
    REGRESSION = "Regression"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Objects of a bucket below a prefix."""

    bucket: s3.IBucket
    prefix: str
    """Without slashes at its ends."""
    key: kms.IKey | None = None
    """Encrypts the objects. Default: the key that the bucket knows."""

    @property
    def uri(self) -> str:
        """``s3://bucket/prefix``."""
        return f"s3://{attributes_of(self.bucket).name}/{self.prefix}"

    @property
    def keys(self) -> tuple[kms.IKey, ...]:
        """What reading and writing it takes, besides S3."""
        found = (self.key, attributes_of(self.bucket).key)
        return tuple(dict.fromkeys(each for each in found if each is not None))

    def below(self, name: str) -> Place:
        """A prefix in it."""
        return Place(bucket=self.bucket, prefix=f"{self.prefix}/{name}", key=self.key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attributes:
    """Where in a captured record things are: the column's index in CSV, a JMESPath expression in JSON Lines."""

    features: str | None = None
    """Bias and attribution only."""
    inference: str | None = None
    """The predicted label or value."""
    probability: str | None = None
    """Classification: the probability, or score, of the label."""
    probability_threshold: float | None = None
    """0–1. The probability from which on a prediction is positive. Not of attribution."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facet:
    """A feature by which bias is measured."""

    name: str
    values: Sequence[Scalar] | None = None
    """The values of the group that may be at a disadvantage; of a number its threshold. Default: each value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BiasAnalysis:
    """What Clarify measures bias of.

    Source: https://docs.aws.amazon.com/sagemaker/latest/dg/clarify-processing-job-configure-analysis.html
    """

    label_values: Sequence[Scalar]
    """The label's values that are the good outcome; of a number its threshold."""
    facets: Sequence[Facet]
    headers: Sequence[str] | None = None
    """Names of the columns, where the data has none."""
    label: str | None = None
    """The label's column, or a JMESPath expression."""
    group: str | None = None
    """The column within whose groups conditional disparity is measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShapAnalysis:
    """How Clarify explains predictions: with Kernel SHAP, on an endpoint that it makes for each job.

    Source: https://docs.aws.amazon.com/sagemaker/latest/dg/clarify-processing-job-configure-analysis.html
    """

    model_name: str
    """Of the model that is explained; known at deployment only, for models of this library."""
    background: Sequence[Sequence[Scalar]]
    """Rows that stand for "nothing known" (SHAP's baseline): 1–100."""
    headers: Sequence[str] | None = None
    """Names of the features."""
    label_headers: Sequence[str] | None = None
    """Names of the scores that the model answers with."""
    samples: int = 100
    """How many synthetic rows explain one row."""
    instance_type: str = "ml.m5.xlarge"
    """Of the endpoint that Clarify makes."""
    content_type: str = "text/csv"
    accept: str = "text/csv"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelMonitorJob:
    """One monitor: what it reads, compares with, writes, and when."""

    name: str
    """Of the monitor: the dimension ``Monitor`` of its metrics."""
    kind: MonitorKind
    endpoint_name: str
    captured: Place
    """What the endpoint captures, without the endpoint's own folder."""
    baseline: Place
    """Has constraints.json and statistics.json, or Clarify's analysis.json."""
    results: Place
    """The monitor's own prefix. Model Monitor writes below its ``model-monitor/``."""
    ground_truth: Place | None = None
    """Labels as JSON Lines in ``yyyy/mm/dd/hh/`` below it. For model quality and bias."""
    schedule: str = HOURLY
    start_offset: str | None = None
    """Where the window begins, from the time of the job: an ISO 8601 duration such as ``-PT2H``.
    Model quality and bias only. Default: Model Monitor's, the time since the job before."""
    end_offset: str | None = None
    attributes: Attributes = Attributes()
    problem: ProblemType | None = None
    bias: BiasAnalysis | None = None
    shap: ShapAnalysis | None = None
    instance_type: str = "ml.m5.xlarge"
    volume_gibibytes: int = 20
    """1–16,384."""
    max_runtime_seconds: int | None = None
    """Default: an hour, or what the schedule leaves if that is less."""
    volume_key: kms.IKey | None = None
    """Encrypts the job's volume."""
    vpc: ec2.IVpc | None = None
    vpc_subnets: ec2.SubnetSelection | None = None
    security_groups: Sequence[ec2.ISecurityGroup] | None = None
    network_isolation: bool = False
    """The container makes no calls. Not of attribution, which calls an endpoint."""
    role: iam.IRole | None = None
    """Runs the jobs of this monitor. Default: a new one. What it needs is added to it."""
