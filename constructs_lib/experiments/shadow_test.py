"""ShadowTest: a challenger gets copies of the requests, and callers never notice."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import aws_cdk as cdk
import constructs
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_kms as kms

from ..core import instance_types
from ..core.checks import kind, known, number
from ..core.place import construct_path
from ..core.rules import API_REFERENCE, DEVELOPER_GUIDE, Advice, Broken
from ..core.tokens import is_token
from ..hosting.capture import DataCapture
from ..hosting.endpoint import ImportedEndpoint
from ..hosting.hosted import HostedEndpoint, Particulars
from ..hosting.hosting_rules import HostedVariant, HostingProps, hosting_rules
from ..hosting.metrics import MetricsPublishing
from ..hosting.rollout import Rollout
from ..hosting.support import Kind, support_rules
from ..hosting.variant import Variant, is_known_count
from .comparison import Comparison, ComparisonMetric
from .shadow_comparison import ShadowComparison


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowProps(HostingProps):
    """The props of a `ShadowTest`, for its rules."""

    production: Variant
    challenger: Variant
    sampling_percent: float
    comparison: Comparison

    @property
    def located_variants(self) -> Mapping[str, HostedVariant]:
        """Both variants, where they are ones."""
        given = {"production": self.production, "challenger": self.challenger}
        return {name: each for name, each in given.items() if isinstance(each, Variant)}

    @property
    def initial_counts(self) -> Mapping[str, int]:
        """The number of instances of production at first, where it is known."""
        if not isinstance(self.production, Variant):
            return {}
        count = self.production.initial_instance_count
        return {self.production.name: count} if is_known_count(count) else {}

    @property
    def shadow(self) -> Variant:
        """The challenger with the weight that makes SageMaker copy the share that is asked for."""
        return dataclasses.replace(self.challenger, weight=self.sampling_percent / 100)


class ShadowTest(HostedEndpoint):
    """A real-time endpoint whose requests are copied to a challenger; callers get production's answers only.

    What both answer is captured and compared on a schedule: how often they agree, how far numbers are apart,
    how much slower the challenger is. Each comparison is a report in the capture's bucket and metrics in
    CloudWatch. Costs the challenger's instances on top, by the hour.

    Where production is `RealtimeEndpoint(self, "Fraud", …)` today, ``ShadowTest(self, "Fraud", …)`` with
    the same id and the same name of the variant adds the challenger to that endpoint, and going back takes it
    away: neither replaces the endpoint.

    Source: https://docs.aws.amazon.com/sagemaker/latest/dg/model-shadow-deployment.html

    Example::

        test = ShadowTest(self, "Shadow",
            production=Variant(name="Production", model=model, instance_type="ml.m5.large"),
            challenger=Variant(name="Challenger", model=candidate, instance_type="ml.m5.large"),
            sampling_percent=50,
            comparison=Comparison(label="labels", number="probabilities"))
        test.grants.invoke(function)
        test.metric_agreement().create_alarm(self, "Disagreement", threshold=0.9, evaluation_periods=1,
            comparison_operator=cdk.aws_cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD)
    """

    def __init__(
        self,
        scope: constructs.Construct,
        id: str,
        *,
        production: Variant,
        challenger: Variant,
        sampling_percent: float = 100,
        comparison: Comparison | None = None,
        endpoint_name: str | None = None,
        rollout: Rollout | None = None,
        capture: DataCapture | None = None,
        encryption_key: kms.IKey | None = None,
        metrics: MetricsPublishing | None = None,
        check_deployments: bool = True,
        parameter_name: str | None = None,
    ) -> None:
        """Make the endpoint and the comparison.

        :param production: answers all callers.
        :param challenger: gets copies; its answers go to the capture only. Scales by itself, as any variant.
        :param sampling_percent: of the requests, 0–100; 0 copies none. AWS advises 100 before promotion, so
            that the challenger has carried the full load.
        :param comparison: default: whole answers, every hour.
        :param endpoint_name: default: derived from stack name and path, the same on every synthesis.
            Changing it replaces the endpoint.
        :param rollout: default: all at once, rolling back on the built-in alarms, which watch production.
        :param capture: default: all requests and answers, into a bucket of its own.
        :param encryption_key: encrypts the instances' storage volumes (not local NVMe). Default: AWS's own key.
        :param metrics: default: every minute, per variant only.
        :param check_deployments: fail the stack when SageMaker silently rolled back, and let go of auto
            scaling while an instance type changes or a variant goes (see docs/realtime.md).
        :param parameter_name: SSM parameter that holds the endpoint's name.
            Default: ``/sagemaker/endpoints/<endpoint name>``.
        :raises ConstraintError: SM-SHADOW-…, SM-ENDPOINT-…, SM-ROLLOUT-…, SM-SCALING-…
        """
        capture = DataCapture() if capture is None else capture
        props = ShadowProps(
            production=production,
            challenger=challenger,
            sampling_percent=sampling_percent,
            comparison=Comparison() if comparison is None else comparison,
            endpoint_name=endpoint_name,
            rollout=Rollout.all_at_once() if rollout is None else rollout,
            scaling=None,
            capture=capture,
            encryption_key=encryption_key,
            metrics=metrics,
            check_deployments=check_deployments,
            parameter_name=parameter_name,
        )
        shadow_rules.enforce(props, path=lambda: construct_path(scope, id))
        super().__init__(scope, id, props=props)
        self.production = production
        """Answers all callers."""
        self.challenger = props.shadow
        """Gets copies, with the weight that says how many."""
        self._host(props, [production], Particulars(shadow=self.challenger))
        if known(capture.sampling_percent) and capture.sampling_percent < 100:
            FEW_PAIRS.warn(
                self,
                f"captures {capture.sampling_percent} %: draw less by sampling_percent of the test instead",
            )
        self.comparison = self._compared(capture, props.comparison)
        """The scheduled comparison: its function and its schedule."""

    @staticmethod
    def from_endpoint_name(
        scope: constructs.Construct, id: str, endpoint_name: str, *, variant_names: Sequence[str] = ()
    ) -> ImportedEndpoint:
        """An endpoint that exists already in this account and region, to grant on and to watch."""
        return ImportedEndpoint(scope, id, endpoint_name=endpoint_name, variant_names=variant_names)

    def _compared(self, capture: DataCapture, comparison: Comparison) -> ShadowComparison:
        assert self.capture_bucket is not None  # noqa: S101 - there is always a capture
        made = ShadowComparison(
            self,
            "Comparison",
            endpoint_name=self.endpoint_name,
            production=self.production.name,
            challenger=self.challenger.name,
            bucket=self.capture_bucket,
            capture=capture,
            comparison=comparison,
        )
        cdk.CfnOutput(
            self,
            "ReportsLocation",
            value=self.capture_bucket.s3_url_for_object(made.reports_prefix),
            description="Reports of the comparison",
        )
        return made

    def comparison_metric(
        self, metric: ComparisonMetric, *, statistic: str | None = None, period: cdk.Duration | None = None
    ) -> cloudwatch.Metric:
        """A metric of the comparison: one value a window, at the window's end.

        :param statistic: default: what suits the metric.
        :param period: default: 1 hour.
        """
        return metric.of(self.endpoint_name, statistic=statistic, period=period)

    def metric_agreement(self) -> cloudwatch.Metric:
        """Share of the challenger's values that equal production's, 0–1."""
        return self.comparison_metric(ComparisonMetric.AGREEMENT)

    def metric_mean_difference(self) -> cloudwatch.Metric:
        """Mean absolute difference of numbers."""
        return self.comparison_metric(ComparisonMetric.MEAN_DIFFERENCE)

    def metric_pairs(self) -> cloudwatch.Metric:
        """Answers of the challenger that were compared."""
        return self.comparison_metric(ComparisonMetric.PAIRS)

    def metric_slowdown(self) -> cloudwatch.Metric:
        """The challenger's p99 latency over production's."""
        return self.comparison_metric(ComparisonMetric.SLOWDOWN)


FEW_PAIRS = Advice(
    "SM-SHADOW-101",
    "All answers of a shadow test are captured: each variant draws its own sample, and few would have a partner.",
    DEVELOPER_GUIDE + "model-monitor-data-capture.html",
)

shadow_rules = support_rules(Kind.SHADOW, including=hosting_rules)

_CONFIG = API_REFERENCE + "API_CreateEndpointConfig.html"
_GUIDE = DEVELOPER_GUIDE + "model-shadow-deployment.html"


@shadow_rules.rule("SM-SHADOW-001", source=_CONFIG)
def one_and_one(props: ShadowProps) -> Iterator[Broken]:
    """A shadow test has exactly one production variant and one challenger."""
    for name in ("production", "challenger"):
        fix = "Variant(name=…, model=…, instance_type=…)"
        yield from kind(name, getattr(props, name), Variant, optional=False, fix=fix)


@shadow_rules.rule("SM-SHADOW-002", source=API_REFERENCE + "API_ProductionVariant.html")
def names_differ(props: ShadowProps) -> Iterator[Broken]:
    """The challenger's name is not production's: metrics and captured data tell them apart by it."""
    names = [each.name for each in props.located_variants.values()]
    if len(set(names)) < len(names):
        yield Broken("challenger.name", names[0], "a name of its own")


@shadow_rules.rule("SM-SHADOW-003", source=_GUIDE)
def sampling_is_a_share(props: ShadowProps) -> Iterator[Broken]:
    """The sampling percentage is a number from 0 to 100 that is known at synthesis."""
    given = props.sampling_percent
    if not known(given):
        yield Broken("sampling_percent", given, "a number from 0 to 100, known at synthesis")
    yield from number("sampling_percent", given, 0, 100)


@shadow_rules.rule("SM-SHADOW-004", source=API_REFERENCE + "API_ProductionVariant.html")
def weights_are_left_alone(props: ShadowProps) -> Iterator[Broken]:
    """Neither variant of a shadow test is given a weight: the sampling percentage says what is copied."""
    for where, variant in props.located_variants.items():
        weight = variant.weight if isinstance(variant, Variant) else 1
        if not known(weight) or weight != 1:
            yield Broken(
                f"{where}.weight", weight, "nothing, since production answers all", "sampling_percent=…"
            )


@shadow_rules.rule("SM-SHADOW-005", source=_GUIDE)
def not_on_inf1(props: ShadowProps) -> Iterator[Broken]:
    """Neither variant of a shadow test runs on ml.inf1.*."""
    for where, variant in props.located_variants.items():
        type = variant.instance_type
        if isinstance(type, str) and not is_token(type) and instance_types.is_inf1(type):
            yield Broken(
                f"{where}.instance_type", type, "a type other than ml.inf1.*", "ml.inf2.xlarge, for one"
            )


@shadow_rules.rule("SM-SHADOW-008", source=DEVELOPER_GUIDE + "model-monitor-data-capture.html")
def answers_are_captured(props: ShadowProps) -> Iterator[Broken]:
    """The capture of a shadow test takes the answers: they are what is compared."""
    capture = props.capture
    if not isinstance(capture, DataCapture):
        return
    if not capture.capture_output:
        yield Broken("capture.capture_output", False, "True: answers are compared")
    if known(capture.sampling_percent) and capture.sampling_percent == 0:
        yield Broken("capture.sampling_percent", 0, "1–100", "100, so that answers have partners")
