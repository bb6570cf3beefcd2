"""The rules and the advice that hold for every kind of endpoint."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import constructs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sagemaker as sagemaker

from ..core import instance_types
from ..core.checks import kind, known, text
from ..core.limits import MAX_ROLLBACK_ALARMS, NAME_ALLOWED, NAME_PATTERN
from ..core.rules import API_REFERENCE, DEVELOPER_GUIDE, Advice, Broken, Rules, listed
from ..core.tokens import is_token
from .auto_scaling import AutoScaling
from .capture import DataCapture
from .metrics import MetricsPublishing
from .rollback_alarms import built_in_alarms
from .rollout import Rollout
from .scaling import Scalable


class HostedVariant(Protocol):
    """What an endpoint made here needs to know of each of its variants, whatever it runs on."""

    @property
    def name(self) -> str:
        """Unique within the endpoint."""

    @property
    def role(self) -> iam.IRole | None:
        """The role its containers run under; none where its model is imported without one."""

    @property
    def scaling(self) -> AutoScaling | None:
        """How its capacity follows the load."""

    @property
    def instance_type(self) -> str | None:
        """What it runs on; none without instances."""

    @property
    def smallest_count(self) -> int:
        """The fewest instances it may come down to."""

    def scalable(self, endpoint_name: str) -> Scalable:
        """The capacity that `scaling` moves."""

    def bind(self) -> sagemaker.CfnEndpointConfig.ProductionVariantProperty:
        """The variant as the endpoint configuration carries it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostingProps:
    """The props that all kinds of endpoints share, for their rules."""

    endpoint_name: str | None
    parameter_name: str | None
    check_deployments: bool
    rollout: Rollout | None
    scaling: AutoScaling | None
    capture: DataCapture | None
    encryption_key: kms.IKey | None
    metrics: MetricsPublishing | None

    @property
    def well_formed_variants(self) -> tuple[HostedVariant, ...]:
        """The production variants given by name; empty in the forms with one model."""
        return ()

    @property
    def located_variants(self) -> Mapping[str, HostedVariant]:
        """All variants given by name, by the property that gives them."""
        return {f"variants[{variant.name}]": variant for variant in self.well_formed_variants}

    @property
    def initial_counts(self) -> Mapping[str, int]:
        """Known numbers of instances at first, by variant."""
        return {}


hosting_rules = Rules[HostingProps]()


@hosting_rules.rule("SM-ENDPOINT-003", source=API_REFERENCE + "API_CreateEndpoint.html")
def endpoint_name_is_one(props: HostingProps) -> Iterator[Broken]:
    """An endpoint's name has 1–63 letters, digits and hyphens."""
    yield from text("endpoint_name", props.endpoint_name, NAME_PATTERN, NAME_ALLOWED)


@hosting_rules.rule("SM-ENDPOINT-005", source=API_REFERENCE + "API_MetricsConfig.html")
def parts_have_their_types(props: HostingProps) -> Iterator[Broken]:
    """Rollout, capture, metrics and scaling have their types."""
    yield from kind("rollout", props.rollout, Rollout, fix="Rollout.canary(…), .linear(…), …")
    yield from kind("capture", props.capture, DataCapture, fix="DataCapture(sampling_percent=100)")
    yield from kind("scaling", props.scaling, AutoScaling, fix="AutoScaling(min_capacity=…, …)")
    yield from kind(
        "metrics", props.metrics, MetricsPublishing, fix="MetricsPublishing(every=Duration.seconds(10))"
    )


_PARAMETER = re.compile(
    r"(?=.{1,900}$)(?:(?!/?(?i:aws|ssm))(/[A-Za-z0-9_.-]+){1,15}|(?!(?i:aws|ssm))[A-Za-z0-9_.-]+)"
)


@hosting_rules.rule(
    "SM-ENDPOINT-006",
    source="https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html",
)
def parameter_name_is_one(props: HostingProps) -> Iterator[Broken]:
    """The SSM parameter's name is a path that does not begin with aws or ssm."""
    yield from text("parameter_name", props.parameter_name, _PARAMETER, "a path such as /fraud/endpoint")


@hosting_rules.rule("SM-ROLLOUT-011", source=DEVELOPER_GUIDE + "deployment-guardrails-blue-green-canary.html")
def counted_size_fits_the_fleet(props: HostingProps) -> Iterator[Broken]:
    """A size in instances needs at least 2 of them and is at most half of the fleet."""
    if not isinstance(props.rollout, Rollout) or not isinstance(props.rollout.instances, int):
        return
    for name, count in props.initial_counts.items():
        most = count // 2
        if count < 2 or props.rollout.instances > most:
            yield Broken(
                "rollout",
                f"{props.rollout.instances} instances",
                f"at most {most}, half of the {count} of {name}"
                if count >= 2
                else f"a percentage, since {name} has {count} instance",
            )


