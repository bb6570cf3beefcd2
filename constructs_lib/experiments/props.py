"""What an A/B test is made of, and the rules for it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

import aws_cdk as cdk

from ..core.checks import duration, items_of, known, number, text
from ..core.rules import API_REFERENCE, DEVELOPER_GUIDE, Broken, Rules
from ..hosting.variant import Variant
from .allocation import Allocation, FixedSplit, Memory
from .guardrail import Guardrail
from .known_now import KNOWN_NOW, fields_known_now
from .plan import Plan
from .reward import Reward

MAX_VARIANTS = 10
_DAY = 86_400
_NAME = re.compile(r"[a-z0-9](-?[a-z0-9]){0,62}")
_AB_TESTING = DEVELOPER_GUIDE + "model-ab-testing.html"
_LAMBDA_LIMITS = "https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"
_RATE = "https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html"


class Routing(Enum):
    """Who decides which variant answers a request."""

    WEIGHTS = "weights"
    """SageMaker, by the variants' weights: nothing stands in the path of requests, and nobody is remembered."""
    ASSIGNMENT = "assignment"
    """The application's client, by user: who has seen a variant keeps it (``TargetVariant``)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ABTestProps:
    """The props of an A/B test, for their rules."""

    variants: Sequence[Variant]
    allocation: Allocation
    reward: Reward
    guardrails: Sequence[Guardrail]
    routing: Routing
    experiment_name: str | None
    period: cdk.Duration
    look_every: cdk.Duration
    plan: Plan | None
    alpha: float
    dashboard: bool
    removal_policy: cdk.RemovalPolicy

    @property
    def names(self) -> list[str]:
        """The variants' names, the control's first."""
        return [variant.name for variant in self.variants]

    @property
    def shares(self) -> dict[str, float]:
        """Of the traffic at first, with a sum of 1."""
        given = self.allocation.shares if isinstance(self.allocation, FixedSplit) else {}
        shares = dict(given) or dict.fromkeys(self.names, 1.0)
        whole = sum(shares.values())
        return {name: share / whole for name, share in shares.items()}

    @property
    def guarded(self) -> list[tuple[Guardrail, str]]:
        """Each guardrail with each variant that it watches: without a name, all but the control."""
        return [
            (guardrail, name)
            for guardrail in self.guardrails
            for name in ([guardrail.variant] if guardrail.variant is not None else self.names[1:])
        ]


ab_test_rules = Rules[ABTestProps]()
ab_test_rules.add(KNOWN_NOW, fields_known_now)


@ab_test_rules.rule("SM-ABTEST-002", source=_AB_TESTING)
def several_variants(props: ABTestProps) -> Iterator[Broken]:
    """An experiment has 2–10 variants with names of their own."""
    broken = list(items_of("variants", props.variants, Variant))
    yield from broken
    if not broken and not 2 <= len(props.variants) <= MAX_VARIANTS:
        yield Broken("variants", f"{len(props.variants)} variants", f"2–{MAX_VARIANTS}, the control first")


@ab_test_rules.rule("SM-ABTEST-003", source=_AB_TESTING)
def split_names_the_variants(props: ABTestProps) -> Iterator[Broken]:
    """A fixed split gives a share to every variant, and to nothing else."""
    if not isinstance(props.allocation, FixedSplit) or not props.allocation.shares:
        return
    if set(props.allocation.shares) != set(props.names):
        given = ", ".join(props.allocation.shares)
        yield Broken("allocation", given, f"exactly {', '.join(props.names)}", "FixedSplit() is even")


@ab_test_rules.rule("SM-ABTEST-004", source=API_REFERENCE + "API_ProductionVariant.html")
def weights_are_the_allocations(props: ABTestProps) -> Iterator[Broken]:
    """The variants of an experiment have no weights of their own: the allocation says."""
    for index, variant in enumerate(props.variants):
        if variant.weight != 1:
            yield Broken(
                f"variants[{index}].weight", variant.weight, "the default", "FixedSplit(…), or a bandit"
            )


@ab_test_rules.rule("SM-ABTEST-005", source="https://doi.org/10.1017/9781108653985")
def guardrails_name_variants(props: ABTestProps) -> Iterator[Broken]:
    """A guardrail is for a variant that is there."""
    for index, guardrail in enumerate(props.guardrails):
        if known(guardrail.variant) and guardrail.variant not in props.names:
            yield Broken(f"guardrails[{index}].variant", guardrail.variant, " or ".join(props.names))


@ab_test_rules.rule("SM-ABTEST-006", source=_RATE)
def counted_and_looked_at(props: ABTestProps) -> Iterator[Broken]:
    """Periods last 1 second – 1 day; the controller looks every 1 minute – 1 day, in whole minutes."""
    yield from duration("period", props.period, 1, _DAY)
    broken = list(duration("look_every", props.look_every, 60, _DAY))
    yield from broken
    if not broken and props.look_every.to_seconds() % 60:
        yield Broken("look_every", props.look_every.to_human_string(), "whole minutes")


@ab_test_rules.rule("SM-ABTEST-007", source="https://arxiv.org/abs/0805.3415")
def memory_outlasts_the_window(props: ABTestProps) -> Iterator[Broken]:
    """A sliding window is longer than a reward may take: else nothing in it is ever known."""
    memory = getattr(props.allocation, "memory", None)
    if not isinstance(memory, Memory) or memory.kind != "sliding" or memory.span is None:
        return
    least = props.reward.window.to_seconds() + props.period.to_seconds()
    if memory.span.to_seconds() <= least:
        allowed = f"more than the reward's window and a period, {least} seconds"
        yield Broken("allocation.memory", memory.span.to_human_string(), allowed)


@ab_test_rules.rule("SM-ABTEST-008", source=_LAMBDA_LIMITS)
def experiment_name_is_one(props: ABTestProps) -> Iterator[Broken]:
    """An experiment's name has 1–63 lower-case letters, digits and single hyphens."""
    yield from text(
        "experiment_name",
        props.experiment_name,
        _NAME,
        "1–63 lower-case letters, digits and single hyphens, beginning and ending with a letter or digit",
    )


@ab_test_rules.rule("SM-ABTEST-009", source="https://doi.org/10.4324/9780203771587")
def plan_is_of_the_reward(props: ABTestProps) -> Iterator[Broken]:
    """The plan is about a rate where the reward is binary, about a mean where it is numeric."""
    if props.plan is None:
        return
    binary = props.reward.kind == "binary"
    if binary != (props.plan.baseline is not None):
        given = "Plan.rate" if props.plan.baseline is not None else "Plan.mean"
        yield Broken("plan", given, f"{'Plan.rate' if binary else 'Plan.mean'}(…) for this reward")


@ab_test_rules.rule("SM-ABTEST-010", source="https://arxiv.org/abs/2103.06476")
def alpha_is_small(props: ABTestProps) -> Iterator[Broken]:
    """Alpha, the probability of a wrong verdict, is 0.0001–0.2."""
    yield from number("alpha", props.alpha, 0.0001, 0.2)
