"""How the model for devices is measured, and how it is made small."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..core.checks import one_of, whole_number
from ..core.rules import Broken, Rules

_QUANTISATION = "https://docs.aws.amazon.com/sagemaker/latest/dg/processing-job.html"
_MEASURES = "https://docs.aws.amazon.com/sagemaker/latest/dg/autopilot-metrics-validation.html"
_METRICS = ("accuracy", "macro_f1", "rmse", "top_k")


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityMetric:
    """What is compared before and after.

    :raises ConstraintError: SM-EDGE-061.
    """

    name: str = "accuracy"
    k: int | None = None

    def __post_init__(self) -> None:
        """Check."""
        metric_rules.enforce(self, path="QualityMetric")

    @staticmethod
    def accuracy() -> QualityMetric:
        """The share of records whose class is right. A drop of 0.01 is one record in a hundred."""
        return QualityMetric(name="accuracy")

    @staticmethod
    def macro_f1() -> QualityMetric:
        """The mean of the classes' F1, for classes of which some are rare. The drop is in points."""
        return QualityMetric(name="macro_f1")

    @staticmethod
    def top_k(k: int) -> QualityMetric:
        """The share of records whose class is among the `k` with the highest scores.

        :param k: 1–1,000.
        """
        return QualityMetric(name="top_k", k=k)

    @staticmethod
    def rmse() -> QualityMetric:
        """The root of the mean squared error of numbers. The drop is its growth over the labels' standard deviation."""
        return QualityMetric(name="rmse")

    def arguments(self) -> list[str]:
        """As the job is told."""
        return [f"--metric={self.name}", *([] if self.k is None else [f"--k={self.k}"])]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantisation:
    """Weights in 8 bits, by ONNX Runtime's dynamic quantisation: a quarter of the size, and on most ARM CPUs faster.

    Trees have no weights to quantise, which the report then says. Convolutions need `uint8`.

    :raises ConstraintError: SM-EDGE-062.
    """

    weight_type: str | None = "int8"
    per_channel: bool = False
    reduce_range: bool = False

    def __post_init__(self) -> None:
        """Check."""
        quantisation_rules.enforce(self, path="Quantisation")

    @staticmethod
    def int8(*, per_channel: bool = False, reduce_range: bool = False) -> Quantisation:
        """Signed weights.

        :param per_channel: one scale a column instead of one a matrix: more exact where columns differ much.
        :param reduce_range: 7 bits, for processors whose 8-bit sums saturate: x86 with AVX2 and no VNNI.
        """
        return Quantisation(weight_type="int8", per_channel=per_channel, reduce_range=reduce_range)

    @staticmethod
    def uint8(*, per_channel: bool = False, reduce_range: bool = False) -> Quantisation:
        """Unsigned weights: those of convolutions too."""
        return Quantisation(weight_type="uint8", per_channel=per_channel, reduce_range=reduce_range)

    @staticmethod
    def none() -> Quantisation:
        """To ONNX, and no further."""
        return Quantisation(weight_type=None)

    def arguments(self) -> list[str]:
        """As the job is told."""
        if self.weight_type is None:
            return ["--no-quantise"]
        return [
            f"--weight-type={self.weight_type}",
            *(["--per-channel"] if self.per_channel else []),
            *(["--reduce-range"] if self.reduce_range else []),
        ]


metric_rules = Rules[QualityMetric]()
quantisation_rules = Rules[Quantisation]()


@metric_rules.rule("SM-EDGE-061", source=_MEASURES)
def metric_is_known(metric: QualityMetric) -> Iterator[Broken]:
    """A metric is accuracy, macro F1, root mean squared error, or top k with a k of 1–1,000."""
    yield from one_of("name", metric.name, _METRICS)
    yield from whole_number("k", metric.k, 1, 1000)
    if (metric.name == "top_k") != (metric.k is not None):
        yield Broken("k", metric.k, "a number for top_k, and none for all others", "QualityMetric.top_k(5)")


@quantisation_rules.rule("SM-EDGE-062", source=_QUANTISATION)
def quantisation_is_known(given: Quantisation) -> Iterator[Broken]:
    """Weights become int8 or uint8; how is not asked where they stay as they are."""
    yield from one_of("weight_type", given.weight_type, ("int8", "uint8"))
    if given.weight_type is None and (given.per_channel or given.reduce_range):
        yield Broken(
            "weight_type", None, "int8 or uint8 with per_channel or reduce_range", "Quantisation.int8(…)"
        )
