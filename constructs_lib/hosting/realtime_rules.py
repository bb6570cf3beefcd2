"""The rules of `RealtimeEndpoint`: what only several variants together can tell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from aws_cdk.interfaces import aws_sagemaker as references

from ..core.checks import items_of, known
from ..core.limits import MAX_VARIANTS
from ..core.rules import API_REFERENCE, DEVELOPER_GUIDE, Broken
from ..model.reference import is_model
from .hosting_rules import HostingProps, hosting_rules
from .rollout import Rollout
from .support import Kind, support_rules
from .variant import DEFAULT_VARIANT_NAME, Variant, default_count, is_known_count


@dataclass(frozen=True, slots=True, kw_only=True)
class RealtimeProps(HostingProps):
    """The props of a `RealtimeEndpoint`, for its rules."""

    model: references.IModelRef | None
    variants: Sequence[Variant] | None
    instance_type: str | None
    instance_count: int | None
    weights_managed_elsewhere: bool

    @property
    def well_formed_variants(self) -> tuple[Variant, ...]:
        """The given variants, without what is none; empty in the form with one model."""
        given = self.variants if isinstance(self.variants, list | tuple) else ()
        return tuple(each for each in given if isinstance(each, Variant))

    @property
    def initial_counts(self) -> Mapping[str, int]:
        """Known numbers of instances at first, by variant."""
        counts = {each.name: each.initial_instance_count for each in self.well_formed_variants}
        if self.model is not None:
            counts = {"the endpoint": default_count(self.instance_count, self.scaling)}
        return {name: count for name, count in counts.items() if is_known_count(count)}

    def resolved_variants(self) -> tuple[Variant, ...]:
        """The variants; in the form with one model the one that holds it.

        :raises ConstraintError: where that one is wrong.
        """
        if self.variants is not None or not is_model(self.model):
            return self.well_formed_variants
        return (
            Variant(
                name=DEFAULT_VARIANT_NAME,
                model=self.model,
                instance_type=self.instance_type,  # type: ignore[arg-type]  # the variant's own rules look
                instance_count=self.instance_count,
                scaling=self.scaling,
            ),
        )


realtime_rules = support_rules(Kind.REALTIME, including=hosting_rules)

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


@realtime_rules.rule("SM-ENDPOINT-004", source=API_REFERENCE + "API_ProductionVariant.html")
def someone_takes_the_traffic(props: RealtimeProps) -> Iterator[Broken]:
    """At least one variant has a weight above 0."""
    weights = [each.weight for each in props.well_formed_variants]
    if weights and all(known(weight) and weight == 0 for weight in weights):
        yield Broken("variants", f"weights {weights}", "at least one weight above 0")


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
