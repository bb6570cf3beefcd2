"""The rules and the advice of `RealtimeEndpoint`: what only the whole endpoint can tell."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import constructs
from aws_cdk import aws_kms as kms
from aws_cdk.interfaces import aws_sagemaker as references

from ..core import instance_types
from ..core.checks import items_of, kind, known, text
from ..core.errors import ConstraintError
from ..core.naming import NAME_ALLOWED, NAME_PATTERN
from ..core.rules import API_REFERENCE, DEVELOPER_GUIDE, Advice, Broken, Rules
from ..core.tokens import is_token
from .auto_scaling import AutoScaling
from .capture import DataCapture
from .metrics import MetricsPublishing
from .rollback_alarms import built_in_alarms
from .rollout import MAX_ROLLBACK_ALARMS, Rollout
from .variant import Variant, is_model

MAX_VARIANTS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class RealtimeProps:
    """The props of a `RealtimeEndpoint`, for its rules."""

    model: references.IModelRef | None
    variants: Sequence[Variant] | None
    instance_type: str | None
    instance_count: int | None
    scaling: AutoScaling | None
    endpoint_name: str | None
    rollout: Rollout
    capture: DataCapture | None
    metrics: MetricsPublishing | None
    parameter_name: str | None
    encryption_key: kms.IKey | None
    weights_managed_elsewhere: bool
    check_deployments: bool

    @property
    def well_formed_variants(self) -> tuple[Variant, ...]:
        """The given variants, without what is none; empty in the form with one model."""
        given = self.variants if isinstance(self.variants, list | tuple) else ()
        return tuple(each for each in given if isinstance(each, Variant))


realtime_rules = Rules[RealtimeProps]()

_CONFIG = API_REFERENCE + "API_CreateEndpointConfig.html"


@realtime_rules.rule("SM-ENDPOINT-001", source=_CONFIG)
def model_or_variants(props: RealtimeProps) -> Iterator[Broken]:
    """An endpoint has one model with an instance type, or variants that carry their own."""
    if (props.model is None) == (props.variants is None):
        yield Broken("model", props.model, "exactly one of model and variants")
        return
    if props.model is not None:
        if not is_model(props.model):
            yield Broken("model", props.model, "a Model", "Model(…) or Model.from_model_name(…)")
        if props.instance_type is None:
            yield Broken(
                "instance_type", None, "an instance type, since model is given", 'instance_type="ml.m5.large"'
            )
        return
    for name in ("instance_type", "instance_count", "scaling"):
        if getattr(props, name) is not None:
            yield Broken(name, getattr(props, name), "nothing beside variants", f"Variant({name}=…)")


@realtime_rules.rule("SM-ENDPOINT-002", source=_CONFIG)
def few_distinct_variants(props: RealtimeProps) -> Iterator[Broken]:
    """There are 1–10 variants, each with a name of its own."""
    if props.variants is None:
        return
    yield from items_of("variants", props.variants, Variant, fix="Variant(name=…, model=…, instance_type=…)")
    if not isinstance(props.variants, list | tuple):
        return
    if not 1 <= len(props.variants) <= MAX_VARIANTS:
        yield Broken("variants", f"{len(props.variants)} variants", f"1–{MAX_VARIANTS}")
    names = [each.name for each in props.well_formed_variants]
    if len(set(names)) < len(names):
        yield Broken("variants", names, "a name of its own for each variant")


@realtime_rules.rule("SM-ENDPOINT-003", source=API_REFERENCE + "API_CreateEndpoint.html")
def endpoint_name_is_one(props: RealtimeProps) -> Iterator[Broken]:
    """An endpoint's name has 1–63 letters, digits and hyphens."""
    yield from text("endpoint_name", props.endpoint_name, NAME_PATTERN, NAME_ALLOWED)


