"""A/B tests and shadow tests."""

from __future__ import annotations

import aws_cdk as cdk

from ...experiments.ab_test import ABTest
from ...experiments.allocation import (
    EpsilonGreedy,
    Exploration,
    FixedSplit,
    Memory,
    Stopping,
    ThompsonSampling,
    UpperConfidenceBound,
)
from ...experiments.comparison import Comparison
from ...experiments.guardrail import Guardrail
from ...experiments.plan import Plan
from ...experiments.props import Routing
from ...experiments.reward import Reward
from ...experiments.shadow_test import ShadowTest
from ..schema.experiments import (
    ABTestSpec,
    AllocationSpec,
    Bandit,
    ComparisonSpec,
    ExplorationSpec,
    GuardrailSpec,
    MemorySpec,
    PlanSpec,
    RewardSpec,
    ShadowSpec,
    StoppingSpec,
)
from . import hosting
from .endpoints import ID, name_of
from .site import Where, duration

Allocation = FixedSplit | ThompsonSampling | EpsilonGreedy | UpperConfidenceBound


def ab_test(where: Where, spec: ABTestSpec) -> ABTest | None:
    """An `ABTest`."""
    arms = hosting.variants(where / "variants", spec.variants)
    reward = _reward(where / "reward", spec.reward)
    allocation = None if spec.allocation is None else _allocation(where / "allocation", spec.allocation)
    guards = [_guardrail(where / "guardrails" / index, each) for index, each in enumerate(spec.guardrails)]
    plan = None if spec.plan is None else _plan(where / "plan", spec.plan)
    rolls = hosting.rollout(where / "rollout", spec.rollout)
    encryption = hosting.key(where, spec)
    captures = hosting.capture(where / "capture", spec.capture, encryption)
    publishes = hosting.metrics(where / "metrics", spec.metrics)
    where.site.stop_if_refused()
    if reward is None:
        return None
    return where.make(
        lambda: ABTest(
            where.scope,
            ID,
            variants=arms,
            reward=reward,
            allocation=allocation,
            guardrails=[each for each in guards if each is not None],
            routing=Routing(spec.routing),
            experiment_name=spec.experiment_name,
            endpoint_name=name_of(where, spec.endpoint_name),
            period=where.duration(spec.period),
            look_every=where.duration(spec.look_every),
            plan=plan,
            alpha=spec.alpha,
            rollout=rolls,
            capture=captures,
            metrics=publishes,
            dashboard=spec.dashboard,
            encryption_key=encryption,
            removal_policy=cdk.RemovalPolicy[spec.removal_policy.upper()],
        )
    )


def _reward(where: Where, spec: RewardSpec) -> Reward | None:
    if spec.binary is not None:
        window = duration(spec.binary.window)
        return (where / "binary").make(lambda: Reward.binary(window=window))
    number = spec.numeric
    if number is None:
        return None
    return (where / "numeric").make(
        lambda: Reward.numeric(
            window=duration(number.window), low=number.low, high=number.high, minimize=number.minimize
        )
    )


def _allocation(where: Where, spec: AllocationSpec) -> Allocation | None:
    if spec.fixed is not None:
        shares = spec.fixed
        return (where / "fixed").make(lambda: FixedSplit(**shares))
    where = (
        where
        / {
            "thompson_sampling": "thompsonSampling",
            "epsilon_greedy": "epsilonGreedy",
            "upper_confidence_bound": "upperConfidenceBound",
        }[spec.chosen]
    )
    bandit: Bandit | None = spec.thompson_sampling or spec.epsilon_greedy or spec.upper_confidence_bound
    if bandit is None:
        return None
    explores = _exploration(where / "exploration", bandit.exploration)
    remembers = _memory(where / "memory", bandit.memory)
    stops = None if bandit.never_stops else _stopping(where / "stopping", bandit.stopping)
    if explores is None or remembers is None or (stops is None and not bandit.never_stops):
        return None
    if spec.thompson_sampling is not None:
        thompson = spec.thompson_sampling
        return where.make(
            lambda: ThompsonSampling(
                exploration=explores,
                memory=remembers,
                minimum_units=thompson.minimum_units,
                hysteresis_percent=thompson.hysteresis_percent,
                stopping=stops,
                top_two=thompson.top_two,
            )
        )
    if spec.epsilon_greedy is not None:
        greedy = spec.epsilon_greedy
        return where.make(
            lambda: EpsilonGreedy(
                exploration=explores,
                memory=remembers,
                minimum_units=greedy.minimum_units,
                hysteresis_percent=greedy.hysteresis_percent,
                stopping=stops,
                epsilon=greedy.epsilon,
            )
        )
    return where.make(
        lambda: UpperConfidenceBound(
            exploration=explores,
            memory=remembers,
            minimum_units=bandit.minimum_units,
            hysteresis_percent=bandit.hysteresis_percent,
            stopping=stops,
        )
    )


