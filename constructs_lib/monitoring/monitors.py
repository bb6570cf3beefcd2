"""The monitors: of data, of quality, of bias and of attribution. Values; their rules are in monitor_rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, ClassVar

import aws_cdk as cdk

from .actions import MonitorAction
from .baseline import Baseline
from .drift_test import DriftTest
from .ground_truth import GroundTruth
from .monitor_rules import (
    attribution_rules,
    bias_rules,
    data_rules,
    facet_rules,
    prediction_rules,
    quality_rules,
)

DEFAULT_EVERY_SECONDS = 3600
DEFAULT_SETTLE_SECONDS = 900


class FeatureType(Enum):
    """What a feature is taken for, whatever its values look like."""

    INTEGRAL = "Integral"
    FRACTIONAL = "Fractional"
    CATEGORICAL = "String"


class ProblemType(Enum):
    """What a model predicts."""

    BINARY = "binary"
    MULTICLASS = "multiclass"
    REGRESSION = "regression"


class RequestFormat(Enum):
    """How rows are sent to a model; of JSON, below the monitor's `features_path`."""

    CSV = "csv"
    JSON_ROWS = "json_rows"
    """A list of lists."""
    JSON_OBJECTS = "json_objects"
    """A list of objects, by the features' names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """Where a prediction stands in an answer of the model.

    Paths are keys and positions with dots between them, such as ``predictions.label``; a key applies to every
    item of a list. Of CSV the path is the number of a column, from 0. In the baseline's data it is a column's
    name, which may be another: `baseline_label`, `baseline_probability`.

    :raises ConstraintError: SM-MONITOR-022.
    """

    label: str | None = None
    """The predicted label, or number."""
    probability: str | None = None
    """Of the positive label (binary), or of the predicted one (multiclass)."""
    threshold: float = 0.5
    """Where only the probability is given: from where on the label is the positive one."""
    baseline_label: str | None = None
    baseline_probability: str | None = None

    def __post_init__(self) -> None:
        """Check."""
        prediction_rules.enforce(self, path="Prediction")

    def bind(self) -> dict[str, Any]:
        """As the engine reads it."""
        return {"label": self.label, "probability": self.probability, "threshold": self.threshold}

    def bind_baseline(self) -> dict[str, Any]:
        """The columns of the baseline's data."""
        return {"label": self.baseline_label, "probability": self.baseline_probability}


