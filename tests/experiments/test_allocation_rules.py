"""Each rule of allocations, rewards and guardrails: what passes last, and what is refused first."""

from __future__ import annotations

from collections.abc import Callable

import aws_cdk as cdk
import pytest
from aws_cdk import aws_cloudwatch as cloudwatch

from constructs_lib import (
    EpsilonGreedy,
    Exploration,
    FixedSplit,
    Guardrail,
    Memory,
    Plan,
    Reward,
    Stopping,
    ThompsonSampling,
    UpperConfidenceBound,
)
from tests.support.refusals import (
    INFINITY,
    WRONG_DURATIONS,
    WRONG_NUMBERS,
    WRONG_OBJECTS,
    WRONG_SWITCHES,
    WRONG_WHOLE_NUMBERS,
    Refusal,
    WrongType,
    as_parameters,
    wrong_types,
)

seconds, minutes, hours, days = (
    cdk.Duration.seconds,
    cdk.Duration.minutes,
    cdk.Duration.hours,
    cdk.Duration.days,
)

REFUSALS = [
    Refusal("SM-ALLOCATION-001", lambda: FixedSplit(A=0, B=1), "A", 0, "at least 1e-12"),
    Refusal("SM-ALLOCATION-001", lambda: FixedSplit(A=-1, B=1), "A", -1, "at least 1e-12"),
    Refusal("SM-ALLOCATION-001", lambda: FixedSplit(A=1e-300, B=1), "A", 1e-300, "at least 1e-12"),
    Refusal("SM-ALLOCATION-001", lambda: FixedSplit(A=1, B=INFINITY), "B", INFINITY, "at most"),
    Refusal("SM-ALLOCATION-001", lambda: FixedSplit(A=True, B=1), "A", True, "a number"),
    Refusal("SM-ALLOCATION-002", lambda: Exploration(percent=-0.1), "percent", -0.1, "at least 0"),
    Refusal("SM-ALLOCATION-002", lambda: Exploration(percent=100.1), "percent", 100.1, "at most 100"),
    Refusal(
        "SM-ALLOCATION-002", lambda: Exploration(half_life=seconds(3599)), "half_life", "59 minutes 59 seconds",
        "from 1 hour",
    ),
    Refusal(
        "SM-ALLOCATION-003", lambda: Memory.sliding(minutes(59)), "span", "59 minutes", "from 1 hour to 365 days"
    ),
    Refusal("SM-ALLOCATION-003", lambda: Memory.discounted(days(366)), "span", "366 days", "to 365 days"),
    Refusal("SM-ALLOCATION-003", lambda: Memory(kind="sliding"), "span", None, "a Duration"),
    Refusal("SM-ALLOCATION-003", lambda: Memory(kind="short"), "kind", "short", "Memory.everything()"),
    Refusal(
        "SM-ALLOCATION-004", lambda: Stopping(probability_best=0.49), "probability_best", 0.49, "at least 0.5"
    ),
    Refusal("SM-ALLOCATION-004", lambda: Stopping(probability_best=1.1), "probability_best", 1.1, "at most 1"),
    Refusal(
        "SM-ALLOCATION-004", lambda: Stopping(value_remaining_percent=-1), "value_remaining_percent", -1,
        "at least 0",
    ),
    Refusal(
        "SM-ALLOCATION-004", lambda: Stopping(minimum_duration=days(366)), "minimum_duration", "366 days",
        "to 365 days",
    ),
    Refusal("SM-ALLOCATION-005", lambda: ThompsonSampling(minimum_units=0), "minimum_units", 0, "from 1"),
    Refusal(
        "SM-ALLOCATION-005", lambda: UpperConfidenceBound(hysteresis_percent=51), "hysteresis_percent", 51,
        "at most 50",
    ),
    Refusal("SM-ALLOCATION-006", lambda: EpsilonGreedy(epsilon=1.01), "epsilon", 1.01, "at most 1"),
    Refusal("SM-ALLOCATION-006", lambda: ThompsonSampling(top_two=0), "top_two", 0, "more than 0"),
    Refusal("SM-ALLOCATION-006", lambda: ThompsonSampling(top_two=1), "top_two", 1, "less than 1"),
    Refusal("SM-REWARD-001", lambda: Reward.binary(window=seconds(0)), "window", "0 seconds", "from 1 second"),
    Refusal("SM-REWARD-001", lambda: Reward.binary(window=days(31)), "window", "31 days", "to 30 days"),
    Refusal("SM-REWARD-001", lambda: Reward(kind="stars", window=days(1)), "kind", "stars", "Reward.binary"),
    Refusal(
        "SM-REWARD-002", lambda: Reward.numeric(window=days(1), low=1, high=1), "low", 1, "less than high (1)"
    ),
    Refusal(
        "SM-REWARD-002", lambda: Reward.numeric(window=days(1), low=0, high="1"), "high", "1", "a number"
    ),
    Refusal("SM-GUARDRAIL-001", lambda: Guardrail.errors(percent=0), "percent", 0, "more than 0"),
    Refusal("SM-GUARDRAIL-001", lambda: Guardrail.errors(percent=101), "percent", 101, "at most 100"),
    Refusal(
        "SM-GUARDRAIL-001", lambda: Guardrail.latency(p99=seconds(61)), "p99", "1 minute 1 second", "to 1 minute"
    ),
    Refusal(
        "SM-GUARDRAIL-001", lambda: Guardrail(), "percent, p99, own_alarm", [None, None, None], "exactly one"
    ),
    Refusal("SM-GUARDRAIL-001", lambda: Guardrail.errors(percent=1, variant=""), "variant", "", "1–63"),
]  # fmt: skip


