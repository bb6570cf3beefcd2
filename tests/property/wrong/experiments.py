"""Values of experiments and A/B tests, and what each of their properties may be."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch

from constructs_lib import (
    ABTest,
    DataCapture,
    EpsilonGreedy,
    Exploration,
    FixedSplit,
    Guardrail,
    Memory,
    MetricsPublishing,
    Plan,
    Reward,
    Rollout,
    Routing,
    Stopping,
    ThompsonSampling,
    UpperConfidenceBound,
    Variant,
)

from ..kinds import a, duration, flag, like, listed, millis, nothing, number, one_of, optional, text, whole
from ..made import Made
from .endpoints import MODEL
from .pool import NAME, Property, Subject

_DAY = 86_400
_YEAR = 365 * _DAY
_DAYS = Made(cdk.Duration.days, (2,))
_SECOND = Made(cdk.Duration.seconds, (1,))
_BANDIT: dict[str, Property] = {
    "exploration": (Made(Exploration), a(Exploration)),
    "memory": (Made(Memory.everything), a(Memory)),
    "minimum_units": (100, whole(1, 1_000_000)),
    "hysteresis_percent": (2, number(0, 50)),
    "stopping": (None, optional(a(Stopping))),
}
_LARGEST = 1e15

VALUES_OF_EXPERIMENTS: list[Subject] = [
    (
        "Exploration",
        Exploration,
        {"percent": (10, number(0, 100)), "half_life": (None, optional(duration(3600, _YEAR)))},
    ),
    ("Memory.sliding", Memory.sliding, {"span": (_DAYS, duration(3600, _YEAR))}),
    ("Memory.discounted", Memory.discounted, {"half_life": (_DAYS, duration(3600, _YEAR))}),
    ("Memory", Memory, {"kind": ("sliding", one_of("sliding")), "span": (_DAYS, duration(3600, _YEAR))}),
    (
        "Stopping",
        Stopping,
        {
            "probability_best": (0.95, number(0.5, 1)),
            "value_remaining_percent": (1, number(0, 100)),
            "minimum_duration": (_DAYS, duration(0, _YEAR)),
        },
    ),
    ("FixedSplit", FixedSplit, {"A": (50, number(1e-12, _LARGEST))}),
    (
        "ThompsonSampling",
        ThompsonSampling,
        {
            **_BANDIT,
            "top_two": (None, optional(lambda value: number(0, 1, above=True)(value) and value < 1)),
        },
    ),
    ("EpsilonGreedy", EpsilonGreedy, {**_BANDIT, "epsilon": (0.1, number(0, 1))}),
    ("UpperConfidenceBound", UpperConfidenceBound, _BANDIT),
    ("Reward.binary", Reward.binary, {"window": (_DAYS, duration(1, 30 * _DAY))}),
    (
        "Reward.numeric",
        Reward.numeric,
        {
            "window": (_DAYS, duration(1, 30 * _DAY)),
            "low": (0, lambda value: number(-_LARGEST, 5)(value) and value < 5),
            "high": (5, number(0, _LARGEST, above=True)),
            "minimize": (False, flag),
        },
    ),
    (
        "Reward",
        Reward,
        {
            "kind": ("binary", one_of("binary")),
            "window": (_DAYS, duration(1, 30 * _DAY)),
            "low": (0, lambda value: number(-_LARGEST, 1)(value) and value < 1),
            "high": (1, number(0, _LARGEST, above=True)),
            "minimize": (False, flag),
        },
    ),
    (
        "Guardrail.errors",
        Guardrail.errors,
        {"percent": (2, number(0, 100, above=True)), "variant": (None, optional(text(NAME)))},
    ),
    (
        "Guardrail.latency",
        Guardrail.latency,
        {"p99": (_SECOND, millis(1, 60_000)), "variant": (None, optional(text(NAME)))},
    ),
    (
        "Guardrail.alarm",
        Guardrail.alarm,
        {
            "alarm": (
                Made(lambda: cloudwatch.Alarm.from_alarm_name(cdk.Stack(), "Alarm", "Refunds")),
                like("alarm_name"),
            ),
            "variant": (None, optional(text(NAME))),
        },
    ),
    (
        "Guardrail",
        Guardrail,
        {
            "percent": (2, number(0, 100, above=True)),
            "p99": (None, nothing),
            "own_alarm": (None, nothing),
            "variant": (None, optional(text(NAME))),
        },
    ),
    (
        "Plan.rate",
        Plan.rate,
        {
            "baseline": (0.5, lambda value: number(0, above=True)(value) and value < 0.9),
            "effect": (0.1, lambda value: number(-0.5, 0.5)(value) and value not in (0, -0.5, 0.5)),
            "requests_per_day": (1000, number(1e-6, _LARGEST)),
            "power": (0.8, number(0.5, 0.999)),
        },
    ),
    (
        "Plan.mean",
        Plan.mean,
        {
            "deviation": (2, number(0, _LARGEST, above=True)),
            "effect": (0.1, lambda value: number(-1e12, 1e12)(value) and value != 0),
            "requests_per_day": (1000, number(1e-6, _LARGEST)),
            "power": (0.8, number(0.5, 0.999)),
        },
    ),
    (
        "Plan",
        Plan,
        {
            "effect": (0.1, lambda value: number(-1e12, 1e12)(value) and value != 0),
            "requests_per_day": (1000, number(1e-6, _LARGEST)),
            "power": (0.8, number(0.5, 0.999)),
            "baseline": (None, nothing),
            "deviation": (2, number(0, _LARGEST, above=True)),
        },
    ),
]

_VARIANTS = [
    Made(Variant, given={"name": name, "model": MODEL, "instance_type": "ml.m5.large"}) for name in "AB"
]

EXPERIMENTS: list[Subject] = [
    (
        "ABTest",
        ABTest,
        {
            "variants": (_VARIANTS, listed(a(Variant), 2, 10)),
            "reward": (Made(Reward.binary, given={"window": _SECOND}), a(Reward)),
            "allocation": (
                None,
                optional(a(FixedSplit, ThompsonSampling, EpsilonGreedy, UpperConfidenceBound)),
            ),
            "guardrails": ([], listed(a(Guardrail), 0, 10)),
            "routing": (Routing.WEIGHTS, a(Routing)),
            "experiment_name": (None, optional(text(r"[a-z0-9](-?[a-z0-9]){0,62}"))),
            "endpoint_name": (None, optional(text(NAME))),
            "period": (None, optional(duration(1, _DAY))),
            "look_every": (
                None,
                optional(lambda value: duration(60, _DAY)(value) and value.to_milliseconds() % 60_000 == 0),
            ),
            "plan": (None, optional(a(Plan))),
            "alpha": (0.05, number(0.0001, 0.2)),
            "rollout": (None, optional(a(Rollout))),
            "capture": (None, optional(a(DataCapture))),
            "metrics": (None, optional(a(MetricsPublishing))),
            "encryption_key": (None, optional(like("key_arn"))),
            "dashboard": (True, flag),
            "removal_policy": (cdk.RemovalPolicy.RETAIN, a(cdk.RemovalPolicy)),
        },
    ),
]