@realtime_rules.rule("SM-ENDPOINT-004", source=API_REFERENCE + "API_ProductionVariant.html")
def someone_takes_the_traffic(props: RealtimeProps) -> Iterator[Broken]:
    """At least one variant has a weight above 0."""
    weights = [each.weight for each in props.well_formed_variants]
    if weights and all(known(weight) and weight == 0 for weight in weights):
        yield Broken("variants", f"weights {weights}", "at least one weight above 0")


@realtime_rules.rule("SM-ENDPOINT-005", source=API_REFERENCE + "API_MetricsConfig.html")
def parts_have_their_types(props: RealtimeProps) -> Iterator[Broken]:
    """Rollout, capture, metrics and scaling have their types."""
    yield from kind("rollout", props.rollout, Rollout, optional=False, fix="Rollout.canary(…), .linear(…), …")
    yield from kind("capture", props.capture, DataCapture, fix="DataCapture(sampling_percent=100)")
    yield from kind("scaling", props.scaling, AutoScaling, fix="AutoScaling(min_capacity=…, …)")
    yield from kind(
        "metrics", props.metrics, MetricsPublishing, fix="MetricsPublishing(every=Duration.seconds(10))"
    )


_PARAMETER = re.compile(
    r"(?=.{1,900}$)(?:(?!/?(?i:aws|ssm))(/[A-Za-z0-9_.-]+){1,15}|(?!(?i:aws|ssm))[A-Za-z0-9_.-]+)"
)


@realtime_rules.rule(
    "SM-ENDPOINT-006",
    source="https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html",
)
def parameter_name_is_one(props: RealtimeProps) -> Iterator[Broken]:
    """The SSM parameter's name is a path that does not begin with aws or ssm."""
    yield from text("parameter_name", props.parameter_name, _PARAMETER, "a path such as /fraud/endpoint")


@realtime_rules.rule("SM-SCALING-010", source=DEVELOPER_GUIDE + "endpoint-auto-scaling.html")
def real_time_never_sleeps(props: RealtimeProps) -> Iterator[Broken]:
    """A real-time variant keeps at least 1 instance."""
    scalings = {
        "scaling": props.scaling,
        **{f"variants[{v.name}].scaling": v.scaling for v in props.well_formed_variants},
    }
    for name, scaling in scalings.items():
        if not isinstance(scaling, AutoScaling):
            continue
        lows = [
            ("min_capacity", scaling.min_capacity),
            *((f"schedules[{s.name}].min_capacity", s.min_capacity) for s in scaling.schedules),
        ]
        for property, low in lows:
            if known(low) and low < 1:  # type: ignore[operator]
                yield Broken(
                    f"{name}.{property}",
                    low,
                    "at least 1",
                    "only asynchronous endpoints and inference components sleep",
                )


@realtime_rules.rule("SM-ROLLOUT-010", source=DEVELOPER_GUIDE + "deployment-guardrails-rolling.html")
def rolling_has_one_variant(props: RealtimeProps) -> Iterator[Broken]:
    """A rolling deployment has exactly one variant."""
    count = len(props.well_formed_variants)
    if isinstance(props.rollout, Rollout) and props.rollout.in_place and count > 1:
        yield Broken(
            "rollout",
            f"rolling, with {count} variants",
            "rolling with 1 variant",
            "Rollout.canary(…) or .linear(…)",
        )


@realtime_rules.rule(
    "SM-ROLLOUT-011", source=DEVELOPER_GUIDE + "deployment-guardrails-blue-green-canary.html"
)
def counted_size_fits_the_fleet(props: RealtimeProps) -> Iterator[Broken]:
    """A size in instances needs at least 2 of them and is at most half of the fleet."""
    if not isinstance(props.rollout, Rollout) or not isinstance(props.rollout.instances, int):
        return
    for name, count in _initial_counts(props).items():
        most = count // 2
        if count < 2 or props.rollout.instances > most:
            yield Broken(
                "rollout",
                f"{props.rollout.instances} instances",
                f"at most {most}, half of the {count} of {name}"
                if count >= 2
                else f"a percentage, since {name} has {count} instance",
            )


