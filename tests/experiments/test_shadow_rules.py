"""Each rule of shadow tests and of their comparison: what breaks it, and what just does not."""

from __future__ import annotations

from functools import cache, partial
from itertools import count
from typing import Any

import aws_cdk as cdk
import pytest

from constructs_lib import (
    AutoScaling,
    Comparison,
    Container,
    ContainerImage,
    DataCapture,
    Model,
    ModelData,
    MultiModel,
    Rollout,
    ShadowTest,
    Variant,
)
from tests.support.advice import Advised
from tests.support.refusals import (
    WRONG_DURATIONS,
    WRONG_NUMBERS,
    WRONG_OBJECTS,
    WRONG_TEXTS,
    WRONG_WHOLE_NUMBERS,
    Refusal,
    WrongType,
    as_parameters,
    refused,
    wrong_types,
)
from tests.support.synth import IMAGE_URI, a_bucket, a_model, a_variant, fresh_app

ids = count()


@cache
def scope() -> cdk.Stack:
    return cdk.Stack(fresh_app(), "Endpoints")


@cache
def plain() -> Model:
    return a_model(scope())


@cache
def pipeline() -> Model:
    container = Container(image=ContainerImage.from_uri(IMAGE_URI))
    return Model(scope(), "Pipeline", containers=[container, container])


@cache
def many() -> Model:
    data = ModelData.from_prefix(a_bucket(scope()), "models/")
    image = ContainerImage.from_uri(IMAGE_URI)
    return Model(scope(), "Many", container=Container(image=image, data=data, multi_model=MultiModel()))


def variant(name: str = "New", **props: Any) -> Variant:
    return Variant(**{"name": name, "model": plain(), "instance_type": "ml.m5.large", **props})


def shadowed(**props: Any) -> ShadowTest:
    given = {"production": variant("Old"), "challenger": variant(), **props}
    return ShadowTest(scope(), f"Shadow{next(ids)}", check_deployments=False, **given)


def two_minutes() -> cdk.Duration:
    return cdk.Duration.minutes(2)