NUMBER = cdk.Token.as_number({"Ref": "Number"})
DURATION = cdk.Duration.hours(NUMBER)

TOKENS = [
    Refusal("SM-EXPERIMENT-001", attempt, property, given, "known at synthesis")
    for property, given, attempt in (
        ("A", NUMBER, lambda: FixedSplit(A=NUMBER, B=1)),
        ("percent", NUMBER, lambda: Exploration(percent=NUMBER)),
        ("half_life", DURATION, lambda: Exploration(half_life=DURATION)),
        ("span", DURATION, lambda: Memory.sliding(DURATION)),
        ("minimum_duration", DURATION, lambda: Stopping(minimum_duration=DURATION)),
        ("minimum_units", NUMBER, lambda: ThompsonSampling(minimum_units=NUMBER)),
        ("epsilon", NUMBER, lambda: EpsilonGreedy(epsilon=NUMBER)),
        ("window", DURATION, lambda: Reward.binary(window=DURATION)),
        ("percent", NUMBER, lambda: Guardrail.errors(percent=NUMBER)),
        ("effect", NUMBER, lambda: Plan.mean(deviation=1, effect=NUMBER, requests_per_day=1)),
    )
]


@pytest.mark.parametrize("refusal", TOKENS, ids=lambda refusal: refusal.property)
def test_a_token_is_refused_where_synthesis_computes(refusal: Refusal) -> None:
    refusal.check()


@pytest.mark.parametrize("refusal", as_parameters(REFUSALS))
def test_what_is_wrong_is_refused(refusal: Refusal) -> None:
    refusal.check()


@pytest.mark.parametrize(
    "make",
    [
        lambda: FixedSplit(),
        lambda: FixedSplit(**{"model-a": 1e-9, "model-b": 99}),
        lambda: Exploration(percent=0, half_life=None),
        lambda: Exploration(percent=100, half_life=hours(1)),
        lambda: Memory.sliding(hours(1)),
        lambda: Memory.discounted(days(365)),
        lambda: Stopping(probability_best=0.5, value_remaining_percent=0, minimum_duration=seconds(0)),
        lambda: ThompsonSampling(minimum_units=1, hysteresis_percent=0, stopping=None, top_two=0.5),
        lambda: EpsilonGreedy(epsilon=0),
        lambda: Reward.binary(window=seconds(1)),
        lambda: Reward.numeric(window=days(30), low=-1, high=0, minimize=True),
        lambda: Guardrail.latency(p99=cdk.Duration.millis(1)),
        lambda: Guardrail.alarm(_alarm(), variant="B"),
    ],
)
def test_what_is_at_the_edge_passes(make: Callable[[], object]) -> None:
    make()


def _alarm() -> cloudwatch.IAlarm:
    arn = "arn:aws:cloudwatch:eu-west-1:111122223333:alarm:Slow"
    return cloudwatch.Alarm.from_alarm_arn(cdk.Stack(), "Alarm", arn)


WRONG = [
    *wrong_types(Exploration, "exploration", percent=WRONG_NUMBERS, half_life=WRONG_DURATIONS),
    *wrong_types(
        ThompsonSampling,
        exploration=WRONG_OBJECTS,
        memory=WRONG_OBJECTS,
        minimum_units=WRONG_WHOLE_NUMBERS,
        hysteresis_percent=WRONG_NUMBERS,
        stopping=WRONG_OBJECTS,
        top_two=WRONG_NUMBERS,
    ),
    *wrong_types(EpsilonGreedy, epsilon=WRONG_NUMBERS),
    *wrong_types(
        Stopping,
        probability_best=WRONG_NUMBERS,
        value_remaining_percent=WRONG_NUMBERS,
        minimum_duration=WRONG_DURATIONS,
    ),
    *wrong_types(Reward.binary, "binary", window=WRONG_DURATIONS),
    *wrong_types(
        lambda **given: Reward.numeric(**{"window": days(1), "low": 0, "high": 1, **given}),
        "numeric",
        low=WRONG_NUMBERS,
        high=WRONG_NUMBERS,
        minimize=WRONG_SWITCHES,
    ),
    *wrong_types(Guardrail.errors, percent=WRONG_NUMBERS),
    *wrong_types(Guardrail.latency, p99=WRONG_DURATIONS),
]


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_type_is_refused_by_name(wrong: WrongType) -> None:
    wrong.check()
