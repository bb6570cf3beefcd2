"""Each rule of A/B tests: what is refused, with what words, and what passes."""

from __future__ import annotations

from functools import cache
from itertools import count
from typing import Any

import aws_cdk as cdk
import pytest

from constructs_lib import (
    ABTest,
    FixedSplit,
    Guardrail,
    Memory,
    Reward,
    Rollout,
    ThompsonSampling,
    Variant,
)
from tests.support.experiments import an_ab_test, arms
from tests.support.refusals import (
    WRONG_DURATIONS,
    WRONG_LISTS,
    WRONG_OBJECTS,
    WRONG_TEXTS,
    Refusal,
    WrongType,
    as_parameters,
    refused,
    wrong_types,
)
from tests.support.synth import a_model, fresh_app

hours = cdk.Duration.hours
ids = count()


@cache
def scope() -> cdk.Stack:
    return cdk.Stack(fresh_app(), "Experiments")


@cache
def variants(*names: str) -> list[Variant]:
    return arms(cdk.Stack(scope(), f"Arms{next(ids)}"), *names)


def attempt(**props: Any) -> ABTest:
    return an_ab_test(scope(), f"Test{next(ids)}", **{"variants": variants("A", "B"), **props})


def weighted() -> list[Variant]:
    model = a_model(cdk.Stack(scope(), f"Weighted{next(ids)}"), "Model")
    heavy = Variant(name="B", model=model, instance_type="ml.m5.large", weight=3)
    return [*variants("A"), heavy]


def sliding(window: cdk.Duration) -> dict[str, object]:
    return {
        "allocation": ThompsonSampling(memory=Memory.sliding(hours(24))),
        "reward": Reward.binary(window=window),
    }


eleven = tuple(f"V{number}" for number in range(11))

REFUSALS = [
    Refusal("SM-ABTEST-002", lambda: attempt(variants=variants("A")), "variants", "1 variants", "2–10"),
    Refusal("SM-ABTEST-002", lambda: attempt(variants=[]), "variants", "0 variants", "2–10"),
    Refusal("SM-ABTEST-002", lambda: attempt(variants=variants(*eleven)), "variants", "11 variants", "2–10"),
    Refusal(
        "SM-ABTEST-003", lambda: attempt(allocation=FixedSplit(A=1, C=1)), "allocation", "A, C", "exactly A, B"
    ),
    Refusal("SM-ABTEST-003", lambda: attempt(allocation=FixedSplit(A=1)), "allocation", "A", "exactly A, B"),
    Refusal("SM-ABTEST-004", lambda: attempt(variants=weighted()), "variants[1].weight", 3, "the default"),
    Refusal(
        "SM-ABTEST-005", lambda: attempt(guardrails=[Guardrail.errors(percent=1, variant="C")]),
        "guardrails[0].variant", "C", "A or B",
    ),
    Refusal("SM-ABTEST-006", lambda: attempt(period=cdk.Duration.days(2)), "period", "2 days", "to 1 day"),
    Refusal(
        "SM-ABTEST-006", lambda: attempt(look_every=cdk.Duration.seconds(59)), "look_every", "59 seconds",
        "from 1 minute",
    ),
    Refusal(
        "SM-ABTEST-006", lambda: attempt(look_every=cdk.Duration.seconds(90)), "look_every",
        "1 minute 30 seconds", "whole minutes",
    ),
    Refusal(
        "SM-ABTEST-007", lambda: attempt(**sliding(hours(23))), "allocation.memory", "1 day",
        "more than the reward's window and a period, 86400 seconds",
    ),
    Refusal("SM-ABTEST-008", lambda: attempt(experiment_name="Which"), "experiment_name", "Which", "1–63"),
    Refusal("SM-ABTEST-008", lambda: attempt(experiment_name=""), "experiment_name", "", "1–63"),
    Refusal("SM-ABTEST-008", lambda: attempt(experiment_name="a--b"), "experiment_name", "a--b", "single"),
    Refusal(
        "SM-ABTEST-008", lambda: attempt(experiment_name="a" * 64), "experiment_name", "a" * 64, "1–63"
    ),
]  # fmt: skip


@pytest.mark.parametrize("refusal", as_parameters(REFUSALS))
def test_what_is_wrong_is_refused(refusal: Refusal) -> None:
    refusal.check()


def test_nothing_is_made_of_what_is_refused() -> None:
    before = len(scope().node.children)
    refused(lambda: attempt(experiment_name="Which", period=hours(25)))
    assert len(scope().node.children) == before


def test_all_that_is_wrong_is_told_at_once() -> None:
    error = refused(lambda: attempt(experiment_name="Which", period=hours(25)))
    assert error.rules == ("SM-ABTEST-006", "SM-ABTEST-008")


@pytest.mark.parametrize(
    "props",
    [
        {"period": cdk.Duration.seconds(1), "look_every": cdk.Duration.days(1)},
        {"allocation": FixedSplit(A=0.001, B=99)},
        {"guardrails": [Guardrail.latency(p99=cdk.Duration.millis(300), variant="A")]},
        {"experiment_name": "a" * 63},
        {"rollout": Rollout.canary(size_percent=10, wait=cdk.Duration.minutes(5))},
        sliding(hours(22)),
    ],
    ids=lambda props: "-".join(props),
)
def test_what_is_at_the_edge_passes(props: dict[str, Any]) -> None:
    attempt(**props)


def test_what_the_endpoint_would_refuse_is_told_with_the_rest() -> None:
    error = refused(lambda: attempt(variants=variants("A") * 2, endpoint_name="_", experiment_name="Which"))
    assert set(error.rules) == {"SM-ABTEST-008", "SM-ENDPOINT-002", "SM-ENDPOINT-003"}
    assert error.path.startswith("Experiments/Test")


@pytest.mark.parametrize(
    "wrong",
    wrong_types(
        attempt,
        variants=WRONG_LISTS,
        allocation=WRONG_OBJECTS,
        reward=(None, *WRONG_OBJECTS),
        guardrails=WRONG_LISTS,
        routing=(None, *WRONG_OBJECTS),
        experiment_name=WRONG_TEXTS,
        period=WRONG_DURATIONS,
        look_every=WRONG_DURATIONS,
    ),
)
def test_a_wrong_type_is_refused_by_name(wrong: WrongType) -> None:
    wrong.check()