@dataclass(frozen=True, slots=True, kw_only=True)
class Facet:
    """A group of people, or of things, that must not be treated worse than the others.

    :raises ConstraintError: SM-MONITOR-032.
    """

    column: str
    values: Sequence[str] | None = None
    """The disadvantaged group: rows with one of these."""
    above: float | None = None
    """Or: rows with a number above this one."""

    def __post_init__(self) -> None:
        """Check."""
        facet_rules.enforce(self, path="Facet")

    def bind(self) -> dict[str, Any]:
        """As the engine reads it."""
        return {
            "column": self.column,
            "values": None if self.values is None else list(self.values),
            "above": self.above,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Monitor:
    """What all monitors have in common; of no use by itself."""

    kind: ClassVar[str] = ""
    reads_input: ClassVar[bool] = True
    reads_output: ClassVar[bool] = False
    shown: ClassVar[Mapping[str, str]] = {}
    """Metrics that its row of a dashboard shows, with their labels."""

    name: str | None = None
    """Part of the metrics' and the files' names. Default: the name of the class."""
    every: cdk.Duration | None = None
    """How long a window is: whole minutes that divide a day, 5 minutes – 1 day. Default: 1 hour."""
    settle: cdk.Duration | None = None
    """How long after its end a window is looked at, 0–60 minutes: captured data is written later than answers
    are given. Default: 15 minutes."""
    least_records: int = 200
    """A window with fewer is not judged."""
    variant: str | None = None
    """Look at the requests of this variant only. Default: of all."""
    features_path: str | None = None
    """Where the rows stand in a JSON request, such as ``instances``. Default: the request is a row, or a list."""
    windows_to_alarm: int = 1
    """So many windows in a row must be violated before the alarm goes off, 1–24."""
    actions: Sequence[MonitorAction] = ()
    """What happens when the alarm goes off, beside the notification that all monitors share."""
    runbook: str | None = None
    """A web address that the alarm's description tells."""

    @property
    def title(self) -> str:
        """The name, with its default applied."""
        return self.name if self.name is not None else type(self).__name__

    @property
    def every_seconds(self) -> int:
        """The window, with its default applied."""
        return DEFAULT_EVERY_SECONDS if self.every is None else int(self.every.to_seconds())

    @property
    def settle_seconds(self) -> int:
        """The time to settle, with its default applied."""
        return DEFAULT_SETTLE_SECONDS if self.settle is None else int(self.settle.to_seconds())

    @property
    def truth(self) -> GroundTruth | None:
        """Where labels arrive, if it needs them."""
        return getattr(self, "ground_truth", None)

    @property
    def baseline_data(self) -> Baseline | None:
        """What it takes for right, if data tells."""
        return getattr(self, "baseline", None)

    def options(self) -> dict[str, Any]:
        """What a look needs to know, short: it travels in the environment of a function."""
        return {} if self.features_path is None else {"path": self.features_path}

    def baseline_options(self) -> dict[str, Any]:
        """What making the baseline needs to know besides; it may be long."""
        return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class DataQuality(Monitor):
    """Do requests still look like the training data?

    Each feature's distribution is compared with the baseline's; missing values, values out of range, categories
    that are new, and types that do not fit, are counted.

    Source: https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-quality.html

    :raises ConstraintError: SM-MONITOR-001 …, SM-DRIFT-001.

    Example::

        MonitoredEndpoint(self, "Fraud", model=model, instance_type="ml.m5.large",
            monitors=[DataQuality(baseline=Baseline.from_bucket(bucket, "training/fraud.csv"),
                                  ignore=["customer_id"], windows_to_alarm=2)],
            notify=[topic])
    """

    kind: ClassVar[str] = "data_quality"
    shown: ClassVar[Mapping[str, str]] = {"LargestDistance": "Largest distance of a feature"}

    baseline: Baseline
    numeric: DriftTest = field(default_factory=DriftTest.ks)
    categorical: DriftTest = field(default_factory=DriftTest.psi)
    tests: Mapping[str, DriftTest] = field(default_factory=dict)
    """Other tests for some features, by name."""
    alpha: float = 0.01
    """The probability of a false alarm in a window, all features together, 0.0001–0.2."""
    types: Mapping[str, FeatureType] = field(default_factory=dict)
    """Types that are not inferred, by name: a postal code is no number."""
    ignore: Sequence[str] = ()
    """Features that are not looked at, such as identifiers."""

    def __post_init__(self) -> None:
        """Check."""
        data_rules.enforce(self, path=type(self).__name__)

    def baseline_options(self) -> dict[str, Any]:
        """Tests, types and what to ignore: they become the constraints."""
        return {
            "numeric": self.numeric.bind(),
            "categorical": self.categorical.bind(),
            "features": {name: test.bind() for name, test in self.tests.items()},
            "alpha": self.alpha,
            "types": {name: type.value for name, type in self.types.items()},
            "ignored": list(self.ignore),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelQuality(Monitor):
    """Are predictions still right? They are compared with the ground truth when it arrives.

    Source: https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-model-quality.html

    :raises ConstraintError: SM-MONITOR-001 ….
    """

    kind: ClassVar[str] = "model_quality"
    reads_input: ClassVar[bool] = False
    reads_output: ClassVar[bool] = True
    shown: ClassVar[Mapping[str, str]] = {
        **{name: name for name in ("auc", "accuracy", "rmse", "r2")},
        "LabelledShare": "Share of records with a label",
    }

    problem: ProblemType
    ground_truth: GroundTruth
    prediction: Prediction
    baseline: Baseline | None = None
    """Data with predictions and labels. Without one, give `thresholds`."""
    baseline_truth: str | None = None
    """The column of the baseline's data that holds the labels."""
    positive: str = "1"
    """Binary: the label that is the positive one."""
    thresholds: Mapping[str, float] = field(default_factory=dict)
    """By metric, such as ``auc`` or ``rmse``; before those that the baseline suggests."""
    confidence: float = 0.99
    """How sure it must be that a metric is worse than its threshold, 0.5–0.9999."""

    def __post_init__(self) -> None:
        """Check."""
        quality_rules.enforce(self, path=type(self).__name__)

    def options(self) -> dict[str, Any]:
        """What is compared with what."""
        return {
            **Monitor.options(self),
            "problem": self.problem.value,
            "prediction": self.prediction.bind(),
            "positive": self.positive,
            "confidence": self.confidence,
            "thresholds": dict(self.thresholds),
        }

    def baseline_options(self) -> dict[str, Any]:
        """The columns of the baseline's data."""
        return {"prediction": self.prediction.bind_baseline(), "truth": self.baseline_truth}


@dataclass(frozen=True, slots=True, kw_only=True)
class BiasDrift(Monitor):
    """Is a group treated worse than at the time of training?

    Pre-training metrics (CI, DPL, …) tell of labels, post-training ones (DPPL, DI, AD, …) of predictions;
    those that compare both need the ground truth.

    Source: https://docs.aws.amazon.com/sagemaker/latest/dg/clarify-model-monitor-bias-drift.html

    :raises ConstraintError: SM-MONITOR-001 ….
    """

    kind: ClassVar[str] = "bias"
    reads_output: ClassVar[bool] = True

    baseline: Baseline
    facets: Sequence[Facet]
    prediction: Prediction
    positive: Sequence[str] = ("1",)
    """Labels that are the wanted outcome."""
    baseline_truth: str | None = None
    """The column of the baseline's data that holds the labels."""
    group: str | None = None
    """A column whose groups are looked at apart, for CDDL and CDDPL."""
    ground_truth: GroundTruth | None = None
    metrics: Sequence[str] | None = None
    """Which metrics are judged. Default: all that can be had."""
    allowed_change: float = 0.1
    """By how much a metric may differ from the baseline's."""

    def __post_init__(self) -> None:
        """Check."""
        bias_rules.enforce(self, path=type(self).__name__)

    def options(self) -> dict[str, Any]:
        """Groups and outcomes."""
        return {
            **Monitor.options(self),
            "facets": [facet.bind() for facet in self.facets],
            "prediction": self.prediction.bind(),
            "positive": list(self.positive),
            "group": self.group,
            "metrics": None if self.metrics is None else list(self.metrics),
            "allowed_change": self.allowed_change,
        }

    def baseline_options(self) -> dict[str, Any]:
        """The columns of the baseline's data."""
        return {"prediction": self.prediction.bind_baseline(), "truth": self.baseline_truth}


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributionDrift(Monitor):
    """Does the model still decide by the same features?

    Shapley values of a sample of requests are estimated by asking the served model itself, in batches of CSV
    or JSON; their ranking is compared with that of the baseline by nDCG. What the monitor asks is left out of
    all monitors.

    Source: https://docs.aws.amazon.com/sagemaker/latest/dg/clarify-model-monitor-feature-attribution-drift.html

    :raises ConstraintError: SM-MONITOR-001 ….
    """

    kind: ClassVar[str] = "attribution"
    shown: ClassVar[Mapping[str, str]] = {"ndcg": "What is left of the ranking (nDCG)"}

    baseline: Baseline
    prediction: Prediction
    """Where the number that is explained stands in an answer; its `probability` before its `label`."""
    background_rows: Sequence[Sequence[str | int | float]] = ()
    """Of `MonitorEngine.MODEL_MONITOR` only, which is told them at synthesis: 1–100 rows that stand for "a feature
    is not known"."""
    requests: RequestFormat | None = None
    """How the model is asked. Default: CSV."""
    threshold: float = 0.9
    """The least nDCG."""
    sample: int = 30
    """Requests of a window that are explained, 1–1000."""
    background: int = 10
    """Rows of the baseline that stand for "a feature is not known", 1–200."""
    permutations: int = 1
    """Orders in which features are made known, 1–200; each is gone through forwards and backwards."""
    rows_a_call: int = 100
    """Rows that the model is asked for at once, 1–10,000."""

    def __post_init__(self) -> None:
        """Check."""
        attribution_rules.enforce(self, path=type(self).__name__)

    def options(self) -> dict[str, Any]:
        """How many questions are asked, and which part of the answers counts."""
        names = ("threshold", "sample", "background", "permutations", "rows_a_call")
        return {
            **Monitor.options(self),
            "prediction": self.prediction.bind(),
            "requests": (RequestFormat.CSV if self.requests is None else self.requests).value,
            **{name: getattr(self, name) for name in names},
        }