REFUSALS = [
    Refusal(
        "SM-SHADOW-001", lambda: shadowed(production=None), "production", None, "a Variant",
    ),
    Refusal(
        "SM-SHADOW-002", lambda: shadowed(challenger=variant("Old")), "challenger.name", "Old", "of its own",
    ),
    Refusal(
        "SM-SHADOW-003", lambda: shadowed(sampling_percent=-0.1), "sampling_percent", -0.1, "at most 100",
    ),
    Refusal(
        "SM-SHADOW-003", lambda: shadowed(sampling_percent=100.1), "sampling_percent", 100.1, "at most 100",
    ),
    Refusal(
        "SM-SHADOW-004", lambda: shadowed(production=variant("Old", weight=2)), "production.weight", 2, "nothing",
    ),
    Refusal(
        "SM-SHADOW-004", lambda: shadowed(challenger=variant(weight=0)), "challenger.weight", 0, "nothing",
    ),
    Refusal(
        "SM-SHADOW-005", lambda: shadowed(challenger=variant(instance_type="ml.inf1.xlarge")),
        "challenger.instance_type", "ml.inf1.xlarge", "other than ml.inf1",
    ),
    Refusal(
        "SM-SHADOW-005", lambda: shadowed(production=variant("Old", instance_type="ml.inf1.xlarge")),
        "production.instance_type", "ml.inf1.xlarge", "other than ml.inf1",
    ),
    Refusal(
        "SM-SHADOW-006", lambda: shadowed(challenger=variant(model=pipeline())),
        "challenger.model", "a model of several containers", "one container",
    ),
    Refusal(
        "SM-SHADOW-006", lambda: shadowed(production=variant("Old", model=many())),
        "production.model", "a multi-model container", "one container",
    ),
    Refusal(
        "SM-SHADOW-007",
        lambda: shadowed(rollout=Rollout.rolling(batch_percent=50, wait=two_minutes())),
        "rollout", "Rollout.rolling(…)", "one variant",
    ),
    Refusal(
        "SM-SHADOW-008", lambda: shadowed(capture=DataCapture(capture_output=False)),
        "capture.capture_output", False, "True",
    ),
    Refusal(
        "SM-SHADOW-008", lambda: shadowed(capture=DataCapture(sampling_percent=0)),
        "capture.sampling_percent", 0, "1–100",
    ),
    Refusal(
        "SM-SCALING-010",
        lambda: shadowed(
            challenger=variant(scaling=AutoScaling(min_capacity=0, max_capacity=2, cpu_utilization=50))
        ),
        "challenger.scaling.min_capacity", 0, "at least 1",
    ),
    Refusal(
        "SM-ROLLOUT-011",
        lambda: shadowed(
            production=variant("Old", instance_count=2), challenger=variant(instance_count=8),
            rollout=Rollout.canary(size_instances=2, wait=two_minutes()),
        ),
        "rollout", "2 instances", "half of the 2 of Old",
    ),
    Refusal("SM-SHADOW-011", lambda: Comparison(label="a..b"), "label", "a..b", "keys with dots"),
    Refusal("SM-SHADOW-011", lambda: Comparison(number=""), "number", "", "keys with dots"),
    Refusal(
        "SM-SHADOW-011", lambda: Comparison(reports_prefix="/reports"), "reports_prefix", "/reports", "no slash",
    ),
    Refusal("SM-SHADOW-012", lambda: Comparison(tolerance=-0.1), "tolerance", -0.1, "at least 0"),
    Refusal("SM-SHADOW-012", lambda: Comparison(minimum_pairs=0), "minimum_pairs", 0, "from 1"),
    Refusal("SM-SHADOW-012", lambda: Comparison(least_agreement=1.01), "least_agreement", 1.01, "at most 1"),
    Refusal("SM-SHADOW-012", lambda: Comparison(most_difference=-1), "most_difference", -1, "at least 0"),
    Refusal("SM-SHADOW-012", lambda: Comparison(most_slowdown=0), "most_slowdown", 0, "more than 0"),
    Refusal(
        "SM-SHADOW-013", lambda: Comparison(every=cdk.Duration.minutes(4)), "every", "4 minutes", "5 minutes",
    ),
    Refusal(
        "SM-SHADOW-013", lambda: Comparison(every=cdk.Duration.minutes(7)), "every", "7 minutes", "divide a day",
    ),
    Refusal(
        "SM-SHADOW-013", lambda: Comparison(every=cdk.Duration.seconds(320)), "every",
        "5 minutes 20 seconds", "whole minutes",
    ),
    Refusal("SM-SHADOW-013", lambda: Comparison(every=cdk.Duration.days(2)), "every", "2 days", "1 day"),
    Refusal(
        "SM-SHADOW-013", lambda: Comparison(settle=cdk.Duration.minutes(61)), "settle", "1 hour 1 minute", "1 hour",
    ),
]  # fmt: skip


@pytest.mark.parametrize("refusal", as_parameters(REFUSALS))
def test_each_rule_refuses_what_breaks_it(refusal: Refusal) -> None:
    refusal.check()


def test_a_share_that_only_the_deployment_knows_is_refused() -> None:
    parameter = cdk.CfnParameter(scope(), "Percent", type="Number", default=50)
    error = refused(lambda: shadowed(sampling_percent=parameter.value_as_number))
    assert error.rules == ("SM-SHADOW-003",)


def test_a_window_that_only_the_deployment_knows_is_refused() -> None:
    parameter = cdk.CfnParameter(scope(), "Minutes", type="Number", default=60)
    error = refused(lambda: Comparison(every=cdk.Duration.minutes(parameter.value_as_number)))
    assert error.rules == ("SM-SHADOW-013",)