FEW_ALARMS = listed(
    id="SM-ROLLOUT-012",
    summary="At most 10 alarms watch a rollout, the built-in ones included.",
    source=DEVELOPER_GUIDE + "deployment-guardrails-configuration.html",
)


def few_alarms(rollout: Rollout | None, variants: int = 1) -> Iterator[Broken]:
    """At most 10 alarms watch the rollout of so many variants, or of one component."""
    if not isinstance(rollout, Rollout):
        return
    rollback = rollout.rollback
    built_in = built_in_alarms(rollback, variants) + rollout.analysis_alarms
    if built_in + len(rollback.alarms) > MAX_ROLLBACK_ALARMS:
        yield Broken(
            "rollout.rollback.alarms",
            f"{len(rollback.alarms)} alarms",
            f"at most {MAX_ROLLBACK_ALARMS - built_in} beside the {built_in} built-in ones",
            "a composite alarm counts as one",
        )


hosting_rules.add(
    FEW_ALARMS, lambda props: few_alarms(props.rollout, max(1, len(props.well_formed_variants)))
)


HIGH_AVAILABILITY = Advice(
    "SM-HA-101",
    "A production variant keeps at least 2 instances, so that it outlives the loss of a zone.",
    DEVELOPER_GUIDE + "deployment-best-practices.html",
)
FIXED_BESIDE_SCALED = Advice(
    "SM-SCALING-101",
    "All variants of an endpoint scale, or none: beside a scaled one, a fixed instance count is set only once.",
    API_REFERENCE + "API_UpdateEndpoint.html",
)
UNKNOWN_TYPE = Advice(
    "SM-INSTANCE-101",
    "The instance type was offered for hosting when this release was made.",
    API_REFERENCE + "API_ProductionVariant.html",
)
LOCAL_STORAGE = Advice(
    "SM-KMS-101",
    "The endpoint's key encrypts its storage: local NVMe it does not.",
    API_REFERENCE + "API_CreateEndpointConfig.html",
)
SILENT_ALL_AT_ONCE = Advice(
    "SM-ROLLOUT-101",
    "The instance type supports the rollout: Inf1 falls back to all at once, silently.",
    DEVELOPER_GUIDE + "deployment-guardrails-exclusions.html",
)


def warn_about(
    endpoint: constructs.IConstruct,
    variants: Sequence[HostedVariant],
    shadows: Sequence[HostedVariant],
    rollout: Rollout,
    key: kms.IKey | None,
) -> None:
    """Attach the advice that applies to production variants and to shadow ones."""
    everyone = (*variants, *shadows)
    fixed = [variant.name for variant in everyone if variant.scaling is None]
    if 0 < len(fixed) < len(everyone):
        FIXED_BESIDE_SCALED.warn(
            endpoint,
            f"the instance_count of {', '.join(fixed)} keeps its first value: give scaling to all or to none",
        )
    for variant in variants:
        if variant.instance_type is not None:
            _warn_about_few_instances(endpoint, variant)
    for variant in everyone:
        if variant.instance_type is not None:
            _warn_about_type(endpoint, variant.name, variant.instance_type, rollout, key)


def _warn_about_few_instances(endpoint: constructs.IConstruct, variant: HostedVariant) -> None:
    count = variant.smallest_count
    # What may sleep is not meant to outlive the loss of a zone.
    if known(count) and count == 1:
        HIGH_AVAILABILITY.warn(
            endpoint, f"variant {variant.name} may run on {count} instance: give it 2 or more"
        )


def _warn_about_type(
    endpoint: constructs.IConstruct, variant: str, type: str, rollout: Rollout, key: kms.IKey | None
) -> None:
    if is_token(type):
        return
    if type not in instance_types.hosting_types():
        UNKNOWN_TYPE.warn(endpoint, f"variant {variant}: this release does not know {type}")
    if key is not None and instance_types.has_local_storage(type):
        LOCAL_STORAGE.warn(endpoint, f"variant {variant}: {type} keeps data on NVMe, with a key of AWS's own")
    if instance_types.is_inf1(type) and not rollout.is_all_at_once:
        SILENT_ALL_AT_ONCE.warn(endpoint, f"variant {variant}: {type} will be replaced all at once")
