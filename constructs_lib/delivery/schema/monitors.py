"""Monitors: what is compared with what, how often, and from when on it is wrong."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from .base import BucketName, Choice, Duration, ObjectUri, Part, RepositoryPath, refuse_floating
from .endpoints import ModelOrVariants

Row = list[str | int | float]


class BaselineSpec(Part):
    """The data that is taken for right: a file of this repository, an object in S3, or statistics made before."""

    asset: RepositoryPath | None = None
    """CSV or JSON Lines of this repository, also packed (`.gz`)."""
    uri: ObjectUri | None = None
    """The same in S3, with `versionId`."""
    existing: ObjectUri | None = None
    """Prefix with `statistics.json` and `constraints.json`."""
    version_id: str | None = None
    """Version id of the object of `uri`."""
    columns: list[str] | None = None
    """Names of the columns of CSV without a first line that tells them."""
    not_features: list[str] = []
    """Columns that requests do not have: labels, predictions, weights."""
    at_deploy: bool = True
    """Make it while the stack deploys, and fail the deployment where that fails."""

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        places = (self.asset, self.uri, self.existing)
        if sum(each is not None for each in places) != 1:
            raise PydanticCustomError("one_of", "exactly one of {names}", {"names": "asset, uri, existing"})
        if self.uri is not None and self.version_id is None:
            raise PydanticCustomError(
                "floating", "versionId beside it: an object can be overwritten", {"field": "uri"}
            )
        refuse_floating(self.version_id)
        return self


class PredictionSpec(Part):
    """Where an answer has its prediction."""

    label: str | None = None
    """Path of the label in the answer, such as `labels`, or a column's number."""
    probability: str | None = None
    threshold: float = 0.5
    baseline_label: str | None = None
    """Column of the baseline with the predicted label."""
    baseline_probability: str | None = None


class GroundTruthSpec(Part):
    """Where labels are put."""

    bucket: BucketName
    prefix: str
    within: Duration
    """How long a label may take to come."""


class DriftTestSpec(Part):
    """A test of whether two samples differ."""

    method: Literal["ks", "psi", "jensen_shannon", "wasserstein", "l_infinity", "chi_square"]
    threshold: float | None = None
    """Default: the method's."""


class MonitorCommon(Part):
    """What all monitors have."""

    name: str | None = None
    """Default: its kind's."""
    every: Duration | None = None
    """How much time is looked at at once. Default: 1 hour."""
    settle: Duration | None = None
    """How long captured data may take to be written."""
    least_records: Annotated[int, Field(ge=1)] = 200
    """With fewer a window says nothing."""
    variant: str | None = None
    features_path: str | None = None
    """Path of the features in a JSON request."""
    windows_to_alarm: Annotated[int, Field(ge=1)] = 1
    runbook: str | None = None
    """Address of what to do."""


class DataQualitySpec(MonitorCommon):
    """Whether requests look like the training data."""

    baseline: BaselineSpec
    numeric: DriftTestSpec | None = None
    categorical: DriftTestSpec | None = None
    tests: dict[str, DriftTestSpec] = {}
    """Tests of single features."""
    alpha: float = 0.01
    types: dict[str, Literal["Integral", "Fractional", "String"]] = {}
    ignore: list[str] = []
    """Features that are not looked at."""


class ModelQualitySpec(MonitorCommon):
    """Whether predictions are right, once the truth is known."""

    problem: Literal["binary", "multiclass", "regression"]
    ground_truth: GroundTruthSpec
    prediction: PredictionSpec
    baseline: BaselineSpec | None = None
    baseline_truth: str | None = None
    """Column of the baseline with the truth."""
    positive: str = "1"
    thresholds: dict[str, float] = {}
    """Least (or, of errors, most) by metric."""
    confidence: float = 0.99


class FacetSpec(Part):
    """A group that may be treated otherwise than the rest."""

    column: str
    values: list[str] | None = None
    above: float | None = None


class BiasDriftSpec(MonitorCommon):
    """Whether a group is treated otherwise than it was."""

    baseline: BaselineSpec
    facets: Annotated[list[FacetSpec], Field(min_length=1)]
    prediction: PredictionSpec
    positive: list[str] = ["1"]
    baseline_truth: str | None = None
    group: str | None = None
    ground_truth: GroundTruthSpec | None = None
    metrics: list[str] | None = None
    allowed_change: float = 0.1


class AttributionDriftSpec(MonitorCommon):
    """Whether the model decides by other features than it did."""

    baseline: BaselineSpec
    prediction: PredictionSpec
    background_rows: list[Row] = []
    requests: Literal["csv", "json_rows", "json_objects"] | None = None
    threshold: float = 0.9
    sample: int = 30
    background: int = 10
    permutations: int = 1
    rows_a_call: int = 100


class MonitorSpec(Choice):
    """One monitor."""

    data_quality: DataQualitySpec | None = None
    model_quality: ModelQualitySpec | None = None
    bias_drift: BiasDriftSpec | None = None
    attribution_drift: AttributionDriftSpec | None = None


class FunctionCompute(Part):
    """Monitors run on Lambda."""

    memory_mb: int = 1769


class ProcessingCompute(Part):
    """Monitors run as processing jobs."""

    instance_type: str = "ml.m5.xlarge"
    volume_gb: int = 30
    longest: Duration | None = None


class ComputeSpec(Choice):
    """What monitors run on."""

    function: FunctionCompute | None = None
    processing: ProcessingCompute | None = None


class MonitoredSpec(ModelOrVariants):
    """Spec of a `MonitoredEndpoint`: a real-time endpoint that notices when it stops being right."""

    monitors: list[MonitorSpec] = []
    results: BucketName | None = None
    """Bucket of what monitors find. Default: a new one."""
    results_prefix: str = "monitoring"
    engine: Literal["owned", "model_monitor"] = "owned"
    compute: ComputeSpec | None = None
    """Default: functions."""
    dashboard: bool = True