def _initial_counts(props: RealtimeProps) -> dict[str, int]:
    """Known numbers of instances at first, by variant."""
    counts: dict[str, object] = {
        each.name: each.initial_instance_count for each in props.well_formed_variants
    }
    if props.model is not None:
        low = props.scaling.min_capacity if isinstance(props.scaling, AutoScaling) else 2
        counts = {"the endpoint": low if props.instance_count is None else props.instance_count}
    return {name: count for name, count in counts.items() if isinstance(count, int) and not is_token(count)}


@realtime_rules.rule("SM-ROLLOUT-012", source=DEVELOPER_GUIDE + "deployment-guardrails-configuration.html")
def few_rollback_alarms(props: RealtimeProps) -> Iterator[Broken]:
    """At most 10 alarms watch a rollout, the built-in ones included."""
    if not isinstance(props.rollout, Rollout):
        return
    rollback = props.rollout.rollback
    built_in = built_in_alarms(rollback, max(1, len(props.well_formed_variants)))
    if built_in + len(rollback.alarms) > MAX_ROLLBACK_ALARMS:
        yield Broken(
            "rollout.rollback.alarms",
            f"{len(rollback.alarms)} alarms",
            f"at most {MAX_ROLLBACK_ALARMS - built_in} beside the {built_in} built-in ones",
            "a composite alarm counts as one",
        )


DEFAULT_VARIANT_NAME = "AllTraffic"


def checked_variants(props: RealtimeProps, *, path: Callable[[], str]) -> tuple[Variant, ...]:
    """The variants, where nothing is wrong with the endpoint.

    :raises ConstraintError: with what the endpoint breaks, and in the form with one model also with what
        its one variant breaks.
    """
    found = list(realtime_rules.violations(props))
    named = {violation.property for violation in found}
    variants: tuple[Variant, ...] = ()
    try:
        if "model" not in named:
            variants = _variants(props)
    except ConstraintError as error:
        found += [violation for violation in error.violations if violation.property not in named]
    if found:
        raise ConstraintError(path(), found)
    return variants


def _variants(props: RealtimeProps) -> tuple[Variant, ...]:
    if props.variants is not None:
        return props.well_formed_variants
    return (
        Variant(
            name=DEFAULT_VARIANT_NAME,
            model=props.model,  # type: ignore[arg-type]  # the variant's own rules look
            instance_type=props.instance_type,  # type: ignore[arg-type]
            instance_count=props.instance_count,
            scaling=props.scaling,
        ),
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
    endpoint: constructs.IConstruct, variants: Sequence[Variant], rollout: Rollout, key: kms.IKey | None
) -> None:
    """Attach the advice that applies."""
    fixed = [variant.name for variant in variants if variant.scaling is None]
    if 0 < len(fixed) < len(variants):
        FIXED_BESIDE_SCALED.warn(
            endpoint,
            f"the instance_count of {', '.join(fixed)} keeps its first value: give scaling to all or to none",
        )
    for variant in variants:
        count, type = variant.smallest_count, variant.instance_type
        if known(count) and count < 2:
            HIGH_AVAILABILITY.warn(
                endpoint, f"variant {variant.name} may run on {count} instance: give it 2 or more"
            )
        if is_token(type):
            continue
        if type not in instance_types.hosting_types():
            UNKNOWN_TYPE.warn(endpoint, f"variant {variant.name}: this release does not know {type}")
        if key is not None and instance_types.has_local_storage(type):
            LOCAL_STORAGE.warn(
                endpoint, f"variant {variant.name}: {type} keeps data on NVMe, with a key of AWS's own"
            )
        if instance_types.is_inf1(type) and not rollout.is_all_at_once:
            SILENT_ALL_AT_ONCE.warn(endpoint, f"variant {variant.name}: {type} will be replaced all at once")