def _exploration(where: Where, spec: ExplorationSpec | None) -> Exploration | None:
    if spec is None:
        return Exploration()
    if spec.constant:
        return where.make(lambda: Exploration(percent=spec.percent, half_life=None))
    if spec.half_life is None:
        return where.make(lambda: Exploration(percent=spec.percent))
    half_life = duration(spec.half_life)
    return where.make(lambda: Exploration(percent=spec.percent, half_life=half_life))


def _memory(where: Where, spec: MemorySpec | None) -> Memory | None:
    if spec is not None and spec.sliding is not None:
        span = duration(spec.sliding)
        return where.make(lambda: Memory.sliding(span), {"span": "sliding"})
    if spec is not None and spec.discounted is not None:
        half_life = duration(spec.discounted)
        return where.make(lambda: Memory.discounted(half_life), {"span": "discounted"})
    return Memory.everything()


def _stopping(where: Where, spec: StoppingSpec | None) -> Stopping | None:
    if spec is None:
        return Stopping()
    least = duration(spec.minimum_duration) if spec.minimum_duration else Stopping().minimum_duration
    return where.make(
        lambda: Stopping(
            probability_best=spec.probability_best,
            value_remaining_percent=spec.value_remaining_percent,
            minimum_duration=least,
        )
    )


def _guardrail(where: Where, spec: GuardrailSpec) -> Guardrail | None:
    if spec.errors is not None:
        errors = spec.errors
        return (where / "errors").make(
            lambda: Guardrail.errors(percent=errors.percent, variant=errors.variant)
        )
    if spec.latency is not None:
        latency = spec.latency
        return (where / "latency").make(
            lambda: Guardrail.latency(p99=duration(latency.p99), variant=latency.variant)
        )
    own = spec.alarm
    if own is None:
        return None
    alarm = where.alarm(own.arn)
    return (where / "alarm").make(lambda: Guardrail.alarm(alarm, variant=own.variant))


def _plan(where: Where, spec: PlanSpec) -> Plan | None:
    if spec.rate is not None:
        rate = spec.rate
        return (where / "rate").make(
            lambda: Plan.rate(
                baseline=rate.baseline,
                effect=rate.effect,
                requests_per_day=rate.requests_per_day,
                power=rate.power,
            )
        )
    mean = spec.mean
    if mean is None:
        return None
    return (where / "mean").make(
        lambda: Plan.mean(
            deviation=mean.deviation,
            effect=mean.effect,
            requests_per_day=mean.requests_per_day,
            power=mean.power,
        )
    )


def shadow_test(where: Where, spec: ShadowSpec) -> ShadowTest | None:
    """A `ShadowTest`."""
    production = hosting.variant(where / "production", spec.production)
    challenger = hosting.variant(where / "challenger", spec.challenger)
    compares = None if spec.comparison is None else _comparison(where / "comparison", spec.comparison)
    rolls = hosting.rollout(where / "rollout", spec.rollout)
    encryption = hosting.key(where, spec)
    captures = hosting.capture(where / "capture", spec.capture, encryption)
    publishes = hosting.metrics(where / "metrics", spec.metrics)
    where.site.stop_if_refused()
    if production is None or challenger is None:
        return None
    return where.make(
        lambda: ShadowTest(
            where.scope,
            ID,
            production=production,
            challenger=challenger,
            sampling_percent=spec.sampling_percent,
            comparison=compares,
            endpoint_name=name_of(where, spec.endpoint_name),
            rollout=rolls,
            capture=captures,
            encryption_key=encryption,
            metrics=publishes,
            parameter_name=spec.parameter_name,
        )
    )


def _comparison(where: Where, spec: ComparisonSpec) -> Comparison | None:
    return where.make(
        lambda: Comparison(
            label=spec.label,
            number=spec.number,
            tolerance=spec.tolerance,
            minimum_pairs=spec.minimum_pairs,
            least_agreement=spec.least_agreement,
            most_difference=spec.most_difference,
            most_slowdown=spec.most_slowdown,
            every=where.duration(spec.every),
            settle=where.duration(spec.settle),
            reports_prefix=spec.reports_prefix,
        )
    )