@pytest.mark.parametrize(
    "allowed",
    [
        {"sampling_percent": 0},
        {"sampling_percent": 100},
        {"sampling_percent": 0.5},
        {"challenger": variant},
        {"capture": partial(DataCapture, sampling_percent=1, capture_input=False)},
        {"rollout": lambda: Rollout.canary(size_percent=10, wait=cdk.Duration.minutes(5))},
        {"rollout": Rollout.unguarded},
        {"production": lambda: variant("Old", instance_type="ml.inf2.xlarge")},
        {
            "challenger": lambda: variant(
                model=Model.from_model_name(scope(), f"Imported{next(ids)}", "other")
            )
        },
        {
            "challenger": lambda: variant(
                instance_type=cdk.CfnParameter(scope(), f"Type{next(ids)}").value_as_string
            )
        },
    ],
)
def test_what_just_does_not_break_a_rule_is_accepted(allowed: dict[str, Any]) -> None:
    shadowed(**{name: value() if callable(value) else value for name, value in allowed.items()})


@pytest.mark.parametrize(
    "allowed",
    [
        {"label": "a.0.b", "number": "1"},
        {"tolerance": 0, "least_agreement": 0, "minimum_pairs": 1, "most_difference": 0},
        {"least_agreement": 1, "most_slowdown": None},
        *({"every": cdk.Duration.minutes(minutes)} for minutes in (5, 6, 45, 1440)),
        {"settle": cdk.Duration.minutes(0)},
        {"settle": cdk.Duration.minutes(60)},
    ],
    ids=str,
)
def test_what_just_does_not_break_a_rule_of_comparison_is_accepted(allowed: dict[str, Any]) -> None:
    Comparison(**allowed)


@pytest.mark.parametrize(
    "wrong",
    [
        *wrong_types(
            shadowed,
            production=WRONG_OBJECTS,
            challenger=WRONG_OBJECTS,
            sampling_percent=WRONG_NUMBERS,
            comparison=WRONG_OBJECTS,
            capture=WRONG_OBJECTS,
            rollout=WRONG_OBJECTS,
        ),
        *wrong_types(
            Comparison,
            label=WRONG_TEXTS,
            number=WRONG_TEXTS,
            reports_prefix=WRONG_TEXTS,
            tolerance=WRONG_NUMBERS,
            minimum_pairs=WRONG_WHOLE_NUMBERS,
            least_agreement=WRONG_NUMBERS,
            most_difference=WRONG_NUMBERS,
            most_slowdown=WRONG_NUMBERS,
            every=WRONG_DURATIONS,
            settle=WRONG_DURATIONS,
        ),
    ],
)
def test_a_wrong_type_is_refused_by_name(wrong: WrongType) -> None:
    wrong.check()


def test_all_that_is_wrong_is_told_together() -> None:
    error = refused(lambda: shadowed(challenger=variant("Old", weight=3), sampling_percent=101))
    assert set(error.rules) == {"SM-SHADOW-002", "SM-SHADOW-003", "SM-SHADOW-004"}


def shadow_test(stack: cdk.Stack, **props: Any) -> ShadowTest:
    counts = {"instance_count": 1}
    given = {"production": a_variant(stack, "Old"), "challenger": a_variant(stack, "New", **counts), **props}
    return ShadowTest(stack, "Shadow", check_deployments=False, **given)


@pytest.mark.parametrize(
    "advised",
    [
        Advised(
            "SM-SHADOW-101",
            lambda stack: shadow_test(stack, capture=DataCapture(sampling_percent=99)),
            "captures 99 %",
        ),
        Advised(
            "SM-SCALING-101",
            lambda stack: shadow_test(
                stack,
                production=a_variant(
                    stack, "Scaled", scaling=AutoScaling(min_capacity=2, max_capacity=4, cpu_utilization=50)
                ),
            ),
            "the instance_count of New keeps its first value",
        ),
        Advised(
            "SM-HA-101",
            lambda stack: shadow_test(stack, production=a_variant(stack, "Lonely", instance_count=1)),
            "variant Lonely may run on 1 instance",
        ),
    ],
    ids=lambda each: each.id,
)
def test_advice_is_given_where_it_applies(advised: Advised) -> None:
    advised.check()


def test_a_lone_challenger_is_no_risk_to_callers(stack: cdk.Stack) -> None:
    test = shadow_test(stack)
    assert not [each for each in test.node.metadata if each.type == "aws:cdk:warning"]
